// A disk that is full for good: what was accepted while there was room can be tried for as long as it takes, and goes,
// without a byte from elsewhere; through ends and starts of the relay at any moment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/rounds.h"
#include "tests/unit/spool/ledger.h"

namespace sluice::spool {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using testing::PlatformKind;
using testing::Platforms;
using namespace std::chrono_literals;

constexpr std::size_t kSegmentsThatFit = 8;
constexpr std::size_t kAtOnce = 8;

class FullDisk {
 public:
  explicit FullDisk(std::uint64_t seed, std::size_t segments = kSegmentsThatFit)  // of one core
      : platforms(PlatformKind::simulated, seed, {.short_percent = 0, .jobs_max = 1000}),
        machine(platforms),
        random(seed) {
    disk().set_capacity(segments * kSegmentBytesMin + 100 * kBlockBytes);
    begin();
    life->wait_ready();
  }
  sim::SimDisk& disk() { return platforms.world().disk(kHost); }
  void begin(std::size_t cores = 1) { life = std::make_unique<Life>(machine, LifeOptions{.cores = cores}); }
  Spool& spool(std::size_t core = 0) { return life->spool(core); }
  [[nodiscard]] std::size_t core_of(QueueId id) const {
    const auto at = life->found.find(id);
    return at == life->found.end() ? 0 : at->second.core;
  }

  bool store(std::size_t size) {
    const QueueId id = ++last_id;
    ledger.line(id) = {.size = size};
    const bool kept = life->await<bool>([&] { return keep(spool(), id, size); });
    ledger.line(id).kept = kept;
    return kept;
  }
  // Mail until no more is accepted.
  void fill(std::size_t size_max) {
    while (spool().accepting() && last_id < 20'000) store(size_max / 2 + random.below(size_max / 2));
    ASSERT_LT(last_id, 20'000U);
    ASSERT_THAT(spool().refusal_reason(), HasSubstr("No space left on device"));
  }
  [[nodiscard]] std::vector<QueueId> left() const {
    std::vector<QueueId> ids;
    for (std::size_t core = 0; core < life->cores(); ++core)
      for (const auto& [id, entry] : life->spool(core).index()) ids.push_back(id);
    std::ranges::sort(ids);
    return ids;
  }
  std::vector<QueueId> shuffled(std::vector<QueueId> ids) {
    for (std::size_t i = ids.size(); i > 1; --i) std::swap(ids[i - 1], ids[random.below(i)]);
    return ids;
  }

  // Delivery attempts, some at a time: each has room promised before it starts.  False: they do not end.
  bool attempt(const std::vector<QueueId>& ids, bool delivered) {
    begin_attempts(ids, delivered);
    bool over = false;
    platforms.world().after(5min, [&over] { over = true; });
    platforms.run_until([this, &over] { return over || tasks.live() == 0; });
    return tasks.live() == 0;
  }
  void begin_attempts(const std::vector<QueueId>& ids, bool delivered) {
    waiting.assign(life->cores(), {});
    for (const QueueId id : ids) waiting[core_of(id)].push_back(id);
    for (std::size_t i = 0; i < kAtOnce; ++i)
      for (std::size_t core = 0; core < life->cores(); ++core)
        life->loop(core).post([this, core, delivered] { tasks.add(attempts(core, delivered)); });
    ASSERT_TRUE(platforms.run_until([this] {
      return tasks.live() == kAtOnce * life->cores() ||
             std::ranges::all_of(waiting, [](const auto& ids) { return ids.empty(); });
    }));
  }
  Task<void> attempts(std::size_t core, bool delivered) {
    while (!waiting[core].empty() && !ledger.dead()) {
      const QueueId id = waiting[core].back();
      waiting[core].pop_back();
      const auto room = co_await spool(core).await_promise(1);
      if (!room || ledger.dead()) co_return;
      Ledger::Line& line = ledger.line(id);
      if (delivered) {
        line.finish_asked = true;
        if (ledger.answered(co_await spool(core).finish(id))) line.finished = true;
      } else {
        const message::DeliveryStatus status = status_of(++line.tries_asked);
        if (ledger.answered(co_await spool(core).update(id, status))) line.tries_kept = status.tries;
      }
    }
  }
  // kill -9 while attempts are under way; and the next start, which needs nothing of the disk.
  void kill_and_start(std::size_t cores = 1) {
    ledger.die();
    disk().process_loss();
    life->abort();
    ASSERT_TRUE(platforms.run_until([this] { return tasks.live() == 0; }));
    life->close();
    machine.renew();
    ledger.live();
    begin(cores);
    ASSERT_EQ(life->error, "");
    EXPECT_EQ(life->counts.damaged, 0U);
    ledger.compare(*life);
  }

  Platforms platforms;
  Machine machine;
  sim::SimRandom random;
  Ledger ledger;
  QueueId last_id = 0;
  std::unique_ptr<Life> life;
  TaskSet tasks;
  std::vector<std::vector<QueueId>> waiting;  // of each core
};

// It stopped after a third: ends of messages found no place any more, and their space was never given back.
TEST(SpoolFullDisk, IsEmptiedInAnyOrder) {
  for (const std::size_t size_max : {8'000U, 40'000U, 900'000U}) {
    SCOPED_TRACE(size_max);
    FullDisk full(size_max);
    full.fill(size_max);
    ASSERT_TRUE(full.attempt(full.shuffled(full.left()), /*delivered=*/true)) << full.spool().no_room();
    EXPECT_EQ(full.spool().messages(), 0U);
    ASSERT_TRUE(full.platforms.run_until([&] { return full.spool().accepting(); })) << full.spool().refusal_reason();
    // As much as at first finds room again.
    const std::size_t messages = full.last_id;
    full.fill(size_max);
    EXPECT_GT((full.last_id - messages) * 3, messages * 2);
  }
}

// Each attempt writes a new status: they must not use up what is reserved for the last one.
TEST(SpoolFullDisk, IsEmptiedAfterDaysOfRetries) {
  FullDisk full(2);
  full.fill(60'000);
  const std::vector<QueueId> all = full.left();
  ASSERT_GT(all.size(), 300U);
  for (int round = 0; round < 40; ++round)
    ASSERT_TRUE(full.attempt(full.shuffled(all), /*delivered=*/false))
        << "round " << round << ": " << full.spool().no_room();
  EXPECT_GT(full.spool().counters().moved, 0U);
  for (const QueueId id : {all.front(), all.back()}) {
    const auto back =
        full.life->await<std::expected<ReadBack, std::string>>([&] { return read_back(full.spool(), id); });
    ASSERT_TRUE(back);
    EXPECT_EQ(back->status.tries, 40U);
    EXPECT_EQ(back->content, content_of(id, full.ledger.line(id).size));
  }
  ASSERT_TRUE(full.attempt(full.shuffled(all), /*delivered=*/true)) << full.spool().no_room();
  EXPECT_EQ(full.spool().messages(), 0U);
}

TEST(SpoolFullDisk, IsEmptiedThroughManyKills) {
  for (std::uint64_t seed = 1; seed <= testing::rounds(3); ++seed) {
    SCOPED_TRACE(seed);
    FullDisk full(seed);
    full.fill(60'000);
    for (int kills = 0; kills < 12; ++kills) {
      const std::vector<QueueId> some = full.shuffled(full.left());
      const bool delivered = kills % 4 == 3;
      full.begin_attempts({some.begin(), some.begin() + static_cast<std::ptrdiff_t>(some.size() / (delivered ? 8 : 1))},
                          delivered);
      full.platforms.run_for(full.random.between(Duration::zero(), 400ms));
      full.kill_and_start();
      if (::testing::Test::HasFailure()) return;
    }
    ASSERT_TRUE(full.attempt(full.shuffled(full.left()), /*delivered=*/true)) << full.spool().no_room();
    EXPECT_EQ(full.spool().messages(), 0U);
    ASSERT_TRUE(full.platforms.run_until([&] { return full.spool().accepting(); })) << full.spool().refusal_reason();
  }
}

// There is no room for a copy of it: cleaning waited for that for ever, and nothing was delivered any more.
TEST(SpoolFullDisk, IsEmptiedThoughAMessageCannotBeReadAndNotBeQuarantined) {
  for (const bool folder : {true, false}) {
    SCOPED_TRACE(folder);
    FullDisk full(7);
    full.fill(60'000);
    const std::vector<QueueId> all = full.left();
    const QueueId victim = all.front();
    const Location where = full.spool().index().at(victim).message;
    full.disk().flip_bit(full.machine.place.path(segment_name(where.segment)), where.offset + 100);
    full.disk().set_capacity(0);
    if (!folder)
      full.platforms.world().faults().add(
          {.call = sim::SimCall::create, .after = 0, .count = sim::kSimForever, .error = ENOSPC, .host = ""});
    std::vector<QueueId> others = full.shuffled(all);
    std::erase(others, victim);
    for (int round = 0; round < 8; ++round)
      ASSERT_TRUE(full.attempt(others, /*delivered=*/false)) << full.spool().no_room();
    ASSERT_TRUE(full.attempt(others, /*delivered=*/true)) << full.spool().no_room();
    ASSERT_TRUE(full.platforms.run_until([&] { return full.spool().messages() == 0; }));
    EXPECT_THAT(full.life->warnings, Contains(HasSubstr("there is no room for a copy, and its segment will be kept")));
    ASSERT_TRUE(full.platforms.run_until([&] {
      const std::string kept = folder ? "quarantine/" + segment_name(where.segment) : bad_name(where.segment);
      return full.disk().look(full.machine.place.path(kept)).has_value();
    }));
  }
}

// A client that takes its time must not keep the oldest segment from being cleaned.
TEST(SpoolFullDisk, IsEmptiedThoughADraftIsInTheOldestSegment) {
  FullDisk full(4);
  Draft draft(full.spool(), 900'000);
  Chain begun;
  begun.append_copy(content_of(900'000, 600'000));
  ASSERT_TRUE(full.life->drafted([&] { return draft.append(std::move(begun)); }));
  full.fill(60'000);
  const std::vector<QueueId> all = full.left();
  for (int round = 0; round < 8; ++round)
    ASSERT_TRUE(full.attempt(full.shuffled(all), /*delivered=*/false)) << full.spool().no_room();
  ASSERT_TRUE(full.attempt(all, /*delivered=*/true)) << full.spool().no_room();
  ASSERT_TRUE(full.life->drafted([&] { return draft.commit(stored_of(900'000, 0), status_of(0)); }));
  const auto back =
      full.life->await<std::expected<ReadBack, std::string>>([&] { return read_back(full.spool(), 900'000); });
  ASSERT_TRUE(back);
  EXPECT_EQ(back->content, content_of(900'000, 600'000));
}

// Others fill the disk; the spool has only begun.
TEST(SpoolFullDisk, FilledByOthersDeliversWhatIsThere) {
  FullDisk full(5, 100);
  full.store(30'000);
  full.store(700'000);
  full.platforms.run_for(1s);
  full.disk().set_capacity(0);
  const std::vector<QueueId> all = full.left();
  for (int round = 0; round < 400; ++round)
    ASSERT_TRUE(full.attempt(all, /*delivered=*/false)) << full.spool().no_room();
  full.kill_and_start();
  for (int round = 0; round < 400; ++round)
    ASSERT_TRUE(full.attempt(all, /*delivered=*/false)) << full.spool().no_room();
  ASSERT_TRUE(full.attempt(all, /*delivered=*/true)) << full.spool().no_room();
}

// A start found space for the files of two cores, and others took it before the cores made them.
TEST(SpoolFullDisk, OthersTakeTheRestBehindAStart) {
  for (std::size_t segments = 0; segments <= 4; ++segments) {
    SCOPED_TRACE(segments);
    FullDisk full(8);
    full.fill(60'000);
    full.disk().set_capacity((kSegmentsThatFit + segments) * kSegmentBytesMin + 100 * kBlockBytes);
    full.kill_and_start(/*cores=*/2);
    full.disk().set_capacity(0);
    const std::vector<QueueId> all = full.left();
    for (int round = 0; round < 8; ++round)
      ASSERT_TRUE(full.attempt(full.shuffled(all), /*delivered=*/false))
          << full.spool(0).no_room() << full.spool(1).no_room();
    ASSERT_TRUE(full.attempt(full.shuffled(all), /*delivered=*/true))
        << full.spool(0).no_room() << full.spool(1).no_room();
    EXPECT_TRUE(full.left().empty());
  }
}

// The files that were kept in reserve are gone, and no others can be made: nothing starts, and it is said why.
TEST(SpoolFullDisk, WithoutAReserveNothingIsPromisedUntilThereIsSpace) {
  FullDisk full(6);
  full.fill(60'000);
  full.life->close();
  for (const io::DiskEntry& entry : *full.disk().list(full.machine.place.path()))
    if (parse_free_name(entry.name)) ASSERT_TRUE(full.disk().remove(full.machine.place.path(entry.name)));
  std::vector<std::string> names;
  for (const io::DiskEntry& entry : *full.disk().list(full.machine.place.path()))
    if (parse_segment_name(entry.name)) names.push_back(entry.name);
  // The last ones are ready and empty.
  for (std::size_t i = names.size() - 2; i < names.size(); ++i)
    ASSERT_TRUE(full.disk().remove(full.machine.place.path(names[i])));
  full.disk().set_capacity(0);
  full.begin();
  full.begin_attempts(full.left(), /*delivered=*/true);
  ASSERT_TRUE(full.platforms.run_for(20s));
  EXPECT_EQ(full.ledger.finished, 0U);
  EXPECT_THAT(full.spool().no_room(), HasSubstr("no room to record its outcome"));
  EXPECT_THAT(full.spool().no_room(), HasSubstr("No space left on device"));
  EXPECT_THAT(full.life->warnings, Contains(HasSubstr("no delivery attempt starts")));
  full.disk().set_capacity(std::uint64_t{1} << 40);
  ASSERT_TRUE(full.platforms.run_until([&] { return full.tasks.live() == 0; }));
  EXPECT_EQ(full.spool().messages(), 0U);
  EXPECT_EQ(full.spool().no_room(), "");
  EXPECT_THAT(full.life->warnings, Contains(HasSubstr("delivery attempts start again")));
}

// ------------------------------------------------------------------------------------------ each call in turn

// A disk that is full, and on which the n-th call of a kind fails beside that.  True when there was such a call.
bool survives(sim::SimCall call, std::uint64_t after, std::uint64_t count) {
  SCOPED_TRACE("number " + std::to_string(after) + ", " + std::to_string(count) + " times");
  FullDisk full(after + 1, 5);
  full.fill(200'000);
  const std::vector<QueueId> all = full.left();
  sim::SimFaults& faults = full.platforms.world().faults();
  const std::uint64_t before = faults.calls(call);
  faults.add({.call = call, .after = after, .count = count, .error = ENOSPC, .host = ""});
  EXPECT_TRUE(full.attempt(full.shuffled(all), /*delivered=*/false)) << full.spool().no_room();
  EXPECT_TRUE(full.attempt(full.shuffled({all.begin(), all.begin() + 10}), /*delivered=*/true))
      << full.spool().no_room();
  const std::uint64_t calls = faults.calls(call) - before;
  faults.clear();
  full.kill_and_start();
  EXPECT_TRUE(full.attempt(full.shuffled(full.left()), /*delivered=*/true)) << full.spool().no_room();
  EXPECT_EQ(full.spool().messages(), 0U);
  return calls > after;
}

class FullDiskEachCall : public ::testing::TestWithParam<std::pair<const char*, sim::SimCall>> {};
INSTANTIATE_TEST_SUITE_P(
    Spool, FullDiskEachCall,
    ::testing::Values(std::pair("Write", sim::SimCall::write_file), std::pair("Sync", sim::SimCall::sync),
                      std::pair("Create", sim::SimCall::create), std::pair("Open", sim::SimCall::open_file),
                      std::pair("Rename", sim::SimCall::rename), std::pair("Remove", sim::SimCall::remove)),
    [](const auto& info) { return std::string(info.param.first); });

TEST_P(FullDiskEachCall, MayFail) {
  // Of writes and syncs there are hundreds: some of them.
  std::uint64_t step =
      GetParam().second == sim::SimCall::write_file || GetParam().second == sim::SimCall::sync ? 37 : 1;
  for (std::uint64_t n = 0; n < 40 * step && survives(GetParam().second, n, 1) && !HasFailure(); n += step) {
  }
  for (std::uint64_t n = 0; n < 40 * step && survives(GetParam().second, n, 3) && !HasFailure(); n += 3 * step) {
  }
}

}  // namespace
}  // namespace sluice::spool
