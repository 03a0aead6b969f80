// A configuration of Postfix, imported and read again as the relay reads it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/config/config.h"
#include "tools/import_postfix/import.h"

namespace sluice::import_postfix {

inline constexpr std::string_view kSmtp = "smtp inet n - y - - smtpd\n";
inline constexpr std::string_view kSubmission =
    "submission inet n - y - - smtpd\n"
    "  -o smtpd_tls_security_level=encrypt\n"
    "  -o smtpd_sasl_auth_enable=yes\n"
    "  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n";

struct Read {
  Imported imported;
  config::Config config;

  [[nodiscard]] bool says(std::string_view text) const { return imported.toml.contains(text); }
  [[nodiscard]] bool decides(std::string_view text) const {
    return std::ranges::any_of(imported.decisions, [&](const std::string& each) { return each.contains(text); });
  }
};

inline Read import_and_read(std::string_view main_cf, std::string_view master_cf = kSmtp,
                            std::map<std::string, std::string> files = {}) {
  Sources sources{.main_cf = std::string(main_cf), .master_cf = std::string(master_cf)};
  sources.read = [files = std::move(files)](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  Read read{.imported = import(sources), .config = {}};
  auto config = config::load_config(read.imported.toml, "written.toml");
  if (!config) {
    for (const auto& error : config.error()) ADD_FAILURE() << error.to_string() << "\n" << read.imported.toml;
    return read;
  }
  read.config = *std::move(config);
  return read;
}

}  // namespace sluice::import_postfix
