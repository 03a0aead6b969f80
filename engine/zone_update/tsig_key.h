// The key by which a name server and we know each other's messages (TSIG, RFC 8945), as a file has it that
// `tsig-keygen` (BIND) or `keymgr -t` (Knot DNS) writes.  A value.  Any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "auth/secret.h"

namespace sluice::zone_update {

struct TsigKey {
  std::string name;       // in lower case, without the final dot
  std::string algorithm;  // "hmac-sha256" or "hmac-sha512"
  auth::Secret secret;    // base64
};

// The error is a sentence, without a byte of the text.
[[nodiscard]] std::expected<TsigKey, std::string> parse_tsig_key(std::string_view text);
// `file`: as io::secret_path() has it; others may not read it.  Blocks.  The error names the file.
[[nodiscard]] std::expected<TsigKey, std::string> read_tsig_key(const std::string& file);

}  // namespace sluice::zone_update
