// What the relay does for domains by itself, as it is configured ([dkim]), for DomainWatch.  A value that never
// changes. Any thread.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "auth/store/store_address.h"
#include "engine/config/config.h"
#include "engine/domain_keys/key_wrapper.h"
#include "engine/domain_upkeep/kept_zone.h"
#include "engine/domain_upkeep/upkeep.h"

namespace sluice::server {

struct UpkeepPlan {
  auth::StoreAddress store;
  domain_keys::KeyWrapper wrapper;
  bool checks = true;
  domain_upkeep::UpkeepRules rules;
  domain_upkeep::ZoneRules zone;
};

// Null: there is nothing to do.  Reads the wrapping key and that of updates.  The error is a sentence that names the
// setting.
[[nodiscard]] std::expected<std::shared_ptr<const UpkeepPlan>, std::string> make_upkeep_plan(
    const config::Config& config);

}  // namespace sluice::server
