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
          .helo = config.server.hostname,
          .addresses = domain_upkeep::sending_addresses(keys),
          .judged = domain_upkeep::judged_records(keys)};
}

std::expected<domain_upkeep::ZoneRules, std::string> zone_rules(const config::DomainKeysConfig& keys) {
  auto sending = domain_upkeep::sending_rules(keys);
  if (!sending) return std::unexpected(std::move(sending.error()));
  return domain_upkeep::ZoneRules{.path = keys.zone_file,
                                  .sending = *std::move(sending),
                                  .records = domain_upkeep::record_rules(keys),
                                  .name_servers = keys.zone_name_servers};
}

}  // namespace

std::expected<std::shared_ptr<const UpkeepPlan>, std::string> make_upkeep_plan(const config::Config& config) {
  const config::DomainKeysConfig& keys = config.dkim.domain_keys;
  const bool checks = keys.check_every > Duration::zero();
  const bool keeps_zone = !keys.zone_file.empty() || !keys.zone_update.empty();
  if (!config.dkim.enabled || (!checks && !keeps_zone)) return nullptr;
  auto wrapper = domain_keys::KeyWrapper::configured(keys.wrapping_key_file);
  if (!wrapper) return std::unexpected(std::move(wrapper.error()));
  auto address = auth::store_address_of(config.store.accounts, config.store.server);
  if (!address) return std::unexpected(std::move(address.error()));
  if (keys.rotate_every > Duration::zero() && !domain_keys::may_keep_keys(*address, *wrapper))
    return std::unexpected(
        "dkim.rotate_every_s: dkim.wrapping_key_file is not set, and keys in PostgreSQL are always sealed; make one "
        "with: openssl rand -base64 32");
  auto zone = zone_rules(keys);
  if (!zone) return std::unexpected(std::move(zone.error()));
  return std::make_shared<const UpkeepPlan>(UpkeepPlan{.store = *std::move(address),
                                                       .wrapper = *std::move(wrapper),
                                                       .checks = checks,
                                                       .rules = upkeep_rules(config),
                                                       .zone = *std::move(zone)});
}

}  // namespace sluice::server
