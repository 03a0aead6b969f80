// Which requests of the control socket change something or show what is in messages.  A request that has no row here is
// refused on every socket.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::control {

enum class Access : std::uint8_t {
  look,  // changes nothing, and shows no part of a message's content: taken on the support desk's socket, too
  act,   // for operators
};

struct KnownRequest {
  std::string_view words;  // that its line begins with
  Access access;
};
extern const std::span<const KnownRequest> kKnownRequests;

// By the row with the most words.  Nothing: there is no such request.
[[nodiscard]] std::optional<Access> access_of(std::string_view line);

}  // namespace sluice::control
