// The words of a DKIM signature that several files share.  Values.  Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::dkim {

// RFC 8301 3.1: "rsa-sha1 MUST NOT be used for signing".  RFC 8463 3: ed25519-sha256.
enum class Algorithm : std::uint8_t { rsa_sha256, ed25519_sha256 };
inline constexpr std::array kAlgorithms{Algorithm::rsa_sha256, Algorithm::ed25519_sha256};

// RFC 6376 3.4: what of a message may change on its way without breaking the signature.
enum class Canonicalization : std::uint8_t { simple, relaxed };

// As in a=, and as in c=.
constexpr std::string_view name(Algorithm algorithm) {
  return algorithm == Algorithm::rsa_sha256 ? "rsa-sha256" : "ed25519-sha256";
}
constexpr std::string_view name(Canonicalization form) {
  return form == Canonicalization::simple ? "simple" : "relaxed";
}

}  // namespace sluice::dkim
