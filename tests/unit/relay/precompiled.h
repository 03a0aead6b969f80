// What the tests of this folder share, compiled once: see engine/precompiled/.
#pragma once

#include "engine/precompiled/tests.h"
#include "tests/unit/relay/queue_fixture.h"
#include "tests/unit/schedule/schedule_fixture.h"
