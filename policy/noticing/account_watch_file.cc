// What a file is made of, and what comes out of it.
#include <algorithm>
#include <chrono>
#include <utility>

#include "policy/noticing/account_watch.h"

namespace sluice::noticing {
namespace {

constexpr WallMillis kMillisOfMinute = 60 * 1000;

}  // namespace

void AccountWatch::restore(AccountRecord record, std::span<const WatchedClass> classes) {
  Shard& shard = shards_[record.account % kShards];
  const auto found = std::ranges::find(classes, record.policy_class, &WatchedClass::name);
  Account& account = found != classes.end()
                         ? shard.judged_by(record.account, *found)
                         : shard.judged_by(record.account, {.name = record.policy_class,
                                                            .policy = built_in_policy(record.policy_class),
                                                            .highest = Step::pass});
  account.state = std::move(record.state);
}

AccountWatch::Restored AccountWatch::restored(WallMillis written, WallMillis now) {
  using std::chrono::duration_cast;
  const WallMillis away_max = duration_cast<std::chrono::milliseconds>(kTimeAwayMax).count();
  const WallMillis away = std::clamp<WallMillis>(now - written, 0, away_max);
  const std::int64_t minutes = (now - away - written) / kMillisOfMinute;
  Restored restored{.clock_set = minutes != 0};
  const Instant noticers_now = Instant() + std::chrono::milliseconds(now);
  for (Shard& shard : shards_) {
    for (std::size_t place = 0; place < shard.accounts.size(); ++place) {
      Account& account = shard.accounts.entry(place).value;
      Noticer(shard.class_of(account).policy).set_clock(account.state, minutes, noticers_now);
      if (Noticer::holds(account.state, noticers_now)) ++restored.held;
    }
    restored.accounts += shard.accounts.size();
  }
  return restored;
}

std::vector<std::uint64_t> AccountWatch::take_unwritten(std::size_t at, Unwritten which) {
  Shard& shard = shards_[at];
  const std::lock_guard lock(shard.mutex);
  if (which == Unwritten::steps) return std::exchange(shard.steps, {});
  // Steps may be asked for meanwhile, too, and are written twice.
  std::vector<std::uint64_t> changes = std::exchange(shard.changes, {});
  if (which == Unwritten::changes) return changes;
  std::vector<std::uint64_t> all;
  all.reserve(shard.accounts.size());
  for (std::size_t place = 0; place < shard.accounts.size(); ++place) all.push_back(shard.accounts.entry(place).key);
  return all;
}

void AccountWatch::append_records(std::span<const std::uint64_t> accounts, WallMillis now, std::string& bytes) {
  if (accounts.empty()) return;
  Shard& shard = shards_[accounts.front() % kShards];
  const std::lock_guard lock(shard.mutex);
  for (const std::uint64_t name : accounts) {
    Account* const found = shard.accounts.find(name);
    if (found == nullptr) continue;  // forgotten
    Account& account = *found;
    account.unwritten = false;
    account.step_unwritten = false;
    append_record(bytes, name, now, shard.class_of(account).name, account.state);
  }
}

}  // namespace sluice::noticing
