// A disk that fails: each call in turn, for a while or for good.  What was answered for stays; what cannot be kept is
// not answered for; and the operator hears of it, once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/rounds.h"
#include "tests/unit/spool/ledger.h"

namespace sluice::spool {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::PlatformKind;
using testing::Platforms;
using namespace std::chrono_literals;

class SpoolFaults {
 public:
  explicit SpoolFaults(std::uint64_t seed, const sim::SimOptions& options = {.short_percent = 0})
      : platforms(PlatformKind::simulated, seed, options), machine(platforms), random(seed) {}

  sim::SimDisk& disk() { return platforms.world().disk(kHost); }
  sim::SimFaults& faults() { return platforms.world().faults(); }
  void fail(sim::SimCall call, std::uint64_t after, std::uint64_t count = 1, int error = EIO) {
    faults().add({.call = call, .after = after, .count = count, .error = error, .host = ""});
  }
  bool store(Life& life, QueueId id, std::size_t size) {
    return life.await<bool>([&life, id, size] { return keep(life.spool(), id, size); });
  }
  std::expected<ReadBack, std::string> read(Life& life, QueueId id) {
    return life.await<std::expected<ReadBack, std::string>>([&life, id] { return read_back(life.spool(), id); });
  }
  void quarantine(Life& life, QueueId id, const std::string& why) {
    testing::await_done(platforms, life.loop(), [&] { return life.spool().quarantine(id, why); });
  }
  std::string file(const std::string& name) {
    const auto opened = disk().open(machine.place.path(name), false);
    if (!opened) return "none";
    const auto text = disk().read(*opened, 0, 64U << 20);
    disk().close(*opened);
    return text ? *text : "cannot be read";
  }

  Platforms platforms;
  Machine machine;
  Ledger ledger;
  sim::SimRandom random;
  QueueId last_id = 0;
};

// ------------------------------------------------------------------------------------------ each call in turn

// True when there was such a call.
bool survives(sim::SimCall call, std::uint64_t after, std::uint64_t count, int error) {
  SpoolFaults fixture(after * 7 + count);
  std::uint64_t calls = 0;
  {
    Life life(fixture.machine);
    life.wait_ready();
    const std::uint64_t before = fixture.faults().calls(call);
    fixture.fail(call, after, count, error);
    Workload work(life, fixture.ledger, fixture.random, fixture.last_id, 20'000);
    work.start(24, 4);
    EXPECT_TRUE(fixture.platforms.run_until([&] { return work.done(); }));
    // Whatever failed, it goes on.
    fixture.faults().clear();
    bool kept = false;
    for (int i = 0; i < 10 && !kept; ++i) {
      const QueueId id = ++fixture.last_id;
      fixture.ledger.line(id) = {.size = 100};
      kept = fixture.store(life, id, 100);
      fixture.ledger.line(id).kept = kept;
      if (!kept) fixture.platforms.run_for(1s);
    }
    EXPECT_TRUE(kept) << "never takes mail again";
    calls = fixture.faults().calls(call) - before;
  }
  fixture.disk().power_loss();
  fixture.machine.renew();
  const Life life(fixture.machine);
  EXPECT_EQ(life.error, "");
  EXPECT_EQ(life.counts.unreadable, 0U);
  fixture.ledger.compare(life);
  EXPECT_EQ(fixture.ledger.duplicates, 0U) << "it ended in order";
  EXPECT_EQ(fixture.ledger.unanswered, 0U) << "what failed was not taken back";
  return calls > after;
}

class EachCall : public ::testing::TestWithParam<std::pair<const char*, sim::SimCall>> {};
INSTANTIATE_TEST_SUITE_P(
    SpoolFaults, EachCall,
    ::testing::Values(std::pair("Write", sim::SimCall::write_file), std::pair("Sync", sim::SimCall::sync),
                      std::pair("Read", sim::SimCall::read_file), std::pair("Create", sim::SimCall::create),
                      std::pair("Open", sim::SimCall::open_file), std::pair("Rename", sim::SimCall::rename),
                      std::pair("Remove", sim::SimCall::remove), std::pair("List", sim::SimCall::list),
                      std::pair("Work", sim::SimCall::work)),
    [](const auto& info) { return std::string(info.param.first); });

TEST_P(EachCall, MayFailOnce) {
  std::uint64_t n = 0;
  while (survives(GetParam().second, n, 1, EIO) && !HasFailure()) ++n;
  EXPECT_FALSE(HasFailure()) << "number " << n;
}

TEST_P(EachCall, MayFailForAWhile) {
  // A read is tried three times: one more failure, and its message is not there for the caller.
  const std::uint64_t count = GetParam().second == sim::SimCall::read_file ? 2 : 3;
  for (std::uint64_t n = 0; survives(GetParam().second, n, count, ENOSPC) && !HasFailure(); n += count) {
  }
}

// ------------------------------------------------------------------------------------------ writes

TEST(SpoolFaultsTest, MessageOfAFailedWriteDoesNotComeBack) {
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 1; seed <= testing::rounds(40); ++seed) {
    SpoolFaults fixture(seed);
    {
      Life life(fixture.machine);
      life.wait_ready();
      fixture.platforms.run_for(100ms);  // all files are made that are wanted
      fixture.fail(seed % 2 == 0 ? sim::SimCall::sync : sim::SimCall::write_file, 0);
      ASSERT_FALSE(fixture.store(life, 1, 100));
      ASSERT_TRUE(fixture.store(life, 2, 100));
      refused += life.spool().counters().not_stored;
      EXPECT_EQ(life.spool().log_counters().failed_batches, 1U);
      EXPECT_EQ(life.warnings.size(), 1U);
      EXPECT_THAT(life.warnings, Contains(HasSubstr("was not accepted, and the segment is written no more")));
    }
    const Life life(fixture.machine);
    EXPECT_FALSE(life.found.contains(1)) << seed;
    EXPECT_TRUE(life.found.contains(2)) << seed;
  }
  EXPECT_EQ(refused, testing::rounds(40));
}

Task<void> update_to(Spool& spool, QueueId id, std::uint32_t tries, std::uint32_t& done) {
  const message::DeliveryStatus status = status_of(tries);
  if (co_await spool.update(id, status)) ++done;
}

// The first write failed and was made again behind the second: older words were the last ones in the log.
TEST(SpoolFaultsTest, UpdatesStayInOrderThoughAWriteFails) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SpoolFaults fixture(seed);
    {
      Life life(fixture.machine);
      life.wait_ready();
      ASSERT_TRUE(fixture.store(life, 1, 100));
      fixture.fail(sim::SimCall::write_file, 0);
      std::uint32_t done = 0;
      TaskSet tasks;
      life.loop().post([&] {
        for (const std::uint32_t tries : {1U, 2U, 3U}) tasks.add(update_to(life.spool(), 1, tries, done));
      });
      ASSERT_TRUE(fixture.platforms.run_until([&] { return done == 3 && tasks.live() == 0; }));
      EXPECT_EQ(fixture.read(life, 1)->status, status_of(3));
    }
    const Life life(fixture.machine);
    EXPECT_EQ(life.found.at(1).status, status_of(3));
  }
}

TEST(SpoolFaultsTest, WritesThatAreCutShortGoOn) {
  SpoolFaults fixture(3, {.short_percent = 60});
  Life life(fixture.machine);
  life.wait_ready();
  for (QueueId id = 1; id <= 20; ++id) ASSERT_TRUE(fixture.store(life, id, 50'000));
  EXPECT_EQ(life.spool().log_counters().failed_batches, 0U);
  for (QueueId id = 1; id <= 20; ++id) EXPECT_EQ(fixture.read(life, id)->content, content_of(id, 50'000));
}

// ------------------------------------------------------------------------------------------ space

TEST(SpoolFaultsTest, FullDiskIsRefusedBeforeAnythingIsAcceptedAndWarnedOfOnce) {
  SpoolFaults fixture(1);
  fixture.disk().set_capacity(6 * kSegmentBytesMin + 100 * kBlockBytes);
  Life life(fixture.machine);
  life.wait_ready();
  QueueId id = 0;
  while (life.spool().accepting() && id < 1000) {
    ++id;
    fixture.ledger.line(id) = {.size = 200'000};
    fixture.ledger.line(id).kept = fixture.store(life, id, 200'000);
  }
  EXPECT_GT(id, 45U);
  EXPECT_LT(id, 110U);
  EXPECT_THAT(life.spool().refusal_reason(), HasSubstr("No space left on device"));
  fixture.platforms.run_for(30s);
  EXPECT_FALSE(life.spool().accepting());
  ASSERT_EQ(life.warnings.size(), 1U);
  EXPECT_THAT(life.warnings[0], HasSubstr("no mail is accepted that would need the spool"));
  fixture.disk().set_capacity(std::uint64_t{1} << 40);
  life.wait_ready();
  EXPECT_EQ(life.warnings.back(), "the spool takes mail again");
  fixture.ledger.line(++id) = {.size = 10, .kept = true};
  EXPECT_TRUE(fixture.store(life, id, 10));
  life.close();
  const Life next(fixture.machine);
  fixture.ledger.compare(next);
}

TEST(SpoolFaultsTest, DiskThatMakesNoFilesIsWarnedOfOnce) {
  SpoolFaults fixture(1);
  fixture.fail(sim::SimCall::rename, 0, sim::kSimForever);
  Life life(fixture.machine);
  fixture.platforms.run_for(60s);
  EXPECT_FALSE(life.spool().accepting());
  EXPECT_EQ(life.warnings.size(), 1U);
  // What was tried in vain takes up no space.
  EXPECT_LE(fixture.disk().list(fixture.machine.place.path())->size(), 1U);
  EXPECT_FALSE(fixture.store(life, 1, 100));
}

// ------------------------------------------------------------------------------------------ reads

TEST(SpoolFaultsTest, ReadThatFailsForAMomentIsTriedAgain) {
  SpoolFaults fixture(1);
  Life life(fixture.machine);
  life.wait_ready();
  ASSERT_TRUE(fixture.store(life, 1, 1000));
  fixture.fail(sim::SimCall::read_file, 0, 2);
  EXPECT_TRUE(fixture.read(life, 1));
  fixture.fail(sim::SimCall::read_file, 0, 3);
  const auto back = fixture.read(life, 1);
  ASSERT_FALSE(back);
  EXPECT_THAT(back.error(), HasSubstr("Input/output error"));
}

TEST(SpoolFaultsTest, MessageThatDoesNotCheckIsQuarantined) {
  SpoolFaults fixture(1);
  Life life(fixture.machine);
  life.wait_ready();
  for (QueueId id = 1; id <= 3; ++id) ASSERT_TRUE(fixture.store(life, id, 1'300'000));
  const Location where = life.spool().index().at(2).message;
  fixture.disk().flip_bit(fixture.machine.place.path(segment_name(where.segment)), where.offset + 50);
  const auto back = fixture.read(life, 2);
  ASSERT_FALSE(back);
  EXPECT_THAT(back.error(), HasSubstr("the record does not check"));
  fixture.quarantine(life, 2, back.error());
  EXPECT_FALSE(life.spool().has(2));
  EXPECT_EQ(life.spool().counters().quarantined, 1U);
  const std::string name = "quarantine/" + message::queue_id_text(2);
  EXPECT_THAT(fixture.file(name + ".txt"), HasSubstr("the record does not check"));
  // Its content can be put together again.
  const std::string record = fixture.file(name + ".octets");
  EXPECT_EQ(fixture.file(name + ".1.octets").substr(0, kPieceBytesMax) +
                fixture.file(name + ".2.octets").substr(0, kPieceBytesMax) +
                record.substr(where.bytes() - (where.bytes() - kFrameHeaderBytes - where.payload) -
                                  (1'300'000 - 2 * kPieceBytesMax),
                              1'300'000 - 2 * kPieceBytesMax),
            content_of(2, 1'300'000));
  EXPECT_TRUE(fixture.read(life, 1));
  EXPECT_TRUE(fixture.read(life, 3));
  life.close();
  const Life next(fixture.machine);
  EXPECT_EQ(next.found.size(), 2U);
}

// It used to be given up although nothing had been kept.
TEST(SpoolFaultsTest, MessageThatCannotBeQuarantinedStays) {
  SpoolFaults fixture(1);
  Life life(fixture.machine);
  life.wait_ready();
  ASSERT_TRUE(fixture.store(life, 1, 1000));
  fixture.fail(sim::SimCall::rename, 0, 2);  // as quarantine's files are written
  fixture.quarantine(life, 1, "it is a test");
  EXPECT_FALSE(life.spool().has(1));
  EXPECT_THAT(life.warnings, Contains(HasSubstr("cannot be quarantined yet")));
  EXPECT_THAT(fixture.file("quarantine/" + message::queue_id_text(1) + ".txt"), HasSubstr("it is a test"));
}

TEST(SpoolFaultsTest, MessageThatCannotBeQuarantinedStaysForTheNextStart) {
  SpoolFaults fixture(1);
  {
    Life life(fixture.machine);
    life.wait_ready();
    ASSERT_TRUE(fixture.store(life, 1, 1000));
    fixture.fail(sim::SimCall::rename, 0, sim::kSimForever);
    testing::Running<testing::Done> quarantined(
        fixture.platforms, life.loop(), [&] { return testing::and_done(life.spool().quarantine(1, "it is a test")); });
    fixture.platforms.run_for(60s);
    EXPECT_TRUE(life.spool().has(1));
    life.abort();
    quarantined.wait();
    EXPECT_TRUE(life.spool().has(1));
  }
  fixture.faults().clear();
  fixture.machine.renew();
  const Life next(fixture.machine);
  EXPECT_TRUE(next.found.contains(1));
}

TEST(SpoolFaultsTest, DamagedStatusLeavesTheOneBefore) {
  SpoolFaults fixture(1);
  Life life(fixture.machine);
  life.wait_ready();
  ASSERT_TRUE(fixture.store(life, 1, 1000));
  const message::DeliveryStatus status = status_of(5);
  ASSERT_TRUE(life.await<bool>([&] { return life.spool().update(1, status); }));
  const Location where = life.spool().index().at(1).status;
  fixture.disk().flip_bit(fixture.machine.place.path(segment_name(where.segment)), where.offset + 26);
  const auto back = fixture.read(life, 1);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->status, status_of(0));
  EXPECT_EQ(back->content, content_of(1, 1000));
  EXPECT_THAT(life.warnings, Contains(HasSubstr("its latest status cannot be read")));
}

// Any record, any byte of it: the next start goes on with the rest.
TEST(SpoolFaultsTest, FlippedBitCostsOneRecordAtMost) {
  for (std::uint64_t seed = 1; seed <= testing::rounds(60); ++seed) {
    SpoolFaults fixture(seed);
    std::map<QueueId, Location> places;
    {
      Life life(fixture.machine);
      life.wait_ready();
      for (QueueId id = 1; id <= 12; ++id) ASSERT_TRUE(fixture.store(life, id, fixture.random.below(9000)));
      for (const auto& [id, entry] : life.spool().index()) places[id] = entry.message;
    }
    const QueueId victim = fixture.random.between(1, 12);
    const Location at = places.at(victim);
    fixture.disk().flip_bit(fixture.machine.place.path(segment_name(at.segment)),
                            at.offset + fixture.random.below(kFrameHeaderBytes + at.payload));
    const Life next(fixture.machine);
    EXPECT_EQ(next.found.size(), 11U) << seed;
    EXPECT_FALSE(next.found.contains(victim)) << seed;
    EXPECT_EQ(next.counts.damaged + next.counts.cut_short, 1U) << seed;
    EXPECT_EQ(next.warnings.size(), 1U) << seed;
    EXPECT_NE(fixture.file("quarantine/" + segment_name(at.segment) + "." + std::to_string(at.offset) + ".octets"),
              "none")
        << seed;
  }
}

}  // namespace
}  // namespace sluice::spool
