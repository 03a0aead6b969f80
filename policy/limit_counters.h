// How often limits had no room for what was asked, or were passed, by whose limit, of what, in which window, and what
// was done.  A value; one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "policy/limit.h"
#include "policy/subject.h"

namespace sluice::policy {

class LimitCounters {
 public:
  void add(Subject subject, const Limit& limit) { ++counts_[place(subject, limit.quantity, limit.span, limit.action)]; }

  // `each(subject, quantity, span, action, count)` of what there was.
  template <typename Each>
  void for_each(Each each) const {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if (counts_[i] > 0)
        each(static_cast<Subject>(i / kActions / kSpans / kQuantities),
             static_cast<Quantity>(i / kActions / kSpans % kQuantities), static_cast<Span>(i / kActions % kSpans),
             static_cast<Action>(i % kActions), counts_[i]);
  }

 private:
  [[nodiscard]] static std::size_t place(Subject subject, Quantity quantity, Span span, Action action) {
    const std::size_t of = static_cast<std::size_t>(subject) * kQuantities + static_cast<std::size_t>(quantity);
    return (of * kSpans + static_cast<std::size_t>(span)) * kActions + static_cast<std::size_t>(action);
  }
  std::array<std::uint64_t, kSubjects * kQuantities * kSpans * kActions> counts_{};
};

}  // namespace sluice::policy
