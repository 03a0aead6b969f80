// The project's version, as meson.build has it: what --version prints and monitoring shows.  Constant; any thread.
#pragma once

#include <string_view>

namespace sluice {

inline constexpr std::string_view kProgramVersion = "0.1.0";

}  // namespace sluice
