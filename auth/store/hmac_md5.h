// HMAC-MD5 (RFC 2104) by what MD5 has come to behind the key's two blocks.  From these the HMAC of any message can be
// computed, and neither the key nor anything else made of it: so a store keeps them in place of a password (RFC 2195
// section 3).  Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::auth {

using Md5Digest = std::array<unsigned char, 16>;

struct HmacMd5States {
  Md5Digest inner{};
  Md5Digest outer{};
};

// `key`: up to kHmacMd5KeyBytesMax bytes.
inline constexpr std::size_t kHmacMd5KeyBytesMax = 64;
[[nodiscard]] HmacMd5States hmac_md5_states(std::string_view key);
[[nodiscard]] Md5Digest hmac_md5(const HmacMd5States& states, std::string_view message);

// In hexadecimal digits: a digest; states: inner, then outer.
inline constexpr std::size_t kHmacMd5TextBytes = 64;
[[nodiscard]] std::optional<Md5Digest> read_md5_digest(std::string_view text);
[[nodiscard]] std::string hmac_md5_text(const HmacMd5States& states);
[[nodiscard]] std::optional<HmacMd5States> read_hmac_md5_text(std::string_view text);

}  // namespace sluice::auth
