#include "engine/cli/domain_zone.h"

#include <ostream>

#include "engine/cli/domain_work.h"
#include "engine/io/replaced_file.h"

namespace sluice::cli {

auth::StoreResult<> write_zone(const AccountRequest& request, const AccountCommandWorld& world) {
  const config::DomainKeysConfig& keys = world.settings.domain_keys;
  auto zone = domain_keys::IspZone::make(record_rules(world), keys.zone_name_servers);
  if (!zone) return key_refusal(zone.error());
  const auto admin = open_key_admin(world);
  if (!admin) return std::unexpected(admin.error());
  const WallMillis now = world.clock.wall();
  const auto serial = (*admin)->publish({.now = now,
                                         .revoked_before = now - life_rules(world).retire_after,
                                         .on_key = [&zone](const auth::SigningKeyRecord& key) { zone->add(key); },
                                         .digest = [&zone] { return zone->digest(); }});
  if (!serial) return std::unexpected(serial.error());
  for (const std::string& name : zone->left_out())
    world.err << "sluicectl: " << name << " is left out: the DNS has no names of that length\n";
  const std::string text = zone->text(*serial);
  if (!request.has(kOptionOutput)) {
    world.out << text;
    return {};
  }
  if (const auto written = io::replace_file(request.output, text); !written) return key_refusal(written.error());
  world.out << "zone " << keys.zone << ": serial " << *serial << " in " << request.output << "\n";
  return {};
}

}  // namespace sluice::cli
