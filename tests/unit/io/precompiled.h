// What the tests of this folder share, compiled once: see precompiled/.
#pragma once

#include "precompiled/tests.h"
#include "engine/io/sim_world.h"
#include "tests/support/awaited.h"
#include "tests/support/doors.h"
