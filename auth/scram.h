// SCRAM-SHA-256's keys (RFC 5802, RFC 7677), and what is computed with them.  Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/secret.h"

namespace sluice::auth {

inline constexpr std::size_t kScramKeyBytes = 32;
inline constexpr std::size_t kScramSaltBytes = 16;
inline constexpr std::size_t kScramSaltBytesMax = 64;  // of a store that another program wrote to
// RFC 7677 section 4: "the hash iteration-count should be such that a modern machine will take 0.1 seconds"; "at least
// 4096".  Above that the client's time is the bound: it hashes at each login.
inline constexpr std::uint32_t kScramIterationsMin = 4096;
inline constexpr std::uint32_t kScramIterationsMax = 600'000;

using ScramKey = std::array<unsigned char, kScramKeyBytes>;

// RFC 5802 section 3.  Against a copy of them passwords can be tried at PBKDF2's cost, and with StoredKey
// and an exchange that was overheard a client can be played (section 9).
struct ScramKeys {
  std::int64_t account_id = 0;  // 0: there is no such account, and no proof is right
  std::uint32_t iterations = 0;
  std::string salt;  // bytes
  ScramKey stored_key{};
  ScramKey server_key{};
};

// "salt$StoredKey$ServerKey", each in base64: as the store keeps them, beside the iterations.
[[nodiscard]] std::string scram_text(const ScramKeys& keys);
[[nodiscard]] std::optional<ScramKeys> read_scram_text(std::string_view text, std::uint32_t iterations);

// Such as an account of this name would have, the same each time, for `key`, which is secret: so a name that is not
// known looks like one that is.
[[nodiscard]] ScramKeys false_scram_keys(std::string_view key, const Name& name, std::uint32_t iterations);
// A number below 65536 that is the name's, likewise.
[[nodiscard]] std::uint32_t false_scram_share(std::string_view key, const Name& name);

[[nodiscard]] ScramKey hmac_sha256(std::string_view key, std::string_view message);
[[nodiscard]] ScramKey sha256(std::string_view bytes);
[[nodiscard]] std::string_view as_bytes(const ScramKey& key);

// RFC 4648 section 4, padded, nothing else between.
[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> read_base64(std::string_view text);

// A login by SCRAM, from the client's name on.
struct ScramLogin {
  Name name;  // rewritten
  LoginClient client = {};
  CustomerShare share = kOwnShare;
  std::span<const std::uint8_t> backends = {};  // as Credentials::backends; outlives the login
  ScramKeys keys = {};                          // that the client was asked to prove
};

}  // namespace sluice::auth
