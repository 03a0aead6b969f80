// Schemes whose hashes libcrypto computes: a digest with or without a salt behind it, and PBKDF2.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "auth/store/scheme_table.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kSaltBytesMax = 1024;
using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

std::string_view as_text(const Digest& digest, std::size_t size) {
  return {reinterpret_cast<const char*>(digest.data()), size};
}

struct Pbkdf2 {
  std::string salt;
  std::uint32_t rounds = 0;
  std::string digest;
};

// Dovecot's "$1$salt$rounds$hex", the salt as it stands there.
std::optional<Pbkdf2> read_dovecot(std::string_view text) {
  std::uint32_t rounds = 0;
  const auto salt = take_text(text, "$1$") ? take_field(text) : std::nullopt;
  if (!salt || !take_number(text, rounds) || !take_text(text, "$")) return std::nullopt;
  auto digest = decoded(text, Encoding::hex);
  if (!digest) return std::nullopt;
  return Pbkdf2{.salt = std::string(*salt), .rounds = rounds, .digest = *std::move(digest)};
}

// passlib's "$pbkdf2-sha256$rounds$salt$digest", in base64 with "." for "+" and without padding.
std::optional<Pbkdf2> read_passlib(const PasswordScheme& scheme, std::string_view text) {
  const auto bytes = [](std::string_view field) -> std::optional<std::string> {
    if (field.find_first_of("+=") != std::string_view::npos) return std::nullopt;
    std::string usual(field);
    std::ranges::replace(usual, '.', '+');
    return decoded(usual, Encoding::base64);
  };
  std::uint32_t rounds = 0;
  if (!take_text(text, scheme.begin) || !take_number(text, rounds) || !take_text(text, "$")) return std::nullopt;
  const auto field = take_field(text);
  auto salt = field ? bytes(*field) : std::nullopt;
  auto digest = bytes(text);
  if (!salt || !digest) return std::nullopt;
  return Pbkdf2{.salt = *std::move(salt), .rounds = rounds, .digest = *std::move(digest)};
}

std::optional<Pbkdf2> read_pbkdf2(const PasswordScheme& scheme, std::string_view text) {
  auto read = scheme.begin.empty() ? read_dovecot(text) : read_passlib(scheme, text);
  const bool fits = read && read->rounds > 0 && read->rounds <= std::numeric_limits<int>::max() &&
                    read->salt.size() <= kSaltBytesMax && read->digest.size() == scheme.digest;
  return fits ? std::move(read) : std::nullopt;
}

}  // namespace

SchemeCost digest_cost(const PasswordScheme& scheme, std::string_view bytes) {
  const bool fits = scheme.salted ? bytes.size() > scheme.digest && bytes.size() <= scheme.digest + kSaltBytesMax
                                  : bytes.size() == scheme.digest;
  if (!fits) return std::unexpected(kDamaged);
  return CheckCost{.microseconds = 1};
}

SchemeMatch match_digest(const PasswordScheme& scheme, std::string_view bytes, const Secret& secret) {
  std::array<char, kSecretBytesMax + kSaltBytesMax> salted{};
  const std::string_view salt = bytes.substr(scheme.digest);
  std::ranges::copy(salt, std::ranges::copy(secret.reveal(), salted.begin()).out);
  Digest digest{};
  const int made = EVP_Digest(salted.data(), secret.reveal().size() + salt.size(), digest.data(), nullptr,
                              EVP_get_digestbyname(scheme.hash), nullptr);
  wipe_bytes(salted.data(), salted.size());
  if (made != 1) return {.match = PasswordMatch::unknown, .reason = kNoMemory};
  return compare(bytes.substr(0, scheme.digest), as_text(digest, scheme.digest));
}

SchemeCost plain_cost(const PasswordScheme& /*scheme*/, std::string_view bytes) {
  if (bytes.empty()) return std::unexpected("it is empty");
  return CheckCost{};
}

// By their digests, so that the time does not tell how long the right one is.
SchemeMatch match_plain(const PasswordScheme& /*scheme*/, std::string_view bytes, const Secret& secret) {
  Digest stored{};
  Digest given{};
  const std::string_view text = secret.reveal();
  if (EVP_Digest(bytes.data(), bytes.size(), stored.data(), nullptr, EVP_sha512(), nullptr) != 1 ||
      EVP_Digest(text.data(), text.size(), given.data(), nullptr, EVP_sha512(), nullptr) != 1)
    return {.match = PasswordMatch::unknown, .reason = kNoMemory};
  const SchemeMatch match = compare(as_text(stored, stored.size()), as_text(given, given.size()));
  wipe_bytes(stored.data(), stored.size());
  wipe_bytes(given.data(), given.size());
  return match;
}

SchemeCost pbkdf2_cost(const PasswordScheme& scheme, std::string_view text) {
  const auto read = read_pbkdf2(scheme, text);
  if (!read) return std::unexpected(kDamaged);
  return CheckCost{.microseconds = read->rounds * scheme.unit_ns / kNanosecondsInMicrosecond};
}

SchemeMatch match_pbkdf2(const PasswordScheme& scheme, std::string_view text, const Secret& secret) {
  const auto read = read_pbkdf2(scheme, text);
  if (!read) return {.match = PasswordMatch::unknown, .reason = kDamaged};
  const std::string_view phrase = secret.reveal();
  Digest digest{};
  const int made = PKCS5_PBKDF2_HMAC(phrase.data(), static_cast<int>(phrase.size()),
                                     reinterpret_cast<const unsigned char*>(read->salt.data()),
                                     static_cast<int>(read->salt.size()), static_cast<int>(read->rounds),
                                     EVP_get_digestbyname(scheme.hash), static_cast<int>(scheme.digest), digest.data());
  if (made != 1) return {.match = PasswordMatch::unknown, .reason = kNoMemory};
  return compare(read->digest, as_text(digest, scheme.digest));
}

}  // namespace sluice::auth
