#include "engine/domain_keys/zone_publication.h"

namespace sluice::domain_keys {

auth::StoreResult<PublishedZone> publish_zone(IspZone zone, auth::SigningKeyAdmin& admin, WallMillis now,
                                              WallMillis revoked_before) {
  const auto serial = admin.publish({.now = now,
                                     .revoked_before = revoked_before,
                                     .on_key = [&zone](const auth::SigningKeyRecord& key) { zone.add(key); },
                                     .digest = [&zone] { return zone.digest(); }});
  if (!serial) return std::unexpected(serial.error());
  return PublishedZone{.text = zone.text(*serial), .serial = *serial, .left_out = zone.left_out()};
}

}  // namespace sluice::domain_keys
