#include "policy/budget/core_budget.h"

#include <algorithm>
#include <utility>

namespace sluice::policy {
namespace {

// The shortest window's bucket: what was spent is told at the latest when it ends.
constexpr Duration kSettleInterval = std::chrono::seconds(1);

}  // namespace

void BudgetCores::post(std::uint32_t core, std::function<void(CoreBudget&)> message) {
  CoreBudget* const budget = cores_[core].load(std::memory_order_acquire);
  CHECK(budget != nullptr);
  budget->loop().post([budget, message = std::move(message)] { message(*budget); });
}

CoreBudget::~CoreBudget() { CHECK(active_.empty()); }

CoreBudget::Account& CoreBudget::use(const MeterKey& key) {
  Account& account = accounts_.try_emplace(key, Account{.key = key, .lease = {}}).first->second;
  ++account.users;
  return account;
}

void CoreBudget::leave(Account& account) {
  CHECK(account.users > 0);
  --account.users;
  if (account.users == 0 && !account.active) accounts_.erase(MeterKey(account.key));
}

void CoreBudget::touch(Account& account) {
  account.idle = false;
  if (!std::exchange(account.active, true)) active_.push_back(&account);
  if (std::exchange(armed_, true)) return;
  parts_.loop.timers().arm(settle_, parts_.loop.now() + kSettleInterval);
}

Task<CoreBudget::Taken> CoreBudget::reserve(Account& account, std::span<const Limit> limits, std::uint64_t wanted) {
  Taken taken;
  // What there was room for by other limits (before a reload or an override, or by the class of a device password) may
  // be more than these allow.
  if (account.lease.free() > 0 && !std::ranges::equal(account.leased_by, limits)) settle(account, true);
  taken.amount = account.lease.reserve(wanted);
  touch(account);
  bool called_back = false;
  std::optional<FullWindow> cluster_full;
  while (taken.amount < wanted) {
    AsyncEvent recorded;
    io::Loop& loop = parts_.loop;
    const WallMillis now = parts_.clock.at(loop.now());
    Grant grant = parts_.shared.lease(
        parts_.core, account.key, limits, wanted - taken.amount, now,
        [&loop, &recorded] { loop.post([&recorded] { recorded.set(); }); }, cluster_full.has_value());
    touch(account);
    if (grant.upper_least > 0) {
      cluster_full = co_await lease_from_cluster(account, limits, grant);
      taken.amount += account.lease.reserve(wanted - taken.amount);
      continue;
    }
    if (grant.recording) {
      co_await recorded.wait("the journal of the limits");
      continue;
    }
    account.passed = grant.passed.has_value();
    taken.passed = graver_passed(taken.passed, grant.passed);
    if (grant.near) taken.near = grant.near;
    account.lease.add(grant.granted);
    account.leased_by.assign(limits.begin(), limits.end());
    taken.amount += account.lease.reserve(wanted - taken.amount);
    if (taken.amount == wanted || (!grant.full && !cluster_full)) continue;
    if (called_back || grant.holders == 0) {
      taken.full = grant.full ? grant.full : cluster_full;
      break;
    }
    called_back = true;
    co_await parts_.cores.call_back(account.key, grant.holders, parts_.core);
  }
  co_return taken;
}

// One at a time: the others look first whether it did for them.
Task<std::optional<FullWindow>> CoreBudget::lease_from_cluster(Account& account, std::span<const Limit> limits,
                                                               const Grant& grant) {
  if (account.asking) {
    AsyncEvent event;
    account.behind_asking.push_back(&event);
    co_await event.wait("a lease of the cluster that was asked for before");
    co_return std::nullopt;
  }
  account.asking = true;
  const UpperGrant leased =
      co_await parts_.upper->lease(parts_.loop, account.key, limits, grant.upper_wanted, grant.upper_least);
  account.asking = false;
  for (AsyncEvent* const each : std::exchange(account.behind_asking, {})) each->set();
  co_return leased.full;
}

// What was granted beyond a limit goes back at once: from the lease, the next message would have it as if it were
// within.
void CoreBudget::give_back(Account& account, std::uint64_t amount) {
  account.lease.give_back(amount);
  if (account.passed) settle(account, true);
}

Task<void> BudgetCores::call_back(MeterKey key, std::uint64_t holders, std::uint32_t home) {
  // What the other cores and this one count down; the last one to answer wakes the waiter.
  struct Asked {
    std::size_t left = 0;
    AsyncEvent answered;
  };
  constexpr std::uint32_t kOwnBits = 63;
  std::vector<std::uint32_t> cores;
  for (std::uint32_t core = 0; core < count(); ++core)
    if ((holders >> std::min(core, kOwnBits) & 1U) != 0) cores.push_back(core);
  if (cores.empty()) co_return;
  Asked asked{.left = cores.size(), .answered = {}};
  for (const std::uint32_t core : cores) {
    post(core, [this, key, home, &asked](CoreBudget& other) {
      other.give_back_free(key);
      post(home, [&asked](CoreBudget&) {
        if (--asked.left == 0) asked.answered.set();
      });
    });
  }
  co_await asked.answered.wait("leases of other cores");
}

void CoreBudget::give_back_free(const MeterKey& key) {
  const auto found = accounts_.find(key);
  if (found != accounts_.end()) settle(found->second, true);
}

std::vector<std::pair<MeterKey, std::uint64_t>> CoreBudget::unreserved() const {
  std::vector<std::pair<MeterKey, std::uint64_t>> found;
  for (const Account* const account : active_)
    if (account->lease.free() > 0) found.emplace_back(account->key, account->lease.free());
  return found;
}

void CoreBudget::settle(Account& account, bool with_free) {
  const std::uint64_t spent = account.lease.take_spent();
  const std::uint64_t returned = with_free ? account.lease.take_free() : 0;
  if (spent == 0 && returned == 0) return;
  const bool holds = account.lease.free() + account.lease.reserved() > 0;
  parts_.shared.settle(parts_.core, account.key, spent, returned, holds, parts_.clock.at(parts_.loop.now()));
}

void CoreBudget::on_settle(void* self) {
  auto& budget = *static_cast<CoreBudget*>(self);
  budget.armed_ = false;
  budget.settle_all();
  if (budget.active_.empty()) return;
  budget.armed_ = true;
  budget.parts_.loop.timers().arm(budget.settle_, budget.parts_.loop.now() + kSettleInterval);
}

void CoreBudget::settle_all() {
  std::erase_if(active_, [this](Account* account) {
    // What was not used for a whole interval is not kept from others.
    settle(*account, account->users == 0 || std::exchange(account->idle, true));
    if (account->lease.free() + account->lease.reserved() > 0) return false;
    account->active = false;
    if (account->users == 0) accounts_.erase(MeterKey(account->key));
    return true;
  });
}

void CoreBudget::close() {
  for (Account* account : active_) {
    settle(*account, true);
    account->active = false;
  }
  active_.clear();
  accounts_.clear();
  parts_.loop.timers().disarm(settle_);
  if (parts_.upper != nullptr) parts_.upper->core_closed();
}

}  // namespace sluice::policy
