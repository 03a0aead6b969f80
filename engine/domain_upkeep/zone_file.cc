#include "engine/domain_upkeep/zone_file.h"

#include <limits>
#include <utility>

#include "auth/store/signing_key_admin.h"
#include "engine/domain_keys/zone_publication.h"
#include "engine/io/files.h"
#include "engine/io/replaced_file.h"

namespace sluice::domain_upkeep {
namespace {

constexpr std::size_t kZoneBytesMax = std::numeric_limits<std::int32_t>::max();

}  // namespace

std::expected<bool, std::string> ZoneFile::is_stale(const auth::StoreAddress& address, const ZoneFileRules& rules) {
  const auto admin = auth::SigningKeyAdmin::open(address);
  const auto changes = admin ? (*admin)->changes() : std::unexpected(admin.error());
  if (!changes) return std::unexpected(changes.error().what);
  return written_ != *changes || rules_ != rules;
}

std::expected<void, std::string> ZoneFile::write(const auth::StoreAddress& address, const ZoneFileRules& rules,
                                                 WallMillis now) {
  auto zone = domain_keys::IspZone::make(rules.records, rules.name_servers);
  if (!zone) return std::unexpected(std::move(zone.error()));
  const auto admin = auth::SigningKeyAdmin::open(address);
  if (!admin) return std::unexpected(admin.error().what);
  // Read before: what changes in between is written again.
  const auto changes = (*admin)->changes();
  if (!changes) return std::unexpected(changes.error().what);
  // Keys are revoked with the other steps of their domain.
  constexpr WallMillis kNoneIsRevoked = 0;
  const auto published = domain_keys::publish_zone(*std::move(zone), **admin, now, kNoneIsRevoked);
  if (!published) return std::unexpected(published.error().what);
  const auto there = io::read_file(rules.path, kZoneBytesMax);
  if (!there || *there != published->text)
    if (auto replaced = io::replace_file(rules.path, published->text); !replaced) return replaced;
  written_ = *changes;
  rules_ = rules;
  return {};
}

}  // namespace sluice::domain_upkeep
