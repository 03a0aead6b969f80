// The signature algorithms (RFC 7518 3.1) that a token may be signed with: asymmetric ones.  "none" and the HMACs are
// in no table, so that none of them can be configured, and no key of a set could be taken for a secret.  EdDSA is not
// among them, as libcjose has it not.  Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::auth {

enum class KeyType : std::uint8_t { rsa, ec };

struct SignatureAlgorithm {
  std::string_view name;  // "alg"
  KeyType key_type = KeyType::rsa;
  std::string_view curve = {};  // "crv" of an EC key
};

[[nodiscard]] std::span<const SignatureAlgorithm> signature_algorithms();
// By its exact name; null: there is none such.
[[nodiscard]] const SignatureAlgorithm* find_signature_algorithm(std::string_view name);

}  // namespace sluice::auth
