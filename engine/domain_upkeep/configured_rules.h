// What [dkim] says of domains' keys, in the forms in which it is needed: for the relay and for sluicectl alike.  Any
// thread.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/base/network.h"
#include "engine/config/domain_keys.h"
#include "engine/domain_keys/dns_records.h"
#include "engine/domain_keys/key_life.h"
#include "engine/domain_upkeep/domain_state.h"
#include "engine/domain_upkeep/zone_sending.h"

namespace sluice::domain_upkeep {

[[nodiscard]] domain_keys::LifeRules life_rules(const config::DomainKeysConfig& keys);
[[nodiscard]] domain_keys::RecordRules record_rules(const config::DomainKeysConfig& keys);
// From which mail leaves; none: they are not known.
[[nodiscard]] std::vector<IpBytes> sending_addresses(const config::DomainKeysConfig& keys);
// Which records make a domain failing.
[[nodiscard]] JudgedRecords judged_records(const config::DomainKeysConfig& keys);
// Reads the key's file.  The error is a sentence that names the setting.
[[nodiscard]] std::expected<ZoneSendingRules, std::string> sending_rules(const config::DomainKeysConfig& keys);

}  // namespace sluice::domain_upkeep
