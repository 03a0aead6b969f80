// What a million accounts of class "home" keep in memory, a tenth of which sends: the meters of their limits, and what
// is noticed of them, in bytes that were allocated.  The goal is 400 MB for all of it.  All have sent three days ago,
// to 40 recipients each; the tenth sends today.  Each of that is a customer of its own, which is the most that
// customers' meters can come to, and so is a figure of its own.
#include <benchmark/benchmark.h>
#include <mimalloc.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policy/budget/shared_budget.h"
#include "policy/classes.h"
#include "policy/noticing/account_watch.h"

namespace {

using namespace sluice;

constexpr std::size_t kAccounts = 1'000'000;
constexpr std::size_t kSending = kAccounts / 10;
constexpr std::size_t kKnown = 40;
constexpr WallMillis kToday = 1'795'900'000'000;
constexpr double kMb = 1'000'000;

bool add_blocks(const mi_heap_t* /*heap*/, const mi_heap_area_t* area, void* /*block*/, std::size_t /*size*/,
                void* all) {
  *static_cast<std::size_t*>(all) += area->used * area->full_block_size;
  return true;
}

// In the relay's own allocator, with what it rounds up.
std::size_t allocated_bytes() {
  std::size_t all = 0;
  mi_heap_visit_blocks(mi_heap_get_default(), false, add_blocks, &all);
  return all;
}

std::string account_name(std::size_t account) { return "user" + std::to_string(account) + "@customer.example"; }

policy::PolicyClass home() {
  for (policy::PolicyClass& each : policy::built_in_classes())
    if (each.name == "home") return each;
  return {};
}

// What a core does for a message: it leases of each quantity, with a journal that writes at once, and settles.
void use(policy::SharedBudget& budget, const policy::MeterKey& key, const std::vector<policy::Limit>& limits) {
  for (;;) {
    const policy::Grant grant = budget.lease(0, key, limits, 1, kToday, [] {});
    if (grant.recording) {
      auto writing = budget.gather(kToday);
      budget.recorded(writing);
      continue;
    }
    budget.settle(0, key, 1, grant.granted - 1, false, kToday);
    return;
  }
}

// Of each that sends, a message today.
void spend(policy::SharedBudget& budget, policy::Subject subject, const std::vector<policy::Limit>& limits) {
  for (std::size_t i = 0; i < policy::kQuantities; ++i) {
    const auto quantity = static_cast<policy::Quantity>(i);
    std::vector<policy::Limit> own;
    for (const policy::Limit& limit : limits)
      if (limit.quantity == quantity) own.push_back(limit);
    if (own.empty()) continue;
    for (std::size_t account = 0; account < kSending; ++account)
      use(budget, {.subject = subject, .quantity = quantity, .name = account_name(account)}, own);
  }
  auto writing = budget.gather(kToday);
  budget.recorded(writing);
}

// A message of each from `first` to before `last`.
void send(noticing::AccountWatch& watch, std::size_t first, std::size_t last, Instant now) {
  const noticing::WatchedClass by{.name = "home", .policy = noticing::built_in_policy("home")};
  std::vector<std::uint64_t> known(kKnown);
  for (std::size_t i = first; i < last; ++i) {
    for (std::size_t at = 0; at < kKnown; ++at) known[at] = (i + at * 1'031) << 40;
    static_cast<void>(watch.message(account_name(i), by, {.recipients = kKnown, .network = 1}, known, now));
  }
}

void memory_of_a_million_accounts(benchmark::State& state) {
  constexpr std::size_t kFirst = 2000;  // with one in each shard, which frees what is left there of earlier days
  const policy::PolicyClass chosen = home();
  const Instant earlier = Instant() + std::chrono::hours(1000);
  const Instant today = earlier + std::chrono::hours(72);
  for (auto each : state) {
    const std::size_t before = allocated_bytes();
    const auto watch = std::make_unique<noticing::AccountWatch>(noticing::AccountWatch::Key{});
    send(*watch, 0, kAccounts, earlier);
    send(*watch, 0, kFirst, today);
    const std::size_t idle = allocated_bytes() - before;
    send(*watch, kFirst, kSending, today);
    const std::size_t noticed = allocated_bytes() - before;
    const auto budget = std::make_unique<policy::SharedBudget>(2);
    spend(*budget, policy::Subject::account, chosen.account_limits);
    const std::size_t limited = allocated_bytes() - before;
    spend(*budget, policy::Subject::customer, chosen.customer_limits);
    const std::size_t all = allocated_bytes() - before;
    state.counters["idle_bytes"] = static_cast<double>(idle) / kAccounts;
    state.counters["sending_bytes"] =
        static_cast<double>(idle) / kAccounts + static_cast<double>(limited - idle) / (kSending - kFirst);
    state.counters["noticing_MB"] = static_cast<double>(noticed) / kMb;
    state.counters["accounts_limits_MB"] = static_cast<double>(limited - noticed) / kMb;
    state.counters["customers_limits_MB"] = static_cast<double>(all - limited) / kMb;
    state.counters["all_MB"] = static_cast<double>(all) / kMb;
  }
}
BENCHMARK(memory_of_a_million_accounts)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
