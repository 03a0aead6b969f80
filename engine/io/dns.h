// Questions to the name service, as the mail system needs them: MX hosts and addresses, with
// their times to live; names and texts, for the check of a domain's records.  A part of the platform: real_dns.h asks
// the network, tests/sim/dns.h a simulated world. Any thread.  Must outlive its callers; a core asks through a CoreDns
// (core_dns.h), which may go before it is answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/fair_queue.h"
#include "engine/io/address.h"

namespace sluice::io {

enum class DnsType : std::uint16_t { a = 1, ptr = 12, mx = 15, txt = 16, aaaa = 28 };  // RFC 1035 3.2.2, RFC 3596 2.1

enum class DnsStatus : std::uint8_t {
  ok,            // at least one record
  no_data,       // the name is there, and has none of this type
  no_such_name,  // NXDOMAIN
  failed,        // nothing is known: SERVFAIL, time-out, refused, malformed, too many questions
};

struct DnsRecord {
  std::uint16_t preference = 0;  // mx
  std::string name;              // mx: the MX host; ptr: the name; as fold_dns_name() gives it
  std::string text;              // txt: its strings, joined without anything between them
  Address address;               // a, aaaa; without a port
  std::uint32_t ttl_s = 0;       // the least of its own and those of the aliases on the way to it
};

inline constexpr std::size_t kDnsRecordsMax = 256;  // more in one reply are left out
inline constexpr unsigned kDnsAliasesMax = 8;       // CNAME records that are followed, one after another

struct DnsReply {
  DnsStatus status = DnsStatus::failed;
  std::vector<DnsRecord> records;  // in the order in which they came
  // Where the name's CNAME records lead; empty when it has none.
  std::string canonical;
  std::vector<std::string> aliases;  // each name on the way there, one after another; the last is `canonical`
  std::uint32_t canonical_ttl_s = UINT32_MAX;
  // How long no_data and no_such_name hold (RFC 2308 section 5), where the server said so.  A
  // server that says no_data and `canonical` without it has stopped on the way: ask it for
  // `canonical`.
  std::optional<std::uint32_t> negative_ttl_s;
  // The server says that it has checked the answer by DNSSEC (AD, RFC 4035 3.2.3), where it was asked for that.
  bool authenticated = false;
  std::string error;  // failed: what went wrong, in words
};

DnsReply dns_failure(std::string error);

class Dns {
 public:
  virtual ~Dns() = default;
  // `on_reply` is called exactly once, on any thread, perhaps before this returns.  It must not block.  Of questions
  // that wait until others are answered, those of each `share` take turns. `name`: not relative to anything, with or
  // without its final dot; one that is no dns_host_name() fails.
  virtual void query(const std::string& name, DnsType type, CustomerShare share,
                     std::function<void(DnsReply)> on_reply) = 0;
};

// In lower case, without the final dot; the root is ".".
std::string fold_dns_name(std::string_view name);

// May a host or a mail domain be called that?  Labels of letters, digits, hyphens and, as they
// occur, underscores; each at most 63 bytes, 253 together; a final dot is allowed.  What looks
// like an address ("192.0.2.1") is none: RFC 3696 section 2 says that the last label is never all
// digits.
bool dns_host_name(std::string_view name);

}  // namespace sluice::io
