#include "engine/cli/domain_work.h"

#include <chrono>
#include <utility>

namespace sluice::cli {
namespace {

WallMillis millis_of(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

domain_keys::LifeRules life_rules(const AccountCommandWorld& world) {
  const config::DomainKeysConfig& keys = world.settings.domain_keys;
  return {.selector_prefix = keys.selector_prefix,
          .record_ttl = millis_of(keys.record_ttl),
          .retire_after = millis_of(keys.retire_after),
          .rotate_after = millis_of(keys.rotate_every),
          .looked_for = keys.check_every > Duration::zero()};
}

domain_keys::RecordRules record_rules(const AccountCommandWorld& world) {
  const config::DomainKeysConfig& keys = world.settings.domain_keys;
  return {
      .selector_prefix = keys.selector_prefix,
      .zone = keys.zone,
      .spf_include = keys.spf_include,
      .ttl_s = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(keys.record_ttl).count())};
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
  if (store.address.server == nullptr || store.wrapper.seals()) return {};
  return key_refusal("dkim.wrapping_key_file is not set, and keys in " + store.address.to_string() +
                     " are always sealed; make one with: openssl rand -base64 32");
}

auth::StoreResult<std::unique_ptr<auth::SigningKeyAdmin>> open_key_admin(const AccountCommandWorld& world) {
  const auto address = configured_store(world);
  if (!address) return key_refusal(address.error());
  return auth::SigningKeyAdmin::open(*address);
}

}  // namespace sluice::cli
