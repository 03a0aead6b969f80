// The budgets' journal as a file: what a process leaves, the next one finds, whatever the end of the file looks like.
#include "policy/budget/journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/real_platform.h"

namespace sluice::policy {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() { std::filesystem::create_directory(directory_); }
  ~JournalTest() override { std::filesystem::remove_all(directory_); }

  struct Process {
    SharedBudget budget{1};
    std::vector<std::string> faults;
    std::unique_ptr<Journal> journal;
    Journal::Opened opened;
  };
  // One that has read what the last one left; its journal's thread runs.
  std::unique_ptr<Process> start() {
    auto process = std::make_unique<Process>();
    process->journal =
        std::make_unique<Journal>(process->budget, clock_, file(),
                                  [&each = *process](const std::string& fault) { each.faults.push_back(fault); });
    auto opened = process->journal->open();
    EXPECT_TRUE(opened) << opened.error();
    if (opened) process->opened = *opened;
    process->journal->start();
    return process;
  }
  // Waits for the journal where nothing was recorded ahead of need.
  std::uint64_t lease(Process& process, std::uint64_t wanted) {
    for (;;) {
      std::promise<void> recorded;
      const Grant grant =
          process.budget.lease(0, kKey, limits_, wanted, clock_.now(), [&recorded] { recorded.set_value(); });
      if (!grant.recording) return grant.granted;
      recorded.get_future().wait();
    }
  }
  void spend(Process& process, std::uint64_t amount) {
    const std::uint64_t granted = lease(process, amount);
    ASSERT_GE(granted, amount);
    process.budget.settle(0, kKey, amount, granted - amount, false, clock_.now());
  }
  std::uint64_t used(Process& process) {
    const auto uses = process.budget.list(clock_.now(), [](const MeterKey&) { return true; });
    return uses.empty() ? 0 : uses.front().used[static_cast<std::size_t>(Span::day)].value_or(0);
  }
  [[nodiscard]] std::string file() const { return directory_ + "/budgets"; }

  const MeterKey kKey{.subject = Subject::account, .quantity = Quantity::recipients, .name = "alice@customer.example"};
  const std::vector<Limit> limits_{
      {.quantity = Quantity::recipients, .span = Span::day, .amount = 1000, .action = Action::refuse}};
  const std::string directory_ =
      (std::filesystem::temp_directory_path() / ("sluice-journal-" + std::to_string(::getpid()))).string();
  std::unique_ptr<io::Clock> real_clock_ = io::make_real_clock();
  PolicyClock clock_{*real_clock_};
};

TEST_F(JournalTest, AnOrderlyEndForgetsNothingAndHoldsNothing) {
  {
    auto first = start();
    EXPECT_EQ(first->opened.records, 0U);
    spend(*first, 17);
    first->journal->stop();
    EXPECT_TRUE(first->faults.empty());
  }
  auto second = start();
  EXPECT_EQ(used(*second), 17U);
  EXPECT_EQ(second->opened.remainder.meters, 0U);
}

TEST_F(JournalTest, WhatWasLeasedWhenTheProcessWasKilledCountsAsSpent) {
  const std::string copy = directory_ + "/killed";
  std::uint64_t leased = 0;
  {
    auto first = start();
    leased = lease(*first, 5);
    // As it is on the disk while the lease is out.
    std::filesystem::copy_file(file(), copy);
    first->budget.settle(0, kKey, 0, leased, false, clock_.now());
  }
  std::filesystem::rename(copy, file());
  auto second = start();
  EXPECT_GE(used(*second), leased);
  EXPECT_EQ(second->opened.remainder.meters, 1U);
  EXPECT_EQ(second->opened.remainder.amount[static_cast<std::size_t>(Quantity::recipients)], used(*second));
}

TEST_F(JournalTest, ATornRecordAtTheEndIsLeftOut) {
  {
    auto first = start();
    spend(*first, 9);
  }
  {
    std::ofstream out(file(), std::ios::app | std::ios::binary);
    out << "torn";
  }
  auto second = start();
  EXPECT_EQ(used(*second), 9U);
  EXPECT_EQ(second->opened.damaged_bytes, 4U);
}

TEST_F(JournalTest, AFileOfAnotherKindIsLeftAlone) {
  {
    std::ofstream out(file(), std::ios::binary);
    out << "something else\n";
  }
  SharedBudget budget(1);
  Journal journal(budget, clock_, file(), [](const std::string&) {});
  const auto opened = journal.open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("move it away"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(file()), 15U);
}

TEST_F(JournalTest, AFolderThatCannotBeWrittenIsNamed) {
  std::filesystem::remove_all(directory_);
  SharedBudget budget(1);
  std::vector<std::string> faults;
  Journal journal(budget, clock_, file(), [&faults](const std::string& fault) { faults.push_back(fault); });
  EXPECT_FALSE(journal.open());
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_NE(faults[0].find(directory_), std::string::npos);
}

}  // namespace
}  // namespace sluice::policy
