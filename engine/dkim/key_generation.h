// New keys for signing (RFC 8301 3.2, RFC 8463).  An RSA key takes a worker or sluicectl a tenth of a second or more:
// never on a core's loop.  Any thread.
#pragma once

#include <expected>
#include <string>

#include "engine/dkim/algorithm.h"
#include "engine/dkim/private_key.h"

namespace sluice::dkim {

// RFC 8301 3.2: "Signers SHOULD use RSA keys of at least 2048 bits".  Longer ones do not fit one string of a TXT record
// twice over, and cost a signature four times as much.
inline constexpr unsigned kNewRsaBits = 2048;

// As PKCS #8.  Random by libcrypto's generator.  The error is a sentence.
std::expected<KeyDer, std::string> generate_key(Algorithm algorithm);

}  // namespace sluice::dkim
