#include "policy/budget/shared_budget.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "policy/lease.h"

namespace sluice::policy {
namespace {

constexpr WallMillis kStart = 1'795'900'000'000;

const MeterKey kAlice{.subject = Subject::account, .quantity = Quantity::recipients, .name = "alice@customer.example"};

Limit a_day(std::uint64_t amount) {
  return {.quantity = Quantity::recipients, .span = Span::day, .amount = amount, .action = Action::refuse};
}

void write(SharedBudget& budget, WallMillis now = kStart) {
  auto writing = budget.gather(now);
  budget.recorded(writing);
}

std::uint64_t lease(SharedBudget& budget, std::uint32_t core, const std::vector<Limit>& limits, std::uint64_t wanted,
                    WallMillis now = kStart) {
  Grant grant = budget.lease(core, kAlice, limits, wanted, now, [] {});
  if (grant.recording) {
    write(budget, now);
    grant = budget.lease(core, kAlice, limits, wanted, now, [] {});
  }
  EXPECT_FALSE(grant.recording);
  return grant.granted;
}

TEST(SharedBudget, NothingIsLeasedBeforeItIsRecorded) {
  SharedBudget budget(2);
  const std::vector limits{a_day(1000)};
  bool woken = false;
  Grant grant = budget.lease(0, kAlice, limits, 1, kStart, [&woken] { woken = true; });
  EXPECT_TRUE(grant.recording);
  EXPECT_EQ(grant.granted, 0U);
  auto writing = budget.gather(kStart);
  EXPECT_FALSE(woken);
  std::string_view bytes = writing.bytes;
  const auto record = take_record(bytes);
  ASSERT_TRUE(record);
  EXPECT_GT(record->held, 0U);
  budget.recorded(writing);
  EXPECT_TRUE(woken);
  grant = budget.lease(0, kAlice, limits, 1, kStart, [] {});
  EXPECT_GT(grant.granted, 0U);
  EXPECT_LE(grant.granted, record->held);
}

TEST(SharedBudget, CoresTogetherGetWhatTheLimitAllowsAndNoMore) {
  for (const std::uint64_t amount : {1U, 2U, 7U, 50U, 1000U}) {
    SharedBudget budget(4);
    const std::vector limits{a_day(amount)};
    std::uint64_t leased = 0;
    for (std::uint32_t round = 0; round < 5000; ++round) leased += lease(budget, round % 4, limits, 1);
    EXPECT_EQ(leased, amount);
    const Grant refused = budget.lease(0, kAlice, limits, 1, kStart, [] {});
    ASSERT_TRUE(refused.full);
    EXPECT_EQ(refused.full->used, amount);
  }
}

// Seven RCPT in one segment, of which five have room: the sixth is what a client that waits for each reply would hear.
TEST(SharedBudget, WhatIsSentAtOnceIsRefusedAsIfItHadBeenSentOneByOne) {
  const Limit hour{.quantity = Quantity::recipients, .span = Span::hour, .amount = 5, .action = Action::defer};
  SharedBudget budget(1);
  const std::vector limits{hour, a_day(6)};
  Grant grant = budget.lease(0, kAlice, limits, 7, kStart, [] {});
  ASSERT_TRUE(grant.recording);
  write(budget);
  grant = budget.lease(0, kAlice, limits, 7, kStart, [] {});
  EXPECT_EQ(grant.granted, 5U);
  ASSERT_TRUE(grant.full);
  EXPECT_EQ(grant.full->limit, hour) << "the one that has no room, not the one that seven are too many for";
  EXPECT_EQ(grant.full->used, 5U);
  EXPECT_TRUE(grant.full->free_in_ms) << "each of them has room later";
}

TEST(SharedBudget, BytesOfAMessageHaveRoomAllTogetherOrNever) {
  SharedBudget budget(1);
  const MeterKey bytes{.subject = Subject::account, .quantity = Quantity::bytes, .name = "alice@customer.example"};
  const std::vector limits{
      Limit{.quantity = Quantity::bytes, .span = Span::day, .amount = 20, .action = Action::defer}};
  const Grant grant = budget.lease(0, bytes, limits, 21, kStart, [] {});
  ASSERT_TRUE(grant.full);
  EXPECT_FALSE(grant.full->free_in_ms);
}

TEST(SharedBudget, ALimitThatAReloadTookAwayIsShownNoMore) {
  SharedBudget budget(1);
  static_cast<void>(
      lease(budget, 0, {a_day(5), {.quantity = Quantity::recipients, .span = Span::hour, .amount = 3}}, 1));
  static_cast<void>(lease(budget, 0, {a_day(7)}, 1));
  const auto uses = budget.list(kStart, [](const MeterKey&) { return true; });
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].limits[static_cast<std::size_t>(Span::day)], 7U);
  EXPECT_EQ(uses[0].limits[static_cast<std::size_t>(Span::hour)], std::nullopt);
}

TEST(SharedBudget, NamesTheCoresThatHoldSome) {
  SharedBudget budget(3);
  const std::vector limits{a_day(2)};
  EXPECT_EQ(lease(budget, 1, limits, 1), 1U);
  EXPECT_EQ(lease(budget, 2, limits, 1), 1U);
  EXPECT_EQ(budget.lease(0, kAlice, limits, 1, kStart, [] {}).holders, 0b110U);
  budget.settle(1, kAlice, 0, 1, false, kStart);
  EXPECT_EQ(budget.lease(0, kAlice, limits, 2, kStart, [] {}).holders, 0b100U);
}

// What the journal says when a process is killed, read by the next one.
std::uint64_t used_after(const std::string& journal) {
  SharedBudget next(2);
  std::string_view rest = journal;
  while (const auto record = take_record(rest)) next.restore(*record, kStart + 1000);
  EXPECT_TRUE(rest.empty());
  static_cast<void>(next.restored(kStart + 1000));
  const auto uses = next.list(kStart + 1000, [](const MeterKey&) { return true; });
  return uses.empty() ? 0 : uses.front().used[static_cast<std::size_t>(Span::day)].value_or(0);
}

TEST(SharedBudget, AProcessThatIsKilledAtAnyMomentNeverCountsTooLittle) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 40; ++round) {
    constexpr std::uint64_t kLimit = 40;
    SharedBudget budget(2);
    const std::vector limits{a_day(kLimit)};
    std::string journal;
    std::vector<Lease> cores(2);
    std::uint64_t spent = 0;
    for (int step = 0; step < 200; ++step) {
      const auto core = static_cast<std::uint32_t>(random() % 2);
      Lease& own = cores[core];
      switch (random() % 13) {
        case 0:
        case 1:
        case 2: {
          const Grant grant = budget.lease(core, kAlice, limits, 1 + random() % 4, kStart, [] {});
          own.add(grant.granted);
          break;
        }
        case 3:
        case 4:
        case 5:
        case 6: {
          // A recipient is spent in the lease: nobody is told yet.
          const std::uint64_t taken = own.reserve(1 + random() % 3);
          own.spend(taken);
          spent += taken;
          break;
        }
        case 7:
        case 8:
        case 9:
        case 10: {
          const std::uint64_t reported = own.take_spent();
          const std::uint64_t back = random() % 2 == 0 ? own.take_free() : 0;
          budget.settle(core, kAlice, reported, back, own.free() > 0, kStart);
          break;
        }
        case 11: {
          auto writing = budget.gather(kStart);
          journal += writing.bytes;
          budget.recorded(writing);
          break;
        }
        default:
          break;  // time in which other cores act
      }
      ASSERT_LE(spent, kLimit);
      const std::uint64_t used = used_after(journal);
      ASSERT_GE(used, spent) << "round " << round << " step " << step;
      ASSERT_LE(used, kLimit);
    }
  }
}

TEST(SharedBudget, ASnapshotHoldsWhatTheRecordsBeforeItSaid) {
  SharedBudget budget(2);
  const std::vector limits{a_day(100)};
  ASSERT_GE(lease(budget, 0, limits, 5), 5U);
  budget.settle(0, kAlice, 5, 0, true, kStart);
  auto writing = budget.snapshot(kStart);
  ASSERT_TRUE(writing.bytes.starts_with(kJournalHead));
  const std::uint64_t held = budget.list(kStart, [](const MeterKey&) { return true; }).front().held;
  budget.recorded(writing);
  EXPECT_GE(used_after(writing.bytes.substr(kJournalHead.size())), 5U + held);
  // Nothing is told twice.
  EXPECT_TRUE(budget.gather(kStart).bytes.empty());
}

TEST(SharedBudget, RecordsFromTheFutureCountAsOfNow) {
  SharedBudget budget(1);
  budget.restore({.kind = JournalRecord::Kind::spent,
                  .key = kAlice,
                  .spans = 0b100,
                  .at = kStart + 10 * span_ms(Span::month),
                  .amount = 9,
                  .held = 0,
                  .buckets = {}},
                 kStart);
  const std::vector limits{a_day(9)};
  EXPECT_EQ(lease(budget, 0, limits, 1), 0U);
  EXPECT_EQ(lease(budget, 0, limits, 9, kStart + span_ms(Span::day) + 2 * bucket_ms(Span::day)), 9U);
}

TEST(SharedBudget, ForgetsWhatIsEmpty) {
  SharedBudget budget(1);
  const std::vector limits{a_day(10)};
  const std::uint64_t leased = lease(budget, 0, limits, 1);
  budget.settle(0, kAlice, leased, 0, false, kStart);
  write(budget);
  const auto all = [](const MeterKey&) { return true; };
  budget.sweep(kStart);
  EXPECT_EQ(budget.list(kStart, all).size(), 1U);
  const WallMillis later = kStart + 2 * span_ms(Span::day);
  budget.sweep(later);
  EXPECT_EQ(budget.list(later, all).size(), 0U);
}

TEST(SharedBudget, ThreadsOnOneMeterNeverPassItsLimit) {
  constexpr std::uint64_t kLimit = 500;
  constexpr std::uint32_t kCores = 4;
  SharedBudget budget(kCores);
  const std::vector limits{a_day(kLimit)};
  std::atomic<std::uint64_t> taken{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (std::uint32_t core = 0; core < kCores; ++core) {
    threads.emplace_back([&, core] {
      for (;;) {
        const Grant grant = budget.lease(core, kAlice, limits, 1, kStart, [] {});
        if (grant.granted == 0 && grant.full && !grant.recording) break;
        if (grant.granted == 0) continue;
        taken += grant.granted;
        if (taken > kLimit) over = true;
        budget.settle(core, kAlice, grant.granted, 0, false, kStart);
      }
    });
  }
  std::atomic<bool> done{false};
  std::thread journal([&] {
    while (!done) write(budget);
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  journal.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(taken, kLimit);
}

}  // namespace
}  // namespace sluice::policy
