// What the files of this room share, compiled once: see engine/precompiled/.
#pragma once

#include "engine/precompiled/engine.h"
#include "engine/server/core.h"
#include "engine/server/plan.h"
