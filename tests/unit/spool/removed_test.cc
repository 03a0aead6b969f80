// The spool's files are removed, or the directory is moved, beneath a relay that runs.  The kernel goes on writing to a
// file without a name: what was accepted into it was lost with the process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/spool/life.h"

namespace sluice::spool {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using testing::PlatformKind;
using testing::Platforms;
using namespace std::chrono_literals;

class RemovedSpool : public ::testing::Test {
 protected:
  RemovedSpool() { begin(); }
  void begin() {
    life_ = std::make_unique<Life>(machine_);
    life_->wait_ready();
  }
  bool store(QueueId id, std::size_t size = 1000) {
    return life_->await<bool>([&, id, size] { return keep(spool(), id, size); });
  }
  bool finish(QueueId id) {
    return life_->await<bool>([&, id] { return spool().finish(id); });
  }
  bool reads(QueueId id) {
    return life_->await<bool>([this, id]() -> Task<bool> { return is_there(spool(), id); });
  }
  static Task<bool> is_there(Spool& spool, QueueId id) {
    const auto message = co_await spool.read(id);
    co_return message.has_value();
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const io::DiskEntry& entry : *disk().list(directory())) all.push_back(entry.name);
    return all;
  }
  void remove_all() {
    for (const std::string& name : names()) ASSERT_TRUE(disk().remove(directory() + "/" + name));
  }
  void move_all(const std::string& from, const std::string& to) {
    ASSERT_TRUE(disk().make_directory(to));
    for (const io::DiskEntry& entry : *disk().list(from))
      ASSERT_TRUE(disk().rename(from + "/" + entry.name, to + "/" + entry.name));
  }
  void wait(Duration duration) { ASSERT_TRUE(platforms_.run_for(duration)); }
  [[nodiscard]] std::size_t warnings_with(const std::string& text) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(life_->warnings, [&](const std::string& line) { return line.contains(text); }));
  }
  Spool& spool() { return life_->spool(); }
  sim::SimDisk& disk() { return platforms_.world().disk(kHost); }
  std::string directory() { return machine_.place.path(); }

  Platforms platforms_{PlatformKind::simulated, 1, {.short_percent = 0}};
  Machine machine_{platforms_};
  std::unique_ptr<Life> life_;
};

TEST_F(RemovedSpool, NothingIsKeptInAFileWithoutAName) {
  EXPECT_TRUE(store(1));
  remove_all();
  EXPECT_FALSE(store(2)) << "the first one after it, before anything has looked";
  EXPECT_FALSE(spool().accepting());
  EXPECT_THAT(spool().refusal_reason(), HasSubstr("was removed while the relay runs"));
  EXPECT_FALSE(store(3));
  EXPECT_EQ(warnings_with("was removed while the relay writes to it"), 1U);
  EXPECT_FALSE(spool().has(2));
}

TEST_F(RemovedSpool, AnIdleSpoolNoticesByItself) {
  remove_all();
  wait(11s);
  EXPECT_FALSE(spool().accepting());
  EXPECT_EQ(warnings_with("was removed while the relay writes to it"), 1U);
  wait(60s);
  EXPECT_EQ(warnings_with("was removed"), 1U) << "once";
}

TEST_F(RemovedSpool, WhatWaitsIsReadAndEndedAsEver) {
  EXPECT_TRUE(store(1, 700'000));
  EXPECT_TRUE(store(2));
  remove_all();
  wait(2s);
  EXPECT_TRUE(spool().promise(1).has_value()) << "an attempt may start";
  EXPECT_TRUE(reads(1));
  EXPECT_TRUE(finish(1));
  EXPECT_EQ(spool().messages(), 1U);
  life_->close();
  EXPECT_EQ(warnings_with("1 messages that were not delivered are lost"), 1U);
}

TEST_F(RemovedSpool, ADirectoryThatIsMovedAwayAndBackTakesMailAgain) {
  EXPECT_TRUE(store(1));
  move_all(directory(), "/elsewhere");
  wait(2s);
  EXPECT_FALSE(spool().accepting());
  EXPECT_THAT(spool().refusal_reason(), HasSubstr("is not at its path"));
  EXPECT_EQ(warnings_with("moved, or its file system unmounted"), 1U);
  EXPECT_TRUE(reads(1));
  move_all("/elsewhere", directory());
  wait(2s);
  EXPECT_TRUE(spool().accepting());
  EXPECT_EQ(warnings_with("the spool is at its path again"), 1U);
  EXPECT_TRUE(store(2));
  life_->close();
  begin();
  EXPECT_EQ(life_->found.size(), 2U);
}

// Its file is not found again where it is to be used for the next segment: nothing but that file is missing.
TEST_F(RemovedSpool, AnOldSegmentThatIsRemovedIsWarnedOfAndTheSpoolGoesOn) {
  for (QueueId id = 1; id <= 12; ++id) EXPECT_TRUE(store(id, 900'000));
  const std::string oldest = segment_name(1);
  ASSERT_THAT(names(), Contains(oldest));
  ASSERT_TRUE(disk().remove(directory() + "/" + oldest));
  wait(2s);
  EXPECT_EQ(warnings_with(oldest + ": was removed while the relay runs"), 1U);
  EXPECT_TRUE(spool().accepting());
  EXPECT_TRUE(reads(1));
  for (QueueId id = 1; id <= 12; ++id) EXPECT_TRUE(finish(id));
  wait(60s);
  EXPECT_GT(spool().counters().recycled, 1U);
  EXPECT_EQ(warnings_with("cannot be recycled"), 0U);
  for (QueueId id = 21; id <= 32; ++id) EXPECT_TRUE(store(id, 900'000));
  EXPECT_TRUE(spool().accepting());
}

}  // namespace
}  // namespace sluice::spool
