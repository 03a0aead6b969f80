#include "engine/server/plan_file.h"

#include <utility>

#include "engine/config/file.h"

namespace sluice::server {

std::expected<std::shared_ptr<const Plan>, std::vector<std::string>> load_plan(const std::string& file) {
  auto config = config::read_config(file);
  if (!config) return std::unexpected(config.error());
  return make_plan(*std::move(config));
}

}  // namespace sluice::server
