// Keys as programs hand them on (RFC 7468).  Any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "engine/dkim/private_key.h"

namespace sluice::signing {

// The first private key in `pem`.  The error is what is wrong with it, as words that follow the file's name, without a
// byte of the key.
[[nodiscard]] std::expected<dkim::KeyDer, std::string> key_of_pem(std::string_view pem);

}  // namespace sluice::signing
