#include "engine/cli/domain_zone.h"

#include <atomic>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "engine/cli/domain_work.h"
#include "engine/domain_keys/zone_publication.h"
#include "engine/domain_upkeep/configured_rules.h"
#include "engine/domain_upkeep/zone_sending.h"
#include "engine/io/replaced_file.h"

namespace sluice::cli {
namespace {

void print_left_out(const std::vector<std::string>& names, const AccountCommandWorld& world) {
  for (const std::string& name : names)
    world.err << "sluicectl: " << name << " is left out: the DNS has no names of that length\n";
}

auth::StoreResult<> update_zone(const AccountCommandWorld& world) {
  const config::DomainKeysConfig& keys = world.settings.domain_keys;
  if (keys.zone_update.empty()) return key_refusal("dkim.zone_update is not set: there is no name server to update");
  // Its file may be one that the caller alone may read.
  const auto rules = domain_upkeep::sending_rules(keys);
  if (!rules) return key_refusal(rules.error());
  const auto admin = open_key_admin(world);
  if (!admin) return std::unexpected(admin.error());
  const WallMillis now = world.clock.wall();
  const std::atomic<bool> never = false;
  const auto sent =
      domain_upkeep::send_zone(**admin, *rules, record_rules(world), now, now - life_rules(world).retire_after,
                               {.random = world.random, .given_up = never});
  if (!sent) return key_refusal(sent.error());
  print_left_out(sent->left_out, world);
  world.out << "zone " << keys.zone << ": " << sent->records << " keys at " << keys.zone_update << ", " << sent->changed
            << " names changed\n";
  return {};
}

}  // namespace

auth::StoreResult<> write_zone(const AccountRequest& request, const AccountCommandWorld& world) {
  if (request.has(kOptionUpdate)) return update_zone(world);
  const config::DomainKeysConfig& keys = world.settings.domain_keys;
  auto zone = domain_keys::IspZone::make(record_rules(world), keys.zone_name_servers);
  if (!zone) return key_refusal(zone.error());
  const auto admin = open_key_admin(world);
  if (!admin) return std::unexpected(admin.error());
  const WallMillis now = world.clock.wall();
  const auto published =
      domain_keys::publish_zone(*std::move(zone), **admin, now, now - life_rules(world).retire_after);
  if (!published) return std::unexpected(published.error());
  print_left_out(published->left_out, world);
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
