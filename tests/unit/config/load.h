// Configurations of tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "engine/config/config.h"

namespace sluice::config {

// What each configuration needs, and all that it needs.
inline constexpr std::string_view kRoute = "[[route]]\nhosts = [\"mx1.farm.example:25\"]\n";

// Its errors fail the test.
inline Config load(const std::string& text) {
  auto config = load_config(text, "sluice.toml");
  if (config) return *std::move(config);
  for (const ConfigError& error : config.error()) ADD_FAILURE() << error.to_string();
  return {};
}

}  // namespace sluice::config
