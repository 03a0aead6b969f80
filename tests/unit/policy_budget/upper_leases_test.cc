// Processes of several cores each that lease from one limit above them: together exactly what it allows, whatever is
// called back, given back, and asked for at one time.
#include "policy/budget/upper_leases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "policy/budget/budgets.h"
#include "tests/support/awaited.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;

const MeterKey kMeter{.subject = Subject::account, .quantity = Quantity::recipients, .name = "ann@example.com"};

Limit refusing(std::uint64_t amount) { return {.quantity = Quantity::recipients, .span = Span::day, .amount = amount}; }
Limit telling(std::uint64_t amount) {
  return {.quantity = Quantity::recipients, .span = Span::hour, .amount = amount, .action = Action::tell};
}

// What stands for Redis: the use of all nodes.
struct Ledger {
  std::uint64_t limit = 0;
  std::uint64_t spent = 0;
  std::uint64_t held = 0;
  std::uint64_t held_most = 0;  // with what was spent
  int leases = 0;
  std::vector<std::function<void(const MeterKey&)>> recalls;
};

class LedgerBudget final : public UpperBudget {
 public:
  LedgerBudget(Ledger& ledger, io::Loop& loop) : ledger_(ledger), loop_(loop) {}
  Task<UpperGrant> lease(const MeterKey& key, std::span<const Limit> limits, std::uint64_t wanted,
                         std::uint64_t least) override {
    EXPECT_EQ(key, kMeter);
    ++ledger_.leases;
    if (limits.empty()) co_return take(wanted);
    for (int i = 0;; ++i) {
      co_await loop_.sleep(1ms, "the ledger");
      const Limit least_limit = *std::ranges::min_element(limits, {}, &Limit::amount);
      const std::uint64_t room = least_limit.amount - std::min(least_limit.amount, ledger_.spent + ledger_.held);
      if (room >= least || i == 5) {
        UpperGrant grant = take(std::min({wanted, room, std::max(least, room / 4)}));
        if (grant.granted < least)
          grant.full = FullWindow{.limit = least_limit, .used = ledger_.spent + ledger_.held, .free_in_ms = 1000};
        co_return grant;
      }
      for (const auto& recall : ledger_.recalls) recall(key);
    }
  }
  void settle(const MeterKey& /*key*/, std::uint64_t spent, std::uint64_t returned) override {
    ASSERT_LE(spent + returned, ledger_.held);
    ledger_.held -= spent + returned;
    ledger_.spent += spent;
  }
  void restore(const MeterKey& key, Span span, WallMillis /*at*/, std::uint64_t amount) override {
    EXPECT_EQ(key, kMeter);
    restored[span] += amount;
  }
  void on_recall(std::function<void(const MeterKey&)> recall) override { ledger_.recalls.push_back(std::move(recall)); }

  std::map<Span, std::uint64_t> restored;

 private:
  UpperGrant take(std::uint64_t amount) {
    ledger_.held += amount;
    ledger_.held_most = std::max(ledger_.held_most, ledger_.held + ledger_.spent);
    return {.granted = amount, .full = {}};
  }
  Ledger& ledger_;
  io::Loop& loop_;
};

// A relay: its budgets on two cores, of which the first serves the cluster.
class Process {
 public:
  static constexpr std::uint32_t kCores = 2;
  Process(testing::Platforms& platforms, Ledger& ledger, const std::string& name) : platforms_(platforms) {
    for (std::uint32_t i = 0; i < kCores; ++i) loops_.push_back(&platforms.add_loop(name + std::to_string(i + 1)));
    budgets_.emplace(loops_[0]->platform().clock, kCores);
    budgets_->join_cluster();
    // In place of the journal's thread.
    budgets_->shared.set_wake([this](bool) {
      auto writing = budgets_->shared.gather(budgets_->clock.now());
      budgets_->shared.recorded(writing);
    });
    for (std::uint32_t i = 0; i < kCores; ++i)
      cores_.push_back(std::make_unique<CoreBudget>(CoreBudget::Parts{.loop = *loops_[i],
                                                                      .shared = budgets_->shared,
                                                                      .cores = budgets_->cores,
                                                                      .clock = budgets_->clock,
                                                                      .core = i,
                                                                      .upper = budgets_->upper.get()}));
    upper.emplace(ledger, *loops_[0]);
    leases_.emplace(UpperLeases::Parts{.loop = *loops_[0],
                                       .shared = budgets_->shared,
                                       .cores = budgets_->cores,
                                       .link = *budgets_->upper,
                                       .upper = *upper});
  }
  void start() {
    loops_[0]->post([this] { tasks_.add(begin()); });
  }
  // Until it is refused: so many at a time, of which every so many-th is given back.
  void send(std::uint32_t core, const std::vector<Limit>& limits, std::uint64_t each, int given_back_of) {
    ++sending;
    loops_[core]->post([=, this] { tasks_.add(run(core, limits, each, given_back_of)); });
  }
  void close() {
    for (std::uint32_t i = 0; i < kCores; ++i) loops_[i]->post([this, i] { cores_[i]->close(); });
    testing::await_done(platforms_, *loops_[0], [this] { return leases_->close(); });
  }
  SharedBudget& shared() { return budgets_->shared; }
  CoreBudget& core(std::uint32_t number) { return *cores_[number]; }

  std::optional<LedgerBudget> upper;
  int sending = 0;
  std::uint64_t spent = 0;
  std::uint64_t beyond = 0;      // of that, a limit that does not refuse
  std::uint64_t to_be_held = 0;  // likewise, one that holds

 private:
  Task<void> begin() {
    co_await leases_->restore();
    leases_->start();
  }
  Task<void> run(std::uint32_t core, std::vector<Limit> limits, std::uint64_t each, int given_back_of) {
    CoreBudget::Account& account = cores_[core]->use(kMeter);
    for (int i = 1;; ++i) {
      const CoreBudget::Taken taken = co_await cores_[core]->reserve(account, limits, each);
      co_await loops_[core]->sleep(2ms, "a message");
      if (given_back_of > 0 && i % given_back_of == 0) {
        cores_[core]->give_back(account, taken.amount);
      } else {
        cores_[core]->spend(account, taken.amount);
        spent += taken.amount;
        if (taken.passed) beyond += taken.amount;
        if (taken.passed && taken.passed->limit.action == Action::hold) to_be_held += taken.amount;
      }
      if (taken.amount < each || i == kRoundsMax) break;
    }
    cores_[core]->leave(account);
    --sending;
  }
  static constexpr int kRoundsMax = 500;

  testing::Platforms& platforms_;
  std::vector<io::Loop*> loops_;
  std::optional<Budgets> budgets_;
  std::vector<std::unique_ptr<CoreBudget>> cores_;
  std::optional<UpperLeases> leases_;
  TaskSet tasks_;
};

class UpperLeasesTest : public ::testing::Test {
 protected:
  void expect_all_returned() {
    a_.close();
    b_.close();
    EXPECT_EQ(ledger_.held, 0U);
    EXPECT_EQ(ledger_.spent, a_.spent + b_.spent);
    EXPECT_LE(ledger_.held_most, ledger_.limit);
  }
  void wait() {
    ASSERT_TRUE(platforms_.run_until([this] { return a_.sending + b_.sending == 0; }));
  }

  testing::Platforms platforms_{testing::PlatformKind::simulated};
  Ledger ledger_{.limit = 300, .recalls = {}};
  Process a_{platforms_, ledger_, "192.0.2.1"};
  Process b_{platforms_, ledger_, "192.0.2.2"};
};

TEST_F(UpperLeasesTest, TwoProcessesSpendExactlyWhatTheLimitAllows) {
  a_.start();
  b_.start();
  for (int i = 0; i < 40; ++i) (i % 2 == 0 ? a_ : b_).send(i / 2 % 2 == 0 ? 0 : 1, {refusing(300)}, 1, 0);
  wait();
  EXPECT_EQ(a_.spent + b_.spent, 300U);
  EXPECT_GT(a_.spent, 0U);
  EXPECT_GT(b_.spent, 0U);
  expect_all_returned();
}

TEST_F(UpperLeasesTest, OneLeaseServesAllThatWaitForIt) {
  a_.start();
  b_.start();
  platforms_.run_for(10ms);
  for (std::uint32_t i = 0; i < 20; ++i) a_.send(i % 2, {refusing(300)}, 1, 0);
  ASSERT_TRUE(platforms_.run_until([this] { return a_.spent >= 20; }));
  EXPECT_LE(ledger_.leases, 3);
  wait();
  expect_all_returned();
}

TEST_F(UpperLeasesTest, WhatIsGivenBackCanBeSpentElsewhere) {
  a_.start();
  b_.start();
  for (int i = 0; i < 12; ++i) (i % 2 == 0 ? a_ : b_).send(i / 2 % 2 == 0 ? 0 : 1, {refusing(300)}, 1 + i % 3, 3);
  wait();
  EXPECT_LE(a_.spent + b_.spent, 300U);
  // Nothing is held any more: one that asks for all that is left gets it.
  const std::uint64_t left = 300 - a_.spent - b_.spent;
  a_.send(1, {refusing(300)}, left + 1, 0);
  wait();
  EXPECT_EQ(a_.spent + b_.spent, 300U);
  expect_all_returned();
}

TEST_F(UpperLeasesTest, WhatAnotherProcessHoldsAndDoesNotUseIsCalledBack) {
  a_.start();
  b_.start();
  a_.send(1, {refusing(300)}, 301, 1);  // takes all, and gives it back
  wait();
  EXPECT_EQ(ledger_.held, 300U);
  b_.send(0, {refusing(300)}, 300, 0);
  wait();
  EXPECT_EQ(b_.spent, 300U);
  expect_all_returned();
}

TEST_F(UpperLeasesTest, ALeaseThatNobodyUsesGoesBackByItself) {
  a_.start();
  b_.start();
  a_.send(1, {refusing(300)}, 301, 1);  // takes all, and gives it back
  wait();
  EXPECT_GT(ledger_.held, 0U);
  platforms_.run_for(5s);
  EXPECT_EQ(ledger_.held, 0U);
  expect_all_returned();
}

TEST_F(UpperLeasesTest, WhoAsksBeforeTheClusterIsThereWaits) {
  a_.send(1, {refusing(300)}, 5, 0);
  platforms_.run_for(1s);
  EXPECT_EQ(a_.spent, 0U);
  a_.start();
  b_.start();
  platforms_.run_for(50ms);
  EXPECT_GT(a_.spent, 0U);
  wait();
  expect_all_returned();
}

TEST_F(UpperLeasesTest, WhatOnlyCountsIsToldToo) {
  a_.start();
  b_.start();
  Limit soft = refusing(1);
  soft.action = Action::tell;
  a_.send(0, {soft}, 2, 0);
  wait();
  EXPECT_EQ(a_.spent, 1000U);
  a_.close();
  b_.close();
  EXPECT_EQ(ledger_.spent, 1000U);
}

TEST_F(UpperLeasesTest, WhatAllProcessesTogetherSpendPassesALimitThatDoesNotRefuse) {
  a_.start();
  b_.start();
  const std::vector limits{refusing(300), telling(100)};
  for (int i = 0; i < 40; ++i) (i % 2 == 0 ? a_ : b_).send(i / 2 % 2 == 0 ? 0 : 1, limits, 1, 0);
  wait();
  EXPECT_EQ(a_.spent + b_.spent, 300U) << "nothing is refused";
  EXPECT_GT(a_.beyond, 0U);
  EXPECT_GT(b_.beyond, 0U);
  // What the cores of one process have leased and not spent counts as used where it is passed.
  const std::uint64_t within = 300 - a_.beyond - b_.beyond;
  EXPECT_LE(within, 100U);
  EXPECT_GE(within, 90U);
  expect_all_returned();
}

// The cluster names one of several that were passed, and not the one that counts.
TEST_F(UpperLeasesTest, OfSeveralLimitsThatWerePassedTheOneThatHoldsCounts) {
  a_.start();
  b_.start();
  Limit holding = telling(200);
  holding.action = Action::hold;
  holding.span = Span::month;
  for (const bool first : {true, false}) {
    const Limit soft = telling(first ? 50 : 100);
    (first ? a_ : b_).send(0, first ? std::vector{soft, holding} : std::vector{holding, soft}, 1, 0);
    wait();
  }
  EXPECT_EQ(a_.spent + b_.spent, 1000U);
  EXPECT_EQ(a_.beyond + b_.beyond, 950U);
  EXPECT_EQ(a_.to_be_held + b_.to_be_held, 800U);
  a_.close();
  b_.close();
}

TEST_F(UpperLeasesTest, WhatIsGivenBackBeyondALimitIsStillBeyondIt) {
  a_.start();
  b_.start();
  const std::vector limits{telling(50)};
  b_.send(0, limits, 1, 0);  // 500 rounds
  wait();
  EXPECT_EQ(b_.spent, 500U);
  EXPECT_EQ(b_.beyond, 450U);
  a_.send(1, limits, 3, 2);  // every other one is given back
  wait();
  EXPECT_EQ(a_.spent, 750U);
  EXPECT_EQ(a_.beyond, 750U);
  a_.close();
  b_.close();
  EXPECT_EQ(ledger_.held, 0U);
  EXPECT_EQ(ledger_.spent, 1250U);
}

TEST_F(UpperLeasesTest, ALimitThatAReloadHasTakenAwayIsPassedNoMore) {
  a_.start();
  b_.start();
  a_.send(0, {telling(50)}, 1, 0);
  wait();
  EXPECT_EQ(a_.beyond, 450U);
  a_.send(0, {telling(5000)}, 1, 0);
  wait();
  EXPECT_EQ(a_.spent, 1000U);
  EXPECT_EQ(a_.beyond, 450U);
  a_.close();
  b_.close();
}

TEST_F(UpperLeasesTest, TheClusterHearsWhatTheJournalHas) {
  const WallMillis now = 1'795'900'000'000;
  a_.shared().restore({.kind = JournalRecord::Kind::spent,
                       .key = kMeter,
                       .spans = 1U << static_cast<unsigned>(Span::day),
                       .at = now,
                       .amount = 7,
                       .held = 3,
                       .buckets = {}},
                      now);
  static_cast<void>(a_.shared().restored(now));
  a_.start();
  b_.start();
  platforms_.run_for(100ms);
  EXPECT_EQ(a_.upper->restored, (std::map<Span, std::uint64_t>{{Span::day, 10}}));
  expect_all_returned();
}

}  // namespace
}  // namespace sluice::policy
