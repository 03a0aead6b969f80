// A socket address as a value: IPv4, IPv6 or a path, as the kernel takes it.  Any thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::io {

class Address {
 public:
  Address() = default;
  // "192.0.2.1", "2001:db8::1" (without brackets); nullopt when `ip` is neither.
  static std::optional<Address> from_ip(std::string_view ip, std::uint16_t port);
  // "192.0.2.1:25", "[::1]:25".
  static std::optional<Address> parse(std::string_view text);
  static Address from_sockaddr(const sockaddr* address, socklen_t size);
  // 4 or 16 bytes in network order, as PROXY protocol v2 carries them.
  static Address from_bytes(std::span<const std::uint8_t> ip, std::uint16_t port);

  [[nodiscard]] int family() const { return storage_.generic.sa_family; }
  [[nodiscard]] const sockaddr* data() const { return &storage_.generic; }
  [[nodiscard]] sockaddr* data() { return &storage_.generic; }
  [[nodiscard]] socklen_t size() const;
  static constexpr socklen_t capacity() { return sizeof(Storage); }
  [[nodiscard]] std::uint16_t port() const;
  // 4 or 16 bytes in network order, an IPv4 address mapped into IPv6 as 4; empty for neither.
  [[nodiscard]] std::span<const std::uint8_t> ip_bytes() const;
  [[nodiscard]] bool is_loopback() const;       // 127.0.0.0/8 or ::1
  [[nodiscard]] std::string ip() const;         // "192.0.2.1", "2001:db8::1"
  [[nodiscard]] std::string to_string() const;  // "192.0.2.1:25", "[2001:db8::1]:25"
  [[nodiscard]] bool empty() const { return family() == AF_UNSPEC; }

 private:
  union Storage {
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  Storage storage_{};
};

}  // namespace sluice::io
