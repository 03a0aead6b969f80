// A core's side of the budgets: its leases, and the submitters that use them.  A recipient that the lease has room for
// costs a few instructions; else the core asks the process' budget (shared_budget.h), waits for its journal where
// nothing was recorded ahead of need, and before it refuses calls back what other cores have leased and not reserved.
// Core thread only, but for give_back_free(), which other cores post to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "engine/io/loop.h"
#include "policy/budget/policy_clock.h"
#include "policy/budget/shared_budget.h"
#include "policy/budget/upper_leases.h"
#include "policy/lease.h"
#include "policy/meter_key.h"
#include "policy/submission_limits.h"

namespace sluice::policy {

class CoreBudget;

// All cores of the process, for messages between them.  Outlives them; any thread.
class BudgetCores {
 public:
  explicit BudgetCores(std::uint32_t cores) : cores_(cores) {}
  void add(std::uint32_t core, CoreBudget& budget) { cores_[core].store(&budget, std::memory_order_release); }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(cores_.size()); }
  // Runs `message` on that core, with its own CoreBudget.  The core has leased something, so it is there.
  void post(std::uint32_t core, std::function<void(CoreBudget&)> message);
  // On core `home`: what these cores (bits as in Grant) have leased and not reserved has gone back.
  Task<void> call_back(MeterKey key, std::uint64_t holders, std::uint32_t home);

 private:
  std::vector<std::atomic<CoreBudget*>> cores_;
};

class CoreBudget {
 public:
  struct Parts {
    io::Loop& loop;
    SharedBudget& shared;
    BudgetCores& cores;
    const PolicyClock& clock;
    std::uint32_t core = 0;
    UpperLink* upper = nullptr;  // null: there is no cluster
  };
  explicit CoreBudget(const Parts& parts) : parts_(parts) { parts_.cores.add(parts_.core, *this); }
  ~CoreBudget();
  CoreBudget(const CoreBudget&) = delete;
  CoreBudget& operator=(const CoreBudget&) = delete;

  // One meter as this core leases from it.  It stays where it is for as long as it is used.
  struct Account {
    MeterKey key;
    Lease lease;
    std::uint32_t users = 0;
    bool active = false;           // among active_
    bool idle = false;             // nothing was reserved since the last settling
    bool passed = false;           // the last grant was beyond a limit that does not refuse
    bool asking = false;           // for a lease of the cluster
    std::vector<Limit> leased_by;  // the limits that left room for the lease
    std::vector<AsyncEvent*> behind_asking;
  };
  Account& use(const MeterKey& key);
  void leave(Account& account);

  struct Taken {
    std::uint64_t amount = 0;
    std::optional<FullWindow> full;
    std::optional<FullWindow> passed;
    std::optional<FullWindow> near;
  };
  // The account stays in use.
  Task<Taken> reserve(Account& account, std::span<const Limit> limits, std::uint64_t wanted);
  void spend(Account& account, std::uint64_t amount) { account.lease.spend(amount); }
  void give_back(Account& account, std::uint64_t amount);

  // Another core needs it: what was spent is told, what nobody has reserved goes back.
  void give_back_free(const MeterKey& key);
  // What it has leased of each meter and nobody has reserved: that is not used.
  [[nodiscard]] std::vector<std::pair<MeterKey, std::uint64_t>> unreserved() const;
  // Tells all of it; no session is left.
  void close();
  [[nodiscard]] io::Loop& loop() { return parts_.loop; }

 private:
  // What the cluster has no room for.
  Task<std::optional<FullWindow>> lease_from_cluster(Account& account, std::span<const Limit> limits,
                                                     const Grant& grant);
  void settle(Account& account, bool with_free);
  void touch(Account& account);
  static void on_settle(void* self);
  void settle_all();

  Parts parts_;
  absl::node_hash_map<MeterKey, Account> accounts_;
  std::vector<Account*> active_;  // that have a lease, or something to tell
  io::Timer settle_{&on_settle, this};
  bool armed_ = false;
};

}  // namespace sluice::policy
