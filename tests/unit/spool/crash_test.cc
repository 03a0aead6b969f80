// Loss of power, kill -9 and orderly ends at any moment, one life after another with another number of cores each time,
// also while a start is still recovering: what was answered for is there, and nothing comes back.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/rounds.h"
#include "tests/unit/spool/ledger.h"

namespace sluice::spool {
namespace {

using testing::PlatformKind;
using testing::Platforms;

constexpr sim::SimCall kChanges[] = {sim::SimCall::write_file, sim::SimCall::sync, sim::SimCall::rename,
                                     sim::SimCall::remove, sim::SimCall::create};

class Crashes {
 public:
  explicit Crashes(std::uint64_t seed)
      : random_(seed * 31 + 7), platforms_(PlatformKind::simulated, seed, options(seed)), machine_(platforms_) {}

  void run(std::size_t lives) {
    for (std::size_t i = 0; i < lives && !::testing::Test::HasFailure(); ++i) {
      if (random_.percent(30)) crash_while_recovering();
      live();
    }
    const Life life(machine_);
    compare(life);
  }
  const Ledger& ledger() const { return ledger_; }
  std::uint64_t moved = 0;
  std::uint64_t recycled = 0;

 private:
  static sim::SimOptions options(std::uint64_t seed) {
    sim::SimOptions options = sim::SimOptions::varied(seed);
    options.jobs_max = 1000;
    return options;
  }
  sim::SimDisk& disk() { return platforms_.world().disk(kHost); }

  void compare(const Life& life) {
    ASSERT_EQ(life.error, "");
    EXPECT_EQ(life.counts.damaged, 0U) << "a crash looks like damage";
    EXPECT_EQ(life.counts.unreadable, 0U);
    ledger_.compare(life);
  }

  // Everything fails from some call on, as if that had been the end.
  void crash_while_recovering() {
    for (const sim::SimCall call : kChanges)
      platforms_.world().faults().add(
          {.call = call, .after = random_.below(12), .count = sim::kSimForever, .error = EIO, .host = ""});
    {
      Recovery recovery(machine_.loops(1)[0]->platform().disk, machine_.place.path(), [](const std::string&) {});
      static_cast<void>(recovery.run([](const Recovered&) {}));
    }
    platforms_.world().faults().clear();
    disk().power_loss();
    machine_.renew();
  }

  void live() {
    ledger_.live();
    Life life(machine_, {.cores = random_.between(1, 7)});
    compare(life);
    if (::testing::Test::HasFailure()) return;
    bool read = false;
    TaskSet reading;
    life.loop().post([&] { reading.add(read_all(life, ledger_, read)); });
    ASSERT_TRUE(platforms_.run_until([&] { return read && reading.live() == 0; }));
    Workload work(life, ledger_, random_, last_id_);
    work.start(random_.between(10, 60), random_.between(1, 8));
    end(life, work);
    for (std::size_t core = 0; core < life.cores(); ++core) {
      moved += life.spool(core).counters().moved;
      recycled += life.spool(core).counters().recycled;
    }
    life.close();
  }

  void end(Life& life, Workload& work) {
    const std::uint64_t how = random_.below(10);
    if (how < 2) {  // in order
      ASSERT_TRUE(platforms_.run_until([&] { return work.done(); }));
      return;
    }
    // Some while after the start, or early.
    const Duration while_running =
        random_.between(Duration::zero(), std::chrono::milliseconds(random_.percent(50) ? 20 : 600));
    bool over = false;
    platforms_.world().after(while_running, [&] { over = true; });
    ASSERT_TRUE(platforms_.run_until([&] { return over; }));
    ledger_.die();
    if (how < 8) {
      disk().power_loss();
    } else {
      disk().process_loss();
    }
    life.abort();
    ASSERT_TRUE(platforms_.run_until([&] { return work.done(); }));
    machine_.renew();
  }

  sim::SimRandom random_;
  Platforms platforms_;
  Machine machine_;
  Ledger ledger_;
  QueueId last_id_ = 0;
};

TEST(SpoolCrash, LosesNothingThatWasAnsweredFor) {
  std::uint64_t stored = 0, finished = 0, moved = 0, recycled = 0, duplicates = 0, unanswered = 0;
  for (std::uint64_t seed = 1; seed <= testing::rounds(10); ++seed) {
    SCOPED_TRACE(seed);
    Crashes crashes(seed);
    crashes.run(6);
    stored += crashes.ledger().stored;
    finished += crashes.ledger().finished;
    duplicates += crashes.ledger().duplicates;
    unanswered += crashes.ledger().unanswered;
    moved += crashes.moved;
    recycled += crashes.recycled;
    if (HasFailure()) break;
  }
  RecordProperty("stored", std::to_string(stored));
  std::cout << stored << " stored, " << finished << " finished, " << moved << " moved, " << recycled << " recycled, "
            << duplicates << " to be delivered again, " << unanswered << " kept but not answered for\n";
  EXPECT_GT(stored, 100 * testing::rounds(10));
  EXPECT_GT(recycled, testing::rounds(10));
}

}  // namespace
}  // namespace sluice::spool
