// A configuration file, and the files that it names, as a plan that can be put to use.
// On a thread that may block.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/server/plan.h"

namespace sluice::server {

// Errors as config::read_config() has them.
std::expected<std::shared_ptr<const Plan>, std::vector<std::string>> load_plan(const std::string& file);

}  // namespace sluice::server
