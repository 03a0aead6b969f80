// Schemes of crypt(3): "$6$rounds=5000$salt$digest" and its like.  A text's own digest is compared with that which the
// library computes from the rest of the text.
#include <apr_md5.h>
#include <crypt.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "auth/store/scheme_table.h"

namespace sluice::auth {
namespace {

// The alphabet of crypt's own base64, in the order of its values.
constexpr std::string_view kDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_coded(std::string_view text) { return text.find_first_not_of(kDigits) == std::string_view::npos; }

// Salts are bytes of any printable kind but those that end a field somewhere.
bool is_salt(std::string_view text, std::size_t bytes_max) {
  return text.size() <= bytes_max && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != ':'; });
}

bool is_digest(const PasswordScheme& scheme, std::string_view text) {
  return text.size() == scheme.digest && is_coded(text);
}

// A secret as the libraries take it, wiped when it goes.
class Terminated {
 public:
  explicit Terminated(std::string_view text) { std::ranges::copy(text.substr(0, bytes_.size() - 1), bytes_.begin()); }
  ~Terminated() { wipe_bytes(bytes_.data(), bytes_.size()); }
  Terminated(const Terminated&) = delete;
  Terminated& operator=(const Terminated&) = delete;
  [[nodiscard]] const char* text() const { return bytes_.data(); }

 private:
  std::array<char, kSecretBytesMax + 1> bytes_{};
};

// libcrypt's scratch memory has what a secret became.
struct Scratch {
  crypt_data data{};
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { wipe_bytes(&data, sizeof data); }
};

std::string_view last_of(std::string_view text, std::size_t size) {
  return text.substr(text.size() - std::min(size, text.size()));
}

// yescrypt's numbers: a first character that says how many follow, then six bits each (libxcrypt,
// alg-yescrypt-common.c, decode64_uint32).
bool take_yescrypt_number(std::string_view& text, std::uint32_t least, std::uint32_t& number) {
  constexpr std::uint32_t kBits = 6;
  const auto next = [&](std::uint32_t& value) {
    const std::size_t at = text.empty() ? std::string_view::npos : kDigits.find(text.front());
    if (at == std::string_view::npos) return false;
    text.remove_prefix(1);
    value = static_cast<std::uint32_t>(at);
    return true;
  };
  std::uint32_t digit = 0;
  if (!next(digit)) return false;
  std::uint32_t start = 0;
  std::uint32_t end = 47;
  std::uint32_t bits = 0;
  std::uint32_t more = 0;
  number = least;
  while (digit > end) {
    number += (end + 1 - start) << bits;
    start = end + 1;
    end = start + (62 - end) / 2;
    ++more;
    bits += kBits;
  }
  number += (digit - start) << bits;
  for (; more > 0; --more) {
    if (!next(digit)) return false;
    bits -= kBits;
    number += digit << bits;
  }
  return true;
}

}  // namespace

// "$2y$10$", 22 characters of salt and 31 of the digest.
SchemeCost bcrypt_cost(const PasswordScheme& scheme, std::string_view text) {
  constexpr std::size_t kSaltAndDigest = 53;
  constexpr std::uint32_t kExponentMin = 4;
  constexpr std::uint32_t kExponentMax = 31;
  const bool begun = take_text(text, "$2a$") || take_text(text, "$2b$") || take_text(text, "$2y$");
  const bool two_digits = text.size() > 2 && text[2] == '$' && text[0] >= '0' && text[0] <= '3';
  std::uint32_t exponent = 0;
  if (!begun || !two_digits || !take_number(text, exponent) || !take_text(text, "$")) return std::unexpected(kDamaged);
  if (exponent < kExponentMin || exponent > kExponentMax || text.size() != kSaltAndDigest || !is_coded(text))
    return std::unexpected(kDamaged);
  return CheckCost{.microseconds = (scheme.unit_ns << exponent) / kNanosecondsInMicrosecond};
}

SchemeCost sha_crypt_cost(const PasswordScheme& scheme, std::string_view text) {
  constexpr std::uint32_t kRoundsMin = 1000;  // fewer, and more, are written as what is computed
  constexpr std::uint32_t kRoundsMax = 999'999'999;
  constexpr std::size_t kSaltMax = 16;
  std::uint32_t rounds = 5000;
  if (!take_text(text, scheme.begin)) return std::unexpected(kDamaged);
  if (take_text(text, "rounds=") && (!take_number(text, rounds) || !take_text(text, "$")))
    return std::unexpected(kDamaged);
  const auto salt = take_field(text);
  if (rounds < kRoundsMin || rounds > kRoundsMax || !salt || !is_salt(*salt, kSaltMax) || !is_digest(scheme, text))
    return std::unexpected(kDamaged);
  return CheckCost{.microseconds = rounds * scheme.unit_ns / kNanosecondsInMicrosecond};
}

// Always a thousand rounds.
SchemeCost md5_crypt_cost(const PasswordScheme& scheme, std::string_view text) {
  constexpr std::size_t kSaltMax = 8;
  constexpr std::uint64_t kMicroseconds = 500;
  const auto salt = take_text(text, scheme.begin) ? take_field(text) : std::nullopt;
  if (!salt || !is_salt(*salt, kSaltMax) || !is_digest(scheme, text)) return std::unexpected(kDamaged);
  return CheckCost{.microseconds = kMicroseconds};
}

// "$y$", flavor, log2 of N, r, perhaps a set of further parameters, "$salt$digest".
SchemeCost yescrypt_cost(const PasswordScheme& scheme, std::string_view text) {
  constexpr std::uint32_t kHasLanes = 1;
  constexpr std::uint32_t kHasTime = 2;
  constexpr std::uint32_t kHasUpgrades = 4;  // g and NROM: hashes of tables that no crypt(3) checks
  constexpr std::uint32_t kLog2Max = 30;
  constexpr std::uint32_t kBlocksMax = 1 << 20;
  constexpr std::uint32_t kFactorMax = 1000;
  constexpr std::size_t kSaltMax = 86;
  constexpr std::uint64_t kBytesInBlock = 128;
  std::uint32_t flavor = 0;
  std::uint32_t log2 = 0;
  std::uint32_t blocks = 0;
  if (!take_text(text, scheme.begin) || !take_yescrypt_number(text, 0, flavor) ||
      !take_yescrypt_number(text, 1, log2) || !take_yescrypt_number(text, 1, blocks))
    return std::unexpected(kDamaged);
  std::uint32_t lanes = 1;
  std::uint32_t time = 0;
  if (!text.starts_with('$')) {
    std::uint32_t has = 0;
    if (!take_yescrypt_number(text, 1, has) || has >= kHasUpgrades ||
        ((has & kHasLanes) != 0 && !take_yescrypt_number(text, 2, lanes)) ||
        ((has & kHasTime) != 0 && !take_yescrypt_number(text, 1, time)))
      return std::unexpected(kDamaged);
  }
  if (!take_text(text, "$")) return std::unexpected(kDamaged);
  const auto salt = take_field(text);
  if (!salt || salt->size() > kSaltMax || !is_coded(*salt) || !is_digest(scheme, text) || log2 > kLog2Max ||
      blocks > kBlocksMax || lanes > kFactorMax || time > kFactorMax)
    return std::unexpected(kDamaged);
  const std::uint64_t bytes = (kBytesInBlock * blocks << log2) * lanes;
  return CheckCost{.memory_bytes = bytes,
                   .microseconds = bytes / kBytesInKibibyte * (1 + time) * scheme.unit_ns / kNanosecondsInMicrosecond};
}

SchemeMatch match_crypt(const PasswordScheme& scheme, std::string_view text, const Secret& secret) {
  // libcrypt hashes no longer one, so that a longer one is that of no hash: it takes the same time, and is wrong.
  const bool fits = secret.reveal().size() < CRYPT_MAX_PASSPHRASE_SIZE;
  const Terminated phrase(secret.reveal().substr(0, CRYPT_MAX_PASSPHRASE_SIZE - 1));
  const std::string setting(text);
  const auto scratch = std::make_unique<Scratch>();
  const char* const made = crypt_rn(phrase.text(), setting.c_str(), &scratch->data, sizeof scratch->data);
  if (made == nullptr) return {.match = PasswordMatch::unknown, .reason = kNoMemory};
  const SchemeMatch match = compare(last_of(text, scheme.digest), last_of(made, scheme.digest));
  return fits ? match : kWrong;
}

SchemeMatch match_apr1(const PasswordScheme& scheme, std::string_view text, const Secret& secret) {
  constexpr std::size_t kTextBytesMax = 120;  // as apr_password_validate() has it
  const Terminated phrase(secret.reveal());
  const std::string setting(text);
  std::array<char, kTextBytesMax> made{};
  if (apr_md5_encode(phrase.text(), setting.c_str(), made.data(), made.size()) != 0)
    return {.match = PasswordMatch::unknown, .reason = kDamaged};
  return compare(last_of(text, scheme.digest), last_of(made.data(), scheme.digest));
}

}  // namespace sluice::auth
