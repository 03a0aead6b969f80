#include "engine/server/upkeep_plan.h"

#include <utility>

#include "auth/backend/store_server.h"
#include "engine/domain_upkeep/configured_rules.h"

namespace sluice::server {
namespace {

domain_upkeep::UpkeepRules upkeep_rules(const config::Config& config) {
  const config::DomainKeysConfig& keys = config.dkim.domain_keys;
  return {.check_every = keys.check_every,
          .life = domain_upkeep::life_rules(keys),
          .proof_label = keys.proof_label,
          .helo = config.server.hostname};
}

domain_upkeep::ZoneFileRules zone_rules(const config::DomainKeysConfig& keys) {
  return {.path = keys.zone_file, .records = domain_upkeep::record_rules(keys), .name_servers = keys.zone_name_servers};
}

}  // namespace

std::expected<std::shared_ptr<const UpkeepPlan>, std::string> make_upkeep_plan(const config::Config& config) {
  const config::DomainKeysConfig& keys = config.dkim.domain_keys;
  const bool checks = keys.check_every > Duration::zero();
  if (!config.dkim.enabled || (!checks && keys.zone_file.empty())) return nullptr;
  auto wrapper = domain_keys::KeyWrapper::configured(keys.wrapping_key_file);
  if (!wrapper) return std::unexpected(std::move(wrapper.error()));
  auto address = auth::store_address_of(config.store.accounts, config.store.server);
  if (!address) return std::unexpected(std::move(address.error()));
  if (keys.rotate_every > Duration::zero() && !domain_keys::may_keep_keys(*address, *wrapper))
    return std::unexpected(
        "dkim.rotate_every_s: dkim.wrapping_key_file is not set, and keys in PostgreSQL are always sealed; make one "
        "with: openssl rand -base64 32");
  return std::make_shared<const UpkeepPlan>(UpkeepPlan{.store = *std::move(address),
                                                       .wrapper = *std::move(wrapper),
                                                       .checks = checks,
                                                       .rules = upkeep_rules(config),
                                                       .zone = zone_rules(keys)});
}

}  // namespace sluice::server
