// Reads as much of a ClientHello as is needed to choose a certificate before any TLS state is made:
// the server name. Pure.  Any thread.  RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::net {

enum class HelloResult : std::uint8_t { need_more, done, bad };

struct ClientHelloName {
  HelloResult result = HelloResult::need_more;
  std::string server_name;  // when done: as sent, not checked; empty when none was
  const char* error = "";   // when bad
};

// `bytes` is all ciphertext so far, from the first byte on.  A hello may be spread over several
// records.
ClientHelloName read_client_hello(std::string_view bytes);

}  // namespace sluice::net
