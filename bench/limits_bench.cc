// What a limit costs: a recipient that the core's lease has room for; the same while two threads, as two cores, lease
// for one account; a lease of any of many accounts, from asking to settling; the memory of a million accounts of which
// a tenth is active; and the start with 100,000 accounts at their limits, from the journal's bytes to the first lease.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "policy/budget/shared_budget.h"
#include "policy/lease.h"

namespace {

using namespace sluice;
using namespace sluice::policy;

constexpr WallMillis kBenchNow = 1'795'900'000'000;

MeterKey key_of(std::size_t account) {
  return {.subject = Subject::account,
          .quantity = Quantity::recipients,
          .name = "user" + std::to_string(account) + "@customer.example"};
}

std::vector<Limit> recipients_of_a_class(std::uint64_t a_day) {
  return {{.quantity = Quantity::recipients, .span = Span::hour, .amount = a_day / 4, .action = Action::refuse},
          {.quantity = Quantity::recipients, .span = Span::day, .amount = a_day, .action = Action::refuse}};
}

void write_all(SharedBudget& budget) {
  auto writing = budget.gather(kBenchNow);
  budget.recorded(writing);
}

// Asks as CoreBudget does, with a journal that writes at once.
std::uint64_t lease(SharedBudget& budget, std::uint32_t core, const MeterKey& key, const std::vector<Limit>& limits) {
  for (;;) {
    const Grant grant = budget.lease(core, key, limits, 1, kBenchNow, [] {});
    if (!grant.recording) return grant.granted;
    write_all(budget);
  }
}

void check_and_spend(benchmark::State& state) {
  Lease own;
  own.add(std::uint64_t{1} << 60);
  for (auto each : state) {
    benchmark::DoNotOptimize(own.reserve(1));
    own.spend(1);
    benchmark::DoNotOptimize(own);
  }
}
BENCHMARK(check_and_spend);

// With the leases of 256 that it takes now and then.
void check_lease_and_spend(benchmark::State& state) {
  static SharedBudget* budget = nullptr;
  if (state.thread_index() == 0) budget = new SharedBudget(2);
  const std::vector<Limit> limits = recipients_of_a_class(4'000'000'000);
  const MeterKey key = key_of(0);
  const auto core = static_cast<std::uint32_t>(state.thread_index());
  Lease own;
  for (auto each : state) {
    if (own.reserve(1) == 0) {
      budget->settle(core, key, own.take_spent(), 0, false, kBenchNow);
      own.add(lease(*budget, core, key, limits));
      benchmark::DoNotOptimize(own.reserve(1));
    }
    own.spend(1);
  }
  if (state.thread_index() == 0) {
    delete budget;
    budget = nullptr;
  }
}
BENCHMARK(check_lease_and_spend)->Threads(1)->UseRealTime();
BENCHMARK(check_lease_and_spend)->Threads(2)->UseRealTime();

// Of any of many accounts, which have sent in each bucket of the last day.
void lease_and_settle(benchmark::State& state) {
  constexpr std::size_t kMany = 200;
  const WallMillis bucket = bucket_ms(Span::day);
  const std::vector<Limit> limits = recipients_of_a_class(1'000'000);
  SharedBudget budget(2);
  WallMillis now = kBenchNow;
  std::size_t account = 0;
  const auto use = [&] {
    if (account++ == kMany) {
      account = 1;
      now += bucket;
      write_all(budget);
    }
    const MeterKey key = key_of(account);
    const std::uint64_t granted = budget.lease(0, key, limits, 1, now, [] {}).granted;
    budget.settle(0, key, granted, 0, false, now);
  };
  for (std::size_t i = 0; i < 70 * kMany; ++i) use();
  for (auto each : state) use();
}
BENCHMARK(lease_and_settle);

std::size_t heap_bytes() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

// What is idle is forgotten: it takes nothing.
void memory_of_active_accounts(benchmark::State& state) {
  constexpr std::size_t kActive = 100'000;
  for (auto each : state) {
    const std::size_t before = heap_bytes();
    auto budget = std::make_unique<SharedBudget>(2);
    const std::vector<Limit> limits = recipients_of_a_class(2000);
    for (std::size_t i = 0; i < kActive; ++i) {
      const MeterKey key = key_of(i);
      budget->settle(0, key, lease(*budget, 0, key, limits), 0, false, kBenchNow);
    }
    write_all(*budget);
    state.counters["bytes_an_account"] = static_cast<double>(heap_bytes() - before) / kActive;
  }
}
BENCHMARK(memory_of_active_accounts)->Iterations(1)->Unit(benchmark::kMillisecond);

void start_with_accounts_at_their_limits(benchmark::State& state) {
  constexpr std::size_t kAccounts = 100'000;
  const std::vector<Limit> limits = recipients_of_a_class(400);
  SharedBudget before(2);
  for (std::size_t i = 0; i < kAccounts; ++i)
    for (std::uint64_t got = 1; got > 0;) {
      got = lease(before, 0, key_of(i), limits);
      before.settle(0, key_of(i), got, 0, false, kBenchNow);
    }
  const std::string journal = before.snapshot(kBenchNow).bytes.substr(kJournalHead.size());
  for (auto each : state) {
    SharedBudget next(2);
    std::string_view rest = journal;
    while (const auto record = take_record(rest)) next.restore(*record, kBenchNow);
    benchmark::DoNotOptimize(next.restored(kBenchNow));
    benchmark::DoNotOptimize(next.lease(0, key_of(7), limits, 1, kBenchNow, [] {}));
  }
  state.counters["journal_bytes"] = static_cast<double>(journal.size());
}
BENCHMARK(start_with_accounts_at_their_limits)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
