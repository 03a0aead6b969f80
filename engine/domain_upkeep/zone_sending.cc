#include "engine/domain_upkeep/zone_sending.h"

#include "engine/base/check.h"
#include "engine/config/rules.h"
#include "engine/zone_update/zone_server.h"
#include "engine/zone_update/zone_texts.h"

namespace sluice::domain_upkeep {

std::expected<ZoneSent, std::string> send_zone(auth::SigningKeyAdmin& admin, const ZoneSendingRules& rules,
                                               const domain_keys::RecordRules& records, WallMillis now,
                                               WallMillis revoked_before, const ZoneSender& sender) {
  const auto address = config::parse_dns_server(rules.server);
  CHECK(address.has_value() && rules.key != nullptr);  // as the configuration was checked
  zone_update::ZoneTexts texts(records.ttl_s);
  ZoneSent sent;
  const auto on_key = [&](const auth::SigningKeyRecord& key) {
    if (auto record = domain_keys::zone_record(key, records.zone))
      texts.want(std::move(record->name), std::move(record->value));
    else
      sent.left_out.push_back(key.selector + "." + key.domain);
  };
  auto read = admin.revoke_retired(now, revoked_before);
  if (read) read = admin.each_key(on_key);
  if (!read) return std::unexpected(read.error().what);
  zone_update::ZoneServer server({.server = *address,
                                  .zone = records.zone,
                                  .key = *rules.key,
                                  .random = sender.random,
                                  .given_up = sender.given_up});
  const auto there = server.read([&texts](const zone_update::ZoneText& text) { texts.see(text); });
  if (!there) return std::unexpected(there.error());
  const auto changes = texts.changes();
  if (const auto changed = server.change(changes, records.ttl_s); !changed) return std::unexpected(changed.error());
  sent.records = texts.size();
  sent.changed = changes.size();
  return sent;
}

}  // namespace sluice::domain_upkeep
