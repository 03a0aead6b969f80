#include "policy/budget/upper_leases.h"

#include <algorithm>
#include <utility>

#include "policy/budget/core_budget.h"

namespace sluice::policy {
namespace {

constexpr Duration kTellInterval = std::chrono::seconds(1);

}  // namespace

// ------------------------------------------------------------------------------------------ any core

Task<UpperGrant> UpperLink::lease(io::Loop& loop, const MeterKey& key, std::span<const Limit> limits,
                                  std::uint64_t wanted, std::uint64_t least) {
  Request request{.loop = loop,
                  .key = key,
                  .limits = {limits.begin(), limits.end()},
                  .wanted = wanted,
                  .least = least,
                  .grant = {},
                  .answered = {}};
  {
    const std::lock_guard lock(mutex_);
    if (home_ == nullptr) {
      early_.push_back(&request);
    } else {
      home_->post(request);
    }
  }
  co_await request.answered.wait("a lease of the cluster");
  co_return request.grant;
}

void UpperLink::core_closed() {
  const std::lock_guard lock(mutex_);
  ++closed_;
  if (closed_ < cores_ || home_ == nullptr) return;
  home_->parts_.loop.post([home = home_] { home->cores_closed_.set(); });
}

void UpperLink::attach(UpperLeases& home) {
  const std::lock_guard lock(mutex_);
  home_ = &home;
  for (Request* const request : std::exchange(early_, {})) home.post(*request);
  if (closed_ == cores_) home.cores_closed_.set();
}

// ------------------------------------------------------------------------------------------ the cluster's core

UpperLeases::UpperLeases(const Parts& parts)
    : parts_(parts), timer_([](void* self) { static_cast<UpperLeases*>(self)->woken_.set(); }, this) {
  parts_.upper.on_recall([this](const MeterKey& key) {
    if (!closing_ && recalling_.insert(key).second) tasks_.add(recall(key));
  });
}

Task<void> UpperLeases::restore() {
  for (std::size_t shard = 0; shard < SharedBudget::kShards; ++shard) {
    parts_.shared.for_each_spent(shard, [this](const MeterKey& key, Span span, WallMillis at, std::uint64_t amount) {
      parts_.upper.restore(key, span, at, amount);
    });
    co_await parts_.loop.next_turn("the limits' use of before");
  }
}

void UpperLeases::start() {
  tasks_.add(run());
  parts_.link.attach(*this);
}

void UpperLeases::post(UpperLink::Request& request) {
  parts_.loop.post([this, &request] { tasks_.add(serve(request)); });
}

Task<void> UpperLeases::serve(UpperLink::Request& request) {
  request.grant = co_await ask(request);
  request.loop.post([&request] { request.answered.set(); });
}

// One at a time for each meter: what one is granted may do for all that wait.
Task<UpperGrant> UpperLeases::ask(const UpperLink::Request& request) {
  const auto [entry, first] = asking_.try_emplace(request.key);
  std::list<AsyncEvent*>& waiting = entry->second;
  if (!first) {
    AsyncEvent event;
    waiting.push_back(&event);
    co_await event.wait("a lease of the cluster that was asked for before");
  }
  UpperGrant grant;
  const std::uint64_t free = parts_.shared.upper_free(request.key);
  if (free < request.least) {
    const std::uint64_t least = request.least - free;
    const std::uint64_t wanted = std::max(least, request.wanted - std::min(request.wanted, free));
    grant = co_await lease(request, wanted, least);
    parts_.shared.granted(request.key, grant.granted, grant.passed);
  }
  if (waiting.empty()) {
    asking_.erase(request.key);
  } else {
    AsyncEvent* const next = waiting.front();
    waiting.pop_front();
    next->set();
  }
  co_return grant;
}

// Where a limit that does not refuse has no room in the cluster it is passed: what is missing is leased without it, and
// no more, so that the next one who asks is beyond it, too.  So one after the other, as the gravest of them counts.
Task<UpperGrant> UpperLeases::lease(const UpperLink::Request& request, std::uint64_t wanted, std::uint64_t least) {
  std::vector<Limit> limits = request.limits;
  UpperGrant all = co_await parts_.upper.lease(request.key, limits, wanted, least);
  while (all.full && !refuses(all.full->limit.action)) {
    all.passed = graver_passed(all.passed, all.full);
    CHECK(std::erase(limits, all.full->limit) > 0);
    const std::uint64_t missing = least - std::min(least, all.granted);
    const UpperGrant beyond = co_await parts_.upper.lease(request.key, limits, missing, missing);
    all.granted += beyond.granted;
    all.full = beyond.full;
  }
  co_return all;
}

Task<void> UpperLeases::run() {
  while (!closing_) {
    settle(false);
    parts_.loop.timers().arm(timer_, parts_.loop.now() + kTellInterval);
    co_await woken_.wait("what the cluster is told next");
  }
}

void UpperLeases::settle(bool everything) {
  for (const SharedBudget::UpperSettling& each : parts_.shared.settle_upper(everything))
    parts_.upper.settle(each.key, each.spent, each.returned);
}

Task<void> UpperLeases::recall(MeterKey key) {
  co_await parts_.cores.call_back(key, parts_.shared.holders(key), parts_.core);
  const SharedBudget::UpperSettling settling = parts_.shared.settle_upper(key);
  if (settling.spent + settling.returned > 0) parts_.upper.settle(key, settling.spent, settling.returned);
  recalling_.erase(key);
}

Task<void> UpperLeases::close() {
  co_await cores_closed_.wait("all cores to settle their limits");
  closing_ = true;
  parts_.loop.timers().disarm(timer_);
  woken_.set();
  co_await tasks_.join("what the cluster is told");
  settle(true);
}

}  // namespace sluice::policy
