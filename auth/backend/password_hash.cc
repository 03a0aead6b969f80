#include "auth/backend/password_hash.h"

#include <sodium.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "engine/base/check.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kBytesInKibibyte = 1024;

// "$argon2id$v=19$m=19456,t=2,p=1$salt$digest": memory in KiB, passes, one lane, base64 without
// padding.
struct StoredHash {
  HashCost cost;
  std::array<unsigned char, crypto_pwhash_SALTBYTES> salt{};
  std::array<unsigned char, kDigestBytes> digest{};
};

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool take_number(std::string_view& text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc();
}

template <std::size_t Size>
bool decode(std::string_view text, std::array<unsigned char, Size>& bytes) {
  std::size_t size = 0;
  const char* end = nullptr;
  return sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, &end,
                           sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
         size == Size && end == text.data() + text.size();
}

std::optional<StoredHash> parse(std::string_view text) {
  StoredHash stored;
  std::uint32_t kibibytes = 0;
  std::uint32_t passes = 0;
  const bool head = take(text, "$argon2id$v=19$m=") && take_number(text, kibibytes) && take(text, ",t=") &&
                    take_number(text, passes) && take(text, ",p=1$");
  const std::size_t dollar = text.find('$');
  if (!head || dollar == std::string_view::npos) return std::nullopt;
  if (!decode(text.substr(0, dollar), stored.salt) || !decode(text.substr(dollar + 1), stored.digest)) {
    return std::nullopt;
  }
  stored.cost = {.passes = passes, .memory_bytes = kibibytes * kBytesInKibibyte};
  return stored;
}

}  // namespace

StoreResult<std::unique_ptr<PasswordHasher>> PasswordHasher::create(const HashCost& cost) {
  if (sodium_init() < 0)
    return store_error(StoreError::Kind::failed, "libsodium cannot start: no source of randomness");
  std::unique_ptr<PasswordHasher> hasher(new PasswordHasher(cost));
  // Of any password: the outcome of a check against it is not looked at.
  std::optional<Secret> secret = Secret::make("a password of nobody");
  CHECK(secret.has_value());
  StoreResult<std::string> of_no_account = hasher->hash(*secret);
  if (!of_no_account) return std::unexpected(of_no_account.error());
  hasher->of_no_account_ = *std::move(of_no_account);
  CHECK(parse(hasher->of_no_account_).has_value());
  return hasher;
}

StoreResult<std::string> PasswordHasher::hash(const Secret& secret) const {
  std::array<char, crypto_pwhash_STRBYTES> made{};
  const std::string_view bytes = secret.reveal();
  if (crypto_pwhash_str_alg(made.data(), bytes.data(), bytes.size(), cost_.passes, cost_.memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return store_error(StoreError::Kind::failed,
                       "a password hash could not be made: not enough memory, or a cost out of range");
  }
  return std::string(made.data());
}

// Not crypto_pwhash_str_verify(): when it gets no memory it says the same as for a wrong password.
PasswordMatch PasswordHasher::match(const std::string& stored_text, const Secret& secret) const {
  matches_.fetch_add(1, std::memory_order_relaxed);
  const std::optional<StoredHash> stored = parse(stored_text);
  if (!stored) return PasswordMatch::unknown;
  std::array<unsigned char, kDigestBytes> digest{};
  const std::string_view bytes = secret.reveal();
  if (crypto_pwhash(digest.data(), digest.size(), bytes.data(), bytes.size(), stored->salt.data(), stored->cost.passes,
                    stored->cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return PasswordMatch::unknown;
  }
  const bool equal = sodium_memcmp(digest.data(), stored->digest.data(), digest.size()) == 0;
  return equal ? PasswordMatch::right : PasswordMatch::wrong;
}

void PasswordHasher::match_nothing(const Secret& secret) const { static_cast<void>(match(of_no_account_, secret)); }

bool PasswordHasher::outdated(const std::string& stored_text) const {
  const std::optional<StoredHash> stored = parse(stored_text);
  return stored && (stored->cost.passes != cost_.passes || stored->cost.memory_bytes != cost_.memory_bytes);
}

}  // namespace sluice::auth
