// The ISP's own zone, which the relay keeps as the store has the keys: as a file (dkim.zone_file) for a name server to
// load, written beside and renamed, and only where it would be another one; or at the name server itself, by updates
// (dkim.zone_update).  One thread; calls block.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "auth/store/signing_key_admin.h"
#include "auth/store/store_address.h"
#include "engine/base/time.h"
#include "engine/domain_keys/dns_records.h"
#include "engine/domain_upkeep/zone_sending.h"

namespace sluice::domain_upkeep {

struct ZoneRules {
  std::string path;  // of the file; empty: none is written
  ZoneSendingRules sending;
  domain_keys::RecordRules records;
  std::vector<std::string> name_servers;  // that the file names
  [[nodiscard]] bool is_kept() const { return !path.empty() || !sending.server.empty(); }
  friend bool operator==(const ZoneRules&, const ZoneRules&) = default;
};

class KeptZone {
 public:
  // Whether keys of the store were changed since the zone was last published, by whomever, or the rules were.  The
  // error is a sentence.
  [[nodiscard]] std::expected<bool, std::string> is_stale(const auth::StoreAddress& address, const ZoneRules& rules);
  // The error is a sentence; the zone is stale then.
  [[nodiscard]] std::expected<void, std::string> publish(const auth::StoreAddress& address, const ZoneRules& rules,
                                                         WallMillis now);
  // What is sent ends soon, with an error, and nothing is sent any more.  Any thread.
  void give_up() { given_up_.store(true); }

 private:
  [[nodiscard]] std::expected<void, std::string> write(auth::SigningKeyAdmin& admin, const ZoneRules& rules,
                                                       WallMillis now);
  [[nodiscard]] std::expected<void, std::string> send(auth::SigningKeyAdmin& admin, const ZoneRules& rules,
                                                      WallMillis now);
  std::optional<std::int64_t> published_;  // the changes of keys that are in it
  ZoneRules rules_;                        // by which it was published
  std::atomic<bool> given_up_ = false;
};

}  // namespace sluice::domain_upkeep
