// What the tests of this folder share, compiled once: see engine/precompiled/.
#pragma once

#include "engine/precompiled/tests.h"
#include "engine/smtp/client.h"
#include "engine/smtp/scan.h"
#include "engine/smtp/server.h"
#include "tests/unit/smtp/script.h"
