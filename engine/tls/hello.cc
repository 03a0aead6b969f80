#include "engine/tls/hello.h"

#include <algorithm>

#include "engine/tls/limits.h"

namespace sluice::tls {
namespace {

constexpr std::uint8_t kRecordHandshake = 22;
constexpr std::uint8_t kMessageClientHello = 1;
constexpr std::uint16_t kExtensionServerName = 0;
constexpr std::uint16_t kExtensionSupportedGroups = 10;
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

ClientHelloName bad(const char* error) { return {.result = HelloResult::bad, .error = error}; }

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

ClientHelloName read_message(std::string_view message) {
  ClientHelloName hello{.result = HelloResult::done};
  Reader reader(message);
  reader.piece(2 + 32);  // legacy_version, random
  reader.counted(1);     // session id
  reader.counted(2);     // cipher suites
  reader.counted(1);     // compression methods
  if (!reader.good()) return bad("malformed ClientHello");
  if (reader.empty()) return hello;  // no extensions at all: too old, which wolfSSL says to the peer
  Reader extensions(reader.counted(2));
  if (!reader.good() || !reader.empty()) return bad("malformed ClientHello");
  bool seen = false;
  while (!extensions.empty()) {
    const std::size_t type = extensions.number(2);
    const std::string_view value = extensions.counted(2);
    if (!extensions.good()) return bad("malformed ClientHello");
    if (type == kExtensionSupportedGroups) hello.groups = read_groups(value);
    if (type != kExtensionServerName) continue;
    if (seen || !read_server_name(value, hello.server_name)) return bad("malformed server name");
    seen = true;
  }
  return hello;
}

}  // namespace

ClientHelloName read_client_hello(std::string_view bytes) {
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
