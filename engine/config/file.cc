#include "engine/config/file.h"

#include <cstddef>
#include <utility>

#include "engine/io/files.h"
#include "engine/io/process.h"

namespace sluice::config {
namespace {

constexpr std::size_t kConfigBytesMax = std::size_t{4} << 20;

}  // namespace

std::expected<Config, std::vector<std::string>> read_config(const std::string& file) {
  const auto text = io::read_file(file, kConfigBytesMax);
  if (!text) return std::unexpected(std::vector{text.error()});
  auto config = load_config(*text, file);
  if (!config) {
    std::vector<std::string> errors;
    for (const ConfigError& error : config.error()) errors.push_back(error.to_string());
    return std::unexpected(std::move(errors));
  }
  if (config->server.hostname.empty()) config->server.hostname = io::machine_name();
  return *std::move(config);
}

}  // namespace sluice::config
