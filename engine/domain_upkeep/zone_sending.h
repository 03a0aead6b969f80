// The ISP's own zone, kept at its name server by updates (dkim.zone_update): the zone is read, and what differs from
// the keys of the store is changed.  So what was changed already, by whomever, is not changed again, and what has gone
// from the store goes from the zone.  One thread; another one may have it given up.  Calls block.
#pragma once

#include <atomic>
#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "auth/store/signing_key_admin.h"
#include "engine/base/time.h"
#include "engine/domain_keys/dns_records.h"
#include "engine/io/platform.h"
#include "engine/zone_update/tsig_key.h"

namespace sluice::domain_upkeep {

struct ZoneSendingRules {
  std::string server;                               // "IP:PORT"; empty: nothing is sent
  std::shared_ptr<const zone_update::TsigKey> key;  // where something is
  // The same key that was read again is another one.
  friend bool operator==(const ZoneSendingRules&, const ZoneSendingRules&) = default;
};

struct ZoneSent {
  std::size_t records = 0;            // of keys, in the zone from now on
  std::size_t changed = 0;            // names whose record was set or has gone
  std::vector<std::string> left_out;  // names that are too long for the DNS
};

struct ZoneSender {
  io::Random& random;
  const std::atomic<bool>& given_up;
};
// Keys that are retired since `revoked_before` are revoked first.  The error is a sentence: the zone may have some of
// the changes then.
[[nodiscard]] std::expected<ZoneSent, std::string> send_zone(auth::SigningKeyAdmin& admin,
                                                             const ZoneSendingRules& rules,
                                                             const domain_keys::RecordRules& records, WallMillis now,
                                                             WallMillis revoked_before, const ZoneSender& sender);

}  // namespace sluice::domain_upkeep
