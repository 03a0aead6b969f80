// What the commands about domains' keys have in common: the settings in the forms in which they are needed, and the
// order in which things are opened.  One thread.
#pragma once

#include <functional>
#include <string>

#include "auth/store/signing_key_admin.h"
#include "engine/cli/accounts.h"
#include "engine/domain_keys/dns_records.h"
#include "engine/domain_keys/key_life.h"
#include "engine/domain_keys/key_wrapper.h"
#include "engine/domain_keys/new_key.h"

namespace sluice::cli {

[[nodiscard]] domain_keys::LifeRules life_rules(const AccountCommandWorld& world);
[[nodiscard]] domain_keys::RecordRules record_rules(const AccountCommandWorld& world);
// The name below a domain at which its proof is.
[[nodiscard]] std::string proof_label(const AccountCommandWorld& world);

// A store with keys in it, and what they are sealed with.
struct KeyStore {
  auth::StoreAddress address;
  domain_keys::KeyWrapper wrapper;
  // What new keys are put into it with.
  [[nodiscard]] domain_keys::KeyStorage storage(const AccountCommandWorld& world) const {
    return {.wrapper = wrapper, .random = world.random, .now = world.clock.wall()};
  }
};

// The configured store, entered.  Files that the caller alone may read are read before: dkim.wrapping_key_file here.
[[nodiscard]] auth::StoreResult<KeyStore> enter_key_store(const AccountCommandWorld& world);
// Refused where keys would be put into a store that takes none that are not sealed.
[[nodiscard]] auth::StoreResult<> check_takes_keys(const KeyStore& store);
// The store of a command that needs no private key.
[[nodiscard]] auth::StoreResult<std::unique_ptr<auth::SigningKeyAdmin>> open_key_admin(
    const AccountCommandWorld& world);

[[nodiscard]] inline std::unexpected<auth::StoreError> key_refusal(std::string what) {
  return auth::store_error(auth::StoreError::Kind::refused, std::move(what));
}

}  // namespace sluice::cli
