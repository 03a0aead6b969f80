// A queue on a disk that is full: attempts go on as long as their outcome can be recorded, it empties itself once the
// next hop is back, and where nothing can be recorded nothing is attempted.
#include <algorithm>
#include <map>

#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kSegmentBytes = 2 * spool::kBatchBytesMax;

// How often the hop took each message, by its subject.
std::map<std::string, int> taken_by_recipient(const testing::NextHop& hop) {
  std::map<std::string, int> counts;
  for (const testing::HopMessage& message : hop.ledger)
    if (message.answered) ++counts[message.content.substr(message.content.find("Subject: "), 20)];
  return counts;
}

class FullQueue : public QueueFixture {
 public:
  explicit FullQueue(std::size_t segments) : QueueFixture(1, {.short_percent = 0}) {
    fixture.route.mode = route::RouteMode::store;
    fixture.route.connections_per_host_max = 4;
    disk().set_capacity(segments * kSegmentBytes + 200 * spool::kBlockBytes);
    options().expire = 30 * 24h;
    options().curve = schedule::RetryCurve({20min}, 0);
    options().dsn_budget.per_hour = 100'000;
    options().delay_dsn = Duration::zero();
  }
  sim::SimDisk& disk() { return fixture.platforms.world().disk(Fixture::kRelay); }
  // So many as are accepted.
  std::size_t fill(std::size_t bytes) {
    std::size_t count = 0;
    while (spool().accepting() && count < 10'000) {
      const std::string head = "From: ann@example.com\r\nSubject: " + std::to_string(100'000 + count) + " mail\r\n\r\n";
      if (send(head + std::string(bytes, 'x') + "\r\n") != 250) break;
      ++count;
    }
    return count;
  }
  // Between two lives: the files in reserve go, and others take their space.
  void take_all_space() {
    std::vector<std::string> names;
    for (const io::DiskEntry& entry : *disk().list(kDirectory))
      if (spool::parse_segment_name(entry.name) || spool::parse_free_name(entry.name)) names.push_back(entry.name);
    ASSERT_GE(names.size(), 2U);
    for (std::size_t i = 1; i < names.size(); ++i) ASSERT_TRUE(disk().remove(std::string(kDirectory) + "/" + names[i]));
    disk().set_capacity(0);
  }
  void expect_each_once(std::size_t count) {
    const std::map<std::string, int> counts = taken_by_recipient(hop());
    EXPECT_EQ(counts.size(), count);
    for (const auto& [subject, times] : counts) EXPECT_EQ(times, 1) << subject;
  }
};

TEST(QueueOnAFullDisk, EmptiesItselfWhenTheNextHopIsBack) {
  FullQueue queue(4);
  queue.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  queue.start();
  const std::size_t count = queue.fill(60'000);
  ASSERT_GT(count, 50U);
  ASSERT_THAT(queue.spool().refusal_reason(), HasSubstr("No space left on device"));
  for (int lives = 0; lives < 3; ++lives) {
    ASSERT_TRUE(queue.fixture.platforms.run_for(2h));
    EXPECT_EQ(queue.spool().messages(), count);
    queue.stop();
    queue.start();
  }
  EXPECT_EQ(queue.spool().no_room(), "");
  queue.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(queue.run_until([&] { return queue.empty(); })) << queue.spool().no_room();
  queue.expect_each_once(count);
  EXPECT_EQ(queue.queue().index_fault(), "");
  ASSERT_TRUE(queue.run_until([&] { return queue.spool().accepting(); }));
}

// A recipient that is refused for good ends with a report, which is mail of its own.
TEST(QueueOnAFullDisk, EmptiesItselfWhereAllIsRefused) {
  FullQueue queue(4);
  queue.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  queue.start();
  const std::size_t count = queue.fill(60'000);
  ASSERT_GT(count, 50U);
  queue.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n", .only_for = "bob"});
  queue.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(queue.run_until([&] { return queue.empty(); })) << queue.spool().no_room();
  EXPECT_EQ(queue.queue().counters().dsns.sent, count);
}

// The attempt was made, its end could not be written, and each start made it again.
TEST(QueueOnAFullDisk, AttemptsNothingWhoseOutcomeCannotBeRecorded) {
  FullQueue queue(4);
  queue.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  queue.start();
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(queue.send("From: ann@example.com\r\nSubject: " + std::to_string(i) + "\r\n\r\nx\r\n"), 250);
  queue.stop();
  queue.take_all_space();
  queue.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  for (int lives = 0; lives < 3; ++lives) {
    queue.start();
    ASSERT_TRUE(queue.fixture.platforms.run_for(2h));
    EXPECT_EQ(queue.queue().counters().tries, 0U);
    EXPECT_THAT(queue.spool().no_room(), HasSubstr("No space left on device"));
    queue.stop();
  }
  EXPECT_TRUE(queue.hop().ledger.empty());
  queue.start();
  ASSERT_TRUE(queue.fixture.platforms.run_for(10s));
  queue.disk().set_capacity(std::uint64_t{1} << 40);
  ASSERT_TRUE(queue.run_until([&] { return queue.empty(); }));
  queue.expect_each_once(3);
}

// Else its space could not be given back by hand.
TEST(QueueOnAFullDisk, RemovesAndHoldsWhatTheOperatorWants) {
  FullQueue queue(4);
  queue.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  queue.start();
  const std::size_t count = queue.fill(60'000);
  std::vector<spool::QueueId> ids;
  for (const auto& [id, entry] : queue.spool().index()) ids.push_back(id);
  for (int round = 0; round < 2; ++round)
    for (const spool::QueueId id : ids)
      ASSERT_TRUE(testing::await<bool>(queue.fixture.platforms, queue.fixture.loop, [&] {
        return queue.queue().order(id, round % 2 == 0 ? Queue::Order::hold : Queue::Order::release);
      }));
  EXPECT_EQ(queue.spool().messages(), count);
  for (const spool::QueueId id : ids)
    ASSERT_TRUE(testing::await<bool>(queue.fixture.platforms, queue.fixture.loop,
                                     [&] { return queue.queue().order(id, Queue::Order::remove); }));
  EXPECT_TRUE(queue.empty());
}

// The message stayed in work for good, and the queue could not be destroyed.
TEST(QueueOnAFullDisk, AnOrderThatIsCutOffGivesItsMessageBack) {
  FullQueue queue(4);
  queue.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  queue.start();
  ASSERT_EQ(queue.send("From: ann@example.com\r\nSubject: x\r\n\r\nx\r\n"), 250);
  queue.stop();
  queue.take_all_space();
  queue.start();
  const spool::QueueId id = queue.spool().index().begin()->first;
  testing::Running<bool> order(queue.fixture.platforms, queue.fixture.loop,
                               [&] { return queue.queue().order(id, Queue::Order::hold); });
  ASSERT_TRUE(queue.fixture.platforms.run_for(5s));
  EXPECT_FALSE(order.done()) << "nothing can be recorded";
  EXPECT_EQ(queue.queue().active(), 1U);
  queue.fixture.loop.post([&] { queue.fixture.loop.abort_all(); });
  EXPECT_FALSE(order.wait());
  EXPECT_EQ(queue.queue().active(), 0U);
}

// ------------------------------------------------------------------------------------------ without the spool behind
// it

// The disk has room for nothing.
class ThroughOnAFullDisk : public ::testing::Test {
 protected:
  void begin(route::RouteMode mode) {
    fixture_.fixture.route.mode = mode;
    fixture_.fixture.platforms.world().disk(Fixture::kRelay).set_capacity(0);
    fixture_.start();
    ASSERT_FALSE(fixture_.spool().accepting());
  }
  // What each recipient is answered, and the message in the end; 0: it does not come to that.
  std::vector<int> codes(std::vector<std::string> recipients) {
    Incoming sink({.loop = fixture_.fixture.loop,
                   .router = fixture_.router(),
                   .spool = fixture_.spool(),
                   .queue = fixture_.queue(),
                   .memory = fixture_.fixture.message_memory,
                   .may_keep = false},
                  {.customer = "acme"});
    message::Envelope envelope;
    envelope.id = fixture_.next_id();
    envelope.reverse_path = "ann@example.com";
    for (std::string& each : recipients) envelope.recipients.push_back({.forward_path = std::move(each)});
    return testing::await<std::vector<int>>(fixture_.fixture.platforms, fixture_.fixture.loop,
                                            [&] { return pass(sink, envelope); });
  }
  static Task<std::vector<int>> pass(Incoming& sink, const message::Envelope& envelope) {
    std::vector<smtp::Reply> answers;
    co_await sink.add_recipients(envelope, 0, answers);
    std::vector<int> codes;
    for (const smtp::Reply& answer : answers) codes.push_back(answer.code());
    if (std::ranges::find(codes, 250) == codes.end()) {
      co_await sink.abort();
      codes.push_back(0);
      co_return codes;
    }
    co_await sink.begin(message::BodyForm::literal);
    Chain content;
    content.append_copy("From: ann@example.com\r\n\r\nHello.\r\n");
    co_await sink.write(std::move(content));
    const message::Outcome outcome = co_await sink.commit();
    codes.push_back(outcome.reply.code());
    co_return codes;
  }
  QueueFixture fixture_;
};

TEST_F(ThroughOnAFullDisk, GoesWhereTheNextHopIsUp) {
  begin(route::RouteMode::through);
  fixture_.hop().add(
      {.stage = HopStage::recipient, .count = 1, .say = "550 5.1.1 nobody here\r\n", .only_for = "nobody"});
  EXPECT_THAT(codes({"bob@example.net", "nobody@example.net"}), ::testing::ElementsAre(250, 550, 250));
  EXPECT_EQ(fixture_.hop().ledger.size(), 1U);
  EXPECT_EQ(fixture_.spool().log_counters().records, 0U);
}

TEST_F(ThroughOnAFullDisk, IsRefusedForNowWhereTheNextHopIsDownOrDefers) {
  begin(route::RouteMode::through);
  fixture_.hop().add({.stage = HopStage::recipient, .count = 1, .say = "451 4.3.0 not now\r\n"});
  EXPECT_THAT(codes({"bob@example.net"}), ::testing::ElementsAre(451, 0));
  fixture_.hop().add({.stage = HopStage::message, .count = 1, .say = "452 4.3.1 full\r\n"});
  const std::vector<int> late = codes({"bob@example.net"});
  EXPECT_EQ(late[0], 250);
  EXPECT_EQ(late[1] / 100, 4);
  fixture_.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  const std::vector<int> down = codes({"bob@example.net"});
  EXPECT_EQ(down[0] / 100, 4);
  EXPECT_EQ(down[1], 0);
}

// Its 250 would be the spool's.
TEST_F(ThroughOnAFullDisk, DoesNotGoWhereItWouldBeStoredFirst) {
  begin(route::RouteMode::store);
  EXPECT_THAT(codes({"bob@example.net", "carl@example.net"}), ::testing::ElementsAre(452, 452, 0));
  EXPECT_TRUE(fixture_.hop().ledger.empty());
}

}  // namespace
}  // namespace sluice::relay
