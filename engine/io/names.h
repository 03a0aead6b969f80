// Host names to addresses, by the system: its hosts file, and its resolver.  Blocks: for a worker, never for a core.
// Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/address.h"

namespace sluice::io {

class Names {
 public:
  virtual ~Names() = default;
  // All addresses of `host`, in the order to try, as the system's resolver finds them, which may add a domain of its
  // search list; the error is a sentence.
  virtual std::expected<std::vector<Address>, std::string> look_up(const std::string& host, std::uint16_t port) = 0;
  // The addresses that the hosts file has for `host`, without a final dot; none where it is not in there.
  virtual std::vector<Address> in_hosts_file(const std::string& host, std::uint16_t port) = 0;
};

// `hosts_file`: read again at each question, so that a change counts at once.
std::unique_ptr<Names> make_real_names(std::string hosts_file = "/etc/hosts");

// What the text of a hosts file (hosts(5)) has for `host`; case does not matter.  Pure.
std::vector<Address> find_in_hosts(std::string_view text, std::string_view host, std::uint16_t port);

}  // namespace sluice::io
