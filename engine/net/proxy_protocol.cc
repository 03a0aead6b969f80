#include "engine/net/proxy_protocol.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

namespace sluice::net {
namespace {

constexpr std::string_view kV1Start = "PROXY ";
constexpr std::string_view kV2Start("\r\n\r\n\0\r\nQUIT\n", 12);

ProxyHeader bad(const char* error) { return {.result = ProxyResult::bad, .error = error}; }

ProxyHeader done(std::size_t consumed) { return {.result = ProxyResult::done, .consumed = consumed}; }

ProxyHeader done(std::size_t consumed, io::Address source, io::Address destination) {
  return {.result = ProxyResult::done,
          .consumed = consumed,
          .has_addresses = true,
          .source = source,
          .destination = destination};
}

std::size_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::size_t value = 0;
  for (const char c : bytes.substr(at, size)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// Whether one begins with the other, as far as both go.
bool agree(std::string_view a, std::string_view b) {
  const std::size_t size = std::min(a.size(), b.size());
  return a.substr(0, size) == b.substr(0, size);
}

// ----------------------------------------------------------------------------------- version 1

// Section 2.1: no leading zeroes, 0 to 65535.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

std::optional<io::Address> parse_address(int family, std::string_view ip, std::string_view port) {
  const auto number = parse_port(port);
  const bool clean = ip.find_first_not_of("0123456789abcdefABCDEF.:") == std::string_view::npos;
  if (!number || !clean) return std::nullopt;
  auto address = io::Address::from_ip(ip, *number);
  if (!address || address->family() != family) return std::nullopt;
  return address;
}

// Takes the next field off the line; exactly one space ends it.
std::string_view next_field(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

ProxyHeader parse_v1(std::string_view bytes) {
  const std::string_view window = bytes.substr(0, kProxyV1BytesMax);
  const std::size_t end = window.find("\r\n");
  if (end == std::string_view::npos) {
    if (window.size() == kProxyV1BytesMax) return bad("PROXY line too long");
    return {};
  }
  const std::size_t consumed = end + 2;
  std::string_view line = window.substr(kV1Start.size(), end - kV1Start.size());
  const std::string_view protocol = next_field(line);
  // Section 2.1: whatever follows UNKNOWN up to the CRLF is ignored.
  if (protocol == "UNKNOWN") return done(consumed);
  if (protocol != "TCP4" && protocol != "TCP6") return bad("unknown protocol in PROXY line");
  const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
  // Three spaces are looked for here, so that a missing or a trailing one is not taken for an empty
  // field.
  if (std::count(line.begin(), line.end(), ' ') != 3) return bad("malformed PROXY line");
  const std::string_view source_ip = next_field(line);
  const std::string_view destination_ip = next_field(line);
  const std::string_view source_port = next_field(line);
  const auto source = parse_address(family, source_ip, source_port);
  const auto destination = parse_address(family, destination_ip, line);
  if (!source || !destination) return bad("bad address in PROXY line");
  return done(consumed, *source, *destination);
}

// ----------------------------------------------------------------------------------- version 2

constexpr std::uint8_t kCommandLocal = 0x20;  // version 2 in the upper half
constexpr std::uint8_t kCommandProxy = 0x21;
constexpr std::uint8_t kTransportStream = 1;

// Section 2.2.  What the upper half of the 14th byte names, and how long its pair of addresses is.
enum class Family : std::uint8_t { unspecified = 0, ipv4 = 1, ipv6 = 2, unix_socket = 3 };

std::size_t address_bytes(Family family) {
  switch (family) {
    case Family::ipv4:
      return 2 * (4 + 2);
    case Family::ipv6:
      return 2 * (16 + 2);
    case Family::unix_socket:
      return 2 * 108;
    case Family::unspecified:
      return 0;
  }
  return 0;
}

// Section 2.2.1: type, length and value, up to the very end.
bool extensions_fit(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes.size() < 3) return false;
    const std::size_t size = 3 + number_at(bytes, 1, 2);
    if (size > bytes.size()) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

io::Address address_at(std::string_view body, std::size_t ip_at, std::size_t ip_size, std::size_t port_at) {
  const std::string_view ip = body.substr(ip_at, ip_size);
  return io::Address::from_bytes({reinterpret_cast<const std::uint8_t*>(ip.data()), ip.size()},
                                 static_cast<std::uint16_t>(number_at(body, port_at, 2)));
}

ProxyHeader parse_v2(std::string_view bytes) {
  // Each field is checked as soon as it is there, so that a header that is wrong already is not waited for.
  if (bytes.size() < 13) return {};
  const auto command = static_cast<std::uint8_t>(bytes[12]);
  if (command != kCommandLocal && command != kCommandProxy) return bad("unknown PROXY command");
  if (bytes.size() < 14) return {};
  const auto kind = static_cast<std::uint8_t>(bytes[13]);
  if (kind >> 4 > 3 || (kind & 0x0F) > 2) return bad("unknown PROXY address family");
  const auto family = static_cast<Family>(kind >> 4);
  const std::uint8_t transport = kind & 0x0F;
  if (bytes.size() < kProxyV2HeaderBytes) return {};
  const std::size_t size = number_at(bytes, 14, 2);
  if (size > kProxyV2BodyBytesMax) return bad("PROXY header too long");
  const bool local = command == kCommandLocal;
  // Section 2.2: a receiver must take any address bytes after LOCAL and after UNSPEC, and drop
  // them.
  const bool plain = local || family == Family::unspecified || transport == 0;
  if (!plain && transport != kTransportStream) return bad("PROXY header for datagrams");
  if (!plain && size < address_bytes(family)) return bad("PROXY header too short for its addresses");
  if (bytes.size() < kProxyV2HeaderBytes + size) return {};
  const std::size_t consumed = kProxyV2HeaderBytes + size;
  if (plain) return done(consumed);
  const std::string_view body = bytes.substr(kProxyV2HeaderBytes, size);
  if (!extensions_fit(body.substr(address_bytes(family)))) return bad("malformed PROXY extension");
  if (family == Family::unix_socket) return done(consumed);
  const std::size_t ip = family == Family::ipv4 ? 4 : 16;
  return done(consumed, address_at(body, 0, ip, 2 * ip), address_at(body, ip, ip, 2 * ip + 2));
}

}  // namespace

ProxyHeader parse_proxy(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (!starts_like_proxy(bytes)) return bad("no PROXY header");
  if (bytes[0] == kV1Start[0]) return bytes.size() < kV1Start.size() ? ProxyHeader{} : parse_v1(bytes);
  return bytes.size() < kV2Start.size() ? ProxyHeader{} : parse_v2(bytes);
}

bool starts_like_proxy(std::string_view bytes) {
  return !bytes.empty() && (agree(bytes, kV1Start) || agree(bytes, kV2Start));
}

}  // namespace sluice::net
