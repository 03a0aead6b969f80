#include "engine/base/network.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <functional>

namespace sluice {
namespace {

constexpr std::size_t kIpv4Bytes = 4;
constexpr std::size_t kIpv6Bytes = 16;
constexpr std::size_t kMappedBytes = 12;  // RFC 4291 section 2.5.5.2: ten of 0, two of 0xff, then the IPv4 address

// All of `text` as a number without sign, without zeros in front.
std::optional<unsigned> parse_number(std::string_view text, int base, std::size_t digits_max, unsigned max) {
  unsigned value = 0;
  if (text.empty() || text.size() > digits_max) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  if (base == 10 && text.size() > 1 && text.front() == '0') return std::nullopt;  // octal, to some
  return value;
}

bool parse_ipv4(std::string_view text, std::span<std::uint8_t, kIpv4Bytes> bytes) {
  for (std::size_t i = 0; i < kIpv4Bytes; ++i) {
    const std::size_t dot = i + 1 < kIpv4Bytes ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return false;
    const auto value = parse_number(text.substr(0, dot), 10, 3, 255);
    if (!value) return false;
    bytes[i] = static_cast<std::uint8_t>(*value);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return true;
}

struct Groups {
  std::array<std::uint8_t, kIpv6Bytes> bytes{};
  std::size_t size = 0;  // of bytes
};

// Groups between colons, the last of which may be an IPv4 address.
bool parse_groups(std::string_view text, Groups& groups) {
  if (text.empty()) return true;
  while (true) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      if (groups.size + kIpv4Bytes > kIpv6Bytes) return false;
      const auto rest = std::span(groups.bytes).subspan(groups.size).first<kIpv4Bytes>();
      groups.size += kIpv4Bytes;
      return parse_ipv4(group, rest);
    }
    const auto value = parse_number(group, 16, 4, 0xffff);
    if (!value || groups.size + 2 > kIpv6Bytes) return false;
    groups.bytes[groups.size++] = static_cast<std::uint8_t>(*value >> 8U);
    groups.bytes[groups.size++] = static_cast<std::uint8_t>(*value & 0xffU);
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
  }
}

bool parse_ipv6(std::string_view text, std::array<std::uint8_t, kIpv6Bytes>& bytes) {
  const std::size_t gap = text.find("::");
  Groups head;
  if (gap == std::string_view::npos) {
    if (!parse_groups(text, head) || head.size != kIpv6Bytes) return false;
    bytes = head.bytes;
    return true;
  }
  Groups tail;
  const std::string_view before = text.substr(0, gap);
  if (before.find('.') != std::string_view::npos) return false;
  if (!parse_groups(before, head) || !parse_groups(text.substr(gap + 2), tail)) return false;
  if (head.size + tail.size > kIpv6Bytes - 2) return false;
  bytes = head.bytes;
  std::ranges::copy_n(tail.bytes.begin(), static_cast<std::ptrdiff_t>(tail.size),
                      bytes.end() - static_cast<std::ptrdiff_t>(tail.size));
  return true;
}

bool is_mapped(std::span<const std::uint8_t> bytes) {
  return bytes.size() == kIpv6Bytes &&
         std::ranges::all_of(bytes.first(kMappedBytes - 2), [](auto b) { return b == 0; }) &&
         bytes[kMappedBytes - 2] == 0xff && bytes[kMappedBytes - 1] == 0xff;
}

std::uint8_t mask_of(std::size_t byte, unsigned prefix_bits) {
  const std::size_t first_bit = byte * 8;
  if (prefix_bits >= first_bit + 8) return 0xff;
  if (prefix_bits <= first_bit) return 0;
  return static_cast<std::uint8_t>(0xffU << (first_bit + 8 - prefix_bits));
}

std::string ipv4_text(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += (text.empty() ? "" : ".") + std::to_string(byte);
  return text;
}

// RFC 5952 section 4: lower case, no zeros in front, the first of the longest runs of two or more
// zero groups as "::".
std::string ipv6_text(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kGroups = kIpv6Bytes / 2;
  const auto group = [&](std::size_t i) { return (unsigned{bytes[2 * i]} << 8U) | bytes[2 * i + 1]; };
  std::size_t gap = kGroups;
  std::size_t gap_size = 1;
  for (std::size_t i = 0; i < kGroups; ++i) {
    std::size_t size = 0;
    while (i + size < kGroups && group(i + size) == 0) ++size;
    if (size > gap_size) {
      gap = i;
      gap_size = size;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < kGroups; ++i) {
    if (i == gap) {
      text += "::";
      i += gap_size - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), group(i), 16).ptr;
    text.append(digits.data(), end);
  }
  return text;
}

}  // namespace

std::optional<IpBytes> parse_ip(std::string_view text) {
  IpBytes ip;
  if (parse_ipv4(text, std::span(ip.bytes).first<kIpv4Bytes>())) {
    ip.size = kIpv4Bytes;
    return ip;
  }
  ip.bytes.fill(0);
  if (!parse_ipv6(text, ip.bytes)) return std::nullopt;
  ip.size = kIpv6Bytes;
  return ip;
}

std::expected<Network, std::string> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  auto ip = parse_ip(text.substr(0, slash));
  if (!ip) return std::unexpected("is not an IP address");
  unsigned prefix_bits = ip->size * 8U;
  if (slash != std::string_view::npos) {
    const auto given = parse_number(text.substr(slash + 1), 10, 3, prefix_bits);
    if (!given) return std::unexpected("the prefix is not a number from 0 to " + std::to_string(prefix_bits));
    prefix_bits = *given;
  }
  Network network;
  network.size_ = ip->size;
  network.prefix_bits_ = static_cast<std::uint8_t>(prefix_bits);
  bool has_host_bits = false;
  for (std::size_t i = 0; i < ip->size; ++i) {
    const std::uint8_t mask = mask_of(i, prefix_bits);
    has_host_bits |= (ip->bytes[i] & ~mask) != 0;
    network.bytes_[i] = ip->bytes[i] & mask;
  }
  if (has_host_bits) {
    const std::string host(text.substr(0, slash));
    return std::unexpected("has bits set behind the prefix: for the network write " + network.to_string() +
                           ", for the one address " + host);
  }
  if (prefix_bits >= kMappedBytes * 8 && is_mapped(ip->span())) {
    std::ranges::rotate(network.bytes_, network.bytes_.begin() + kMappedBytes);
    std::fill(network.bytes_.begin() + kIpv4Bytes, network.bytes_.end(), std::uint8_t{0});
    network.size_ = kIpv4Bytes;
    network.prefix_bits_ = static_cast<std::uint8_t>(prefix_bits - kMappedBytes * 8);
  }
  return network;
}

Network Network::around(std::span<const std::uint8_t> address, unsigned ipv4_bits, unsigned ipv6_bits) {
  if (is_mapped(address)) address = address.subspan(kMappedBytes);
  Network network;
  network.prefix_bits_ = static_cast<std::uint8_t>(std::min(ipv4_bits, unsigned{kIpv4Bytes} * 8));
  if (address.size() == kIpv6Bytes) {
    network.size_ = kIpv6Bytes;
    network.prefix_bits_ = static_cast<std::uint8_t>(std::min(ipv6_bits, unsigned{kIpv6Bytes} * 8));
  } else if (address.size() != kIpv4Bytes) {
    return network;
  }
  for (std::size_t i = 0; i < address.size(); ++i) network.bytes_[i] = address[i] & mask_of(i, network.prefix_bits_);
  return network;
}

std::size_t Network::Hash::operator()(const Network& network) const {
  const std::string_view bytes(reinterpret_cast<const char*>(network.bytes_.data()), network.size_);
  return std::hash<std::string_view>()(bytes) ^ network.prefix_bits_;
}

bool Network::contains(std::span<const std::uint8_t> address) const {
  if (is_mapped(address)) address = address.subspan(kMappedBytes);
  if (address.size() != size_) return false;
  for (std::size_t i = 0; i < size_; ++i) {
    if ((address[i] & mask_of(i, prefix_bits_)) != bytes_[i]) return false;
  }
  return true;
}

bool Network::covers(const Network& other) const {
  return other.prefix_bits_ >= prefix_bits_ && contains(std::span(other.bytes_).first(other.size_));
}

std::string Network::to_string() const {
  const std::span bytes(bytes_.data(), size_);
  std::string text = is_ipv4() ? ipv4_text(bytes) : ipv6_text(bytes);
  if (prefix_bits_ != size_ * 8) text += "/" + std::to_string(prefix_bits_);
  return text;
}

}  // namespace sluice
