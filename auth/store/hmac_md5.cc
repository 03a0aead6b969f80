#include "auth/store/hmac_md5.h"

#include <apr_md5.h>
#include <sodium.h>

#include <algorithm>

#include "auth/secret.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

constexpr unsigned char kInnerPad = 0x36;
constexpr unsigned char kOuterPad = 0x5c;
constexpr unsigned kBlockBits = 8 * kHmacMd5KeyBytesMax;
static_assert(sizeof(Md5Digest) == APR_MD5_DIGESTSIZE);

// Behind one block: the key's bytes, each with the pad's.
Md5Digest state_behind(std::string_view key, unsigned char pad) {
  std::array<unsigned char, kHmacMd5KeyBytesMax> block{};
  block.fill(pad);
  for (std::size_t i = 0; i < key.size(); ++i) block[i] ^= static_cast<unsigned char>(key[i]);
  apr_md5_ctx_t md5;
  apr_md5_init(&md5);
  apr_md5_update(&md5, block.data(), block.size());
  Md5Digest state{};
  // As a digest is written (RFC 1321 section 3.5): each word from its low byte on.
  for (std::size_t i = 0; i < state.size(); ++i)
    state[i] = static_cast<unsigned char>(md5.state[i / 4] >> (8 * (i % 4)));
  wipe_bytes(block.data(), block.size());
  wipe_bytes(&md5, sizeof md5);
  return state;
}

Md5Digest go_on_from(const Md5Digest& state, std::string_view text) {
  apr_md5_ctx_t md5;
  apr_md5_init(&md5);
  for (apr_uint32_t& word : md5.state) word = 0;
  for (std::size_t i = 0; i < state.size(); ++i) md5.state[i / 4] |= apr_uint32_t{state[i]} << (8 * (i % 4));
  md5.count[0] = kBlockBits;
  apr_md5_update(&md5, text.data(), text.size());
  Md5Digest digest{};
  apr_md5_final(digest.data(), &md5);
  return digest;
}

std::string hex_of(const Md5Digest& digest) {
  std::string hex(2 * digest.size() + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  hex.pop_back();
  return hex;
}

}  // namespace

std::optional<Md5Digest> read_md5_digest(std::string_view text) {
  Md5Digest digest{};
  std::size_t size = 0;
  const char* end = nullptr;
  const int read = sodium_hex2bin(digest.data(), digest.size(), text.data(), text.size(), nullptr, &size, &end);
  if (read != 0 || size != digest.size() || end != text.data() + text.size()) return std::nullopt;
  return digest;
}

HmacMd5States hmac_md5_states(std::string_view key) {
  CHECK(key.size() <= kHmacMd5KeyBytesMax);
  return {.inner = state_behind(key, kInnerPad), .outer = state_behind(key, kOuterPad)};
}

Md5Digest hmac_md5(const HmacMd5States& states, std::string_view message) {
  const Md5Digest inner = go_on_from(states.inner, message);
  return go_on_from(states.outer, {reinterpret_cast<const char*>(inner.data()), inner.size()});
}

std::string hmac_md5_text(const HmacMd5States& states) { return hex_of(states.inner) + hex_of(states.outer); }

std::optional<HmacMd5States> read_hmac_md5_text(std::string_view text) {
  if (text.size() != kHmacMd5TextBytes) return std::nullopt;
  const auto inner = read_md5_digest(text.substr(0, kHmacMd5TextBytes / 2));
  const auto outer = read_md5_digest(text.substr(kHmacMd5TextBytes / 2));
  if (!inner || !outer) return std::nullopt;
  return HmacMd5States{.inner = *inner, .outer = *outer};
}

}  // namespace sluice::auth
