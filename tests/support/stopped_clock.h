// A clock that stands still.  Any thread.
#pragma once

#include "engine/base/time.h"
#include "engine/io/platform.h"

namespace sluice::testing {

struct StoppedClock final : io::Clock {
  Instant now() override { return {}; }
  WallMillis wall() override { return 0; }
};

}  // namespace sluice::testing
