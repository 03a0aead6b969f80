#include "auth/store/password_hash.h"

#include <sodium.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "auth/store/scheme_table.h"
#include "engine/base/check.h"

namespace sluice::auth {

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
  return hasher;
}

StoreResult<std::string> PasswordHasher::hash(const Secret& secret) const {
  std::optional<std::string> made;
  if (cost_.memory_bytes / kBytesInKibibyte <= std::numeric_limits<std::uint32_t>::max() &&
      cost_.passes <= std::numeric_limits<std::uint32_t>::max())
    made = new_argon2id(static_cast<std::uint32_t>(cost_.memory_bytes / kBytesInKibibyte),
                        static_cast<std::uint32_t>(cost_.passes), secret);
  if (!made)
    return store_error(StoreError::Kind::failed,
                       "a password hash could not be made: not enough memory, or a cost out of range");
  return *std::move(made);
}

SchemeMatch PasswordHasher::match(const std::string& stored_text, const Secret& secret) const {
  matches_.fetch_add(1, std::memory_order_relaxed);
  return match_password(stored_text, secret, PlainPasswords::refused);
}

void PasswordHasher::match_nothing(const Secret& secret) const { static_cast<void>(match(of_no_account_, secret)); }

bool PasswordHasher::outdated(const std::string& stored_text) const {
  return !stored_text.starts_with(
      absl::StrCat("$argon2id$v=19$m=", cost_.memory_bytes / kBytesInKibibyte, ",t=", cost_.passes, ",p=1$"));
}

}  // namespace sluice::auth
