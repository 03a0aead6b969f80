// What --help prints.  Any thread.
#pragma once

#include <string>

namespace sluice::cli {

// In the form of manual pages, for a terminal of 80 columns.
[[nodiscard]] std::string sluice_help();
[[nodiscard]] std::string sluicectl_help();
// The program's version and those of the libraries that are in it, in two lines.
[[nodiscard]] std::string sluice_version();

}  // namespace sluice::cli
