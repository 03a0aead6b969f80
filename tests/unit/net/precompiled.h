// What the tests of this folder share, compiled once: see engine/precompiled/.
#pragma once

#include "engine/precompiled/tests.h"
#include "tests/support/awaited.h"
#include "tests/unit/tls/tls_fixture.h"
