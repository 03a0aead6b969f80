// A spool on both platforms: what it keeps is read back, in this life and in the next.
#include "engine/spool/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "tests/unit/spool/life.h"

namespace sluice::spool {
namespace {

using testing::BothPlatforms;
using testing::PlatformKind;

class SpoolTest : public BothPlatforms {
 protected:
  std::unique_ptr<Life> begin(const LifeOptions& options = {}) {
    auto life = std::make_unique<Life>(machine_, options);
    EXPECT_EQ(life->error, "");
    life->wait_ready();
    return life;
  }
  bool store(Life& life, QueueId id, std::size_t size, std::size_t core = 0) {
    return life.await<bool>([&] { return keep(life.spool(core), id, size); }, core);
  }
  bool update(Life& life, QueueId id, std::uint32_t tries, std::size_t core = 0) {
    const message::DeliveryStatus status = status_of(tries);
    return life.await<bool>([&] { return life.spool(core).update(id, status); }, core);
  }
  bool finish(Life& life, QueueId id, std::size_t core = 0) {
    return life.await<bool>([&] { return life.spool(core).finish(id); }, core);
  }
  std::expected<ReadBack, std::string> read(Life& life, QueueId id, std::size_t core = 0) {
    return life.await<std::expected<ReadBack, std::string>>([&] { return read_back(life.spool(core), id); }, core);
  }
  void expect_message(Life& life, QueueId id, std::size_t size, std::uint32_t tries, std::size_t core = 0) {
    const auto back = read(life, id, core);
    ASSERT_TRUE(back) << back.error();
    EXPECT_EQ(back->content, content_of(id, size));
    EXPECT_EQ(back->stored.content_bytes, size);
    EXPECT_EQ(back->status, status_of(tries));
    EXPECT_EQ(back->stored.envelope.id, message::queue_id_text(id));
    EXPECT_EQ(back->stored.envelope.reverse_path, "sender@customer.example");
    EXPECT_EQ(back->stored.submitter.account, "account");
  }
  Machine machine_{platforms_};
};
INSTANTIATE_TEST_SUITE_P(Platforms, SpoolTest, ::testing::Values(PlatformKind::real, PlatformKind::simulated),
                         testing::platform_name);

TEST_P(SpoolTest, KeepsMessagesOfAnyLength) {
  auto life = begin({.segment_bytes = 16U << 20});
  std::vector<std::size_t> sizes{
      0, 1, 4095, 4096, 100'000, kPieceBytesMax - 1, kPieceBytesMax, kPieceBytesMax + 1, 2 * kPieceBytesMax, 3'000'001};
  if (!platforms_.simulated()) sizes.push_back(30'000'000);
  for (std::size_t i = 0; i < sizes.size(); ++i) ASSERT_TRUE(store(*life, i + 1, sizes[i]));
  for (std::size_t i = 0; i < sizes.size(); ++i) expect_message(*life, i + 1, sizes[i], 0);
  EXPECT_EQ(life->spool().messages(), sizes.size());
  life = nullptr;
  life = begin();
  EXPECT_EQ(life->found.size(), sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) expect_message(*life, i + 1, sizes[i], 0);
}

TEST_P(SpoolTest, KeepsTheLatestStatus) {
  auto life = begin();
  ASSERT_TRUE(store(*life, 1, 500));
  ASSERT_TRUE(update(*life, 1, 1));
  ASSERT_TRUE(update(*life, 1, 2));
  expect_message(*life, 1, 500, 2);
  life = nullptr;
  life = begin();
  EXPECT_EQ(life->found.at(1).status, status_of(2));
  expect_message(*life, 1, 500, 2);
}

TEST_P(SpoolTest, ForgetsWhatIsFinished) {
  auto life = begin();
  ASSERT_TRUE(store(*life, 1, 500));
  ASSERT_TRUE(store(*life, 2, 2'000'000));
  ASSERT_TRUE(finish(*life, 1));
  ASSERT_TRUE(finish(*life, 2));
  EXPECT_FALSE(life->spool().has(1));
  EXPECT_FALSE(read(*life, 2));
  EXPECT_EQ(life->spool().messages(), 0U);
  EXPECT_EQ(life->spool().live_bytes(), 0U);
  EXPECT_TRUE(finish(*life, 1)) << "once more";
  EXPECT_TRUE(update(*life, 1, 5)) << "of nothing";
  life = nullptr;
  life = begin();
  EXPECT_TRUE(life->found.empty());
}

TEST_P(SpoolTest, ForgetsDraftsThatAreAbandoned) {
  auto life = begin();
  const auto abandon = [](Spool& spool) -> Task<bool> {
    Draft draft(spool, 1);
    Chain chain;
    chain.append_copy(content_of(1, 3 * kPieceBytesMax));
    co_return (co_await draft.append(std::move(chain))).has_value();
  };
  EXPECT_TRUE(life->await<bool>([&] { return abandon(life->spool()); }));
  EXPECT_EQ(life->spool().messages(), 0U);
  life = nullptr;
  life = begin();
  EXPECT_TRUE(life->found.empty());
  EXPECT_THAT(life->warnings, ::testing::IsEmpty());
}

Task<void> keep_and_count(Spool& spool, QueueId id, std::size_t size, std::size_t& kept) {
  if (co_await keep(spool, id, size)) ++kept;
}

Task<void> take_time(io::Loop& loop, AsyncEvent& go, std::vector<std::uint64_t>& operations) {
  co_await go.wait("its step");
  operations.push_back(loop.counters().operations);
  const Instant end = loop.platform().clock.now() + std::chrono::microseconds(200);
  while (loop.platform().clock.now() < end) continue;
}

// A message that was complete was not written before the end of the turn: after all that others' messages had to do in
// it.
TEST(SpoolLongTurnTest, WhatIsCompleteWaitsForNothingThatOthersDo) {
  testing::Platforms platforms(PlatformKind::real);
  Machine machine(platforms);
  Life life(machine, {});
  ASSERT_EQ(life.error, "");
  life.wait_ready();
  std::size_t kept = 0;
  std::vector<std::uint64_t> operations;
  std::deque<AsyncEvent> steps(40);
  TaskSet tasks;
  for (AsyncEvent& step : steps) tasks.add(take_time(life.loop(), step, operations));
  life.loop().post([&] {
    tasks.add(keep_and_count(life.spool(), 1, 4000, kept));
    for (AsyncEvent& step : steps) step.set();
  });
  ASSERT_TRUE(platforms.run_until([&] { return kept == 1 && tasks.live() == 0; }));
  EXPECT_EQ(operations.front(), operations[1]);
  EXPECT_GT(operations[15], operations.front());
}

TEST_P(SpoolTest, WritesManyMessagesAtOnce) {
  auto life = begin({.segment_bytes = 16U << 20});
  constexpr std::size_t kMessages = 400;
  std::size_t kept = 0;
  TaskSet tasks;
  life->loop().post([&] {
    for (QueueId id = 1; id <= kMessages; ++id) tasks.add(keep_and_count(life->spool(), id, 4000, kept));
  });
  ASSERT_TRUE(platforms_.run_until([&] { return kept == kMessages && tasks.live() == 0; }));
  const LogCounters& log = life->spool().log_counters();
  EXPECT_EQ(log.records, kMessages);
  EXPECT_LT(log.batches, kMessages / 10);
  EXPECT_GT(log.bytes, kMessages * 4000);
  EXPECT_EQ(log.bytes % kBlockBytes, 0U);
  EXPECT_EQ(log.failed_batches, 0U);
  EXPECT_EQ(life->spool().counters().stored, kMessages);
  EXPECT_EQ(life->spool().counters().not_stored, 0U);
  for (QueueId id = 1; id <= kMessages; id += 57) expect_message(*life, id, 4000, 0);
}

TEST_P(SpoolTest, TellsWhatItsIndexTakes) {
  auto life = begin({.segment_bytes = 16U << 20});
  EXPECT_EQ(life->spool().index_bytes(), 0U);
  constexpr std::size_t kMessages = 100;
  for (std::size_t i = 0; i < kMessages; ++i) ASSERT_TRUE(store(*life, i + 1, 10));
  const std::uint64_t small = life->spool().index_bytes();
  EXPECT_GE(small, kMessages * (sizeof(QueueId) + sizeof(Entry)));
  EXPECT_LE(small, kMessages * 94);
  ASSERT_TRUE(store(*life, kMessages + 1, 3'000'001));
  EXPECT_GT(life->spool().index_bytes(), small) << "it has pieces";
}

TEST_P(SpoolTest, WorksUnsynced) {
  auto life = begin({.synced = false});
  ASSERT_TRUE(store(*life, 1, 700'000));
  life = nullptr;
  life = begin();
  expect_message(*life, 1, 700'000, 0);
}

TEST_P(SpoolTest, GoesOnInOtherSegmentsWhenOneIsFull) {
  auto life = begin();
  for (QueueId id = 1; id <= 12; ++id) ASSERT_TRUE(store(*life, id, 1'500'000));
  EXPECT_GE(life->spool().log_counters().segments_begun, 4U);
  for (QueueId id = 1; id <= 12; ++id) expect_message(*life, id, 1'500'000, 0);
  life = nullptr;
  life = begin({.cores = 3});
  EXPECT_EQ(life->found.size(), 12U);
  for (const auto& [id, message] : life->found) expect_message(*life, id, 1'500'000, 0, message.core);
}

// Each start has another number of cores; messages are finished by whichever has them, and segments are used again.
TEST_P(SpoolTest, LosesNothingWhenCoresComeAndGo) {
  QueueId next = 1;
  std::map<QueueId, std::pair<std::size_t, std::uint32_t>> ours;  // size, tries
  for (const std::size_t cores : {2U, 7U, 1U, 3U, 5U, 4U, 6U, 1U}) {
    auto life = begin({.cores = cores});
    ASSERT_EQ(life->found.size(), ours.size());
    for (const auto& [id, message] : life->found) {
      ASSERT_TRUE(ours.contains(id));
      EXPECT_EQ(message.status.tries, ours[id].second);
      expect_message(*life, id, ours[id].first, ours[id].second, message.core);
      if (id % 3 == 0) {
        ASSERT_TRUE(update(*life, id, ++ours[id].second, message.core));
      } else if (id % 3 == 1) {
        ASSERT_TRUE(finish(*life, id, message.core));
        ours.erase(id);
      }
    }
    for (std::size_t i = 0; i < 15; ++i, ++next) {
      const std::size_t size = i == 0 ? 1'200'000 : 3000 * i;
      ASSERT_TRUE(store(*life, next, size, i % cores));
      ours[next] = {size, 0};
    }
  }
}

TEST_P(SpoolTest, GivesSpaceBackWhenMessagesAreFinished) {
  auto life = begin();
  for (QueueId id = 1; id <= 40; ++id) {
    ASSERT_TRUE(store(*life, id, 1'000'000));
    ASSERT_TRUE(finish(*life, id));
  }
  ASSERT_TRUE(platforms_.run_until([&] { return life->spool().counters().recycled >= 8; }));
  EXPECT_LE(life->spool().disk_bytes(), 4U * kSegmentBytesMin);
  EXPECT_EQ(life->spool().counters().moved, 0U);
}

TEST_P(SpoolTest, SaysWhenTooLittleSpaceIsLeft) {
  auto life = std::make_unique<Life>(machine_, LifeOptions{.free_bytes_min = std::uint64_t{1} << 60});
  ASSERT_TRUE(platforms_.run_until([&] { return !life->warnings.empty(); }));
  EXPECT_FALSE(life->spool().accepting());
  EXPECT_THAT(life->warnings[0], ::testing::HasSubstr("are left on the file system, less than spool.free_bytes_min"));
  ASSERT_TRUE(platforms_.run_until(
      [&] { return life->spool().refusal_reason().find("too little space") != std::string::npos; }));
}

TEST_P(SpoolTest, RefusesWhatCannotBeStored) {
  auto life = begin();
  const auto try_it = [](Spool& spool) -> Task<bool> {
    Stored stored = stored_of(1, 0);
    stored.envelope.envid.assign(kMetaBytesMax, 'e');
    const Chain nothing;
    co_return (co_await spool.store(1, stored, status_of(0), nothing)).has_value();
  };
  EXPECT_FALSE(life->await<bool>([&] { return try_it(life->spool()); }));
  EXPECT_EQ(life->spool().messages(), 0U);
}

// A search reads no content: of a long record only its beginning, whatever the rest is.
TEST_P(SpoolTest, HeadIsReadWithoutTheContent) {
  auto life = begin({.segment_bytes = 16U << 20});
  const auto head = [&](QueueId id) {
    return life->await<std::expected<MessageHead, std::string>>([&] { return life->spool().read_head(id); });
  };
  const std::vector<std::size_t> sizes{0, 5000, 300'000, 3'000'001};
  for (std::size_t i = 0; i < sizes.size(); ++i) ASSERT_TRUE(store(*life, i + 1, sizes[i]));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto read = head(i + 1);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->stored.content_bytes, sizes[i]);
    EXPECT_EQ(read->stored.envelope.reverse_path, "sender@customer.example");
    EXPECT_EQ(read->status, status_of(0));
    EXPECT_TRUE(read->latest);
  }
  EXPECT_FALSE(head(99));
  if (!platforms_.simulated()) return;
  const Location where = life->spool().index().at(3).message;
  platforms_.world().disk(kHost).flip_bit(machine_.place.path(segment_name(where.segment)), where.offset + 200'000);
  EXPECT_FALSE(read(*life, 3));
  EXPECT_TRUE(head(3));
  const Location small = life->spool().index().at(2).message;
  platforms_.world().disk(kHost).flip_bit(machine_.place.path(segment_name(small.segment)), small.offset + 3000);
  EXPECT_FALSE(head(2)) << "a short record is checked";
}

TEST_P(SpoolTest, HeadThatIsLongIsReadWhole) {
  auto life = begin({.segment_bytes = 16U << 20});
  ASSERT_TRUE(life->await<bool>([&] { return keep(life->spool(), 1, 100'000, 1000); }));
  const auto head = life->await<std::expected<MessageHead, std::string>>([&] { return life->spool().read_head(1); });
  ASSERT_TRUE(head) << head.error();
  EXPECT_EQ(head->stored.envelope.recipients.size(), 1000U);
  EXPECT_EQ(head->stored.content_bytes, 100'000U);
}

TEST_P(SpoolTest, HeadSaysWhereItsStatusIsNotTheLatest) {
  auto life = begin();
  ASSERT_TRUE(store(*life, 1, 500));
  ASSERT_TRUE(update(*life, 1, 7));
  const auto head = life->await<std::expected<MessageHead, std::string>>([&] { return life->spool().read_head(1); });
  ASSERT_TRUE(head) << head.error();
  EXPECT_FALSE(head->latest);
  const auto status = life->await<std::optional<message::DeliveryStatus>>([&] { return life->spool().read_status(1); });
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, status_of(7));
  EXPECT_FALSE(life->await<std::optional<message::DeliveryStatus>>([&] { return life->spool().read_status(2); }));
}

}  // namespace
}  // namespace sluice::spool
