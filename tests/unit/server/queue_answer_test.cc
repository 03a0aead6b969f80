// What `sluicectl queue` does to a large queue: all of it, each message once, in portions, and sharing the disk's
// writes.
#include "engine/server/queue_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/relay/queue_fixture.h"

namespace sluice::server {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMessages = 3000;
constexpr WallMillis kLater = 1'000'000'000;
constexpr std::string_view kMore = "\n]\nnote: there are more than these\n";

class QueueControlTest : public ::testing::Test {
 protected:
  QueueControlTest() { fixture_.options().expire = std::chrono::years(1); }

  // So many messages that wait: one in three is from bob.
  void fill(std::size_t count = kMessages) {
    fixture_.start();
    std::size_t done = 0;
    TaskSet tasks;
    loop().post([&] {
      for (std::size_t i = 0; i < count; ++i) tasks.add(keep(i, done));
    });
    ASSERT_TRUE(fixture_.run_until([&] { return done == count && tasks.live() == 0; }));
  }
  control::QueueAnswer ask(const control::QueueRequest& request) {
    reads_before_ = faults().calls(sim::SimCall::read_file);
    batches_before_ = fixture_.spool().log_counters().batches;
    turns_before_ = loop().counters().turns;
    operations_max_ = 0;
    asking_ = true;
    TaskSet watch;
    loop().post([&] { watch.add(look_on()); });
    control::QueueAnswer answer = testing::await<control::QueueAnswer>(fixture_.fixture.platforms, loop(), [&] {
      return answer_queue(loop(), fixture_.queue(), fixture_.spool(), 0, request);
    });
    asking_ = false;
    EXPECT_TRUE(fixture_.run_until([&] { return watch.live() == 0; }));
    return answer;
  }
  io::Loop& loop() { return fixture_.fixture.loop; }
  sim::SimFaults& faults() { return fixture_.fixture.platforms.world().faults(); }
  [[nodiscard]] std::uint64_t reads() { return faults().calls(sim::SimCall::read_file) - reads_before_; }
  [[nodiscard]] std::uint64_t batches() { return fixture_.spool().log_counters().batches - batches_before_; }

  [[nodiscard]] std::uint64_t turns() { return loop().counters().turns - turns_before_; }
  // One more job of a message, for a destination of its own.
  void add_job(spool::QueueId id, const std::string& destination) {
    loop().post([this, id, destination] {
      fixture_.queue().restore({.id = id, .arrived = fixture_.queue().wall(), .due = fixture_.queue().wall() + kLater},
                               "acme", destination);
    });
  }

  relay::QueueFixture fixture_{1, {.short_percent = 0}};
  std::size_t operations_max_ = 0;
  bool ask_and_stop_ = false;  // at the first look

 private:
  Task<void> keep(std::size_t number, std::size_t& done) {
    const spool::QueueId id = number + 1;
    spool::Stored stored{.envelope = {.id = message::queue_id_text(id),
                                      .reverse_path = number % 3 == 0 ? "bob@example.com" : "ann@example.com"},
                         .submitter = {.customer = "acme"},
                         .arrived = fixture_.queue().wall()};
    stored.envelope.recipients.push_back({.forward_path = "to" + std::to_string(number) + "@example.net"});
    message::DeliveryStatus status{.tries = 1};
    status.recipients.push_back({.tries = 1, .due = stored.arrived + kLater});
    status.update_due();
    const Chain nothing;
    EXPECT_TRUE(co_await fixture_.spool().store(id, stored, status, nothing));
    fixture_.queue().add(id, stored, status);
    ++done;
  }
  // Once in a turn, as a delivery would come to its turn.
  Task<void> look_on() {
    while (asking_) {
      if (std::exchange(ask_and_stop_, false)) fixture_.queue().end_orders();
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
  const control::QueueAnswer some = ask({.verb = control::QueueVerb::list, .limit = 10});
  EXPECT_EQ(some.rows.size(), 10U);
  EXPECT_TRUE(some.more);
  EXPECT_EQ(reads(), 10U);
  const control::QueueAnswer all = ask({.verb = control::QueueVerb::list, .limit = 500});
  EXPECT_EQ(all.rows.size(), 500U);
  EXPECT_FALSE(all.more);
}

TEST_F(QueueControlTest, SearchReadsEachMessageOnceAndFewAtATime) {
  fill();
  const control::QueueAnswer found = ask({.verb = control::QueueVerb::list, .recipient = "to2999@example.net"});
  ASSERT_EQ(found.rows.size(), 1U);
  EXPECT_EQ(found.rows[0].sender, "ann@example.com");
  EXPECT_EQ(reads(), kMessages);
  // One after the other it would take as long as the disk takes for one, a million times.
  EXPECT_GE(operations_max_, 32U);
  EXPECT_LE(operations_max_, 70U);
}

TEST_F(QueueControlTest, ManyOrdersShareAWrite) {
  fill();
  EXPECT_EQ(ask({.verb = control::QueueVerb::hold, .all = true}).changed, kMessages);
  EXPECT_LE(batches(), kMessages / 10);
  EXPECT_EQ(fixture_.queue().jobs(1).at(0).state, schedule::JobState::held);
  EXPECT_EQ(fixture_.queue().jobs(kMessages).at(0).state, schedule::JobState::held);
  EXPECT_EQ(ask({.verb = control::QueueVerb::release, .all = true}).changed, kMessages);
  // Released is due now.
  EXPECT_TRUE(fixture_.run_until([&] { return fixture_.empty(); }));
}

// What is removed goes from under the walk, which began again each time.
TEST_F(QueueControlTest, RemovalOfSomeReadsTheOthersOnce) {
  fill();
  EXPECT_EQ(ask({.verb = control::QueueVerb::remove, .sender = "bob@example.com"}).changed, kMessages / 3);
  EXPECT_EQ(fixture_.spool().messages(), kMessages - kMessages / 3);
  // Those that go are read by the queue as well.
  EXPECT_EQ(reads(), kMessages + kMessages / 3);
  EXPECT_EQ(ask({.verb = control::QueueVerb::remove, .all = true}).changed, kMessages - kMessages / 3);
  EXPECT_TRUE(fixture_.empty());
}

// The fewer were wanted still, the fewer were read at one time: the last one alone.
TEST_F(QueueControlTest, SearchReadsManyAtATimeUntilTheLast) {
  fill();
  const control::QueueAnswer found =
      ask({.verb = control::QueueVerb::list, .limit = 1, .recipient = "to2999@example.net"});
  EXPECT_EQ(found.rows.size(), 1U);
  EXPECT_GE(operations_max_, 32U);
  const control::QueueAnswer some = ask({.verb = control::QueueVerb::list, .limit = 5, .sender = "bob@example.com"});
  EXPECT_EQ(some.rows.size(), 5U);
  EXPECT_TRUE(some.more);
  EXPECT_LE(reads(), 100U);
}

TEST_F(QueueControlTest, APageOfJobsIsLookedAtInEachTurn) {
  fill();
  ask({.verb = control::QueueVerb::list, .customer = "nobody"});
  EXPECT_EQ(reads(), 0U);
  EXPECT_GE(turns(), kMessages / 256);
  EXPECT_LE(turns(), kMessages / 256 + 20);
}

// Each destination took a turn, and the time of a timer, of its own.
TEST_F(QueueControlTest, ManyDestinationsShareAPage) {
  fill(500);
  for (spool::QueueId id = 1; id <= 500; ++id) add_job(id, "farm/" + std::to_string(id));
  ask({.verb = control::QueueVerb::list, .customer = "nobody"});
  EXPECT_LE(turns(), 1000 / 256 + 20);
  EXPECT_EQ(ask({.verb = control::QueueVerb::hold, .destination = "farm/77"}).changed, 1U);
  EXPECT_EQ(fixture_.queue().jobs(77).at(0).state, schedule::JobState::held);
  const control::QueueAnswer one = ask({.verb = control::QueueVerb::destinations, .destination = "farm/78"});
  ASSERT_EQ(one.destinations.size(), 1U);
  EXPECT_EQ(one.destinations[0].jobs, 1U);
}

TEST_F(QueueControlTest, AMessageForSeveralDestinationsIsMetOnce) {
  fill(300);
  for (spool::QueueId id = 1; id <= 300; ++id) add_job(id, "farm/" + std::to_string(id % 3));
  const control::QueueAnswer all = ask({.verb = control::QueueVerb::list, .limit = 1000});
  EXPECT_EQ(all.rows.size(), 300U);
  EXPECT_EQ(reads(), 300U);
  EXPECT_EQ(ask({.verb = control::QueueVerb::hold, .all = true}).changed, 300U);
}

// It was refused, and what held up a stop could not be seen.
TEST_F(QueueControlTest, TheQueueIsShownWhileTheCoreDrains) {
  fill(20);
  fixture_.queue().stop();
  EXPECT_EQ(ask({.verb = control::QueueVerb::list}).rows.size(), 20U);
  EXPECT_EQ(ask({.verb = control::QueueVerb::show, .id = message::queue_id_text(1)}).rows.size(), 1U);
  EXPECT_FALSE(ask({.verb = control::QueueVerb::list, .recipient = "to3@example.net"}).cut_short);
}

TEST_F(QueueControlTest, OrdersWhileTheCoreDrainsHoldAfterTheNextStart) {
  fill(3);
  const auto order = [this](control::QueueVerb verb, spool::QueueId id) {
    return ask({.verb = verb, .id = message::queue_id_text(id)}).changed;
  };
  EXPECT_EQ(order(control::QueueVerb::hold, 2), 1U);
  fixture_.queue().stop();
  EXPECT_EQ(order(control::QueueVerb::hold, 1), 1U);
  EXPECT_EQ(order(control::QueueVerb::release, 2), 1U);
  EXPECT_EQ(order(control::QueueVerb::remove, 3), 1U);
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(10s));
  EXPECT_EQ(fixture_.hop().ledger.size(), 0U) << "no attempt starts, also of what was released";
  fixture_.stop();
  fixture_.fixture.platforms.world().set_reachable(relay::Fixture::kFirst, false);
  fixture_.start();
  EXPECT_EQ(fixture_.spool().messages(), 2U);
  EXPECT_EQ(fixture_.queue().jobs(1).at(0).state, schedule::JobState::held);
  EXPECT_NE(fixture_.queue().jobs(2).at(0).state, schedule::JobState::held);
}

// It would say that so many are tried now, and none is.
TEST_F(QueueControlTest, AFlushWhileTheCoreDrainsIsRefused) {
  fill(2);
  fixture_.queue().stop();
  for (const control::QueueRequest& request :
       {control::QueueRequest{.verb = control::QueueVerb::flush, .all = true},
        control::QueueRequest{.verb = control::QueueVerb::flush, .destination = "farm"}}) {
    const control::QueueAnswer answer = ask(request);
    EXPECT_EQ(answer.changed, 0U);
    EXPECT_TRUE(answer.cut_short);
  }
}

TEST_F(QueueControlTest, NoOrderBeginsOnceTheSpoolIsAboutToClose) {
  fill(2);
  fixture_.queue().end_orders();
  for (const auto verb : {control::QueueVerb::list, control::QueueVerb::hold, control::QueueVerb::remove}) {
    const control::QueueAnswer answer = ask({.verb = verb, .id = message::queue_id_text(1)});
    EXPECT_TRUE(answer.cut_short);
    EXPECT_EQ(answer.found + answer.rows.size(), 0U);
  }
  EXPECT_EQ(fixture_.spool().messages(), 2U);
}

// A core that is to end does not wait for a search of a million messages.
TEST_F(QueueControlTest, TheEndOfTheCoreCutsItShort) {
  fill();
  ask_and_stop_ = true;
  const control::QueueAnswer answer = ask({.verb = control::QueueVerb::list, .recipient = "to2999@example.net"});
  EXPECT_TRUE(answer.cut_short);
  EXPECT_LE(reads(), 300U);
  EXPECT_EQ(control::render_queue({.verb = control::QueueVerb::hold, .all = true}, std::vector{answer, answer}),
            "error: the relay is being stopped; 0 were changed\n");
}

// ------------------------------------------------------------------------------------ what a row says

// A message for bob, who was told 451, and eve, who has it: the attempt's own last word is eve's 250.
TEST_F(QueueControlTest, ARowSaysWhatWasSaidLastOfThoseWhoWait) {
  fixture_.start();
  fixture_.hop().add({.stage = testing::HopStage::recipient,
                      .count = testing::kAlways,
                      .say = "451 4.2.1 Try later\r\n",
                      .only_for = "bob"});
  EXPECT_EQ(fixture_.send("From: ann@example.com\r\n\r\nx\r\n", {"bob@example.net", "eve@example.net"}), 250);
  const control::QueueAnswer answer = ask({.verb = control::QueueVerb::list});
  ASSERT_EQ(answer.rows.size(), 1U);
  EXPECT_EQ(answer.rows[0].last_response, "451 4.2.1 Try later");
  EXPECT_EQ(answer.rows[0].state, "waiting");
  EXPECT_GT(answer.rows[0].due, fixture_.queue().wall());
  const std::string shown = control::render_queue({.verb = control::QueueVerb::list}, std::vector{answer});
  EXPECT_THAT(shown, ::testing::HasSubstr("451 4.2.1 Try later"));
  EXPECT_THAT(shown, ::testing::Not(::testing::HasSubstr("250 2")));
  // What the destination said is no secret either, though the queue has not asked it yet.
  const control::QueueAnswer places = ask({.verb = control::QueueVerb::destinations});
  ASSERT_EQ(places.destinations.size(), 1U);
  EXPECT_NE(places.destinations[0].last_response, "");
  EXPECT_EQ(places.destinations[0].ready, 0U);
}

// It was "ready", and tried "now", while its destination was left alone for an hour.
TEST_F(QueueControlTest, AMessageOfASuspendedDestinationIsNotReady) {
  fixture_.options().schedule.throttle = {.suspend_first = 1h, .suspend_max = 1h};
  fixture_.fixture.route.mode = route::RouteMode::store;
  fixture_.fixture.platforms.world().set_reachable(relay::Fixture::kFirst, false);
  fixture_.start();
  for (const char* recipient : {"tried@example.net", "fresh@example.net"}) {
    EXPECT_EQ(fixture_.send("From: ann@example.com\r\n\r\nx\r\n", {recipient}), 250);
    ASSERT_TRUE(fixture_.fixture.platforms.run_for(30s));
  }
  const control::QueueAnswer answer = ask({.verb = control::QueueVerb::list});
  ASSERT_EQ(answer.rows.size(), 2U);
  for (const control::QueueRow& row : answer.rows) {
    EXPECT_EQ(row.state, "waiting") << row.recipients[0];
    EXPECT_GT(row.due, fixture_.queue().wall() + 40 * 60 * 1000) << row.recipients[0];
    EXPECT_NE(row.last_response, "") << row.recipients[0] << ": what is known of its destination";
  }
}

TEST_F(QueueControlTest, AFlushCountsMessages) {
  fixture_.fixture.platforms.world().set_reachable(relay::Fixture::kFirst, false);
  fill(5);
  EXPECT_EQ(ask({.verb = control::QueueVerb::flush, .destination = "farm"}).changed, 5U);
  const control::QueueAnswer none = ask({.verb = control::QueueVerb::flush, .destination = "elsewhere"});
  EXPECT_EQ(control::render_queue({.verb = control::QueueVerb::flush, .destination = "elsewhere"}, std::vector{none}),
            "0 were changed\n");
}

// The text was compared as it was given: nothing was found.
TEST_F(QueueControlTest, ADestinationIsOneInAllItsSpellings) {
  fill(1);
  add_job(1, "farm/xn--bcher-kva.example");
  for (const std::string destination : {"farm/B\u00dccher.Example", "farm/xn--BCHER-kva.example"}) {
    EXPECT_EQ(ask({.verb = control::QueueVerb::list, .destination = destination}).rows.size(), 1U) << destination;
    EXPECT_EQ(ask({.verb = control::QueueVerb::destinations, .destination = destination}).destinations.size(), 1U)
        << destination;
    EXPECT_TRUE(
        ask({.verb = control::QueueVerb::hold, .customer = "other", .destination = destination}).destination_known)
        << destination;
  }
}

// A mistyped name, or a destination that has nothing.
TEST_F(QueueControlTest, WhatIsKnownOfTheDestinationIsTold) {
  fill(2);
  EXPECT_FALSE(ask({.verb = control::QueueVerb::hold, .destination = "fram"}).destination_known);
  EXPECT_TRUE(ask({.verb = control::QueueVerb::hold, .customer = "other", .destination = "farm"}).destination_known);
  EXPECT_TRUE(ask({.verb = control::QueueVerb::remove, .destination = "farm"}).destination_known)
      << "before all of it was removed";
}

TEST_F(QueueControlTest, AMessageOnHoldIsFoundThoughAFlushDoesNothingToIt) {
  fill(1);
  ask({.verb = control::QueueVerb::hold, .all = true});
  const control::QueueRequest request{.verb = control::QueueVerb::flush, .id = message::queue_id_text(1)};
  EXPECT_EQ(control::render_queue(request, std::vector{ask(request)}), "0 were changed\n");
}

TEST_F(QueueControlTest, OfAnIdThatNoMessageHasThoseLikeItAreTold) {
  fill(40);
  const std::string mistyped = message::queue_id_text(7).replace(3, 1, "X");
  for (const auto verb : {control::QueueVerb::show, control::QueueVerb::hold}) {
    const control::QueueRequest request{.verb = verb, .id = mistyped};
    EXPECT_EQ(control::render_queue(request, std::vector{ask(request)}),
              "error: no such message, did you mean " + message::queue_id_text(7) + "?\n");
  }
  // Of many three.
  const control::QueueRequest many{.verb = control::QueueVerb::show, .id = message::queue_id_text(0)};
  const std::string said = control::render_queue(many, std::vector{ask(many)});
  EXPECT_EQ(said, "error: no such message, did you mean 0000000000001 or 0000000000002 or 0000000000003?\n");
  const control::QueueRequest other{.verb = control::QueueVerb::show, .id = "0DKGR2N4T0400"};
  EXPECT_EQ(control::render_queue(other, std::vector{ask(other)}), "error: no such message\n");
  const control::QueueRequest held{.verb = control::QueueVerb::release, .id = message::queue_id_text(7), .held = true};
  EXPECT_EQ(control::render_queue(held, std::vector{ask(held)}), "error: no such message is on hold\n");
}

TEST_F(QueueControlTest, CustomersAreComparedWithoutCase) {
  fill(3);
  EXPECT_EQ(ask({.verb = control::QueueVerb::list, .customer = "ACME"}).rows.size(), 3U);
  EXPECT_EQ(ask({.verb = control::QueueVerb::list, .customer = "acmee"}).found, 0U);
}

// ------------------------------------------------------------------------------------ what is cut

TEST_F(QueueControlTest, WhatIsCutSaysSo) {
  fill(120);
  for (spool::QueueId id = 1; id <= 120; ++id) add_job(id, "farm/" + std::to_string(id));
  for (const control::QueueVerb verb : {control::QueueVerb::list, control::QueueVerb::destinations}) {
    const control::QueueRequest text{.verb = verb};
    EXPECT_THAT(control::render_queue(text, std::vector{ask(text)}), ::testing::EndsWith(kMore));
    const control::QueueRequest some{.verb = verb, .json = true, .limit = 10};
    EXPECT_THAT(control::render_queue(some, std::vector{ask(some)}), ::testing::EndsWith(kMore));
    const control::QueueRequest all{.verb = verb, .json = true};
    const std::string whole = control::render_queue(all, std::vector{ask(all)});
    EXPECT_EQ(std::ranges::count(whole, '{'), verb == control::QueueVerb::list ? 120 : 121);
    EXPECT_THAT(whole, ::testing::EndsWith("}\n]\n"));
  }
}

// Each core stayed under what is gathered, and the sum of them was cut to it.
TEST(QueueAnswers, WhatSeveralCoresHaveTogetherIsNotCut) {
  control::QueueAnswer core;
  core.rows.resize(control::kQueueLimitMax / 2 + 1);
  core.destinations.resize(control::kQueueLimitMax / 2 + 1);
  for (const control::QueueVerb verb : {control::QueueVerb::list, control::QueueVerb::destinations}) {
    const control::QueueRequest all{.verb = verb, .json = true};
    const std::string whole = control::render_queue(all, std::vector{core, core});
    EXPECT_EQ(std::ranges::count(whole, '{'), control::kQueueLimitMax + 2);
    EXPECT_THAT(whole, ::testing::EndsWith("}\n]\n"));
    const control::QueueRequest some{.verb = verb, .json = true, .limit = control::kQueueLimitMax};
    const std::string cut = control::render_queue(some, std::vector{core, core});
    EXPECT_EQ(std::ranges::count(cut, '{'), control::kQueueLimitMax);
    EXPECT_THAT(cut, ::testing::EndsWith(kMore));
  }
}

TEST(QueueAnswers, AreInPagesWhereAllThereIsWasAskedFor) {
  for (const auto verb : {control::QueueVerb::list, control::QueueVerb::destinations, control::QueueVerb::review}) {
    EXPECT_TRUE(control::goes_in_pages({.verb = verb, .json = true}));
    EXPECT_FALSE(control::goes_in_pages({.verb = verb, .json = true, .limit = 10}));
    EXPECT_FALSE(control::goes_in_pages({.verb = verb}));
  }
  for (const auto verb : {control::QueueVerb::show, control::QueueVerb::hold, control::QueueVerb::remove})
    EXPECT_FALSE(control::goes_in_pages({.verb = verb, .json = true}));
  // A core that has nothing, in front.
  EXPECT_EQ(control::render_page({.json = true}, {}, true), "");
}

// Takes what comes, a page at a time; goes away after so many.
class PageSink final : public QueuePages {
 public:
  PageSink(io::Loop& loop, std::size_t pages_max) : loop_(loop), pages_max_(pages_max) {}
  Task<bool> page(control::QueueAnswer page) override {
    largest = std::max(largest, page.rows.size() + page.destinations.size());
    text += control::render_page({.json = true}, page, text.empty());
    co_await loop_.sleep(20ms, "a slow reader");
    co_return ++pages < pages_max_;
  }
  std::string text;
  std::size_t pages = 0;
  std::size_t largest = 0;

 private:
  io::Loop& loop_;
  std::size_t pages_max_;
};

TEST_F(QueueControlTest, ALongAnswerGoesOutInPages) {
  fill();
  PageSink sink(loop(), 1000);
  control::QueueAnswer last = testing::await<control::QueueAnswer>(fixture_.fixture.platforms, loop(), [&] {
    return answer_queue(loop(), fixture_.queue(), fixture_.spool(), 0, {.json = true}, &sink);
  });
  EXPECT_FALSE(last.cut_short);
  const std::string text = sink.text + control::render_page({.json = true}, last, false);
  EXPECT_EQ(std::ranges::count(text, '{'), static_cast<std::ptrdiff_t>(kMessages));
  EXPECT_GE(sink.pages, kMessages / 600);
  EXPECT_LE(sink.largest, 600U) << "it is not gathered";
  PageSink impatient(loop(), 2);
  last = testing::await<control::QueueAnswer>(fixture_.fixture.platforms, loop(), [&] {
    return answer_queue(loop(), fixture_.queue(), fixture_.spool(), 0, {.json = true}, &impatient);
  });
  EXPECT_EQ(impatient.pages, 2U);
  EXPECT_TRUE(last.cut_short);
}

}  // namespace
}  // namespace sluice::server
