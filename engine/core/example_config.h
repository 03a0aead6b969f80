// The configuration file to begin with: every key with its default and a word about it.  `sluice
// example` prints it. Constant; any thread.
#pragma once

#include <string_view>

namespace sluice::core {

extern const std::string_view kExampleConfig;

}  // namespace sluice::core
