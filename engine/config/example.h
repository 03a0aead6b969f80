// The configuration file to begin with: every key with its default and a word about it.  `sluice
// example` prints it. Its figures are those that the configuration is checked by. Constant; any thread.
#pragma once

#include <string>

namespace sluice::config {

extern const std::string kExampleConfig;

}  // namespace sluice::config
