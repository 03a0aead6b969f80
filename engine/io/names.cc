#include "engine/io/names.h"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/io/dns.h"
#include "engine/io/files.h"

namespace sluice::io {
namespace {

constexpr std::size_t kAddressesMax = 16;
constexpr std::size_t kHostsFileBytesMax = 4U << 20U;

class RealNames final : public Names {
 public:
  explicit RealNames(std::string hosts_file) : hosts_file_(std::move(hosts_file)) {}

  std::expected<std::vector<Address>, std::string> look_up(const std::string& host, std::uint16_t port) override {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (error != 0) {
      const char* why = error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error);
      return std::unexpected("no address for " + host + ": " + why);
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
    std::vector<Address> addresses;
    for (const addrinfo* a = list; a != nullptr && addresses.size() < kAddressesMax; a = a->ai_next)
      addresses.push_back(Address::from_sockaddr(a->ai_addr, a->ai_addrlen));
    return addresses;
  }

  // A machine without a hosts file, or with one that cannot be read, has no names in it: DNS is asked.
  std::vector<Address> in_hosts_file(const std::string& host, std::uint16_t port) override {
    const auto text = read_file(hosts_file_, kHostsFileBytesMax);
    if (!text) return {};
    return find_in_hosts(*text, host, port);
  }

 private:
  std::string hosts_file_;
};

std::string_view take_word(std::string_view& line) {
  constexpr std::string_view kBlanks = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

}  // namespace

std::unique_ptr<Names> make_real_names(std::string hosts_file) {
  return std::make_unique<RealNames>(std::move(hosts_file));
}

std::vector<Address> find_in_hosts(std::string_view text, std::string_view host, std::uint16_t port) {
  const std::string wanted = fold_dns_name(host);
  std::vector<Address> found;
  while (!text.empty() && found.size() < kAddressesMax) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const auto address = Address::from_ip(take_word(line), port);
    if (!address) continue;
    for (std::string_view name = take_word(line); !name.empty(); name = take_word(line)) {
      if (fold_dns_name(name) != wanted) continue;
      found.push_back(*address);
      break;
    }
  }
  return found;
}

}  // namespace sluice::io
