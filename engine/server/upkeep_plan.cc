#include "engine/server/upkeep_plan.h"

#include <chrono>
#include <utility>

#include "auth/backend/store_server.h"

namespace sluice::server {
namespace {

WallMillis whole_millis(Duration span) { return std::chrono::duration_cast<std::chrono::milliseconds>(span).count(); }

domain_upkeep::UpkeepRules upkeep_rules(const config::Config& config) {
  const config::DomainKeysConfig& keys = config.dkim.domain_keys;
  return {.check_every = keys.check_every,
          .life = {.selector_prefix = keys.selector_prefix,
                   .record_ttl = whole_millis(keys.record_ttl),
                   .retire_after = whole_millis(keys.retire_after),
                   .rotate_after = whole_millis(keys.rotate_every),
                   .looked_for = keys.check_every > Duration::zero()},
          .proof_label = keys.proof_label,
          .helo = config.server.hostname};
}

domain_upkeep::ZoneFileRules zone_rules(const config::DomainKeysConfig& keys) {
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(keys.record_ttl);
  return {.path = keys.zone_file,
          .records = {.selector_prefix = keys.selector_prefix,
                      .zone = keys.zone,
                      .spf_include = keys.spf_include,
                      .ttl_s = static_cast<std::uint32_t>(ttl.count())},
          .name_servers = keys.zone_name_servers};
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
  if (keys.rotate_every > Duration::zero() && address->server != nullptr && !wrapper->seals())
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
