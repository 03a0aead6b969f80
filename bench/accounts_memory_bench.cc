// What a million accounts of class "home" keep in memory, a tenth of which sends: the meters of their limits, and what
// is noticed of them, in bytes that were allocated, as the relay's allocator rounds them up.  The goal is 400 MB for
// all of it.  All have sent three days ago, to 40 recipients each; the tenth sends today, one message or one in each of
// 12 hours, each with a text of its own.  Each of that is a customer of its own, which is the most that customers'
// meters can come to, and so is a figure of its own.
#include <benchmark/benchmark.h>
#include <mimalloc.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
constexpr WallMillis kHour = 3'600'000;
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
void use(policy::SharedBudget& budget, const policy::MeterKey& key, const std::vector<policy::Limit>& limits,
         WallMillis now) {
  for (;;) {
    const policy::Grant grant = budget.lease(0, key, limits, 1, now, [] {});
    if (grant.recording) {
      auto writing = budget.gather(now);
      budget.recorded(writing);
      continue;
    }
    budget.settle(0, key, 1, grant.granted - 1, false, now);
    return;
  }
}

// Of each that sends, a message in an hour.
void spend(policy::SharedBudget& budget, policy::Subject subject, const std::vector<policy::Limit>& limits,
           WallMillis now) {
  for (std::size_t i = 0; i < policy::kQuantities; ++i) {
    const auto quantity = static_cast<policy::Quantity>(i);
    std::vector<policy::Limit> own;
    for (const policy::Limit& limit : limits)
      if (limit.quantity == quantity) own.push_back(limit);
    if (own.empty()) continue;
    for (std::size_t account = 0; account < kSending; ++account)
      use(budget, {.subject = subject, .quantity = quantity, .name = account_name(account)}, own, now);
  }
  auto writing = budget.gather(now);
  budget.recorded(writing);
}

// A message of each from `first` to before `last`, which is taken, and what was noticed is written.
void send(noticing::AccountWatch& watch, std::size_t first, std::size_t last, Instant now) {
  const noticing::WatchedClass by{.name = "home", .policy = noticing::built_in_policy("home")};
  std::vector<std::uint64_t> known(kKnown);
  std::string written;
  for (std::size_t i = first; i < last; ++i) {
    for (std::size_t at = 0; at < kKnown; ++at) known[at] = (i + at * 1'031) << 40;
    noticing::TextSketch text;
    const std::uint64_t words =
        (i + static_cast<std::uint64_t>(now.time_since_epoch().count())) * 0x9E37'79B9'7F4A'7C15;
    for (std::size_t at = 0; at < text.bytes.size(); ++at)
      text.bytes[at] = static_cast<std::uint8_t>(words * (2 * at + 1) >> 56);
    const std::string name = account_name(i);
    static_cast<void>(watch.message(name, by, {.recipients = kKnown, .network = 1, .text = text}, known, now));
    const noticing::Outcome taken{.kind = noticing::OutcomeKind::accepted, .recipient = known[0]};
    static_cast<void>(watch.outcomes(name, std::span(&taken, 1), now));
    if (i % 1000 != 999) continue;
    for (std::size_t shard = 0; shard < noticing::AccountWatch::kShards; ++shard)
      watch.append_records(watch.take_unwritten(shard, noticing::AccountWatch::Unwritten::changes), kToday, written);
    written.clear();
  }
}

void memory_of_a_million_accounts(benchmark::State& state) {
  constexpr std::size_t kFirst = 2000;  // with one in each shard, which frees what is left there of earlier days
  const policy::PolicyClass chosen = home();
  const auto hours = static_cast<int>(state.range(0));
  const Instant earlier = Instant() + std::chrono::hours(1000);
  const Instant today = earlier + std::chrono::hours(72);
  for (auto each : state) {
    const std::size_t before = allocated_bytes();
    const auto watch = std::make_unique<noticing::AccountWatch>(noticing::AccountWatch::Key{});
    send(*watch, 0, kAccounts, earlier);
    send(*watch, 0, kFirst, today);
    const std::size_t idle = allocated_bytes() - before;
    for (int hour = 0; hour < hours; ++hour) send(*watch, kFirst, kSending, today + std::chrono::hours(hour));
    const std::size_t noticed = allocated_bytes() - before;
    const auto accounts = std::make_unique<policy::SharedBudget>(2);
    for (int hour = 0; hour < hours; ++hour)
      spend(*accounts, policy::Subject::account, chosen.account_limits, kToday + hour * kHour);
    const std::size_t limited = allocated_bytes() - before;
    const auto customers = std::make_unique<policy::SharedBudget>(2);
    for (int hour = 0; hour < hours; ++hour)
      spend(*customers, policy::Subject::customer, chosen.customer_limits, kToday + hour * kHour);
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
BENCHMARK(memory_of_a_million_accounts)
    ->Arg(1)
    ->Arg(12)
    ->ArgName("messages")
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
