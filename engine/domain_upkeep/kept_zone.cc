#include "engine/domain_upkeep/kept_zone.h"

#include <limits>
#include <utility>

#include "engine/domain_keys/zone_publication.h"
#include "engine/io/files.h"
#include "engine/io/real_platform.h"
#include "engine/io/replaced_file.h"

namespace sluice::domain_upkeep {
namespace {

constexpr std::size_t kZoneBytesMax = std::numeric_limits<std::int32_t>::max();
// Keys are revoked with the other steps of their domain.
constexpr WallMillis kNoneIsRevoked = 0;

}  // namespace

std::expected<bool, std::string> KeptZone::is_stale(const auth::StoreAddress& address, const ZoneRules& rules) {
  const auto admin = auth::SigningKeyAdmin::open(address);
  const auto changes = admin ? (*admin)->changes() : std::unexpected(admin.error());
  if (!changes) return std::unexpected(changes.error().what);
  return published_ != *changes || rules_ != rules;
}

std::expected<void, std::string> KeptZone::publish(const auth::StoreAddress& address, const ZoneRules& rules,
                                                   WallMillis now) {
  const auto admin = auth::SigningKeyAdmin::open(address);
  if (!admin) return std::unexpected(admin.error().what);
  // Read before: what changes in between is published again.
  const auto changes = (*admin)->changes();
  if (!changes) return std::unexpected(changes.error().what);
  auto done = rules.path.empty() ? send(**admin, rules, now) : write(**admin, rules, now);
  if (!done) return done;
  published_ = *changes;
  rules_ = rules;
  return {};
}

std::expected<void, std::string> KeptZone::write(auth::SigningKeyAdmin& admin, const ZoneRules& rules, WallMillis now) {
  auto zone = domain_keys::IspZone::make(rules.records, rules.name_servers);
  if (!zone) return std::unexpected(std::move(zone.error()));
  const auto published = domain_keys::publish_zone(*std::move(zone), admin, now, kNoneIsRevoked);
  if (!published) return std::unexpected(published.error().what);
  const auto there = io::read_file(rules.path, kZoneBytesMax);
  if (there && *there == published->text) return {};
  return io::replace_file(rules.path, published->text);
}

std::expected<void, std::string> KeptZone::send(auth::SigningKeyAdmin& admin, const ZoneRules& rules, WallMillis now) {
  const auto random = io::make_real_random();
  const auto sent =
      send_zone(admin, rules.sending, rules.records, now, kNoneIsRevoked, {.random = *random, .given_up = given_up_});
  if (!sent) return std::unexpected(sent.error());
  return {};
}

}  // namespace sluice::domain_upkeep
