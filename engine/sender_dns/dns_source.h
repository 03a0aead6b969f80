// Where the checks of this room get what the DNS says: they are pure, and ask nobody else.  One thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "engine/io/dns.h"

namespace sluice::sender_dns {

class DnsSource {
 public:
  virtual ~DnsSource() = default;
  // May block.  `name`: any text; what no domain can be called is asked for all the same, and answered somehow.
  virtual io::DnsReply ask(const std::string& name, io::DnsType type) = 0;
};

// All that is asked for one domain.  What SPF may need for one address, with each of its limits used up, is about 250.
inline constexpr std::size_t kQuestionsMax = 600;

// Asks each question once, and at most kQuestionsMax; then all others fail.
class RememberedDns final : public DnsSource {
 public:
  // `source` outlives this.
  explicit RememberedDns(DnsSource& source) : source_(source) {}
  io::DnsReply ask(const std::string& name, io::DnsType type) override;

 private:
  DnsSource& source_;
  std::map<std::pair<std::string, io::DnsType>, io::DnsReply> answers_;
};

// A name that a question can be made of: 253 bytes, labels of 1 to 63 (RFC 1035 2.3.4), of any characters.  A final dot
// is allowed.
[[nodiscard]] bool can_be_asked(std::string_view name);

// `name` is `domain`, or below it.  Both as io::fold_dns_name() gives them.
[[nodiscard]] bool is_at_or_below(std::string_view name, std::string_view domain);

}  // namespace sluice::sender_dns
