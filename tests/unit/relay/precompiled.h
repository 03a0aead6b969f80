// What the tests of this folder share, compiled once: see precompiled/.
#pragma once

#include "precompiled/tests.h"
#include "tests/unit/relay/queue_bench.h"
#include "tests/unit/relay/schedule_bench.h"
