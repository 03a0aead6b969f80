// What the process' budgets lease from when several relays share their limits: one level up, the same protocol
// (policy/cluster).  Amounts that are held count in full until they are spent or returned.  It belongs to one core: all
// of it is called on that core's thread, and others post to it, so that what was returned is told before what is asked
// for afterwards.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "engine/base/task.h"
#include "policy/limit.h"
#include "policy/meter.h"
#include "policy/meter_key.h"

namespace sluice::policy {

struct UpperGrant {
  std::uint64_t granted = 0;  // at most what was wanted
  // There was no room for the least that was asked for: the use of all nodes.  `free_in_ms` is from now on.
  std::optional<FullWindow> full;
  // Of limits that do not refuse: one was passed with what was granted (UpperLeases).
  std::optional<FullWindow> passed;
};

class UpperBudget {
 public:
  virtual ~UpperBudget() = default;
  UpperBudget(const UpperBudget&) = delete;
  UpperBudget& operator=(const UpperBudget&) = delete;

  // Between `least` and `wanted`, fewer only where there is no room for `least`: the other nodes were then asked to
  // give back.  `limits` are those of the key's quantity that have to have room, whatever their action is; with none
  // all is granted.  In a bounded time; from this node's local share while the cluster does not answer.
  virtual Task<UpperGrant> lease(const MeterKey& key, std::span<const Limit> limits, std::uint64_t wanted,
                                 std::uint64_t least) = 0;
  // Of what was granted: so much was spent, and so much is not needed any more.  Told to the cluster within a second,
  // whenever that is reachable.
  virtual void settle(const MeterKey& key, std::uint64_t spent, std::uint64_t returned) = 0;
  // Before start(): what this node has spent before it was restarted, as its journal has it.  Told to the cluster only
  // if that has lost it.
  virtual void restore(const MeterKey& key, Span span, WallMillis at, std::uint64_t amount) = 0;

  // Another node needs some of this meter: settle() what nobody has reserved.  May be called often; set before start().
  virtual void on_recall(std::function<void(const MeterKey&)> recall) = 0;

 protected:
  UpperBudget() = default;
};

}  // namespace sluice::policy
