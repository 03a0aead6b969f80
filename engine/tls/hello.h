// Reads as much of a ClientHello as is needed before any TLS state is made: the server name, which chooses
// the certificate, and whether there is a common group for the key exchange. Pure.  Any thread.  RFC 8446 sections
// 4.1.2, 4.2.7 and 5.1, RFC 6066 section 3.
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

struct ClientHelloName {
  HelloResult result = HelloResult::need_more;
  std::string server_name;  // when done: as sent, not checked; empty when none was
  HelloGroups groups = HelloGroups::not_sent;
  const char* error = "";  // when bad
};

// `bytes` is all ciphertext so far, from the first byte on.  A hello may be spread over several
// records.
ClientHelloName read_client_hello(std::string_view bytes);

}  // namespace sluice::tls
