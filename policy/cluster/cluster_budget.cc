#include "policy/cluster/cluster_budget.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "policy/cluster/lease_script.h"

namespace sluice::policy {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kPercent = 100;
constexpr int kEpochsMax = 3;  // in one exchange: each may be lost again

std::uint64_t share_of(std::uint64_t amount, std::uint64_t percent) {
  return amount / kPercent * percent + amount % kPercent * percent / kPercent;
}

std::string random_text(io::Random& random) { return std::to_string(random.number()); }

}  // namespace

ClusterBudget::ClusterBudget(ClusterParts parts, ClusterOptions options, std::function<void(const ClusterNotice&)> tell)
    : parts_(parts),
      options_(std::move(options)),
      tell_(std::move(tell)),
      client_(parts_, options_, lease_function()),
      use_client_(parts_, options_, use_function()),
      incarnation_(random_text(parts_.loop.platform().random)),
      began_wall_(parts_.loop.platform().clock.wall()),
      began_(parts_.loop.now()),
      swept_(began_),
      timer_([](void* self) { static_cast<ClusterBudget*>(self)->woken_.set(); }, this),
      listener_timer_([](void* self) { static_cast<ClusterBudget*>(self)->listener_woken_.set(); }, this) {
  groups_[0].used = true;
}

ClusterBudget::~ClusterBudget() { CHECK(tasks_.live() == 0); }

WallMillis ClusterBudget::now() const {
  return began_wall_ + std::chrono::duration_cast<std::chrono::milliseconds>(parts_.loop.now() - began_).count();
}

ClusterBudget::Entry& ClusterBudget::entry(const MeterKey& key) {
  Entry& found = entries_.try_emplace(key, key).first->second;
  groups_[found.group].used = true;
  return found;
}

std::uint64_t ClusterBudget::held(const MeterKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? 0 : found->second.held;
}

Task<void> ClusterBudget::lock(Entry& entry) {
  if (!std::exchange(entry.busy, true)) co_return;
  AsyncEvent event;
  entry.waiting.push_back(&event);
  co_await event.wait("a meter's call before");  // unlock() leaves it locked
}

void ClusterBudget::unlock(Entry& entry) {
  if (entry.waiting.empty()) {
    entry.busy = false;
    return;
  }
  AsyncEvent* const next = entry.waiting.front();
  entry.waiting.pop_front();
  next->set();
}

// ------------------------------------------------------------------------------------------ calls

LeaseCall ClusterBudget::call_for(Group& group, std::uint32_t number) {
  return {.prefix = options_.prefix,
          .group = number,
          .node = options_.node,
          .incarnation = incarnation_,
          .epoch = group.epoch,
          .new_epoch = random_text(parts_.loop.platform().random),
          .number = ++number_,
          .answered = group.answered,
          .grace_ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.grace).count(),
          .meter = std::nullopt};
}

void ClusterBudget::add_windows(const Entry& entry, LeaseCall& call) {
  for (std::size_t i = 0; i < kSpans; ++i) {
    const auto span = static_cast<Span>(i);
    const WallMillis newest = now() / bucket_ms(span);
    entry.windows[i].for_each([&](WallMillis start, std::uint64_t amount) {
      const std::int64_t before = std::max<std::int64_t>(0, newest - start / bucket_ms(span));
      call.windows.push_back({.span = span, .before = before, .amount = amount});
    });
  }
}

void ClusterBudget::learn(Group& group, const std::string& epoch) {
  const bool first = group.epochs == 0;
  group.epoch = epoch;
  ++group.epochs;
  group.answered = 0;
  for (auto& [key, each] : entries_)
    if (&groups_[each.group] == &group) {
      each.answered = 0;
      mark(each);
    }
  if (first || (told_lost_ != Instant() && parts_.loop.now() < told_lost_ + options_.grace)) return;
  told_lost_ = parts_.loop.now();
  tell(ClusterNotice::Kind::data_lost, "an epoch ended");
}

Task<ClusterBudget::Exchanged> ClusterBudget::ask(Group& group, LeaseCall call) {
  const std::uint64_t number = call.number;
  const auto reply = co_await client_.call(call.group, lease_words(call));
  auto parsed = reply ? parse_lease_reply(*reply, call) : Exchanged(std::unexpected(reply.error()));
  if (parsed && parsed->status == LeaseReply::Status::outdated)
    parsed = std::unexpected("another process has the name of this node, \"" + options_.node + "\"");
  if (!parsed) {
    failed(group, parsed.error());
    co_return parsed;
  }
  if (call.epoch == group.epoch && parsed->status != LeaseReply::Status::other_epoch)
    group.answered = std::max(group.answered, number);
  answered(group);
  co_return parsed;
}

Task<ClusterBudget::Exchanged> ClusterBudget::exchange(Entry& entry, std::span<const Limit> limits,
                                                       std::uint64_t wanted, std::uint64_t least) {
  Group& group = groups_[entry.group];
  for (int i = 0; i < kEpochsMax; ++i) {
    LeaseCall call = call_for(group, entry.group);
    call.meter = entry.key;
    call.meter_answered = entry.answered;
    call.spent = entry.spent;
    call.held = entry.held;
    call.wanted = wanted;
    call.least = least;
    call.limits.assign(limits.begin(), limits.end());
    const std::uint64_t epochs = group.epochs;
    const std::uint64_t number = call.number;
    if (entry.reported != epochs || epochs == 0) add_windows(entry, call);
    entry.dirty = false;
    auto reply = co_await ask(group, std::move(call));
    if (!reply) {
      mark(entry);
      co_return reply;
    }
    if (reply->status == LeaseReply::Status::done) {
      entry.held += reply->granted;
      if (reply->lapsed > 0) {
        ++remainder_.meters;
        remainder_.amount[static_cast<std::size_t>(entry.key.quantity)] += reply->lapsed;
      }
      if (epochs == group.epochs) {
        entry.answered = number;
        entry.reported = epochs;
      }
      co_return reply;
    }
    if (reply->epoch != group.epoch) learn(group, reply->epoch);
  }
  mark(entry);
  co_return std::unexpected("the cluster loses its data again and again");
}

void ClusterBudget::failed(Group& group, const std::string& reason) {
  if (std::exchange(group.alone, true)) return;
  ++alone_groups_;
  if (std::exchange(told_alone_, true)) return;
  tell(ClusterNotice::Kind::alone, reason);
}

void ClusterBudget::answered(Group& group) {
  if (!std::exchange(group.alone, false)) return;
  if (--alone_groups_ > 0) return;
  told_alone_ = false;
  tell(ClusterNotice::Kind::reachable, "");
}

void ClusterBudget::tell(ClusterNotice::Kind kind, std::string reason) {
  ClusterNotice notice{.kind = kind, .reason = std::move(reason)};
  for (const auto& [key, each] : entries_) {
    notice.meters += each.held > 0 ? 1 : 0;
    notice.amount[static_cast<std::size_t>(key.quantity)] += each.held;
  }
  tell_(notice);
}

void ClusterBudget::tell_remainder() {
  if (remainder_.meters > 0)
    tell_(std::exchange(remainder_, ClusterNotice{.kind = ClusterNotice::Kind::remainder, .reason = {}}));
}

// ------------------------------------------------------------------------------------------ leases

// Of the limit that the reply is about; if it says nothing, of one that this node alone has used up.
FullWindow ClusterBudget::full_window(Entry& entry, std::span<const Limit> limits, const LeaseReply* reply,
                                      std::uint64_t missing) {
  if (reply != nullptr && reply->full)
    for (const Limit& limit : limits)
      if (limit.span == reply->full->span)
        return {.limit = limit, .used = reply->full->used, .free_in_ms = reply->full->free_in_ms};
  const Limit* full = &limits.front();
  for (const Limit& limit : limits) {
    const std::uint64_t used = entry.windows[static_cast<std::size_t>(limit.span)].sum(now()) + entry.held;
    if (used + missing > limit.amount) full = &limit;
  }
  return {.limit = *full, .used = full->amount, .free_in_ms = span_ms(full->span)};
}

std::uint64_t ClusterBudget::own_room(Entry& entry, std::span<const Limit> limits, std::uint64_t percent) {
  std::uint64_t room = kNoLimit;
  for (const Limit& limit : limits) {
    const std::uint64_t share = share_of(limit.amount, percent);
    const std::uint64_t used = entry.windows[static_cast<std::size_t>(limit.span)].sum(now()) + entry.held;
    room = std::min(room, share - std::min(share, used));
  }
  return room;
}

UpperGrant ClusterBudget::lease_here(Entry& entry, std::span<const Limit> limits, std::uint64_t wanted,
                                     std::uint64_t least) {
  constexpr std::int64_t kAgainMs = 60'000;  // for a client: the cluster may be back
  UpperGrant grant{.granted = std::min(wanted, own_room(entry, limits, options_.local_share)), .full = {}};
  entry.held += grant.granted;
  mark(entry);
  if (grant.granted >= least) return grant;
  for (const Limit& limit : limits) {
    const std::uint64_t used = entry.windows[static_cast<std::size_t>(limit.span)].sum(now()) + entry.held;
    if (used + least - grant.granted <= share_of(limit.amount, options_.local_share)) continue;
    grant.full = FullWindow{.limit = limit, .used = used, .free_in_ms = kAgainMs, .local_share = true};
    // What is left of the limit is not known: it is no matter of the limit's own action, where that refuses.
    if (refuses(limit.action)) grant.full->limit.action = Action::defer;
  }
  return grant;
}

Task<UpperGrant> ClusterBudget::lease(const MeterKey& key, std::span<const Limit> limits, std::uint64_t wanted,
                                      std::uint64_t least) {
  CHECK(least <= wanted);
  Entry& mine = entry(key);
  if (limits.empty()) {  // it is only counted
    mine.held += wanted;
    mark(mine);
    co_return UpperGrant{.granted = wanted, .full = {}};
  }
  const std::vector<Limit> all(limits.begin(), limits.end());
  if (!groups_[mine.group].alone) {
    co_await lock(mine);
    // Those that waited for one that got no answer do not wait for another.
    std::optional<UpperGrant> grant;
    if (!groups_[mine.group].alone) grant = co_await lease_there(mine, all, wanted, least);
    unlock(mine);
    if (grant) co_return *grant;
  }
  co_return lease_here(mine, all, wanted, least);
}

// None: there is no answer, or no leases are given yet although the time for reports is over.
Task<std::optional<UpperGrant>> ClusterBudget::lease_there(Entry& entry, std::span<const Limit> limits,
                                                           std::uint64_t wanted, std::uint64_t least) {
  constexpr Duration kFirstPause = std::chrono::milliseconds(5);
  constexpr Duration kInVain = std::chrono::seconds(1);
  constexpr Duration kReportPause = std::chrono::milliseconds(100);
  const Instant reported = parts_.loop.now() + options_.grace + kRecallWait;
  Instant until = parts_.loop.now() + kRecallWait;
  const Instant soft_until = parts_.loop.now() + kSoftRecallWait;
  UpperGrant grant;
  for (Duration wait = kFirstPause;; wait *= 2) {
    // Whatever Redis says, this node alone does not use more than there may be.
    const std::uint64_t room = own_room(entry, limits, kPercent);
    const std::uint64_t most = std::min(wanted - grant.granted, room);
    const std::uint64_t missing = least - std::min(least, grant.granted);
    if (most == 0) {
      grant.full = full_window(entry, limits, nullptr, missing);
      co_return grant;
    }
    const auto reply = co_await exchange(entry, limits, most, std::min(missing, most));
    if (!reply) {
      if (grant.granted > 0) co_return grant;
      co_return std::nullopt;
    }
    if (reply->wait_ms > 0) {
      // The nodes report what they hold.
      if (parts_.loop.now() >= reported || closing_) co_return std::nullopt;
      co_await parts_.loop.sleep(std::min<Duration>(kReportPause, std::chrono::milliseconds(reply->wait_ms)),
                                 "reports of the cluster's nodes");
      until = parts_.loop.now() + kRecallWait;
      wait = kFirstPause / 2;
      continue;
    }
    grant.granted += reply->granted;
    if (grant.granted >= least) co_return grant;
    const FullWindow full = full_window(entry, limits, &*reply, missing - std::min(missing, reply->granted));
    const bool soft = !refuses(full.limit.action);
    // What others hold is not enough: for a message that goes on all the same nobody is asked.
    const bool helpless = soft && full.used - std::min(full.used, reply->others) + missing > full.limit.amount;
    Instant& in_vain = soft ? entry.soft_in_vain : entry.in_vain;
    const bool vain = reply->others == 0 || helpless || parts_.loop.now() < in_vain || closing_;
    if (vain || parts_.loop.now() + wait > (soft ? soft_until : until)) {
      if (!vain) in_vain = parts_.loop.now() + kInVain;
      grant.full = full;
      co_return grant;
    }
    co_await parts_.loop.sleep(wait, "other nodes that give back");
  }
}

void ClusterBudget::settle(const MeterKey& key, std::uint64_t spent, std::uint64_t returned) {
  const auto found = entries_.find(key);
  CHECK(found != entries_.end());
  Entry& mine = found->second;
  CHECK(spent + returned <= mine.held);
  mine.held -= spent + returned;
  mine.spent += spent;
  if (spent > 0)
    for (SlidingWindow& window : mine.windows) window.add(now(), spent);
  mark(mine);
  if (parts_.loop.now() < mine.asked_back && !closing_ && !groups_[mine.group].alone) tasks_.add(sync(mine));
}

void ClusterBudget::restore(const MeterKey& key, Span span, WallMillis at, std::uint64_t amount) {
  entry(key).windows[static_cast<std::size_t>(span)].add(std::min(at, now()), amount);
}

}  // namespace sluice::policy
