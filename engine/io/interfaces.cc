#include "engine/io/interfaces.h"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "engine/io/descriptor.h"

namespace sluice::io {

std::vector<Address> machine_addresses() {
  std::vector<Address> addresses;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return addresses;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(list, &freeifaddrs);
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0) continue;
    const int family = each->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    addresses.push_back(Address::from_sockaddr(each->ifa_addr, size));
  }
  return addresses;
}

std::expected<int, std::string> open_address_notices() {
  const auto failed = [](int socket) {
    std::string why = std::string("rtnetlink: ") + std::strerror(errno);
    if (socket >= 0) close(socket);
    return std::unexpected(std::move(why));
  };
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (socket < 0) return failed(socket);
  // Without it a burst that is too much for the socket ends in ENOBUFS.  Those that are lost are no harm: what the
  // socket holds by then is read later, and the addresses are asked for after that.
  const int on = 1;
  if (setsockopt(socket, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) != 0) return failed(socket);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed(socket);
  return socket;
}

Address source_address(const Address& to) {
  // Of a datagram socket connect() chooses the address, and says nothing to the peer.
  const Descriptor probe(::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (probe.get() < 0 || ::connect(probe.get(), to.data(), to.size()) != 0) return {};
  Address own;
  socklen_t size = Address::capacity();
  if (::getsockname(probe.get(), own.data(), &size) != 0) return {};
  return own;
}

}  // namespace sluice::io
