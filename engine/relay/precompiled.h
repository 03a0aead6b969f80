// What the files of this room share, compiled once: see engine/precompiled/.
#pragma once

#include "engine/precompiled/engine.h"
#include "engine/relay/queue.h"
#include "engine/relay/transmission.h"
