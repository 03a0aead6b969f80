// What the tests of this folder share, compiled once: see precompiled/.
#pragma once

#include "precompiled/tests.h"
#include "tests/support/sessions.h"
