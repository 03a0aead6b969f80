// Giving space back while everything else goes on: what is copied forward stays what it was, whatever reads, updates or
// finishes it meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/support/rounds.h"
#include "tests/unit/spool/ledger.h"

namespace sluice::spool {
namespace {

using testing::PlatformKind;
using testing::Platforms;
using namespace std::chrono_literals;

class CleanerTest : public ::testing::Test {
 protected:
  explicit CleanerTest(std::uint64_t seed = 1) : platforms_(PlatformKind::simulated, seed, {.short_percent = 10}) {}

  void begin() {
    life_ = std::make_unique<Life>(machine_);
    ASSERT_EQ(life_->error, "");
    life_->wait_ready();
  }
  bool store(QueueId id, std::size_t size) {
    return life_->await<bool>([&] { return keep(life_->spool(), id, size); });
  }
  bool finish(QueueId id) {
    return life_->await<bool>([&] { return life_->spool().finish(id); });
  }
  bool update(QueueId id, std::uint32_t tries) {
    const message::DeliveryStatus status = status_of(tries);
    return life_->await<bool>([&] { return life_->spool().update(id, status); });
  }
  std::expected<ReadBack, std::string> read(QueueId id) {
    return life_->await<std::expected<ReadBack, std::string>>([&] { return read_back(life_->spool(), id); });
  }
  // Mail that comes and goes, in so many segments.
  void fill(std::size_t segments) {
    for (std::size_t i = 0; i < segments * (kSegmentBytesMin / 500'000); ++i) {
      const QueueId id = 1'000'000 + ++filled_;
      ASSERT_TRUE(store(id, 500'000));
      ASSERT_TRUE(finish(id));
    }
  }
  [[nodiscard]] const SpoolCounters& counters() const { return life_->spool().counters(); }
  std::size_t segments() {
    std::size_t count = 0;
    for (const io::DiskEntry& entry : *platforms_.world().disk(kHost).list(machine_.place.path()))
      if (parse_segment_name(entry.name)) ++count;
    return count;
  }

  Platforms platforms_;
  Machine machine_{platforms_};
  std::unique_ptr<Life> life_;
  std::uint64_t filled_ = 0;
};

TEST_F(CleanerTest, CopiesStragglersForward) {
  begin();
  ASSERT_TRUE(store(1, 1000));
  ASSERT_TRUE(store(2, 1'700'000));
  ASSERT_TRUE(update(1, 4));
  const std::uint32_t first = life_->spool().index().at(1).message.segment;
  fill(8);
  ASSERT_TRUE(platforms_.run_until([&] { return counters().moved >= 2 && counters().recycled >= 4; }));
  EXPECT_GT(life_->spool().index().at(1).message.segment, first);
  EXPECT_LE(segments(), 7U);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(read(1)->content, content_of(1, 1000));
    EXPECT_EQ(read(1)->status, status_of(4));
    EXPECT_EQ(read(2)->content, content_of(2, 1'700'000));
    life_ = nullptr;
    begin();
    EXPECT_EQ(life_->found.size(), 2U);
  }
}

TEST_F(CleanerTest, LeavesAShortLogAlone) {
  begin();
  ASSERT_TRUE(store(1, 1000));
  fill(2);
  platforms_.run_for(10s);
  EXPECT_EQ(counters().moved, 0U);
}

TEST_F(CleanerTest, DoesNotCopyTheSameMessageAgainAndAgain) {
  begin();
  ASSERT_TRUE(store(1, 1000));
  fill(12);
  EXPECT_LE(counters().moved, 6U);
  ASSERT_TRUE(platforms_.run_until([&] { return counters().recycled >= 8; }));
}

// The caller that finishes a message has only the pieces of when it was read: releasing those again took the
// count of another segment below what it was, and the core with it.
TEST_F(CleanerTest, MessageThatWasMovedSinceItWasReadCanBeFinished) {
  begin();
  ASSERT_TRUE(store(1, 1'700'000));
  const std::vector<Location> pieces = read(1)->stored.pieces;
  fill(8);
  ASSERT_TRUE(platforms_.run_until([&] { return counters().moved >= 1; }));
  EXPECT_NE(read(1)->stored.pieces, pieces);
  EXPECT_TRUE(finish(1));
  fill(6);
  ASSERT_TRUE(platforms_.run_until([&] { return counters().recycled >= 10; }));
  life_ = nullptr;
  begin();
  EXPECT_TRUE(life_->found.empty());
}

Task<void> hold(Spool& spool, QueueId id, std::optional<Message>& held) {
  auto message = co_await spool.read(id);
  if (message) held.emplace(*std::move(message));
}

TEST_F(CleanerTest, WhatIsReadStaysUntilItsReaderIsGone) {
  begin();
  ASSERT_TRUE(store(1, 1'700'000));
  std::optional<Message> held;
  testing::await_done(platforms_, life_->loop(), [&] { return hold(life_->spool(), 1, held); });
  ASSERT_TRUE(held);
  ASSERT_TRUE(finish(1));
  fill(6);
  EXPECT_EQ(counters().recycled, 0U);
  std::string content;
  for (const Location& piece : held->stored.pieces) {
    const auto bytes =
        life_->await<std::expected<Extent, std::string>>([&] { return life_->spool().read_piece(1, piece); });
    ASSERT_TRUE(bytes);
    content += bytes->view();
  }
  content += held->content.view();
  EXPECT_EQ(content, content_of(1, 1'700'000));
  held.reset();
  // Nothing is finished, and yet it goes.
  ASSERT_TRUE(platforms_.run_until([&] { return counters().recycled >= 4; }));
}

TEST_F(CleanerTest, HeldSegmentIsNotReadOverAndOverAgain) {
  begin();
  ASSERT_TRUE(store(1, 1'700'000));
  std::optional<Message> held;
  testing::await_done(platforms_, life_->loop(), [&] { return hold(life_->spool(), 1, held); });
  fill(8);
  const std::uint64_t before = platforms_.world().faults().calls(sim::SimCall::read_file);
  platforms_.run_for(30s);
  fill(1);
  EXPECT_LE(platforms_.world().faults().calls(sim::SimCall::read_file) - before, 12U);
  held.reset();
  platforms_.run_for(61s);
  EXPECT_GE(counters().recycled, 6U);
}

// A client that takes its time used to keep the oldest segment, and all behind it.
TEST_F(CleanerTest, PiecesOfDraftsAreCopiedForward) {
  begin();
  Draft draft(life_->spool(), 1);
  Chain begun;
  begun.append_copy(content_of(1, 600'000));
  ASSERT_TRUE(life_->drafted([&] { return draft.append(std::move(begun)); }));
  fill(8);
  ASSERT_TRUE(platforms_.run_until([&] { return counters().recycled >= 4; }));
  ASSERT_TRUE(life_->drafted([&] { return draft.commit(stored_of(1, 0), status_of(0)); }));
  for (int lives = 0; lives < 2; ++lives) {
    EXPECT_EQ(read(1)->content, content_of(1, 600'000));
    life_ = nullptr;
    begin();
  }
}

// The scan does not find it any more, but the index has it: the segment used to stay for ever.
TEST_F(CleanerTest, StragglerThatDoesNotCheckIsQuarantinedAndTheSegmentGoes) {
  begin();
  ASSERT_TRUE(store(1, 1000));
  ASSERT_TRUE(store(2, 1000));
  const Location where = life_->spool().index().at(1).message;
  platforms_.world().disk(kHost).flip_bit(machine_.place.path(segment_name(where.segment)), where.offset + 40);
  fill(8);
  ASSERT_TRUE(platforms_.run_until([&] { return counters().recycled >= 4; }));
  EXPECT_EQ(counters().quarantined, 1U);
  EXPECT_FALSE(life_->spool().has(1));
  EXPECT_EQ(read(2)->content, content_of(2, 1000));
  EXPECT_TRUE(
      platforms_.world().disk(kHost).look(machine_.place.path("quarantine/" + message::queue_id_text(1) + ".txt")));
}

// Later ones may hold the ends of its messages.
TEST_F(CleanerTest, NothingGoesBeforeAnOlderSegmentThatCannotBeRecycled) {
  begin();
  ASSERT_TRUE(store(1, 1'700'000));
  std::optional<Message> held;
  testing::await_done(platforms_, life_->loop(), [&] { return hold(life_->spool(), 1, held); });
  ASSERT_TRUE(finish(1));
  fill(6);
  platforms_.world().faults().add({.call = sim::SimCall::remove, .count = sim::kSimForever, .error = EIO, .host = ""});
  held.reset();
  platforms_.run_for(20s);
  // Two became free files; the third should have been removed.
  EXPECT_EQ(counters().recycled, 2U);
  EXPECT_EQ(life_->warnings.size(), 1U);
  EXPECT_THAT(life_->warnings, ::testing::Contains(::testing::HasSubstr("cannot be recycled")));
  platforms_.world().faults().clear();
  ASSERT_TRUE(platforms_.run_until([&] { return counters().recycled >= 5; }));
}

Task<void> change(Spool& spool, QueueId id, Ledger& ledger, io::Loop& loop, sim::SimRandom& random) {
  for (std::uint64_t i = random.below(6); i > 0; --i) {
    const std::uint32_t number = ++ledger.line(id).tries_asked;
    const message::DeliveryStatus status = status_of(number);
    if (co_await spool.update(id, status)) ledger.line(id).tries_kept = number;
    co_await loop.sleep(random.between(0us, 5ms), "a pause");
    const auto back = co_await read_back(spool, id);
    EXPECT_TRUE(back) << (back ? "" : back.error());
    if (!back) continue;
    EXPECT_EQ(back->content, content_of(id, ledger.line(id).size));
    EXPECT_GE(back->status.tries, ledger.line(id).tries_kept);
  }
  if (random.percent(50)) co_return;
  ledger.line(id).finish_asked = true;
  if (co_await spool.finish(id)) ledger.line(id).finished = true;
}

// Stragglers are read, updated and finished at the very time at which they are copied.
TEST(CleanerRaces, ChangesDuringTheCopyAreNotLost) {
  std::uint64_t moved = 0;
  for (std::uint64_t seed = 1; seed <= testing::rounds(5); ++seed) {
    SCOPED_TRACE(seed);
    Platforms platforms(PlatformKind::simulated, seed, {.short_percent = 10});
    Machine machine(platforms);
    sim::SimRandom random(seed);
    Ledger ledger;
    {
      Life life(machine);
      life.wait_ready();
      const auto store = [&](QueueId id, std::size_t size) {
        ledger.line(id) = {.size = size, .kept = true};
        ASSERT_TRUE(life.await<bool>([&] { return keep(life.spool(), id, size); }));
      };
      for (QueueId id = 1; id <= 20; ++id) store(id, random.percent(20) ? 700'000 : random.below(5000));
      for (QueueId id = 100; id < 180; ++id) store(id, 400'000);
      TaskSet tasks;
      life.loop().post([&] {
        for (QueueId id = 1; id <= 20; ++id) tasks.add(change(life.spool(), id, ledger, life.loop(), random));
      });
      for (QueueId id = 100; id < 180; ++id) {
        ledger.line(id).finish_asked = ledger.line(id).finished = true;
        ASSERT_TRUE(life.await<bool>([&] { return life.spool().finish(id); }));
      }
      ASSERT_TRUE(platforms.run_until([&] { return tasks.live() == 0; }));
      platforms.run_for(3s);
      moved += life.spool().counters().moved;
    }
    const Life next(machine);
    ledger.compare(next);
  }
  EXPECT_GT(moved, 2 * testing::rounds(5));
}

}  // namespace
}  // namespace sluice::spool
