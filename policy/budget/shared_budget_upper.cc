// What SharedBudget has leased from a cluster, and what the cluster is told of it.
#include <utility>

#include "policy/budget/shared_budget.h"

namespace sluice::policy {

void SharedBudget::list_upper(Shard& shard, const MeterKey& key, Entry& entry) {
  if (!std::exchange(entry.upper_listed, true)) shard.upper.push_back(key);
}

void SharedBudget::granted(const MeterKey& key, std::uint64_t amount, std::optional<FullWindow> passed) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  Entry& entry = shard.meters[key];
  entry.upper_free += amount;
  entry.upper_passed = passed ? std::make_unique<FullWindow>(*std::move(passed)) : nullptr;
  entry.upper_used = true;
  list_upper(shard, key, entry);
}

std::uint64_t SharedBudget::upper_free(const MeterKey& key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.meters.find(key);
  return found == shard.meters.end() ? 0 : found->second.upper_free;
}

std::uint64_t SharedBudget::holders(const MeterKey& key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.meters.find(key);
  return found == shard.meters.end() ? 0 : found->second.holders;
}

SharedBudget::UpperSettling SharedBudget::settle_upper(const MeterKey& key) {
  UpperSettling settling{.key = key};
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.meters.find(key);
  if (found == shard.meters.end()) return settling;
  settling.spent = std::exchange(found->second.upper_spent, 0);
  settling.returned = std::exchange(found->second.upper_free, 0);
  return settling;
}

std::vector<SharedBudget::UpperSettling> SharedBudget::settle_upper(bool everything) {
  std::vector<UpperSettling> all;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    std::erase_if(shard.upper, [&](const MeterKey& key) {
      Entry& entry = shard.meters.at(key);
      UpperSettling settling{.key = key, .spent = std::exchange(entry.upper_spent, 0)};
      if (!std::exchange(entry.upper_used, false) || everything) settling.returned = std::exchange(entry.upper_free, 0);
      if (settling.spent + settling.returned > 0) all.push_back(settling);
      entry.upper_listed = entry.upper_free > 0;
      return !entry.upper_listed;
    });
  }
  return all;
}

void SharedBudget::for_each_spent(std::size_t shard, const VisitSpent& visit) {
  Shard& part = shards_[shard];
  const std::lock_guard lock(part.mutex);
  for (const auto& [key, entry] : part.meters)
    for (std::size_t i = 0; i < kSpans; ++i) {
      const auto span = static_cast<Span>(i);
      const SlidingWindow* const window = entry.meter.window(span);
      if (window == nullptr) continue;
      window->for_each([&](WallMillis start, std::uint64_t amount) { visit(key, span, start, amount); });
    }
}

}  // namespace sluice::policy
