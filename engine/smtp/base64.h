// Base64 (RFC 4648 4) as SASL requires it (RFC 4954 4): strict: padding required, no line breaks,
// unused bits zero.
// Pure functions.  Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::smtp {

constexpr std::size_t base64_encoded_bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }
constexpr std::size_t base64_decoded_bytes_max(std::size_t characters) { return characters / 4 * 3; }

// Replaces `out` by what `text` decodes to; false (and `out` empty) if it is not base64.  `out` is
// grown once, before any byte is written, so that no copy of a secret stays behind in freed
// memory.
bool decode_base64(std::string_view text, std::string& out);
void append_base64(std::string_view bytes, std::string& out);
// Where there is room for base64_encoded_bytes(); returns the end of what was written.
char* write_base64(std::string_view bytes, char* out);

// Overwrites what `secret` holds, in a way that the compiler keeps, and empties it.
void wipe(std::string& secret);

}  // namespace sluice::smtp
