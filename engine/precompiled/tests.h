// The same for unit tests.  A folder under tests/unit whose files share more has a precompiled.h of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "engine/precompiled/engine.h"
