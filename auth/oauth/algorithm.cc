#include "auth/oauth/algorithm.h"

#include <algorithm>

namespace sluice::auth {
namespace {

constexpr SignatureAlgorithm kAlgorithms[] = {
    {.name = "RS256", .key_type = KeyType::rsa},
    {.name = "RS384", .key_type = KeyType::rsa},
    {.name = "RS512", .key_type = KeyType::rsa},
    {.name = "PS256", .key_type = KeyType::rsa},
    {.name = "PS384", .key_type = KeyType::rsa},
    {.name = "PS512", .key_type = KeyType::rsa},
    {.name = "ES256", .key_type = KeyType::ec, .curve = "P-256"},
    {.name = "ES384", .key_type = KeyType::ec, .curve = "P-384"},
    {.name = "ES512", .key_type = KeyType::ec, .curve = "P-521"},
};

}  // namespace

std::span<const SignatureAlgorithm> signature_algorithms() { return kAlgorithms; }

const SignatureAlgorithm* find_signature_algorithm(std::string_view name) {
  const auto found = std::ranges::find(kAlgorithms, name, &SignatureAlgorithm::name);
  return found == std::ranges::end(kAlgorithms) ? nullptr : found;
}

}  // namespace sluice::auth
