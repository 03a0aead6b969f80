#include "policy/budget/shared_budget.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/hash/hash.h"

namespace sluice::policy {
namespace {

// A lease is at most this; near a limit a small part of what is left, so that no core holds what another one needs.
constexpr std::uint64_t kLeaseMax = 1024;
constexpr std::uint64_t kBytesLeaseMax = 64 * 1024;  // of bytes, in KiB

std::uint64_t lease_size(std::uint64_t room, std::uint64_t least, std::uint32_t cores, Quantity quantity) {
  const std::uint64_t most = quantity == Quantity::bytes ? kBytesLeaseMax : kLeaseMax;
  return std::max(least, std::min(room / (4 * std::uint64_t{cores}), most));
}

// Of what a client sends at once each recipient has room for itself, or none; of the rest all has room, or none.
bool is_divisible(Quantity quantity) {
  return quantity == Quantity::recipients || quantity == Quantity::first_time_recipients;
}

std::uint8_t spans_of(const Meter& meter) {
  unsigned mask = 0;
  for (std::size_t i = 0; i < kSpans; ++i)
    if (meter.window(static_cast<Span>(i)) != nullptr) mask |= 1U << i;
  return static_cast<std::uint8_t>(mask);
}

void append_window(std::string& bytes, const MeterKey& key, const Meter& meter, Span span) {
  const SlidingWindow* window = meter.window(span);
  if (window == nullptr) return;
  JournalRecord record{.kind = JournalRecord::Kind::window,
                       .key = key,
                       .spans = static_cast<std::uint8_t>(1U << static_cast<unsigned>(span)),
                       .at = window->newest(),
                       .buckets = {}};
  window->for_each([&](WallMillis start, std::uint32_t amount) {
    const std::int64_t before = (record.at - start) / window->bucket_ms();
    record.buckets.push_back({.before = static_cast<std::uint8_t>(before), .amount = amount});
  });
  if (!record.buckets.empty()) append_record(bytes, record);
}

}  // namespace

SharedBudget::Shard& SharedBudget::shard_of(const MeterKey& key) {
  return shards_[absl::Hash<MeterKey>{}(key) % kShards];
}

WallMillis SharedBudget::advance(Shard& shard, WallMillis now) {
  shard.now = std::max(shard.now, now);
  return shard.now;
}

bool SharedBudget::mark(Shard& shard, const MeterKey& key, Entry& entry) {
  if (std::exchange(entry.dirty, true)) return false;
  shard.dirty.push_back(key);
  return unwritten_.fetch_add(1, std::memory_order_relaxed) == 0;
}

std::optional<FullWindow> SharedBudget::Entry::passed_in_cluster(std::span<const Limit> asked) const {
  // A reload may have taken it away.
  const bool stands = upper_passed != nullptr && std::ranges::find(asked, upper_passed->limit) != asked.end();
  return stands ? std::optional(*upper_passed) : std::nullopt;
}

Grant SharedBudget::lease(std::uint32_t core, const MeterKey& key, std::span<const Limit> limits, std::uint64_t wanted,
                          WallMillis now, std::function<void()> when_recorded, bool cluster_is_full) {
  Grant grant;
  Shard& shard = shard_of(key);
  bool first = false;
  {
    const std::lock_guard lock(shard.mutex);
    now = advance(shard, now);
    Entry& entry = shard.meters[key];
    const std::uint64_t room = entry.meter.room(limits, true, now);
    entry.limits = {};
    for (const Limit& limit : limits) entry.limits[static_cast<std::size_t>(limit.span)] = limit.amount;
    grant.holders = entry.holders & ~bit(core);
    const bool divisible = is_divisible(key.quantity);
    if (room < wanted && (!divisible || room == 0))
      grant.full = entry.meter.full(limits, true, divisible ? 1 : wanted, now);
    std::uint64_t least = std::min(room, wanted);
    if (clustered_ && cluster_is_full) least = std::min(least, entry.upper_free);
    if (least == 0) return grant;
    // A lease ends where a limit is passed that only tells, so that the event comes then.
    const std::uint64_t below = entry.meter.room(limits, false, now);
    const std::optional<FullWindow> passed_there = entry.passed_in_cluster(limits);
    std::uint64_t size = std::max(least, std::min(below, lease_size(room, least, cores_, key.quantity)));
    if (clustered_ && entry.upper_free < least) {
      grant.upper_least = least;
      grant.upper_wanted = std::min(room, 2 * size);
      return grant;
    }
    if (clustered_) size = passed_there ? least : std::min(size, entry.upper_free);
    const std::uint64_t available = entry.available();
    grant.recording = available < least;
    if (!grant.recording) {
      grant.granted = std::min(size, available);
      grant.passed = graver_passed(passed_there, entry.meter.full(limits, false, least, now));
      grant.near = entry.meter.nears(limits, kNearPercent, grant.granted, now);
      entry.meter.hold(grant.granted);
      // Behind those that it has room for, as if the client had waited for each reply.
      if (room < wanted && divisible) grant.full = entry.meter.full(limits, true, 1, now);
      entry.holders |= bit(core);
      if (clustered_) entry.upper_free -= grant.granted;
      entry.upper_used = true;
    }
    // The next lease's, too, so that it need not wait.
    entry.ahead = std::min(room - grant.granted, 2 * size);
    if (grant.recording || available - grant.granted < size) first = mark(shard, key, entry);
    if (grant.recording) shard.waiting.push_back(std::move(when_recorded));
  }
  if (grant.recording || first) wake_(grant.recording);
  return grant;
}

void SharedBudget::settle(std::uint32_t core, const MeterKey& key, std::uint64_t spent, std::uint64_t returned,
                          bool holds, WallMillis now) {
  Shard& shard = shard_of(key);
  bool first = false;
  {
    const std::lock_guard lock(shard.mutex);
    now = advance(shard, now);
    Entry& entry = shard.meters[key];
    entry.meter.spend(spent, now);
    entry.meter.give_back(returned);
    entry.unwritten += spent;
    if (clustered_) {
      entry.upper_spent += spent;
      entry.upper_free += returned;
      list_upper(shard, key, entry);
    }
    // With two cores behind one bit it stays until neither is known to hold any.
    if (!holds && (core < 63 || entry.meter.held() == 0)) entry.holders &= ~bit(core);
    if (entry.meter.held() == 0) entry.ahead = 0;
    first = mark(shard, key, entry);
  }
  if (first) wake_(false);
}

void SharedBudget::write_state(const MeterKey& key, Entry& entry, std::uint64_t spent, WallMillis now,
                               Writing& writing) {
  const std::uint64_t held = entry.meter.held() + entry.ahead;
  append_record(writing.bytes, {.kind = JournalRecord::Kind::spent,
                                .key = key,
                                .spans = spans_of(entry.meter),
                                .at = now,
                                .amount = spent,
                                .held = held});
  // Until it is written the journal says what it said, and both have to hold.
  const std::uint64_t before = entry.recorded - std::min(entry.recorded, entry.unwritten);
  entry.recorded = std::min(before, held);
  entry.unwritten = 0;
  entry.dirty = false;
  writing.held.push_back({.key = key, .amount = held});
}

void SharedBudget::take_waiting(Shard& shard, Writing& writing) {
  unwritten_.fetch_sub(shard.dirty.size(), std::memory_order_relaxed);
  shard.dirty.clear();
  for (std::function<void()>& each : shard.waiting) writing.waiting.push_back(std::move(each));
  shard.waiting.clear();
}

SharedBudget::Writing SharedBudget::gather(WallMillis now) {
  Writing writing;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    now = advance(shard, now);
    for (const MeterKey& key : shard.dirty) {
      Entry& entry = shard.meters.at(key);
      write_state(key, entry, entry.unwritten, now, writing);
    }
    take_waiting(shard, writing);
  }
  return writing;
}

void SharedBudget::recorded(Writing& writing) {
  for (const Writing::Held& each : writing.held) {
    Shard& shard = shard_of(each.key);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.meters.find(each.key);
    if (found != shard.meters.end()) found->second.recorded = each.amount;
  }
  for (const std::function<void()>& each : writing.waiting) each();
  writing.waiting.clear();
}

SharedBudget::Writing SharedBudget::snapshot(WallMillis now) {
  Writing writing;
  writing.bytes.assign(kJournalHead);
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    now = advance(shard, now);
    for (auto& [key, entry] : shard.meters) {
      for (std::size_t i = 0; i < kSpans; ++i) append_window(writing.bytes, key, entry.meter, static_cast<Span>(i));
      write_state(key, entry, 0, now, writing);
    }
    take_waiting(shard, writing);
  }
  return writing;
}

void SharedBudget::restore(const JournalRecord& record, WallMillis now) {
  Shard& shard = shard_of(record.key);
  const std::lock_guard lock(shard.mutex);
  Entry& entry = shard.meters[record.key];
  // A clock that was set back since: entries from the future count as of now.
  const WallMillis at = std::clamp<WallMillis>(record.at, 0, now);
  if (record.kind == JournalRecord::Kind::window) {
    const auto span = static_cast<Span>(std::countr_zero(record.spans));
    for (const JournalRecord::Bucket& bucket : record.buckets)
      entry.meter.restore(span, at - bucket.before * bucket_ms(span), bucket.amount);
    return;
  }
  for (std::size_t i = 0; i < kSpans; ++i)
    if ((record.spans >> i & 1U) != 0) entry.meter.restore(static_cast<Span>(i), at, record.amount);
  entry.recorded = record.held;
}

SharedBudget::Remainder SharedBudget::restored(WallMillis now) {
  Remainder remainder;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (auto& [key, entry] : shard.meters) {
      const std::uint64_t held = std::exchange(entry.recorded, 0);
      if (held == 0) continue;
      entry.meter.hold(held);
      entry.meter.spend(held, now);
      entry.unwritten = held;
      ++remainder.meters;
      remainder.amount[static_cast<std::size_t>(key.quantity)] += held;
      mark(shard, key, entry);
    }
  }
  return remainder;
}

std::vector<MeterUse> SharedBudget::list(WallMillis now, const std::function<bool(const MeterKey&)>& wanted) {
  std::vector<MeterUse> found;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    now = advance(shard, now);
    for (auto& [key, entry] : shard.meters) {
      if (!wanted(key)) continue;
      MeterUse use{.key = key, .held = entry.meter.held(), .upper_free = entry.upper_free, .used = {}, .limits = {}};
      for (std::size_t i = 0; i < kSpans; ++i) {
        if (entry.meter.window(static_cast<Span>(i)) != nullptr)
          use.used[i] = entry.meter.used(static_cast<Span>(i), now);
        if (entry.limits[i] > 0) use.limits[i] = entry.limits[i];
      }
      found.push_back(std::move(use));
    }
  }
  return found;
}

void SharedBudget::sweep(WallMillis now) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    now = advance(shard, now);
    absl::erase_if(shard.meters, [now](auto& each) {
      Entry& entry = each.second;
      return !entry.dirty && !entry.upper_listed && entry.recorded == 0 && entry.unwritten == 0 &&
             entry.meter.idle(now);
    });
  }
}

}  // namespace sluice::policy
