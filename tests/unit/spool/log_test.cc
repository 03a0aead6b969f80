// The end of the log by itself: what gathers while a write is under way, where it goes when that write fails, and when
// mail may come.
#include "engine/spool/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "tests/sim/ring.h"
#include "tests/support/rounds.h"
#include "tests/unit/spool/life.h"

namespace sluice::spool {
namespace {

using testing::PlatformKind;
using testing::Platforms;
using namespace std::chrono_literals;

class LogTest : public ::testing::Test {
 protected:
  struct Answer {
    QueueId id = 0;
    bool kept = false;
    std::size_t operations = 0;  // under way by then
  };

  void begin() {
    life_ = std::make_unique<Life>(machine_);
    ASSERT_EQ(life_->error, "");
    life_->wait_ready();
    platforms_.run_for(100ms);  // until all files are made that are wanted so far
  }
  sim::SimFaults& faults() { return platforms_.world().faults(); }
  [[nodiscard]] const LogCounters& counters() { return life_->spool().log_counters(); }

  Task<void> keep_one(QueueId id, std::string customer = {}, ShareWeight weight = 1) {
    const bool kept = co_await keep(life_->spool(), id, 4000, 1, std::move(customer), weight);
    answers_.push_back({.id = id, .kept = kept, .operations = life_->loop().operations_live()});
  }
  // So many messages of 4 KB, all in one turn.
  void keep_crowd(std::size_t count) {
    life_->loop().post([this, count] {
      for (QueueId id = 1; id <= count; ++id) tasks_.add(keep_one(id));
    });
    ASSERT_TRUE(platforms_.run_until([&] { return answers_.size() == count && tasks_.live() == 0; }));
  }

  Platforms platforms_{PlatformKind::simulated, 1, {.short_percent = 0}};
  Machine machine_{platforms_};
  std::unique_ptr<Life> life_;
  TaskSet tasks_;
  std::vector<Answer> answers_;
};

TEST_F(LogTest, CrowdIsWrittenInPartsOneBehindTheOther) {
  begin();
  keep_crowd(300);
  // 300 messages of 4 KB are 1.2 MB, and a part is a little more than 256 KB.
  EXPECT_EQ(counters().records, 300U);
  EXPECT_EQ(counters().batches, 5U);
  const auto syncs = counters().sync.counts();
  EXPECT_EQ(std::accumulate(syncs.begin(), syncs.end(), std::uint64_t{0}), 5U) << "each is measured";
}

TEST_F(LogTest, NextPartIsOnItsWayBeforeTheWaitersForTheOneBeforeGoOn) {
  begin();
  keep_crowd(300);
  EXPECT_EQ(answers_.front().operations, 1U);
  EXPECT_EQ(answers_.back().operations, 0U);
}

// Another customer's message waited for all of them.
TEST_F(LogTest, ACrowdOfOneCustomersDoesNotHoldUpAnothers) {
  begin();
  life_->loop().post([this] {
    for (QueueId id = 1; id <= 300; ++id) tasks_.add(keep_one(id, "greedy"));
    tasks_.add(keep_one(301, "modest"));
  });
  ASSERT_TRUE(platforms_.run_until([&] { return answers_.size() == 301 && tasks_.live() == 0; }));
  const auto modest = std::ranges::find(answers_, QueueId{301}, &Answer::id);
  EXPECT_LT(modest - answers_.begin(), 80) << "of the first part";
}

// The thread that writes waited for the core's CPU for ten times what its write takes, and another's message with it.
TEST_F(LogTest, AnothersMessageHurriesTheDiskBesideACrowd) {
  begin();
  const auto& ring = dynamic_cast<const sim::SimRing&>(life_->loop().platform().ring);
  const std::uint64_t before = ring.ways_given();
  life_->loop().post([this] {
    for (QueueId id = 1; id <= 50; ++id) tasks_.add(keep_one(id, "greedy"));
  });
  ASSERT_TRUE(platforms_.run_until([&] { return answers_.size() == 50 && tasks_.live() == 0; }));
  EXPECT_EQ(ring.ways_given(), before) << "its writes may gather";
  life_->loop().post([this] {
    for (QueueId id = 51; id <= 100; ++id) tasks_.add(keep_one(id, "greedy"));
    tasks_.add(keep_one(101, "modest"));
  });
  ASSERT_TRUE(platforms_.run_until([&] { return answers_.size() == 101 && tasks_.live() == 0; }));
  EXPECT_GT(ring.ways_given(), before);
  const std::uint64_t after = ring.ways_given();
  platforms_.run_for(100ms);
  EXPECT_EQ(ring.ways_given(), after) << "nobody waits any more";
}

TEST_F(LogTest, PartsAreSharedByWeight) {
  begin();
  life_->loop().post([this] {
    for (QueueId id = 1; id <= 600; ++id) {
      const bool heavy = id > 300;
      tasks_.add(keep_one(id, heavy ? "heavy" : "light", heavy ? 3 : 1));
    }
  });
  ASSERT_TRUE(platforms_.run_until([&] { return answers_.size() == 600 && tasks_.live() == 0; }));
  // What the first parts, of some 60 messages each, carried; the first message alone went before all others.
  const auto first = std::span(answers_).subspan(1, 200);
  EXPECT_EQ(std::ranges::count_if(first, [](const Answer& each) { return each.id > 300; }), 150);
}

TEST_F(LogTest, LoneMessageIsNotWaitedFor) {
  begin();
  keep_crowd(1);
  EXPECT_EQ(counters().batches, 1U);
  EXPECT_EQ(answers_.front().operations, 0U);
}

TEST_F(LogTest, WhatWasLaidOutBehindAFailedWriteGoesToAnotherSegment) {
  begin();
  faults().add({.call = sim::SimCall::write_file, .after = 0, .count = 1, .error = EIO, .host = ""});
  keep_crowd(300);
  std::size_t kept = 0;
  for (const Answer& answer : answers_) kept += answer.kept ? 1 : 0;
  EXPECT_EQ(counters().failed_batches, 1U);
  EXPECT_EQ(kept, life_->spool().counters().stored);
  EXPECT_GT(kept, 200U);
  EXPECT_LT(kept, 300U);
  for (int lives = 0; lives < 2; ++lives) {
    for (const Answer& answer : answers_) {
      if (!answer.kept) {
        EXPECT_FALSE(life_->spool().has(answer.id));
        continue;
      }
      EXPECT_EQ(life_->spool().index().at(answer.id).message.segment, 2U);
      const auto back =
          life_->await<std::expected<ReadBack, std::string>>([&] { return read_back(life_->spool(), answer.id); });
      ASSERT_TRUE(back) << back.error();
      EXPECT_EQ(back->content, content_of(answer.id, 4000));
    }
    life_ = nullptr;
    begin();
  }
}

// A write that waits while no segment can be made would wait for ever; one that comes later is refused at once.
TEST_F(LogTest, WhatWaitsForASegmentThatCannotBeMadeFails) {
  life_ = std::make_unique<Life>(machine_);
  faults().add({.call = sim::SimCall::create, .after = 0, .count = 100, .error = ENOSPC, .host = ""});
  keep_crowd(3);
  for (const Answer& answer : answers_) EXPECT_FALSE(answer.kept);
  EXPECT_FALSE(life_->spool().accepting());
}

// A MAIL before that was accepted, and the message was refused at its end.
TEST_F(LogTest, SettledOnlyWhenItIsKnownWhatTheDiskTakes) {
  for (const std::uint64_t capacity : {std::uint64_t{kSegmentBytesMin / 2}, std::uint64_t{1} << 40}) {
    platforms_.world().disk(kHost).set_capacity(capacity);
    life_ = std::make_unique<Life>(machine_);
    EXPECT_FALSE(life_->spool().settled());
    ASSERT_TRUE(platforms_.run_until([&] { return life_->spool().settled(); }));
    EXPECT_EQ(life_->spool().accepting(), capacity > kSegmentBytesMin);
    life_ = nullptr;
  }
}

// All that was in the segments that the disk has room for is done: nothing else would give their space back.
TEST_F(LogTest, SegmentsAreUsedAgainWhereNoOtherCanBeMade) {
  platforms_.world().disk(kHost).set_capacity(3 * kSegmentBytesMin + 100 * kBlockBytes);
  begin();
  QueueId id = 0;
  while (life_->spool().accepting() && id < 1000) {
    ++id;
    ASSERT_TRUE(life_->await<bool>([&] { return keep(life_->spool(), id, 100'000); }));
  }
  // What is left is for the cleaner, and for what is said of messages that are there.
  EXPECT_GT(id, 15U);
  EXPECT_LT(id, 100U);
  for (QueueId done = 1; done <= id; ++done)
    ASSERT_TRUE(life_->await<bool>([&] { return life_->spool().finish(done); }));
  ASSERT_TRUE(platforms_.run_until([&] { return life_->spool().accepting(); })) << life_->spool().refusal_reason();
  EXPECT_TRUE(life_->await<bool>([&] { return keep(life_->spool(), id + 1, 100'000); }));
}

// At a start with one file to use again, that one and a new one are wanted at once, and either can be ready first.  A
// long message whose pieces went to the higher number would lie before them for the next start, and be lost.
TEST(LogOrderTest, AMessageIsNeverBeforeItsPiecesWhicheverSegmentIsReadyFirst) {
  constexpr std::size_t kLong = 1U << 20;  // has pieces
  for (std::uint64_t seed = 1; seed <= testing::rounds(6); ++seed) {
    Platforms platforms(PlatformKind::simulated, seed, {.short_percent = 0});
    Machine machine(platforms);
    Life(machine).wait_ready();
    io::Disk& disk = machine.loops(1)[0]->platform().disk;
    const auto entries = disk.list(machine.place.path());
    ASSERT_TRUE(entries);
    bool is_free = false;
    for (const io::DiskEntry& entry : *entries) {
      const std::string path = machine.place.path(entry.name);
      const auto number = parse_free_name(entry.name).or_else([&] { return parse_segment_name(entry.name); });
      if (!number) continue;
      ASSERT_TRUE(is_free ? disk.remove(path) : disk.rename(path, machine.place.path(free_name(*number))));
      is_free = true;
    }
    ASSERT_TRUE(is_free);
    {
      Life life(machine);
      life.wait_ready();
      for (QueueId id = 1; id <= 12; ++id)
        ASSERT_TRUE(life.await<bool>([&] { return keep(life.spool(), id, kLong); })) << "seed " << seed;
    }
    const Life after(machine);
    EXPECT_EQ(after.found.size(), 12U) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::spool
