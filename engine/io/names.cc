#include "engine/io/names.h"

#include <netdb.h>

#include <cerrno>
#include <cstring>

namespace sluice::io {
namespace {

constexpr std::size_t kAddressesMax = 16;

class RealNames final : public Names {
 public:
  std::expected<std::vector<Address>, std::string> look_up(const std::string& host,
                                                           std::uint16_t port) override {
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
};

}  // namespace

std::unique_ptr<Names> make_real_names() { return std::make_unique<RealNames>(); }

}  // namespace sluice::io
