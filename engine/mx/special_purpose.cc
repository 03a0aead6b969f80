#include "engine/mx/special_purpose.h"

#include <algorithm>

namespace sluice::mx {
namespace {

constexpr const char* kSpecialPurpose[] = {
    "0.0.0.0/8",        // this network (RFC 791)
    "10.0.0.0/8",       // private (RFC 1918)
    "100.64.0.0/10",    // shared by carriers (RFC 6598)
    "127.0.0.0/8",      // loopback
    "169.254.0.0/16",   // link-local (RFC 3927)
    "172.16.0.0/12",    // private
    "192.0.0.0/24",     // IETF protocol assignments (RFC 6890)
    "192.0.2.0/24",     // documentation (RFC 5737)
    "192.88.99.0/24",   // 6to4 relays (RFC 7526)
    "192.168.0.0/16",   // private
    "198.18.0.0/15",    // benchmarking (RFC 2544)
    "198.51.100.0/24",  // documentation
    "203.0.113.0/24",   // documentation
    "224.0.0.0/3",      // multicast, reserved, broadcast
    "::/96",            // unspecified, loopback, IPv4-compatible (RFC 4291 2.5.5.1)
    "64:ff9b::/96",     // translated (RFC 6052)
    "64:ff9b:1::/48",   // translated, local use (RFC 8215)
    "100::/64",         // discard (RFC 6666)
    "2001::/23",        // IETF protocol assignments, Teredo and ORCHID among them
    "2001:db8::/32",    // documentation (RFC 3849)
    "2002::/16",        // 6to4 (RFC 3056)
    "3fff::/20",        // documentation (RFC 9637)
    "5f00::/16",        // segment routing (RFC 9602)
    "fc00::/7",         // unique-local (RFC 4193)
    "fe80::/10",        // link-local (RFC 4291 2.5.6)
    "fec0::/10",        // site-local (RFC 3879)
    "ff00::/8",         // multicast
};

using Ip = std::span<const std::uint8_t>;

bool starts_with(Ip ip, std::initializer_list<std::uint8_t> prefix) {
  return std::ranges::equal(ip.first(prefix.size()), prefix);
}

bool all_zero(Ip bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

std::array<std::uint8_t, 4> four(Ip ip, std::size_t at) { return {ip[at], ip[at + 1], ip[at + 2], ip[at + 3]}; }

}  // namespace

const std::vector<Network>& special_purpose_networks() {
  static const std::vector<Network> networks = [] {
    std::vector<Network> parsed;
    for (const char* text : kSpecialPurpose) parsed.push_back(*Network::parse(text));
    return parsed;
  }();
  return networks;
}

std::optional<std::array<std::uint8_t, 4>> embedded_ipv4(Ip ip) {
  constexpr std::size_t kLast = 12;
  if (ip.size() != 16) return std::nullopt;
  if (all_zero(ip.first(10)) && ip[10] == 0xff && ip[11] == 0xff) return four(ip, kLast);
  if (all_zero(ip.first(kLast))) return four(ip, kLast);
  if (starts_with(ip, {0x00, 0x64, 0xff, 0x9b}) && all_zero(ip.subspan(4, 8))) return four(ip, kLast);
  // RFC 6052 2.2: behind a prefix of 48 bits the address stands around the bits 64 to 71, which are zero.
  if (starts_with(ip, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01})) return std::array{ip[6], ip[7], ip[9], ip[10]};
  if (starts_with(ip, {0x20, 0x02})) return four(ip, 2);
  if (starts_with(ip, {0x20, 0x01, 0x00, 0x00})) {
    // RFC 4380 4: the client's address with each bit inverted.
    std::array<std::uint8_t, 4> client = four(ip, kLast);
    for (std::uint8_t& byte : client) byte = static_cast<std::uint8_t>(byte ^ 0xffU);
    return client;
  }
  const bool isatap = (ip[8] & 0xfdU) == 0 && ip[9] == 0 && ip[10] == 0x5e && ip[11] == 0xfe;
  if (isatap) return four(ip, kLast);
  return std::nullopt;
}

bool is_unspecified(Ip ip) {
  if (ip.empty()) return false;
  if (all_zero(ip)) return true;
  const auto inner = embedded_ipv4(ip);
  return inner && all_zero(*inner);
}

bool in_networks(Ip ip, const std::vector<Network>& networks) {
  const auto inner = embedded_ipv4(ip);
  return std::ranges::any_of(
      networks, [&](const Network& network) { return network.contains(ip) || (inner && network.contains(*inner)); });
}

}  // namespace sluice::mx
