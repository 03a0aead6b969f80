// The public keys of an issuer of tokens: a JWK Set (RFC 7517 5).  Immutable once it is made, so it may be shared
// between threads.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/oauth/algorithm.h"

// libcjose's key, by the name that its header gives it.
struct _cjose_jwk_int;  // NOLINT(bugprone-reserved-identifier)

namespace sluice::auth {

inline constexpr std::size_t kJwksBytesMax = 256 * 1024;
inline constexpr std::size_t kJwksKeysMax = 100;

class KeySet {
 public:
  // Of each key only its public part is taken; keys for other purposes, of other types or of less than RFC 7518 3.3
  // asks for (RSA: 2048 bits) are passed over.  The error is a sentence: it is no set, or no key can be used.
  [[nodiscard]] static std::expected<KeySet, std::string> parse(std::string_view text);

  // Those that `algorithm` can be checked with and that have this id; without an id, all that it can be checked with.
  [[nodiscard]] std::vector<const _cjose_jwk_int*> find(const SignatureAlgorithm& algorithm,
                                                        const std::string* id) const;
  // Whether any key has this id, whatever it is for.
  [[nodiscard]] bool has(std::string_view id) const;
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  struct Release {
    void operator()(_cjose_jwk_int* key) const;
  };
  struct Key {
    std::string id;         // empty: it has none
    std::string algorithm;  // that it is for alone; empty: all that fit
    KeyType type{};
    std::string curve;
    std::unique_ptr<_cjose_jwk_int, Release> key;
  };
  // Or why it is passed over.
  [[nodiscard]] static std::expected<Key, std::string> read_key(const void* json);
  std::vector<Key> keys_;
};

}  // namespace sluice::auth
