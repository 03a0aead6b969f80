// The file of the ISP's own zone (dkim.zone_file), which the relay keeps as the store has the keys, for a name server
// to load: written beside and renamed, and only where it would be another one.  One thread; calls block.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "auth/store/store_address.h"
#include "engine/base/time.h"
#include "engine/domain_keys/dns_records.h"

namespace sluice::domain_upkeep {

struct ZoneFileRules {
  std::string path;  // empty: none is written
  domain_keys::RecordRules records;
  std::vector<std::string> name_servers;
  friend bool operator==(const ZoneFileRules&, const ZoneFileRules&) = default;
};

class ZoneFile {
 public:
  // Whether keys of the store were changed since the file was last written, by whomever, or the rules were.  The error
  // is a sentence.
  [[nodiscard]] std::expected<bool, std::string> is_stale(const auth::StoreAddress& address,
                                                          const ZoneFileRules& rules);
  // The error is a sentence; the file is then as it was, and stale.
  [[nodiscard]] std::expected<void, std::string> write(const auth::StoreAddress& address, const ZoneFileRules& rules,
                                                       WallMillis now);

 private:
  std::optional<std::int64_t> written_;  // the changes of keys that are in it
  ZoneFileRules rules_;                  // by which it was written
};

}  // namespace sluice::domain_upkeep
