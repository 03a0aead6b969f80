// What a row of the table of password schemes says, and the families of functions that rows name.  A family has a
// function that reads the parameters of a text without working, and one that checks a secret against it.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "auth/secret.h"
#include "auth/store/password_scheme.h"

namespace sluice::auth {

inline constexpr std::uint64_t kBytesInKibibyte = 1024;
inline constexpr std::uint64_t kNanosecondsInMicrosecond = 1000;

// Or why the text is none of the scheme.
struct CheckCost {
  std::uint64_t memory_bytes = 0;
  std::uint64_t microseconds = 0;
};
using SchemeCost = std::expected<CheckCost, std::string_view>;

// How bytes are written in a text.
enum class Encoding : std::uint8_t { none, base64, hex };

struct PasswordScheme {
  std::string_view name;   // in braces in front of the text
  std::string_view begin;  // of a text that needs no name; empty: it does
  SchemeCost (*cost)(const PasswordScheme& scheme, std::string_view text) = nullptr;
  // Of a text whose cost was found to be bearable.
  SchemeMatch (*match)(const PasswordScheme& scheme, std::string_view text, const Secret& secret) = nullptr;
  std::size_t digest = 0;      // characters of it in a text of libcrypt or libaprutil; bytes of it elsewhere
  const char* hash = nullptr;  // libcrypto's name
  std::uint64_t unit_ns = 0;   // what one round costs, or one KiB of memory once filled
  bool salted = false;         // a digest is followed by its salt
  bool of_crypt = false;       // {CRYPT} may stand in front of it
};

inline constexpr SchemeMatch kRight{.match = PasswordMatch::right, .reason = {}};
inline constexpr SchemeMatch kWrong{.match = PasswordMatch::wrong, .reason = {}};
inline constexpr std::string_view kDamaged = "it is damaged, or not of the scheme that it names";
inline constexpr std::string_view kNoMemory = "there was no memory for it";

[[nodiscard]] bool take_text(std::string_view& text, std::string_view expected);
// Decimal, not negative, at least one digit.
[[nodiscard]] bool take_number(std::string_view& text, std::uint32_t& number);
// Up to the next "$", which is taken too.
[[nodiscard]] std::optional<std::string_view> take_field(std::string_view& text);
[[nodiscard]] SchemeMatch compare(std::string_view stored, std::string_view computed);
// Nothing where it is not written so.
[[nodiscard]] std::optional<std::string> decoded(std::string_view text, Encoding encoding);

// scheme_argon2.cc
[[nodiscard]] SchemeCost argon2_cost(const PasswordScheme& scheme, std::string_view text);
[[nodiscard]] SchemeMatch match_argon2(const PasswordScheme& scheme, std::string_view text, const Secret& secret);
// A new hash; nothing: there is no memory for it, or the cost is out of range.
[[nodiscard]] std::optional<std::string> new_argon2id(std::uint32_t kibibytes, std::uint32_t passes,
                                                      const Secret& secret);
// scheme_crypt.cc: what libcrypt and libaprutil compute.
[[nodiscard]] SchemeCost bcrypt_cost(const PasswordScheme& scheme, std::string_view text);
[[nodiscard]] SchemeCost sha_crypt_cost(const PasswordScheme& scheme, std::string_view text);
[[nodiscard]] SchemeCost md5_crypt_cost(const PasswordScheme& scheme, std::string_view text);
[[nodiscard]] SchemeCost yescrypt_cost(const PasswordScheme& scheme, std::string_view text);
[[nodiscard]] SchemeMatch match_crypt(const PasswordScheme& scheme, std::string_view text, const Secret& secret);
[[nodiscard]] SchemeMatch match_apr1(const PasswordScheme& scheme, std::string_view text, const Secret& secret);
// scheme_digest.cc: what libcrypto computes.  Texts of digests are bytes, decoded.
[[nodiscard]] SchemeCost digest_cost(const PasswordScheme& scheme, std::string_view bytes);
[[nodiscard]] SchemeMatch match_digest(const PasswordScheme& scheme, std::string_view bytes, const Secret& secret);
[[nodiscard]] SchemeCost plain_cost(const PasswordScheme& scheme, std::string_view bytes);
[[nodiscard]] SchemeMatch match_plain(const PasswordScheme& scheme, std::string_view bytes, const Secret& secret);
[[nodiscard]] SchemeCost pbkdf2_cost(const PasswordScheme& scheme, std::string_view text);
[[nodiscard]] SchemeMatch match_pbkdf2(const PasswordScheme& scheme, std::string_view text, const Secret& secret);

}  // namespace sluice::auth
