// What the tests of this folder share, compiled once: see engine/precompiled/.
#pragma once

#include "engine/precompiled/tests.h"
#include "engine/spool/recovery.h"
#include "tests/support/memory_disk.h"
#include "tests/unit/spool/ledger.h"
#include "tests/unit/spool/life.h"
