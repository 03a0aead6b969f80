#include "engine/domain_upkeep/configured_rules.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

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

std::vector<IpBytes> sending_addresses(const config::DomainKeysConfig& keys) {
  std::vector<IpBytes> addresses;
  for (const std::string& text : keys.sending_addresses)
    if (const auto address = parse_ip(text)) addresses.push_back(*address);
  return addresses;
}

JudgedRecords judged_records(const config::DomainKeysConfig& keys) {
  const auto has = [&keys](std::string_view record) {
    return std::ranges::find(keys.failing_records, record) != keys.failing_records.end();
  };
  // Without either setting there is nothing that the record must have.
  const bool spf_is_known = !keys.sending_addresses.empty() || !keys.spf_include.empty();
  return {.dkim = has("dkim"), .spf = has("spf") && spf_is_known, .dmarc = has("dmarc"), .mx = has("mx")};
}

std::expected<ZoneSendingRules, std::string> sending_rules(const config::DomainKeysConfig& keys) {
  if (keys.zone_update.empty()) return ZoneSendingRules();
  auto key = zone_update::read_tsig_key(keys.zone_update_key);
  if (!key) return std::unexpected("dkim.zone_update_key: " + key.error());
  return ZoneSendingRules{.server = keys.zone_update,
                          .key = std::make_shared<const zone_update::TsigKey>(*std::move(key))};
}

}  // namespace sluice::domain_upkeep
