#include "engine/control/access.h"

#include <array>

namespace sluice::control {
namespace {

using enum Access;
constexpr std::array kAllRequests = std::to_array<KnownRequest>({
    {"status", look},
    {"pools", look},
    {"counters", look},
    {"reload", act},
    {"drain", act},
    {"notify test", act},
    {"sessions", look},
    {"sessions end", act},
    {"queue list", look},
    {"queue show", look},
    {"queue show message", act},  // its content
    {"queue destinations", look},
    {"queue review", act},  // shows how messages begin
    {"queue flush", act},
    {"queue hold", act},
    {"queue release", act},
    {"queue remove", act},
    {"queue reject", act},
    {"destination list", look},
    {"destination suspend", act},
    {"destination limit", act},
    {"destination resume", act},
    {"route test", look},
    {"route test connect", act},  // asks a next hop
    {"route test json connect", act},
    {"containment", act},
    {"shield list", look},
    {"shield release", act},
    {"usage", look},
    {"noticed", look},
    {"noticed release", act},
    {"explain", look},
    {"name", look},
});

}  // namespace

constinit const std::span<const KnownRequest> kKnownRequests = kAllRequests;

std::optional<Access> access_of(std::string_view line) {
  const KnownRequest* found = nullptr;
  for (const KnownRequest& each : kAllRequests) {
    if (!line.starts_with(each.words)) continue;
    const std::string_view rest = line.substr(each.words.size());
    if (!rest.empty() && rest.front() != ' ') continue;
    if (found == nullptr || each.words.size() > found->words.size()) found = &each;
  }
  return found == nullptr ? std::nullopt : std::optional(found->access);
}

}  // namespace sluice::control
