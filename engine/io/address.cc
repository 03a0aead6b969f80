#include "engine/io/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace sluice::io {

std::optional<Address> Address::from_ip(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  if (text.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would stop there
  if (text.find('\0') != std::string::npos) return std::nullopt;  // what follows would not be looked at
  Address address;
  if (inet_pton(AF_INET, text.c_str(), &address.storage_.v4.sin_addr) == 1) {
    address.storage_.v4.sin_family = AF_INET;
    address.storage_.v4.sin_port = htons(port);
    return address;
  }
  address = Address();
  if (inet_pton(AF_INET6, text.c_str(), &address.storage_.v6.sin6_addr) == 1) {
    address.storage_.v6.sin6_family = AF_INET6;
    address.storage_.v6.sin6_port = htons(port);
    return address;
  }
  return std::nullopt;
}

std::optional<Address> Address::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  auto address = from_ip(host, port);
  if (address && (address->family() == AF_INET6) != bracketed) return std::nullopt;
  return address;
}

Address Address::from_sockaddr(const sockaddr* data, socklen_t size) {
  Address address;
  if (size <= capacity() && (data->sa_family == AF_INET || data->sa_family == AF_INET6))
    std::memcpy(&address.storage_, data, size);
  return address;
}

Address Address::from_bytes(std::span<const std::uint8_t> ip, std::uint16_t port) {
  Address address;
  if (ip.size() == 4) {
    address.storage_.v4.sin_family = AF_INET;
    address.storage_.v4.sin_port = htons(port);
    std::memcpy(&address.storage_.v4.sin_addr, ip.data(), 4);
  } else if (ip.size() == 16) {
    address.storage_.v6.sin6_family = AF_INET6;
    address.storage_.v6.sin6_port = htons(port);
    std::memcpy(&address.storage_.v6.sin6_addr, ip.data(), 16);
  }
  return address;
}

socklen_t Address::size() const { return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }

std::uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(storage_.v4.sin_port);
  if (family() == AF_INET6) return ntohs(storage_.v6.sin6_port);
  return 0;
}

std::span<const std::uint8_t> Address::ip_bytes() const {
  if (family() == AF_INET) return {reinterpret_cast<const std::uint8_t*>(&storage_.v4.sin_addr), 4};
  if (family() != AF_INET6) return {};
  const std::span<const std::uint8_t> v6{storage_.v6.sin6_addr.s6_addr, 16};
  return IN6_IS_ADDR_V4MAPPED(&storage_.v6.sin6_addr) ? v6.subspan(12) : v6;
}

bool Address::is_loopback() const {
  const auto bytes = ip_bytes();
  if (bytes.size() == 4) return bytes[0] == 127;
  return family() == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&storage_.v6.sin6_addr);
}

std::string Address::ip() const {
  const auto bytes = ip_bytes();
  if (bytes.empty()) return "unknown";
  char text[INET6_ADDRSTRLEN];
  inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string Address::to_string() const {
  const std::string port_text = std::to_string(port());
  return ip_bytes().size() == 16 ? "[" + ip() + "]:" + port_text : ip() + ":" + port_text;
}

}  // namespace sluice::io
