// What `sluicectl queue` does to a large queue: all of it, each message once, in portions, and sharing the disk's writes.
#include "engine/core/queue_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/relay/queue_bench.h"

namespace sluice::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMessages = 3000;
constexpr WallMillis kLater = 1'000'000'000;

class QueueControlTest : public ::testing::Test {
 protected:
  QueueControlTest() { bench_.options().expire = std::chrono::years(1); }

  // So many messages that wait: one in three is from bob.
  void fill(std::size_t count = kMessages) {
    bench_.start();
    std::size_t done = 0;
    TaskSet tasks;
    loop().post([&] {
      for (std::size_t i = 0; i < count; ++i) tasks.add(keep(i, done));
    });
    ASSERT_TRUE(bench_.run_until([&] { return done == count && tasks.live() == 0; }));
  }
  QueueAnswer ask(const QueueRequest& request) {
    reads_before_ = faults().calls(io::SimCall::read_file);
    batches_before_ = bench_.spool().log_counters().batches;
    turns_before_ = loop().counters().turns;
    operations_max_ = 0;
    asking_ = true;
    TaskSet watch;
    loop().post([&] { watch.add(look_on()); });
    QueueAnswer answer = testing::await<QueueAnswer>(bench_.bench.doors, loop(), [&] {
      return answer_queue(loop(), bench_.queue(), bench_.spool(), 0, request);
    });
    asking_ = false;
    EXPECT_TRUE(bench_.run_until([&] { return watch.live() == 0; }));
    return answer;
  }
  io::Loop& loop() { return bench_.bench.loop; }
  io::SimFaults& faults() { return bench_.bench.doors.world().faults(); }
  [[nodiscard]] std::uint64_t reads() { return faults().calls(io::SimCall::read_file) - reads_before_; }
  [[nodiscard]] std::uint64_t batches() { return bench_.spool().log_counters().batches - batches_before_; }

  [[nodiscard]] std::uint64_t turns() { return loop().counters().turns - turns_before_; }
  // One more job of a message, for a destination of its own.
  void add_job(spool::QueueId id, const std::string& destination) {
    loop().post([this, id, destination] {
      bench_.queue().restore({.id = id, .arrived = bench_.queue().wall(), .due = bench_.queue().wall() + kLater}, "acme",
                             {.key = destination});
    });
  }

  relay::QueueBench bench_{1, {.short_percent = 0}};
  std::size_t operations_max_ = 0;
  bool ask_and_stop_ = false;  // at the first look

 private:
  Task<void> keep(std::size_t number, std::size_t& done) {
    const spool::QueueId id = number + 1;
    spool::Stored stored{.envelope = {.id = message::queue_id_text(id),
                                      .reverse_path = number % 3 == 0 ? "bob@example.com" : "ann@example.com"},
                         .submitter = {.customer = "acme"},
                         .arrived = bench_.queue().wall()};
    stored.envelope.recipients.push_back({.forward_path = "to" + std::to_string(number) + "@example.net"});
    message::DeliveryStatus status{.tries = 1, .due = stored.arrived + kLater};
    status.recipients.resize(1);
    const Chain nothing;
    EXPECT_TRUE(co_await bench_.spool().store(id, stored, status, nothing));
    bench_.queue().add(id, stored, status);
    ++done;
  }
  // Once in a turn, as a delivery would come to its turn.
  Task<void> look_on() {
    while (asking_) {
      if (std::exchange(ask_and_stop_, false)) bench_.queue().stop();
      operations_max_ = std::max<std::size_t>(operations_max_, loop().operations_live());
      co_await loop().sleep(Duration::zero(), "another turn");
    }
  }
  std::uint64_t reads_before_ = 0;
  std::uint64_t batches_before_ = 0;
  std::uint64_t turns_before_ = 0;
  bool asking_ = false;
};

TEST_F(QueueControlTest, ListEndsAtItsLimit) {
  fill(500);
  const QueueAnswer some = ask({.verb = QueueVerb::list, .limit = 10});
  EXPECT_EQ(some.rows.size(), 10U);
  EXPECT_TRUE(some.more);
  EXPECT_EQ(reads(), 10U);
  const QueueAnswer all = ask({.verb = QueueVerb::list, .limit = 500});
  EXPECT_EQ(all.rows.size(), 500U);
  EXPECT_FALSE(all.more);
}

TEST_F(QueueControlTest, SearchReadsEachMessageOnceAndFewAtATime) {
  fill();
  const QueueAnswer found = ask({.verb = QueueVerb::list, .recipient = "to2999@example.net"});
  ASSERT_EQ(found.rows.size(), 1U);
  EXPECT_EQ(found.rows[0].sender, "ann@example.com");
  EXPECT_EQ(reads(), kMessages);
  // One after the other it would take as long as the disk takes for one, a million times.
  EXPECT_GE(operations_max_, 32U);
  EXPECT_LE(operations_max_, 70U);
}

TEST_F(QueueControlTest, ManyOrdersShareAWrite) {
  fill();
  EXPECT_EQ(ask({.verb = QueueVerb::hold, .all = true}).changed, kMessages);
  EXPECT_LE(batches(), kMessages / 10);
  EXPECT_EQ(bench_.queue().jobs(1).at(0).state, relay::JobState::held);
  EXPECT_EQ(bench_.queue().jobs(kMessages).at(0).state, relay::JobState::held);
  EXPECT_EQ(ask({.verb = QueueVerb::release, .all = true}).changed, kMessages);
  // Released is due now.
  EXPECT_TRUE(bench_.run_until([&] { return bench_.empty(); }));
}

// What is removed goes from under the walk, which began again each time.
TEST_F(QueueControlTest, RemovalOfSomeReadsTheOthersOnce) {
  fill();
  EXPECT_EQ(ask({.verb = QueueVerb::remove, .sender = "bob@example.com"}).changed, kMessages / 3);
  EXPECT_EQ(bench_.spool().messages(), kMessages - kMessages / 3);
  // Those that go are read by the queue as well.
  EXPECT_EQ(reads(), kMessages + kMessages / 3);
  EXPECT_EQ(ask({.verb = QueueVerb::remove, .all = true}).changed, kMessages - kMessages / 3);
  EXPECT_TRUE(bench_.empty());
}

// The fewer were wanted still, the fewer were read at one time: the last one alone.
TEST_F(QueueControlTest, SearchReadsManyAtATimeUntilTheLast) {
  fill();
  const QueueAnswer found = ask({.verb = QueueVerb::list, .limit = 1, .recipient = "to2999@example.net"});
  EXPECT_EQ(found.rows.size(), 1U);
  EXPECT_GE(operations_max_, 32U);
  const QueueAnswer some = ask({.verb = QueueVerb::list, .limit = 5, .sender = "bob@example.com"});
  EXPECT_EQ(some.rows.size(), 5U);
  EXPECT_TRUE(some.more);
  EXPECT_LE(reads(), 100U);
}

TEST_F(QueueControlTest, APageOfJobsIsLookedAtInEachTurn) {
  fill();
  ask({.verb = QueueVerb::list, .customer = "nobody"});
  EXPECT_EQ(reads(), 0U);
  EXPECT_GE(turns(), kMessages / 256);
  EXPECT_LE(turns(), kMessages / 256 + 20);
}

// Each destination took a turn, and the time of a timer, of its own.
TEST_F(QueueControlTest, ManyDestinationsShareAPage) {
  fill(500);
  for (spool::QueueId id = 1; id <= 500; ++id) add_job(id, "farm/" + std::to_string(id));
  ask({.verb = QueueVerb::list, .customer = "nobody"});
  EXPECT_LE(turns(), 1000 / 256 + 20);
  EXPECT_EQ(ask({.verb = QueueVerb::hold, .destination = "farm/77"}).changed, 1U);
  EXPECT_EQ(bench_.queue().jobs(77).at(0).state, relay::JobState::held);
  const QueueAnswer one = ask({.verb = QueueVerb::destinations, .destination = "farm/78"});
  ASSERT_EQ(one.destinations.size(), 1U);
  EXPECT_EQ(one.destinations[0].jobs, 1U);
}

TEST_F(QueueControlTest, AMessageForSeveralDestinationsIsMetOnce) {
  fill(300);
  for (spool::QueueId id = 1; id <= 300; ++id) add_job(id, "farm/" + std::to_string(id % 3));
  const QueueAnswer all = ask({.verb = QueueVerb::list, .limit = 1000});
  EXPECT_EQ(all.rows.size(), 300U);
  EXPECT_EQ(reads(), 300U);
  EXPECT_EQ(ask({.verb = QueueVerb::hold, .all = true}).changed, 300U);
}

// A core that is to end does not wait for a search of a million messages.
TEST_F(QueueControlTest, TheEndOfTheCoreCutsItShort) {
  fill();
  ask_and_stop_ = true;
  const QueueAnswer answer = ask({.verb = QueueVerb::list, .recipient = "to2999@example.net"});
  EXPECT_TRUE(answer.cut_short);
  EXPECT_LE(reads(), 300U);
  EXPECT_EQ(render_queue({.verb = QueueVerb::hold, .all = true}, std::vector{answer, answer}, 0),
            "error: the relay is being stopped; 0 were changed\n");
}

}  // namespace
}  // namespace sluice::core
