// Logins that a back end has refused, for the grace time of all cores: a refusal on one core ends the grace that
// another core remembers.  A fixed number of places, each of which many logins share: a login that meets the place of
// another has no grace, never one too many.  Thread-safe, without a lock; one a process.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/base/time.h"

namespace sluice::auth {

class RefusedLogins {
 public:
  RefusedLogins() = default;
  RefusedLogins(const RefusedLogins&) = delete;
  RefusedLogins& operator=(const RefusedLogins&) = delete;

  // `tag`: a hash of name and secret.
  void note(std::uint64_t tag, Instant now) {
    place(tag).store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  // Whether it may have been refused then or later.
  [[nodiscard]] bool since(std::uint64_t tag, Instant then) const {
    return places_[tag % kPlaces].load(std::memory_order_relaxed) >= then.time_since_epoch().count();
  }

 private:
  static constexpr std::size_t kPlaces = 65'536;
  std::atomic<std::int64_t>& place(std::uint64_t tag) { return places_[tag % kPlaces]; }
  std::array<std::atomic<std::int64_t>, kPlaces> places_{};
};

}  // namespace sluice::auth
