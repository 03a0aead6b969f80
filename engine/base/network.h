// A range of IP addresses as a value: an IPv4 or IPv6 prefix, such as 192.0.2.0/24.  Pure.  Any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

// "192.0.2.1" or "2001:db8::1" (RFC 4291 section 2.2, without brackets or zone) as 4 or 16 bytes in
// network order.
struct IpBytes {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t size = 0;  // 4 or 16
  [[nodiscard]] std::span<const std::uint8_t> span() const { return {bytes.data(), size}; }
};
[[nodiscard]] std::optional<IpBytes> parse_ip(std::string_view text);

class Network {
 public:
  // "192.0.2.0/24", "2001:db8::/32", or one address.  The error says what is wrong, in words for
  // the author of the text. Bits behind the prefix must be zero: 192.0.2.1/24 may have been meant
  // as either.
  [[nodiscard]] static std::expected<Network, std::string> parse(std::string_view text);

  // The network of so many bits that holds `address`: 4 or 16 bytes in network order, IPv4 mapped into IPv6 as IPv4;
  // any other number of bytes as 0.0.0.0.
  [[nodiscard]] static Network around(std::span<const std::uint8_t> address, unsigned ipv4_bits, unsigned ipv6_bits);

  // `address`: 4 or 16 bytes in network order.  An IPv4 address mapped into IPv6 (::ffff:192.0.2.1)
  // is that IPv4 address, here and in parse().  Any other number of bytes is in no network.
  [[nodiscard]] bool contains(std::span<const std::uint8_t> address) const;

  // All addresses of `other` are in this one.
  [[nodiscard]] bool covers(const Network& other) const;

  [[nodiscard]] bool is_ipv4() const { return size_ == 4; }
  [[nodiscard]] unsigned prefix_bits() const { return prefix_bits_; }
  [[nodiscard]] std::string to_string() const;  // "192.0.2.0/24"; one address without "/32"
  bool operator==(const Network&) const = default;
  struct Hash {
    std::size_t operator()(const Network& network) const;
  };

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::uint8_t size_ = 4;
  std::uint8_t prefix_bits_ = 32;
};

}  // namespace sluice
