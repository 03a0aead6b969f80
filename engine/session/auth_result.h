// What an attempt to log in came to, as sessions report it.  Values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::session {

enum class AuthResult : std::uint8_t { granted, wrong, suspended, unavailable, refused, malformed };
inline constexpr std::size_t kAuthResults = 6;

// As log and metrics have it.
[[nodiscard]] constexpr std::string_view auth_result_name(AuthResult result) {
  constexpr std::array<std::string_view, kAuthResults> kNames{"granted",     "wrong",   "suspended",
                                                              "unavailable", "refused", "malformed"};
  return kNames[static_cast<std::size_t>(result)];
}

}  // namespace sluice::session
