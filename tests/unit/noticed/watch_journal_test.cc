// What was noticed as a file: what a process leaves, the next one finds, whatever the end of the file looks like.
#include "policy/noticed/watch_journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/noticed_version_1.h"

namespace sluice::noticing {
namespace {

constexpr std::string_view kThief = "thief@example.com";
constexpr WallMillis kNow = 1'795'900'000'000;
constexpr AccountWatch::Key kFresh{std::byte{1}};

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void append(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::app | std::ios::binary) << bytes;
}

// The journal's thread has done something: no sooner does this return.
void until(const std::function<bool()>& so) {
  while (!so()) std::this_thread::yield();
}

class WatchJournalTest : public ::testing::Test {
 protected:
  WatchJournalTest() { std::filesystem::create_directory(directory_); }
  ~WatchJournalTest() override { std::filesystem::remove_all(directory_); }

  struct Process {
    std::vector<std::string> faults;
    WatchJournal::Opened opened;
    std::unique_ptr<WatchJournal> journal;

    AccountWatch& watch() { return *opened.watch; }
    bool holds() { return watch().look(kThief, Instant()) && watch().look(kThief, Instant())->taken >= Step::hold; }
  };
  // One that has read what the last one left; its journal's thread runs.
  std::unique_ptr<Process> start(AccountWatch::Key fresh = kFresh) {
    auto process = std::make_unique<Process>();
    process->journal =
        std::make_unique<WatchJournal>([this] { return now_.load(); }, file(),
                                       [&each = *process](const std::string& fault) { each.faults.push_back(fault); });
    process->opened = process->journal->open(fresh, std::chrono::milliseconds(now_.load()), classes_);
    process->journal->start();
    return process;
  }
  void send(AccountWatch& watch, std::string_view account, std::uint32_t recipients) {
    std::vector<std::uint64_t> hashes;
    for (std::uint32_t i = 0; i < recipients; ++i) hashes.push_back(watch.hash(std::to_string(++strangers_)));
    static_cast<void>(watch.message(account, classes_[0], {.recipients = recipients, .network = 1}, hashes, Instant()));
  }
  Step step_in_file(Process& process) {
    const std::string bytes = content(file());
    std::string_view rest = bytes;
    static_cast<void>(take_head(rest));
    Step step = Step::pass;
    while (const auto record = take_record(rest))
      if (record->account == process.watch().hash(kThief)) step = record->state.ladder.step();
    return step;
  }
  void hold(Process& process) {
    for (int i = 0; i < 20 && !process.holds(); ++i) send(process.watch(), kThief, 50);
    ASSERT_TRUE(process.holds());
  }
  // As if the process had been killed: what the file has now is all that the next one finds.
  void kill(std::unique_ptr<Process>& process) {
    const std::string left = content(file());
    process->journal->stop();
    process = nullptr;
    std::ofstream(file(), std::ios::trunc | std::ios::binary) << left;
  }
  [[nodiscard]] std::string file() const { return directory_ + "/noticed"; }

  std::atomic<WallMillis> now_ = kNow;
  const std::vector<WatchedClass> classes_{{.name = "home", .policy = built_in_policy("home")}};
  const std::string directory_ =
      (std::filesystem::temp_directory_path() / ("sluice-noticed-" + std::to_string(::getpid()))).string();

 private:
  std::uint32_t strangers_ = 0;
};

TEST_F(WatchJournalTest, AnOrderlyEndForgetsNothing) {
  {
    auto first = start();
    EXPECT_EQ(first->opened.restored.accounts, 0U);
    send(first->watch(), "friend@example.com", 3);
    first->journal->stop();
    EXPECT_TRUE(first->faults.empty());
  }
  auto second = start();
  EXPECT_EQ(second->opened.restored.accounts, 1U);
  EXPECT_EQ(second->opened.restored.held, 0U);
  EXPECT_EQ(second->watch().look("friend@example.com", Instant())->recipients, 3U);
}

TEST_F(WatchJournalTest, AFileOfVersionOneIsReadAndWrittenAnew) {
  append(file(), file_of_version_1());
  auto process = start();
  EXPECT_EQ(process->opened.fault, "");
  EXPECT_EQ(process->opened.damaged_bytes, 0U);
  EXPECT_EQ(process->opened.restored.accounts, 1U);
  until([this] { return content(file()).starts_with("SLUICE-NOTICED 2\n"); });
  kill(process);
  const auto next = start();
  EXPECT_EQ(next->opened.fault, "");
  EXPECT_EQ(next->opened.restored.accounts, 1U);
  EXPECT_TRUE(next->watch().look(kThief, Instant()).has_value());
}

TEST_F(WatchJournalTest, AHoldAndAReleaseAreWrittenAtOnceAndOutliveAKill) {
  auto process = start();
  hold(*process);
  until([&] { return step_in_file(*process) >= Step::hold; });
  kill(process);
  process = start();
  EXPECT_TRUE(process->holds());
  EXPECT_EQ(process->opened.restored.held, 1U);
  EXPECT_TRUE(process->opened.fault.empty());
  EXPECT_TRUE(process->watch().release(kThief));
  until([&] { return step_in_file(*process) == Step::pass; });
  kill(process);
  process = start();
  EXPECT_FALSE(process->holds());
  EXPECT_EQ(process->opened.restored.held, 0U);
}

TEST_F(WatchJournalTest, TheKeyStaysAndNobodyElseMayReadIt) {
  start()->journal->stop();
  struct stat status{};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ::chmod(file().c_str(), 0644);
  auto second = start(AccountWatch::Key{std::byte{2}});
  EXPECT_EQ(second->watch().hash("friend@far.test"), AccountWatch(kFresh).hash("friend@far.test"));
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(WatchJournalTest, ATornRecordAtTheEndIsLeftOutAndTheFileWrittenAnew) {
  {
    auto first = start();
    hold(*first);
  }
  append(file(), "torn");
  auto second = start();
  EXPECT_EQ(second->opened.damaged_bytes, 4U);
  EXPECT_TRUE(second->holds());
  second->journal->stop();
  auto third = start();
  EXPECT_EQ(third->opened.damaged_bytes, 0U);
  EXPECT_TRUE(third->holds());
}

TEST_F(WatchJournalTest, WithoutAFileThatCanBeReadItStartsAndSaysSo) {
  for (const bool empty : {true, false}) {
    std::ofstream(file(), std::ios::trunc | std::ios::binary) << (empty ? "" : "something else\n");
    auto process = start();
    EXPECT_NE(process->opened.fault.find(file()), std::string::npos) << process->opened.fault;
    EXPECT_EQ(process->opened.restored.accounts, 0U);
    hold(*process);
    process->journal->stop();
    EXPECT_TRUE(process->faults.empty());
    EXPECT_TRUE(start()->holds());
  }
}

TEST_F(WatchJournalTest, WhatIsDamagedInTheMiddleCostsItsAccountAlone) {
  {
    auto first = start();
    for (int i = 0; i < 200; ++i) send(first->watch(), "account" + std::to_string(i), 1);
    hold(*first);
  }
  std::string damaged = content(file());
  std::ranges::fill(std::span(damaged).subspan(damaged.size() / 2, 3), '\xff');
  std::ofstream(file(), std::ios::trunc | std::ios::binary) << damaged;
  auto second = start();
  EXPECT_TRUE(second->opened.fault.empty());
  EXPECT_GT(second->opened.damaged_bytes, 0U);
  EXPECT_GE(second->opened.restored.accounts, 199U);
  second->journal->stop();
  EXPECT_EQ(start()->opened.damaged_bytes, 0U);
}

// What no step was taken for waits for ten minutes, or for the end.
TEST_F(WatchJournalTest, HistoriesAndKnownRecipientsAreWrittenEveryTenMinutes) {
  auto process = start();
  const std::string friends = "friend@example.com";
  until([&] { return !content(file()).empty(); });
  send(process->watch(), friends, 1);
  now_ += 10 * 60'000;
  hold(*process);
  until([&] { return step_in_file(*process) >= Step::hold; });
  kill(process);
  process = start();
  const std::vector asked{process->watch().hash("1"), process->watch().hash("never")};
  EXPECT_EQ(process->watch().knows(friends, asked), (std::vector{true, false}));
}

// At any byte: the account is what it was before or behind a record, and nobody else's record is lost to it.
TEST_F(WatchJournalTest, AFileThatIsCutAnywhereHasWhatWasWrittenBefore) {
  {
    auto first = start();
    send(first->watch(), "friend@example.com", 3);
    first->journal->stop();
  }
  const std::string before = content(file());
  {
    auto second = start();
    hold(*second);
    second->journal->stop();
  }
  const std::string whole = content(file());
  ASSERT_TRUE(whole.starts_with(before));
  for (std::size_t size = before.size(); size < whole.size(); size += 97) {
    std::ofstream(file(), std::ios::trunc | std::ios::binary) << whole.substr(0, size);
    auto cut = start();
    EXPECT_TRUE(cut->opened.fault.empty());
    ASSERT_TRUE(cut->watch().look("friend@example.com", Instant()).has_value()) << size;
    EXPECT_EQ(cut->opened.restored.accounts, cut->watch().look(kThief, Instant()) ? 2U : 1U) << size;
  }
}

TEST_F(WatchJournalTest, AFileThatCannotBeWrittenIsToldOfOnceAndAgainWhenItCan) {
  std::filesystem::create_directory(file() + ".new");
  auto process = start();
  hold(*process);
  process->journal->stop();
  ASSERT_EQ(process->faults.size(), 1U);
  EXPECT_NE(process->faults[0].find(file()), std::string::npos);
  std::filesystem::remove(file() + ".new");
  auto second = start();
  second->journal->stop();
  EXPECT_TRUE(second->faults.empty());
}

TEST_F(WatchJournalTest, WhatHasGrownIsWrittenAnewAtTheNextStart) {
  for (int i = 0; i < 8; ++i) {
    auto process = start();
    send(process->watch(), "friend@example.com", 1);
    process->journal->stop();
  }
  const auto records = content(file()).size();
  for (int i = 0; i < 8; ++i) {
    auto process = start();
    send(process->watch(), "friend@example.com", 1);
    process->journal->stop();
  }
  EXPECT_LT(content(file()).size(), records + records / 2);
  EXPECT_EQ(start()->watch().look("friend@example.com", Instant())->recipients, 16U);
}

}  // namespace
}  // namespace sluice::noticing
