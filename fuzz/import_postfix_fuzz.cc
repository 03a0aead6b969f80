// Checks that whatever bytes main.cf, master.cf and the tables that they name hold:
//   - what is written is a configuration that the relay takes, with no control character in it;
//   - no listener trusts everybody, and each has logins inside TLS alone, or none;
//   - a password is a line of its own file, and a route names that file;
//   - expansion ends within its bounds.
// Input: main.cf, NUL, master.cf, NUL, and a text for all other files.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/config/config.h"
#include "tools/import_postfix/import.h"
#include "tools/import_postfix/parameters.h"

namespace {

using sluice::import_postfix::Sources;

std::string take(std::string_view& text) {
  const std::size_t end = text.find('\0');
  const std::string part(text.substr(0, end));
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

void check_listeners(const sluice::config::Config& config) {
  CHECK(!config.listeners.empty());
  for (const auto& listener : config.listeners) {
    CHECK(listener.auth != sluice::config::ListenerAuth::clear);
    CHECK(listener.require_auth == (listener.auth != sluice::config::ListenerAuth::off));
    CHECK(listener.proxy.empty() && listener.client_ca.empty());
    for (const auto& network : listener.trusted) CHECK(network.prefix_bits() > 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Sources sources;
  sources.main_cf = take(text);
  sources.master_cf = take(text);
  const std::string others(text);
  sources.read = [&others](const std::string& path) -> std::optional<std::string> {
    CHECK(path.starts_with('/'));
    return others;
  };
  const auto imported = sluice::import_postfix::import(sources);
  CHECK(std::ranges::none_of(imported.toml, [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == '\x7f'; }));
  const auto config = sluice::config::load_config(imported.toml, "written");
  CHECK(config.has_value());
  check_listeners(*config);
  std::size_t logins = 0;
  for (const auto& route : config->routes) logins += route.login.empty() ? 0 : 1;
  CHECK(logins == imported.secrets.size());
  for (const auto& secret : imported.secrets)
    CHECK(!secret.name.contains('/') && secret.text.ends_with('\n') && std::ranges::count(secret.text, '\n') == 1);
  return 0;
}
