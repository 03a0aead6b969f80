// Reads as much of a ClientHello as is needed before any TLS state is made: the server name and the signatures that the
// client takes, which choose the certificate, and whether there is a common group for the key exchange. Pure.  Any
// thread.  RFC 8446 sections 4.1.2, 4.2.3, 4.2.7 and 5.1, RFC 5246 section 7.4.1.4.1, RFC 8422 section 5.1, RFC 6066
// section 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::tls {

// The error where the first byte is none of TLS.
inline constexpr const char* kNotTls = "not a TLS handshake";

enum class HelloResult : std::uint8_t { need_more, done, bad };

// Of the client's supported_groups (RFC 8446 section 4.2.7).
enum class HelloGroups : std::uint8_t {
  not_sent,  // or malformed: the library decides
  common,    // at least one of them is in kTlsGroups
  none_in_common,
};

// Of a certificate's key, the one to prefer first: signing is some ten times cheaper with ECDSA than with RSA.
enum class KeyKind : std::uint8_t { ecdsa_p256, ecdsa_p384, ecdsa_p521, ed25519, rsa };
inline constexpr std::size_t kKeyKinds = 5;

// A set of them.
struct KeyKinds {
  std::uint8_t bits = 0;
  [[nodiscard]] constexpr bool has(KeyKind kind) const { return (bits >> static_cast<unsigned>(kind) & 1U) != 0; }
  constexpr void add(KeyKind kind) { bits = static_cast<std::uint8_t>(bits | 1U << static_cast<unsigned>(kind)); }
  bool operator==(const KeyKinds&) const = default;
};

struct ClientHello {
  HelloResult result = HelloResult::need_more;
  std::string server_name;  // when done: as sent, not checked; empty when none was
  HelloGroups groups = HelloGroups::not_sent;
  KeyKinds keys;           // when done: of certificates that the client takes; empty when that cannot be told
  const char* error = "";  // when bad
};

// `bytes` is all ciphertext so far, from the first byte on.  A hello may be spread over several
// records.
ClientHello read_client_hello(std::string_view bytes);

}  // namespace sluice::tls
