// What joins the process' budgets to a cluster (upper_budget.h): on one core, the leases that the other cores ask for,
// what is told of them, and what other nodes call back.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <span>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "engine/base/task.h"
#include "engine/io/loop.h"
#include "policy/budget/shared_budget.h"
#include "policy/upper_budget.h"

namespace sluice::policy {

class BudgetCores;
class UpperLeases;

// Where the cores ask.  Thread-safe; outlives them.
class UpperLink {
 public:
  explicit UpperLink(std::uint32_t cores) : cores_(cores) {}
  UpperLink(const UpperLink&) = delete;
  UpperLink& operator=(const UpperLink&) = delete;

  // On the core that `loop` is of.  What is granted is in SharedBudget then, for the next caller of its lease(): so
  // many that `least` are free there, unless the grant is full.  Waits until the cluster's core has begun.
  Task<UpperGrant> lease(io::Loop& loop, const MeterKey& key, std::span<const Limit> limits, std::uint64_t wanted,
                         std::uint64_t least);
  // Each core, once: it has settled everything, and asks no more.
  void core_closed();

 private:
  friend class UpperLeases;
  struct Request {
    io::Loop& loop;
    MeterKey key;
    std::vector<Limit> limits;
    std::uint64_t wanted = 0;
    std::uint64_t least = 0;
    UpperGrant grant;
    AsyncEvent answered;
  };
  void attach(UpperLeases& home);

  std::mutex mutex_;
  std::uint32_t cores_;
  std::uint32_t closed_ = 0;
  UpperLeases* home_ = nullptr;
  std::vector<Request*> early_;  // until there is a home
};

// On one core; that core's thread only.
class UpperLeases {
 public:
  struct Parts {
    io::Loop& loop;
    SharedBudget& shared;
    BudgetCores& cores;
    UpperLink& link;
    UpperBudget& upper;
    std::uint32_t core = 0;  // that it is on
  };
  explicit UpperLeases(const Parts& parts);
  ~UpperLeases() { CHECK(tasks_.live() == 0); }
  UpperLeases(const UpperLeases&) = delete;
  UpperLeases& operator=(const UpperLeases&) = delete;

  // What the journal has of earlier processes, for the cluster.  First.
  Task<void> restore();
  // All cores are there.
  void start();
  // Once all cores have closed their budgets: settles all that is left with the cluster.
  Task<void> close();

 private:
  friend class UpperLink;
  void post(UpperLink::Request& request);
  Task<void> serve(UpperLink::Request& request);
  Task<UpperGrant> ask(const UpperLink::Request& request);
  Task<UpperGrant> lease(const UpperLink::Request& request, std::uint64_t wanted, std::uint64_t least);
  Task<void> run();
  void settle(bool everything);
  Task<void> recall(MeterKey key);

  Parts parts_;
  absl::node_hash_map<MeterKey, std::list<AsyncEvent*>> asking_;  // that are asked for now, and who waits behind
  absl::flat_hash_set<MeterKey> recalling_;
  TaskSet tasks_;
  AsyncEvent cores_closed_;
  bool closing_ = false;
  AsyncEvent woken_;
  io::Timer timer_;
};

}  // namespace sluice::policy
