// The waiters for a check that is under way, so that a thousand sessions with one name and secret
// cost one check. One a core, used by its thread only; it starts and resumes nothing itself, the
// driver does.
//
//   if (flight.join(key, me)) { start the check } ... on its answer: for (auto w :
//   flight.land(key)) wake(w)
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace sluice::auth {

// Waiter is a small value, such as a session's {index, generation}.
template <typename Key, typename Waiter>
class SingleFlight {
 public:
  // True for the first of a key: the caller is to start the check. Every one that joined, the first
  // included, is in what land() returns.
  [[nodiscard]] bool join(const Key& key, Waiter waiter) {
    std::vector<Waiter>& waiters = flights_[key];
    waiters.push_back(std::move(waiter));
    return waiters.size() == 1;
  }

  // The check ended: all waiters, in order of arrival. A later caller starts a new
  // one.
  [[nodiscard]] std::vector<Waiter> land(const Key& key) {
    auto flight = flights_.extract(key);
    if (flight.empty()) return {};
    return std::move(flight.mapped());
  }

  // For tests: checks that have waiters; none are left behind.
  [[nodiscard]] std::size_t under_way() const { return flights_.size(); }

 private:
  absl::flat_hash_map<Key, std::vector<Waiter>> flights_;
};

}  // namespace sluice::auth
