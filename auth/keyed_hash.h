// BLAKE2b with a key (RFC 7693), as libsodium has it: what a store keeps of a secret that its own key belongs to. Pure.
// Any thread.
#pragma once

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/check.h"

namespace sluice::auth {

// In hexadecimal digits, two a byte.  Of a key that is longer than crypto_generichash_KEYBYTES_MAX its beginning
// counts.
template <std::size_t kBytes>
[[nodiscard]] std::string keyed_hash(std::string_view key, std::string_view text) {
  static_assert(kBytes >= crypto_generichash_BYTES_MIN && kBytes <= crypto_generichash_BYTES_MAX);
  std::array<unsigned char, kBytes> digest{};
  const auto bytes = [](std::string_view of) { return reinterpret_cast<const unsigned char*>(of.data()); };
  const std::size_t key_bytes = std::min<std::size_t>(key.size(), crypto_generichash_KEYBYTES_MAX);
  CHECK(crypto_generichash(digest.data(), digest.size(), bytes(text), text.size(), bytes(key), key_bytes) == 0);
  std::string hex(2 * digest.size() + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  hex.pop_back();
  return hex;
}

}  // namespace sluice::auth
