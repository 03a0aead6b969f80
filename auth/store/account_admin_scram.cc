// The part of AccountAdmin about keys for SCRAM.
#include <utility>

#include "auth/store/account_admin.h"
#include "auth/store/scram_derivation.h"

namespace sluice::auth {

StoreResult<std::optional<ScramKeys>> AccountAdmin::scram_keys(const Secret& password) const {
  if (scram_iterations_ == 0) return std::nullopt;
  auto keys = make_scram_keys(password, scram_iterations_);
  if (!keys) return std::unexpected(keys.error());
  return *std::move(keys);
}

// In one transaction with the password: keys of another one would let that log in.
StoreResult<> AccountAdmin::write_scram(const std::string& account, const std::optional<ScramKeys>& keys) {
  std::optional<std::string> text;
  std::optional<std::int64_t> iterations;
  if (keys) {
    text = scram_text(*keys);
    iterations = keys->iterations;
  }
  return database_->run("UPDATE account SET scram = $1, scram_iterations = $2 WHERE name = $3",
                        {Bound::or_null(text), Bound::or_null(iterations), account});
}

}  // namespace sluice::auth
