// What [dkim] says of domains' keys, in the forms in which it is needed: for the relay and for sluicectl alike.  Pure.
// Any thread.
#pragma once

#include "engine/config/domain_keys.h"
#include "engine/domain_keys/dns_records.h"
#include "engine/domain_keys/key_life.h"

namespace sluice::domain_upkeep {

[[nodiscard]] domain_keys::LifeRules life_rules(const config::DomainKeysConfig& keys);
[[nodiscard]] domain_keys::RecordRules record_rules(const config::DomainKeysConfig& keys);

}  // namespace sluice::domain_upkeep
