// What the tests of this folder share, compiled once: see engine/precompiled/.
#pragma once

#include "engine/config/config.h"
#include "engine/precompiled/tests.h"
#include "tests/support/sessions.h"
#include "tests/unit/relay/queue_fixture.h"
