// What --help and --version print.  Any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::cli {

// The project's version, as meson.build has it.
inline constexpr std::string_view kVersion = "0.1.0";

// In the form of manual pages, for a terminal of 80 columns.
[[nodiscard]] std::string sluice_help();
[[nodiscard]] std::string sluicectl_help();
// The program's version and those of the libraries that are in it, in two lines.
[[nodiscard]] std::string sluice_version();

}  // namespace sluice::cli
