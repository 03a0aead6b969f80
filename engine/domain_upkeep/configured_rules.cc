#include "engine/domain_upkeep/configured_rules.h"

#include <chrono>
#include <cstdint>

#include "engine/domain_upkeep/pace.h"

namespace sluice::domain_upkeep {

domain_keys::LifeRules life_rules(const config::DomainKeysConfig& keys) {
  return {.selector_prefix = keys.selector_prefix,
          .record_ttl = in_millis(keys.record_ttl),
          .retire_after = in_millis(keys.retire_after),
          .rotate_after = in_millis(keys.rotate_every),
          .looked_for = keys.check_every > Duration::zero()};
}

domain_keys::RecordRules record_rules(const config::DomainKeysConfig& keys) {
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(keys.record_ttl);
  return {.selector_prefix = keys.selector_prefix,
          .zone = keys.zone,
          .spf_include = keys.spf_include,
          .ttl_s = static_cast<std::uint32_t>(ttl.count())};
}

}  // namespace sluice::domain_upkeep
