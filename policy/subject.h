// Whose use is limited.  Values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::policy {

enum class Subject : std::uint8_t { account, device, customer, network, relay };
inline constexpr std::size_t kSubjects = 5;
[[nodiscard]] constexpr std::string_view subject_name(Subject subject) {
  constexpr std::array<std::string_view, kSubjects> kNames{"account", "device", "customer", "network", "relay"};
  return kNames[static_cast<std::size_t>(subject)];
}

}  // namespace sluice::policy
