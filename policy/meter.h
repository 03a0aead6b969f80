// What one subject has used of one quantity: its windows, and what is held.  Held is what was leased or reserved and is
// neither spent nor given back: it counts in full, in every window and for as long as it is held, so that no
// reservation can outlive its bucket.  In use is a window's sum and what is held.  Pure; one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "engine/base/time.h"
#include "policy/limit.h"
#include "policy/window.h"

namespace sluice::policy {

// A limit that has no room for what was asked.
struct FullWindow {
  Limit limit;
  std::uint64_t used = 0;
  // In how many ms there is room for it if nothing else is used; never: it is more than the limit allows at all.
  std::optional<std::int64_t> free_in_ms;
  // The cluster does not answer: it is this node's local share that is used up, and more may be left of the limit.
  bool local_share = false;
};

// Of limits that refuse nothing and were passed, the one with the graver action; absent: none was.
[[nodiscard]] inline std::optional<FullWindow> graver_passed(std::optional<FullWindow> one,
                                                             std::optional<FullWindow> other) {
  if (!one || (other && is_graver(other->limit.action, one->limit.action))) return other;
  return one;
}

class Meter {
 public:
  // Limits are those of this meter's quantity; with each call, as a reload may change them.  A window that a limit asks
  // for and that is not there begins with what the longer ones know: never with too little.
  // How much those that refuse leave, or the others.
  [[nodiscard]] std::uint64_t room(std::span<const Limit> limits, bool refusing, WallMillis now);
  // Of limits without room for `wanted` the one that is free last; of those that refuse, or of the others, of which one
  // with a graver action goes first.
  [[nodiscard]] std::optional<FullWindow> full(std::span<const Limit> limits, bool refusing, std::uint64_t wanted,
                                               WallMillis now);
  // A limit whose use comes to `percent` of it with `amount` more, and has not been there.
  [[nodiscard]] std::optional<FullWindow> nears(std::span<const Limit> limits, std::uint64_t percent,
                                                std::uint64_t amount, WallMillis now);

  void hold(std::uint64_t amount) { held_ += amount; }
  void give_back(std::uint64_t amount);
  // Of what is held.
  void spend(std::uint64_t amount, WallMillis now);
  // From a record of earlier: nothing was held of it.
  void restore(Span span, WallMillis at, std::uint64_t amount);

  [[nodiscard]] std::uint64_t held() const { return held_; }
  [[nodiscard]] std::uint64_t used(Span span, WallMillis now);
  // Nothing is held, and all windows are empty: it can be forgotten.
  [[nodiscard]] bool idle(WallMillis now);
  [[nodiscard]] const SlidingWindow* window(Span span) const { return windows_[static_cast<std::size_t>(span)].get(); }

 private:
  SlidingWindow& window_for(Span span, WallMillis now);

  std::uint64_t held_ = 0;
  std::array<std::unique_ptr<SlidingWindow>, kSpans> windows_;  // those that limits ask for
};

}  // namespace sluice::policy
