// How the accounts of a policy class are watched.  Values; any thread.
#pragma once

#include <algorithm>
#include <string>

#include "policy/noticing/class_policy.h"
#include "policy/noticing/verdict.h"

namespace sluice::noticing {

struct WatchedClass {
  std::string name;  // of the policy class
  ClassPolicy policy;
  Step highest = Step::suspend;  // no step above it is taken; pass: the class is not watched
  bool shadow = false;           // none is taken, but for telling

  // The step that is taken where the noticer finds this one.
  [[nodiscard]] Step taken(Step found) const { return std::min({found, highest, shadow ? Step::tell : found}); }
  // Until a timer lifts one that is taken.
  [[nodiscard]] Duration lasts(Step step) const {
    return step == Step::suspend ? policy.suspend_time : policy.hold_time;
  }
  bool operator==(const WatchedClass&) const = default;
};

}  // namespace sluice::noticing
