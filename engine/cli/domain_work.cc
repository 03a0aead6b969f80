#include "engine/cli/domain_work.h"

#include <utility>

#include "engine/domain_upkeep/configured_rules.h"

namespace sluice::cli {
domain_keys::LifeRules life_rules(const AccountCommandWorld& world) {
  return domain_upkeep::life_rules(world.settings.domain_keys);
}

domain_keys::RecordRules record_rules(const AccountCommandWorld& world) {
  return domain_upkeep::record_rules(world.settings.domain_keys);
}

std::string proof_label(const AccountCommandWorld& world) {
  const config::DomainKeysConfig& keys = world.settings.domain_keys;
  return keys.proof_label;
}

auth::StoreResult<KeyStore> enter_key_store(const AccountCommandWorld& world) {
  const config::DomainKeysConfig& keys = world.settings.domain_keys;
  auto wrapper = domain_keys::KeyWrapper::configured(keys.wrapping_key_file);
  if (!wrapper) return key_refusal(wrapper.error());
  auto address = configured_store(world);
  if (!address) return key_refusal(address.error());
  return KeyStore{.address = *std::move(address), .wrapper = *std::move(wrapper)};
}

auth::StoreResult<> check_takes_keys(const KeyStore& store) {
  if (domain_keys::may_keep_keys(store.address, store.wrapper)) return {};
  return key_refusal("dkim.wrapping_key_file is not set, and keys in " + store.address.to_string() +
                     " are always sealed; make one with: openssl rand -base64 32");
}

auth::StoreResult<std::unique_ptr<auth::SigningKeyAdmin>> open_key_admin(const AccountCommandWorld& world) {
  const auto address = configured_store(world);
  if (!address) return key_refusal(address.error());
  return auth::SigningKeyAdmin::open(*address);
}

}  // namespace sluice::cli
