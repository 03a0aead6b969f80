// What the tests of this folder share, compiled once: see engine/precompiled/.
#pragma once

#include "engine/precompiled/tests.h"
#include "tests/sim/world.h"
#include "tests/support/awaited.h"
#include "tests/support/platforms.h"
