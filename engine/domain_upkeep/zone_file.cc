#include "engine/domain_upkeep/zone_file.h"

#include <algorithm>
#include <limits>

#include "auth/store/signing_key_admin.h"
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
  const auto serial = (*admin)->publish({.now = now,
                                         .revoked_before = 0,
                                         .on_key = [&zone](const auth::SigningKeyRecord& key) { zone->add(key); },
                                         .digest = [&zone] { return zone->digest(); }});
  if (!serial) return std::unexpected(serial.error().what);
  const std::string text = zone->text(*serial);
  const auto there = io::read_file(rules.path, kZoneBytesMax);
  if (!there || *there != text)
    if (auto replaced = io::replace_file(rules.path, text); !replaced) return replaced;
  written_ = *changes;
  rules_ = rules;
  return {};
}

}  // namespace sluice::domain_upkeep
