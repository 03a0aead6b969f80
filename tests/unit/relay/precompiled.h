// What the tests of this folder share, compiled once: see engine/precompiled/.
#pragma once

#include "engine/precompiled/tests.h"
#include "tests/unit/relay/queue_bench.h"
#include "tests/unit/relay/schedule_bench.h"
