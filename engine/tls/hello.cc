#include "engine/tls/hello.h"

#include <algorithm>
#include <initializer_list>

#include "engine/tls/limits.h"

namespace sluice::tls {
namespace {

constexpr std::uint8_t kRecordHandshake = 22;
constexpr std::uint8_t kMessageClientHello = 1;
constexpr std::uint16_t kExtensionServerName = 0;
constexpr std::uint16_t kExtensionSupportedGroups = 10;
constexpr std::uint16_t kExtensionSignatureAlgorithms = 13;
constexpr std::uint16_t kExtensionSupportedVersions = 43;
constexpr std::uint8_t kNameTypeHost = 0;
constexpr std::size_t kMessageHeaderBytes = 4;
// An honest hello of up to 16 KB is one record; some clients split it in a few on purpose.
constexpr std::size_t kHelloRecordsMax = 16;

// Takes big-endian numbers and counted pieces off the front; once something is missing, all further
// pieces are empty and good() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::size_t number(std::size_t bytes) {
    std::size_t value = 0;
    for (const char c : piece(bytes)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view piece(std::size_t bytes) {
    if (bytes > rest_.size()) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  // What a length of `length_bytes` counts.
  std::string_view counted(std::size_t length_bytes) { return piece(number(length_bytes)); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

ClientHello bad(const char* error) { return {.result = HelloResult::bad, .error = error}; }

// RFC 6066 section 3: a list of names, of which one may be a host name.
bool read_server_name(std::string_view extension, std::string& name) {
  Reader reader(extension);
  Reader list(reader.counted(2));
  if (!reader.good() || !reader.empty()) return false;
  bool seen = false;
  while (!list.empty()) {
    const std::size_t type = list.number(1);
    const std::string_view value = list.counted(2);
    if (!list.good()) return false;
    if (type != kNameTypeHost) continue;
    if (seen || value.empty()) return false;
    seen = true;
    name = value;
  }
  return seen;
}

HelloGroups read_groups(std::string_view extension) {
  Reader reader(extension);
  Reader list(reader.counted(2));
  if (!reader.good() || !reader.empty() || list.empty()) return HelloGroups::not_sent;
  HelloGroups groups = HelloGroups::none_in_common;
  while (!list.empty()) {
    if (std::ranges::find(kTlsGroups, list.number(2)) != kTlsGroups.end()) groups = HelloGroups::common;
    if (!list.good()) return HelloGroups::not_sent;
  }
  return groups;
}

// What decides which certificate a client can take.
struct Offer {
  std::string_view suites;
  std::string_view versions;    // of supported_versions; empty: TLS 1.2 at most
  std::string_view signatures;  // of signature_algorithms
  std::string_view groups;
};

// Whether a list of numbers of two bytes has one for which `wanted` holds.
template <typename Wanted>
bool any_of(std::string_view list, Wanted wanted) {
  for (Reader reader(list); !reader.empty();)
    if (wanted(reader.number(2))) return reader.good();
  return false;
}

bool has(std::string_view list, std::size_t number) {
  return any_of(list, [=](std::size_t each) { return each == number; });
}

// RFC 8446 section 4.2.3: in TLS 1.3 a scheme names the curve as well, and RSA signs with PSS alone.
KeyKinds kinds_of_tls13(const Offer& offer) {
  KeyKinds kinds;
  if (has(offer.signatures, 0x0403)) kinds.add(KeyKind::ecdsa_p256);
  if (has(offer.signatures, 0x0503)) kinds.add(KeyKind::ecdsa_p384);
  if (has(offer.signatures, 0x0603)) kinds.add(KeyKind::ecdsa_p521);
  if (has(offer.signatures, 0x0807)) kinds.add(KeyKind::ed25519);
  if (any_of(offer.signatures, [](std::size_t each) { return each >= 0x0804 && each <= 0x0806; }))
    kinds.add(KeyKind::rsa);
  return kinds;
}

// RFC 5246 section 7.4.1.4.1: without signature_algorithms a client takes whatever goes with its cipher suites.  RFC
// 8422 section 5.1: the curve of the certificate's key must be among the client's groups, where it sends any.
KeyKinds kinds_of_tls12(const Offer& offer) {
  const auto suite = [&](std::initializer_list<std::size_t> ours) {
    return any_of(offer.suites, [&](std::size_t each) { return std::ranges::find(ours, each) != ours.end(); });
  };
  const auto signs = [&](std::size_t low_byte) {
    return offer.signatures.empty() ||
           any_of(offer.signatures, [=](std::size_t each) { return each >> 8 <= 6 && (each & 0xFF) == low_byte; });
  };
  const auto curve = [&](std::size_t group) { return offer.groups.empty() || has(offer.groups, group); };
  const bool ecdsa_suite = suite({0xC02B, 0xC02C, 0xCCA9});
  const bool pss = any_of(offer.signatures, [](std::size_t each) { return each >= 0x0804 && each <= 0x0806; });
  KeyKinds kinds;
  if (ecdsa_suite && signs(3) && curve(23)) kinds.add(KeyKind::ecdsa_p256);
  if (ecdsa_suite && signs(3) && curve(24)) kinds.add(KeyKind::ecdsa_p384);
  if (ecdsa_suite && signs(3) && curve(25)) kinds.add(KeyKind::ecdsa_p521);
  if (ecdsa_suite && has(offer.signatures, 0x0807)) kinds.add(KeyKind::ed25519);
  if (suite({0xC02F, 0xC030, 0xCCA8}) && (signs(1) || pss)) kinds.add(KeyKind::rsa);
  return kinds;
}

// The content of an extension that is one list with a length of `length_bytes` in front; malformed: nothing.
std::string_view list_in(std::string_view extension, std::size_t length_bytes) {
  Reader reader(extension);
  const std::string_view list = reader.counted(length_bytes);
  return reader.good() && reader.empty() ? list : std::string_view();
}

ClientHello read_message(std::string_view message) {
  constexpr std::size_t kTls13 = 0x0304;
  ClientHello hello{.result = HelloResult::done};
  Offer offer;
  Reader reader(message);
  reader.piece(2 + 32);              // legacy_version, random
  reader.counted(1);                 // session id
  offer.suites = reader.counted(2);  // cipher suites
  reader.counted(1);                 // compression methods
  if (!reader.good()) return bad("malformed ClientHello");
  if (reader.empty()) return hello;  // no extensions at all: too old, which wolfSSL says to the peer
  Reader extensions(reader.counted(2));
  if (!reader.good() || !reader.empty()) return bad("malformed ClientHello");
  bool seen = false;
  while (!extensions.empty()) {
    const std::size_t type = extensions.number(2);
    const std::string_view value = extensions.counted(2);
    if (!extensions.good()) return bad("malformed ClientHello");
    if (type == kExtensionSupportedGroups) {
      hello.groups = read_groups(value);
      offer.groups = list_in(value, 2);
    }
    if (type == kExtensionSignatureAlgorithms) offer.signatures = list_in(value, 2);
    if (type == kExtensionSupportedVersions) offer.versions = list_in(value, 1);
    if (type != kExtensionServerName) continue;
    if (seen || !read_server_name(value, hello.server_name)) return bad("malformed server name");
    seen = true;
  }
  hello.keys = has(offer.versions, kTls13) ? kinds_of_tls13(offer) : kinds_of_tls12(offer);
  return hello;
}

}  // namespace

ClientHello read_client_hello(std::string_view bytes) {
  std::string fragments;  // the handshake message, put together
  Reader records(bytes);
  for (std::size_t count = 0; !records.empty(); ++count) {
    if (count == kHelloRecordsMax) return bad("ClientHello in too many records");
    if (records.number(1) != kRecordHandshake) return bad(kNotTls);
    const std::size_t major = records.number(1);
    if (records.good() && major != 3) return bad(kNotTls);
    records.number(1);
    const std::size_t length = records.number(2);
    if (records.good() && (length == 0 || length > kTlsPlaintextBytesMax)) return bad("bad record length");
    const std::string_view body = records.piece(length);
    if (!records.good()) break;  // the rest of this record has not come yet
    fragments += body;
    Reader message(fragments);
    const std::size_t type = message.number(1);
    const std::size_t size = message.number(3);
    if (type != kMessageClientHello) return bad("not a ClientHello");
    if (!message.good()) continue;
    if (size > kTlsClientHelloBytesMax - kMessageHeaderBytes) return bad("ClientHello too long");
    // A second message behind the first would have to wait for our answer.
    if (fragments.size() > kMessageHeaderBytes + size) return bad("bytes after the ClientHello");
    if (fragments.size() == kMessageHeaderBytes + size) return read_message(message.piece(size));
  }
  // The records' own headers come on top of the message.
  constexpr std::size_t wire_max = kTlsClientHelloBytesMax + kHelloRecordsMax * kTlsRecordHeaderBytes;
  if (bytes.size() > wire_max) return bad("ClientHello too long");
  return {};
}

}  // namespace sluice::tls
