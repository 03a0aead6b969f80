// The configuration file.
// On a thread that may block.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/config/config.h"

namespace sluice::config {

// Reads and parses FILE; a host name that is not set becomes the machine's.  Errors are "file:line:col: ..." or name
// the file.
std::expected<Config, std::vector<std::string>> read_config(const std::string& file);

}  // namespace sluice::config
