// How many rounds of a seeded test are played.  All of them without a sanitizer; under one, which makes each many times
// slower and looks at how a round is played more than at which, a part of them: the first ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace sluice::testing {

#if defined(__SANITIZE_THREAD__)
inline constexpr std::uint64_t kRoundsDivisor = 12;
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr std::uint64_t kRoundsDivisor = 4;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr std::uint64_t kRoundsDivisor = 12;
#elif __has_feature(address_sanitizer)
inline constexpr std::uint64_t kRoundsDivisor = 4;
#else
inline constexpr std::uint64_t kRoundsDivisor = 1;
#endif
#else
inline constexpr std::uint64_t kRoundsDivisor = 1;
#endif

// At least one.
constexpr std::uint64_t rounds(std::uint64_t all) { return std::max<std::uint64_t>(all / kRoundsDivisor, 1); }

// Of the worlds that have a long form, SLUICE_SEEDS says how many.
inline std::uint64_t seeds(std::uint64_t all) {
  const char* const given = std::getenv("SLUICE_SEEDS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : rounds(all);
}

}  // namespace sluice::testing
