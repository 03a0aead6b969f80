#include "engine/cli/domain_zone.h"

#include <ostream>
#include <utility>

#include "engine/cli/domain_work.h"
#include "engine/domain_keys/zone_publication.h"
#include "engine/io/replaced_file.h"

namespace sluice::cli {

auth::StoreResult<> write_zone(const AccountRequest& request, const AccountCommandWorld& world) {
  const config::DomainKeysConfig& keys = world.settings.domain_keys;
  auto zone = domain_keys::IspZone::make(record_rules(world), keys.zone_name_servers);
  if (!zone) return key_refusal(zone.error());
  const auto admin = open_key_admin(world);
  if (!admin) return std::unexpected(admin.error());
  const WallMillis now = world.clock.wall();
  const auto published =
      domain_keys::publish_zone(*std::move(zone), **admin, now, now - life_rules(world).retire_after);
  if (!published) return std::unexpected(published.error());
  for (const std::string& name : published->left_out)
    world.err << "sluicectl: " << name << " is left out: the DNS has no names of that length\n";
  if (!request.has(kOptionOutput)) {
    world.out << published->text;
    return {};
  }
  if (const auto written = io::replace_file(request.output, published->text); !written)
    return key_refusal(written.error());
  world.out << "zone " << keys.zone << ": serial " << published->serial << " in " << request.output << "\n";
  return {};
}

}  // namespace sluice::cli
