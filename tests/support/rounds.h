// How many rounds of a test with random seeds are played.  All of them without a sanitizer; under one, which makes each
// many times slower and looks at how a round is played more than at which, the first quarter.  What goes through all
// cases that there are, goes through all of them always.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace sluice::testing {

#ifdef NDEBUG_SANITIZER
inline constexpr std::uint64_t kRoundsDivisor = 4;
#else
inline constexpr std::uint64_t kRoundsDivisor = 1;
#endif

// At least one.
constexpr std::uint64_t rounds(std::uint64_t all) { return std::max<std::uint64_t>(all / kRoundsDivisor, 1); }

// What a variable of the environment says: SLUICE_SEEDS asks for the long form of a test, SLUICE_FIRST_SEED for one
// world again.
inline std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise) {
  const char* const given = std::getenv(variable);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

}  // namespace sluice::testing
