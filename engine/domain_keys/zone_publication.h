// The ISP's zone as it is to be published: of all keys of the store, with the serial that the store gives it.  Calls
// block.  One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auth/store/signing_key_admin.h"
#include "engine/base/time.h"
#include "engine/domain_keys/dns_records.h"

namespace sluice::domain_keys {

struct PublishedZone {
  std::string text;  // of a zone file
  std::uint32_t serial = 0;
  std::vector<std::string> left_out;  // as IspZone has them
};

// `zone`: without a key.  Keys that are retired since `revoked_before` are revoked first.
[[nodiscard]] auth::StoreResult<PublishedZone> publish_zone(IspZone zone, auth::SigningKeyAdmin& admin, WallMillis now,
                                                            WallMillis revoked_before);

}  // namespace sluice::domain_keys
