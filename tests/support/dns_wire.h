// DNS messages as they go over the wire, made by hand: for tests of their reader, and for a
// name server that says what no good one would. Values.  Any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/io/address.h"
#include "engine/io/dns.h"

namespace sluice::testing {

enum class DnsSection : std::uint8_t { question, answer, authority, additional };

class DnsWire {
 public:
  static constexpr std::uint16_t kAnswer = 0x8180;  // a response, recursion desired and available
  static constexpr std::uint16_t kCutOff = 0x0200;
  static constexpr std::uint16_t kServFail = 2, kNoSuchName = 3, kRefused = 5;

  explicit DnsWire(std::uint16_t flags = kAnswer) : flags_(flags) {}
  DnsWire(std::string_view name, io::DnsType type, std::uint16_t flags = kAnswer) : flags_(flags) {
    body_ = encode(name) + u16(static_cast<std::uint16_t>(type)) + u16(1);
    counts_[0] = 1;
  }

  DnsWire& record(std::string_view owner, std::uint16_t type, std::uint32_t ttl_s, std::string_view data,
                  DnsSection section = DnsSection::answer) {
    return raw(encode(owner) + u16(type) + u16(1) + u32(ttl_s) + u16(static_cast<std::uint16_t>(data.size())) +
                   std::string(data),
               section);
  }
  DnsWire& mx(std::string_view owner, std::uint16_t preference, std::string_view host, std::uint32_t ttl_s = 300) {
    return record(owner, 15, ttl_s, u16(preference) + encode(host));
  }
  DnsWire& address(std::string_view owner, std::string_view ip, std::uint32_t ttl_s = 300) {
    const auto parsed = *io::Address::from_ip(ip, 0);
    const auto bytes = parsed.ip_bytes();
    return record(owner, bytes.size() == 4 ? 1 : 28, ttl_s, std::string(bytes.begin(), bytes.end()));
  }
  DnsWire& alias(std::string_view owner, std::string_view target, std::uint32_t ttl_s = 300) {
    return record(owner, 5, ttl_s, encode(target));
  }
  DnsWire& soa(std::string_view owner, std::uint32_t ttl_s, std::uint32_t minimum) {
    const std::string numbers = u32(1) + u32(2) + u32(3) + u32(4) + u32(minimum);
    return record(owner, 6, ttl_s, encode("ns.example") + encode("admin.example") + numbers, DnsSection::authority);
  }
  // A record, or anything else, byte by byte.
  DnsWire& raw(std::string_view bytes, DnsSection section = DnsSection::answer) {
    body_ += bytes;
    ++counts_[static_cast<std::size_t>(section)];
    return *this;
  }
  DnsWire& count(DnsSection section, std::uint16_t number) {
    counts_[static_cast<std::size_t>(section)] = number;
    return *this;
  }

  // Where in the message what is added next will stand.
  [[nodiscard]] std::uint16_t at() const { return static_cast<std::uint16_t>(12 + body_.size()); }
  [[nodiscard]] std::string bytes(std::uint16_t id = 0) const {
    std::string all = u16(id) + u16(flags_);
    for (const std::uint16_t number : counts_) all += u16(number);
    return all + body_;
  }

  static std::string u16(std::uint16_t value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)};
  }
  static std::string u32(std::uint32_t value) {
    return u16(static_cast<std::uint16_t>(value >> 16)) + u16(static_cast<std::uint16_t>(value & 0xFFFF));
  }
  static std::string encode(std::string_view name) {
    std::string bytes;
    while (!name.empty() && name != ".") {
      const std::size_t dot = std::min(name.find('.'), name.size());
      bytes += static_cast<char>(dot);
      bytes += name.substr(0, dot);
      name.remove_prefix(std::min(dot + 1, name.size()));
    }
    return bytes + '\0';
  }
  static std::string pointer(std::uint16_t offset) { return u16(static_cast<std::uint16_t>(0xC000U | offset)); }

 private:
  std::uint16_t flags_;
  std::array<std::uint16_t, 4> counts_{};
  std::string body_;
};

}  // namespace sluice::testing
