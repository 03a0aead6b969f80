// The trace from events to what is found: across segments, a kill, damage and a disk that is full.
#include "engine/trace/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "engine/io/process.h"
#include "engine/io/real_platform.h"
#include "engine/trace/search.h"

namespace sluice::trace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr WallMillis kNow = 1'795'900'000'000;

class TraceFilesTest : public ::testing::Test {
 protected:
  TraceFilesTest() { std::filesystem::remove_all(directory_); }
  ~TraceFilesTest() override { std::filesystem::remove_all(directory_); }

  template <typename T>
  void add(WallMillis at, const T& event) {
    const auto values = event::values_of(event);
    block_.add(
        {.at = at, .kind = T::kKind, .severity = T::kSeverity, .row = event::row_of(T::kKind), .values = values});
  }
  void accept(WallMillis at, std::string_view id, std::string_view to) {
    add(at, event::Message{.id = id,
                           .verdict = "taken",
                           .client = "192.0.2.7",
                           .customer = "acme",
                           .account = "alice@example.com",
                           .from = "bounces@example.com",
                           .author = "alice@example.com",
                           .to = to,
                           .message_id = std::string("<").append(id).append("@example.com>"),
                           .reply = "2.0.0 Ok"});
  }
  void attempt(WallMillis at, std::string_view id, std::string_view verdict, std::string_view detail) {
    add(at, event::Delivery{.id = id,
                            .verdict = verdict,
                            .to = "ralph@far.test",
                            .next_hop = "mx.far.test:25",
                            .next_hop_address = "198.51.100.9:25",
                            .detail = detail});
  }
  std::expected<void, std::string> write(WallMillis now = kNow) {
    if (!writer_) writer_.emplace(*disk_, directory_, limits_);
    return writer_->append(block_.finish(), now);
  }
  struct Answer {
    std::vector<std::string> ids;
    std::vector<std::size_t> events;
    std::vector<std::string> faults;
    SearchWork work;
  };
  Answer find(Query query, std::size_t most = 100) {
    Answer answer;
    auto search = TraceSearch::open(*disk_, directory_, std::move(query));
    EXPECT_TRUE(search);
    if (!search) return answer;
    search->run([&](const TracedMessage& message) {
      answer.ids.push_back(message.id);
      answer.events.push_back(message.events.size());
      return answer.ids.size() < most;
    });
    answer.faults = search->faults();
    answer.work = search->work();
    return answer;
  }
  Answer find(KeyKind kind, std::string value) { return find({.keys = {{.kind = kind, .value = std::move(value)}}}); }
  void three_messages() {
    accept(kNow, "0SB1", "ralph@far.test");
    attempt(kNow + 5, "0SB1", "deferred", "451 4.7.1 Greylisted, try again");
    ASSERT_TRUE(write());
    accept(kNow + 10, "0SB2", "eve@near.test");
    add(kNow + 11, event::SessionEnded{.reason = "quit", .client = "192.0.2.8"});
    ASSERT_TRUE(write());
    accept(kNow + 20, "0SB3", "RALPH@far.test");
    attempt(kNow + 900'000, "0SB1", "relayed", "2.0.0 queued");
    ASSERT_TRUE(write());
  }

  std::string directory_ = "/tmp/sluice-trace-" + std::to_string(::getpid());
  std::unique_ptr<io::Disk> disk_ = io::make_real_disk();
  SegmentLimits limits_{.free_bytes_min = 0};
  BlockWriter block_;
  std::optional<SegmentWriter> writer_;
};

TEST_F(TraceFilesTest, AMessageIsFoundByEachOfItsKeysWithAllThatHappenedToIt) {
  three_messages();
  for (const auto& [kind, value] :
       std::vector<std::pair<KeyKind, std::string>>{{KeyKind::id, "0sb1"},
                                                    {KeyKind::message_id, "0SB1@example.com"},
                                                    {KeyKind::next_hop, "mx.far.test"},
                                                    {KeyKind::next_hop, "198.51.100.9"},
                                                    {KeyKind::verdict, "deferred"},
                                                    {KeyKind::verdict, "relayed"}}) {
    const Answer answer = find(kind, value);
    EXPECT_THAT(answer.ids, ElementsAre("0SB1")) << value;
    EXPECT_THAT(answer.events, ElementsAre(3)) << value;
    EXPECT_THAT(answer.faults, IsEmpty());
  }
  for (const auto& [kind, value] :
       std::vector<std::pair<KeyKind, std::string>>{{KeyKind::account, "alice@example.com"},
                                                    {KeyKind::customer, "acme"},
                                                    {KeyKind::sender, "alice@example.com"},
                                                    {KeyKind::sender, "bounces@example.com"},
                                                    {KeyKind::sender_domain, "example.com"},
                                                    {KeyKind::client, "192.0.2.7"},
                                                    {KeyKind::verdict, "taken"}})
    EXPECT_THAT(find(kind, value).ids, ElementsAre("0SB3", "0SB2", "0SB1")) << value;  // by the event that has it
  EXPECT_THAT(find(KeyKind::recipient, "ralph@far.test").ids, ElementsAre("0SB1", "0SB3"));
  EXPECT_THAT(find(KeyKind::recipient_domain, "near.test").ids, ElementsAre("0SB2"));
  EXPECT_THAT(find(KeyKind::client, "192.0.2.8").ids, ElementsAre(""));
  EXPECT_THAT(find(KeyKind::recipient, "far.test").ids, IsEmpty());
}

TEST_F(TraceFilesTest, ARefusedCommandIsFoundByTheAddressInItsArgument) {
  add(kNow, event::Refused{.id = "0SB1", .code = 550, .argument = "TO:<x@one.test>"});
  add(kNow, event::Refused{.id = "0SB2", .code = 550, .argument = "FROM:<y@two.test> SIZE=9"});
  ASSERT_TRUE(write());
  EXPECT_THAT(find(KeyKind::recipient, "x@one.test").ids, ElementsAre("0SB1"));
  EXPECT_THAT(find(KeyKind::recipient_domain, "one.test").ids, ElementsAre("0SB1"));
  EXPECT_THAT(find(KeyKind::sender, "y@two.test").ids, ElementsAre("0SB2"));
  EXPECT_THAT(find(KeyKind::sender_domain, "two.test").ids, ElementsAre("0SB2"));
  EXPECT_THAT(find(KeyKind::recipient, "y@two.test").ids, IsEmpty());
}

TEST_F(TraceFilesTest, ConditionsAreOfTheMessageNotOfOneEvent) {
  three_messages();
  EXPECT_THAT(find({.keys = {{KeyKind::client, "192.0.2.7"}, {KeyKind::verdict, "deferred"}}}).ids,
              ElementsAre("0SB1"));
  EXPECT_THAT(find({.keys = {{KeyKind::recipient, "eve@near.test"}, {KeyKind::verdict, "deferred"}}}).ids, IsEmpty());
  EXPECT_THAT(find({.words = "greylisted"}).ids, ElementsAre("0SB1"));
  EXPECT_THAT(find({.since = kNow + 10, .until = kNow + 15}).ids, ElementsAre("", "0SB2"));
  EXPECT_THAT(find(Query(), 2).ids, SizeIs(2));
}

// An acceptance and the end of its delivery days later: no segment has both.
TEST_F(TraceFilesTest, ConditionsOfOneMessageAreMetInDifferentSegments) {
  limits_.segment_bytes = 1;
  three_messages();
  const std::vector<KeyCondition> both{{KeyKind::verdict, "deferred"}, {KeyKind::verdict, "relayed"}};
  EXPECT_THAT(find({.keys = both}).ids, ElementsAre("0SB1"));
  EXPECT_THAT(find({.keys = both, .since = kNow + 800'000}).ids, ElementsAre("0SB1"));
  EXPECT_THAT(find({.keys = both, .until = kNow + 5}).ids, ElementsAre("0SB1"));
  EXPECT_THAT(find({.keys = both, .since = kNow + 6, .until = kNow + 800'000}).ids, IsEmpty());
  EXPECT_THAT(find({.keys = {{KeyKind::recipient, "eve@near.test"}, {KeyKind::verdict, "relayed"}}}).ids, IsEmpty());
}

// Each message's other events were once looked up by themselves, so that a block with 30 messages of an account was
// looked through 30 times.
TEST_F(TraceFilesTest, ABlockIsUnpackedOnceAndLookedThroughTwiceForAllMessagesOfATurn) {
  constexpr std::size_t kBlocks = 10;
  constexpr std::size_t kEach = 10;
  const auto id = [](std::size_t number) { return "0SB" + std::to_string(1000 + number); };
  for (std::size_t block = 0; block < kBlocks; ++block) {
    limits_.segment_bytes = block < kBlocks / 2 ? 1 : 0;  // some with an index, some without
    for (std::size_t i = 0; i < kEach; ++i)
      accept(kNow + static_cast<WallMillis>(block), id(block * kEach + i), "ralph@far.test");
    for (std::size_t i = 0; i < kEach && block > 0; ++i)
      attempt(kNow + static_cast<WallMillis>(block), id((block - 1) * kEach + i), "relayed", "2.0.0 queued");
    if (block == kBlocks / 2) writer_.reset();
    ASSERT_TRUE(write());
  }
  const Answer all = find(KeyKind::account, "alice@example.com");
  EXPECT_THAT(all.ids, SizeIs(kBlocks * kEach));
  EXPECT_EQ(all.ids.front(), id(kBlocks * kEach - 1));
  EXPECT_EQ(all.ids.back(), id(0));
  EXPECT_EQ(std::ranges::count(all.events, 2U), static_cast<std::ptrdiff_t>((kBlocks - 1) * kEach));
  EXPECT_EQ(all.work.blocks_unpacked, kBlocks);
  EXPECT_EQ(all.work.blocks_scanned, 2 * kBlocks);
  // The newest ones take no more blocks than they are in, and a message by its id two of each.
  static_assert(TraceSearch::kTurnMessages >= kBlocks * kEach);
  EXPECT_EQ(find(KeyKind::id, id(15)).work.blocks_unpacked, 2U);
  EXPECT_EQ(find(KeyKind::id, id(15)).events.front(), 2U);
}

TEST_F(TraceFilesTest, MoreMessagesThanATurnHasAreFoundEachOnceInTheirOrder) {
  constexpr std::size_t kMessages = 2 * TraceSearch::kTurnMessages + 7;
  const auto id = [](std::size_t number) { return "0SB" + std::to_string(1000 + number); };
  for (std::size_t i = 0; i < kMessages; ++i) {
    accept(kNow + static_cast<WallMillis>(i), id(i), "ralph@far.test");
    attempt(kNow + static_cast<WallMillis>(i), id(i), "relayed", "2.0.0 queued");
    if (i % 20 == 0)
      add(kNow + static_cast<WallMillis>(i), event::SessionEnded{.reason = "quit", .client = "192.0.2.7"});
    if (i % 50 == 0) {
      ASSERT_TRUE(write());
    }
  }
  ASSERT_TRUE(write());
  const Answer all = find(Query(), 10'000);
  std::vector<std::string> messages = all.ids;
  std::erase(messages, "");
  EXPECT_THAT(messages, SizeIs(kMessages));
  EXPECT_TRUE(std::ranges::is_sorted(messages, std::ranges::greater()));
  EXPECT_EQ(all.ids.size(), kMessages + (kMessages + 19) / 20);
  for (std::size_t i = 0; i < all.ids.size(); ++i) EXPECT_EQ(all.events[i], all.ids[i].empty() ? 1U : 2U) << i;
  EXPECT_THAT(find(Query(), TraceSearch::kTurnMessages + 1).ids, SizeIs(TraceSearch::kTurnMessages + 1));
}

TEST_F(TraceFilesTest, ASegmentThatIsFullHasAnIndexAndIsFoundByIt) {
  limits_.segment_bytes = 1;
  three_messages();
  EXPECT_TRUE(std::filesystem::exists(index_path(directory_, 3)));
  EXPECT_THAT(find(KeyKind::id, "0SB1").events, ElementsAre(3));
  EXPECT_THAT(find(KeyKind::recipient, "ralph@far.test").ids, ElementsAre("0SB1", "0SB3"));
}

TEST_F(TraceFilesTest, AnIndexThatIsDamagedCostsNothingButTime) {
  limits_.segment_bytes = 1;
  three_messages();
  const std::string path = index_path(directory_, 1);
  const auto size = std::filesystem::file_size(path);
  for (const std::uint64_t at : {std::uint64_t{3}, std::uint64_t{40}, size - 3}) {
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(static_cast<std::streamoff>(at))
        .put('\x55');
    const Answer answer = find(KeyKind::id, "0SB1");
    EXPECT_THAT(answer.events, ElementsAre(3)) << at;
    EXPECT_THAT(answer.faults, Not(IsEmpty())) << at;
  }
}

TEST_F(TraceFilesTest, ADamagedBlockCostsItselfAlone) {
  three_messages();
  std::fstream(blocks_path(directory_, 1), std::ios::in | std::ios::out | std::ios::binary).seekp(2).put('\x55');
  const Answer answer = find(Query());
  EXPECT_THAT(answer.ids, ElementsAre("0SB1", "0SB3", "", "0SB2"));
  EXPECT_THAT(answer.events, ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(answer.faults, ElementsAre(HasSubstr("damaged")));
}

TEST_F(TraceFilesTest, WhatWasHalfWrittenAtAKillIsCutOffAndTheSegmentGoesOn) {
  three_messages();
  writer_.reset();
  std::ofstream(blocks_path(directory_, 1), std::ios::app | std::ios::binary) << kBlockMagic << "half";
  EXPECT_THAT(find(Query()).faults, IsEmpty());
  accept(kNow + 30, "0SB4", "eve@near.test");
  ASSERT_TRUE(write());
  EXPECT_FALSE(std::filesystem::exists(blocks_path(directory_, 2)));
  const Answer answer = find(KeyKind::recipient, "eve@near.test");
  EXPECT_THAT(answer.ids, ElementsAre("0SB4", "0SB2"));
  EXPECT_THAT(answer.faults, IsEmpty());
}

TEST_F(TraceFilesTest, TheOldestSegmentsGoByDaysAndByBytes) {
  limits_.segment_bytes = 1;
  limits_.days = 1;
  three_messages();
  constexpr WallMillis kDay = 86'400'000;
  ASSERT_TRUE(writer_->remove_oldest(kNow + kDay + 15));
  EXPECT_THAT(find(Query()).ids, ElementsAre("0SB1", "0SB3"));
  EXPECT_THAT(find(KeyKind::account, "alice@example.com").ids, ElementsAre("0SB3"));
  writer_.reset();
  limits_.bytes_max = 2;
  accept(kNow + 30, "0SB4", "eve@near.test");
  ASSERT_TRUE(write());
  EXPECT_THAT(find(Query()).ids, ElementsAre("0SB4"));
}

TEST_F(TraceFilesTest, WithoutFreeSpaceNothingIsAdded) {
  limits_.free_bytes_min = std::uint64_t{1} << 60;
  accept(kNow, "0SB1", "eve@near.test");
  const auto written = write();
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error(), HasSubstr("trace.free_bytes_min"));
}

TEST_F(TraceFilesTest, FollowTellsWhatHasComeSince) {
  three_messages();
  auto search = TraceSearch::open(*disk_, directory_, {.keys = {{KeyKind::recipient, "ralph@far.test"}}});
  ASSERT_TRUE(search);
  std::vector<std::string> ids;
  const auto note = [&ids](const TracedMessage& message) {
    ids.push_back(message.id);
    return true;
  };
  search->run(note);
  EXPECT_THAT(std::exchange(ids, {}), ElementsAre("0SB1", "0SB3"));
  ASSERT_TRUE(search->follow(note));
  EXPECT_THAT(ids, IsEmpty());
  accept(kNow + 40, "0SB5", "ralph@far.test");
  accept(kNow + 41, "0SB6", "eve@near.test");
  attempt(kNow + 42, "0SB1", "relayed", "again");
  ASSERT_TRUE(write());
  ASSERT_TRUE(search->follow(note));
  EXPECT_THAT(ids, ElementsAre("0SB1", "0SB5"));
}

// The files of a trace that was followed for a week kept their place on the disk.
TEST_F(TraceFilesTest, FollowLetsGoOfSegmentsThatWereRemoved) {
  limits_.segment_bytes = 1;
  three_messages();
  auto search = TraceSearch::open(*disk_, directory_, {});
  ASSERT_TRUE(search);
  std::vector<std::string> ids;
  const auto note = [&ids](const TracedMessage& message) {
    ids.push_back(message.id);
    return true;
  };
  search->run(note);
  const std::uint64_t open_before = io::open_files();
  limits_.bytes_max = 2;
  writer_.reset();
  accept(kNow + 30, "0SB4", "eve@near.test");
  ASSERT_TRUE(write());
  ASSERT_TRUE(writer_->remove_oldest(kNow + 31));
  writer_.reset();
  ids.clear();
  ASSERT_TRUE(search->follow(note));
  EXPECT_THAT(ids, ElementsAre("0SB4"));
  EXPECT_LT(io::open_files(), open_before);
  accept(kNow + 32, "0SB5", "eve@near.test");
  limits_.bytes_max = UINT64_MAX;
  ASSERT_TRUE(write());
  ids.clear();
  ASSERT_TRUE(search->follow(note));
  EXPECT_THAT(ids, ElementsAre("0SB5"));
}

TEST_F(TraceFilesTest, EventsGoFromTheEventThreadToTheFiles) {
  const auto clock = io::make_real_clock();
  {
    event::Dispatcher dispatcher({}, *clock);
    Trace trace({.directory = directory_, .limits = limits_}, *clock, *disk_, dispatcher);
    event::Emitter& events = dispatcher.open();
    dispatcher.start();
    trace.start();
    events.emit(event::Message{.id = "0SB1", .verdict = "taken", .to = "ralph@far.test"});
    events.emit(event::Listening{.address = "127.0.0.1:25"});
    events.emit(event::Login{.result = "granted", .client = "192.0.2.7"}, event::Severity::debug);
    dispatcher.stop();
    trace.stop();
  }
  EXPECT_THAT(find(Query()).ids, ElementsAre("0SB1"));
}

// Where a disk is full an index may be what has no room.
TEST_F(TraceFilesTest, AnIndexThatCannotBeWrittenLosesNothingAndIsMadeLater) {
  limits_.segment_bytes = 1;
  std::filesystem::create_directories(index_path(directory_, 1) + ".draft");
  accept(kNow, "0SB1", "eve@near.test");
  ASSERT_TRUE(write());
  EXPECT_THAT(writer_->fault(), HasSubstr("0000000001.index"));
  EXPECT_THAT(find(KeyKind::id, "0SB1").ids, ElementsAre("0SB1"));
  std::filesystem::remove(index_path(directory_, 1) + ".draft");
  accept(kNow + 1, "0SB2", "eve@near.test");
  ASSERT_TRUE(write());
  EXPECT_EQ(writer_->fault(), "");
  EXPECT_TRUE(std::filesystem::exists(index_path(directory_, 1)));
  EXPECT_THAT(find(KeyKind::recipient, "eve@near.test").ids, ElementsAre("0SB2", "0SB1"));
}

TEST_F(TraceFilesTest, WhatIsTooMuchAndCannotBeRemovedStopsNothing) {
  limits_.segment_bytes = 1;
  three_messages();
  writer_.reset();
  std::filesystem::remove(index_path(directory_, 1));
  std::filesystem::create_directories(index_path(directory_, 1) + "/no index");
  limits_.bytes_max = 2;
  struct Seen final : event::Consumer {
    void take(const event::Event& event) override {
      if (event.kind != event::Kind::TraceNotWritten) return;
      ++count;
      reason = std::get<std::string_view>(*event::find_value(event, "reason"));
    }
    event::Rest turn(event::Emitter& /*own*/) override { return {}; }
    int count = 0;
    std::string reason;
  } seen;
  {
    const auto clock = io::make_real_clock();
    event::Dispatcher dispatcher({}, *clock);
    Trace trace({.directory = directory_, .limits = limits_}, *clock, *disk_, dispatcher);
    dispatcher.add(seen);
    event::Emitter& events = dispatcher.open();
    dispatcher.start();
    trace.start();
    events.emit(event::Message{.id = "0SB7", .verdict = "taken", .to = "eve@near.test"});
    while (find(KeyKind::id, "0SB7").ids.empty()) std::this_thread::yield();
    events.emit(event::Message{.id = "0SB8", .verdict = "taken", .to = "eve@near.test"});
    dispatcher.stop();
    trace.stop();
  }
  EXPECT_THAT(find(KeyKind::id, "0SB8").ids, ElementsAre("0SB8"));
  EXPECT_EQ(seen.count, 1);
  EXPECT_THAT(seen.reason, HasSubstr("nothing is missing"));
}

TEST_F(TraceFilesTest, WhatCannotBeWrittenIsSaidOnceAndCounted) {
  std::ofstream(directory_) << "no directory";
  const auto clock = io::make_real_clock();
  event::Dispatcher dispatcher({}, *clock);
  Trace trace({.directory = directory_, .limits = limits_}, *clock, *disk_, dispatcher);
  struct Seen final : event::Consumer {
    void take(const event::Event& event) override {
      if (event.kind == event::Kind::TraceNotWritten) ++count;
    }
    event::Rest turn(event::Emitter& /*own*/) override { return {}; }
    std::atomic<int> count = 0;
  } seen;
  dispatcher.add(seen);
  event::Emitter& events = dispatcher.open();
  dispatcher.start();
  trace.start();
  for (int i = 0; i < 20'000; ++i) events.emit(event::Message{.id = "0SB1", .verdict = "taken"});
  while (seen.count == 0) std::this_thread::yield();
  dispatcher.stop();
  trace.stop();
  EXPECT_EQ(seen.count, 1);
}

}  // namespace
}  // namespace sluice::trace
