// Destinations in the schedule: windows, a suspension that holds for all, the probe, rates, flushing, what is said to
// the control socket, and how names come and go.
#include "tests/unit/schedule/schedule_fixture.h"

namespace sluice::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ScheduleDestinationTest, TheWindowOpensAsMessagesAreDelivered) {
  ScheduleFixture fixture;
  fixture.add_many("a", "example.com", 1000);
  std::vector<JobId> running = fixture.start_all();
  std::vector<std::size_t> windows;
  for (int i = 0; i < 4; ++i) {
    windows.push_back(running.size());
    fixture.finish(running, Verdict::delivered);
    running = fixture.start_all();
  }
  EXPECT_THAT(windows, ElementsAre(2, 3, 5, 7));  // the second half of a round makes no use of the window
  EXPECT_EQ(fixture.status("example.com").window, 10U);
}

TEST(ScheduleDestinationTest, ADeadOneIsNotTriedByEachOfItsMessages) {
  ScheduleFixture fixture;
  for (int i = 0; i < 1000; ++i) fixture.add("customer" + std::to_string(i), "dead.example");
  std::vector<JobId> running = fixture.start_all();
  ASSERT_THAT(running, SizeIs(2));
  for (const JobId job : running) fixture.finish_and_retry(job, Verdict::unreachable, 5min);
  EXPECT_EQ(fixture.count_startable(), 0U);
  const DestinationStatus status = fixture.status("dead.example");
  EXPECT_TRUE(status.suspended);
  EXPECT_EQ(status.ready, 998U);
  EXPECT_EQ(fixture.schedule.counters().suspensions, 1U);
  // Newcomers wait too, and other destinations do not.
  fixture.add("other", "dead.example");
  EXPECT_EQ(fixture.count_startable(), 0U);
  fixture.add("other", "live.example");
  EXPECT_EQ(fixture.count_startable(), 1U);
}

TEST(ScheduleDestinationTest, ThenOneProbeGoesAndASuccessOpensIt) {
  ScheduleFixture fixture;
  for (std::uint64_t i = 0; i < 100; ++i) fixture.add("a", "dead.example", i);
  std::vector<JobId> running = fixture.start_all();
  fixture.finish(running, Verdict::unreachable);
  Instant before = fixture.now;
  std::vector<Duration> waits;
  for (int i = 0; i < 8; ++i) {
    fixture.now = fixture.schedule.due(fixture.now);
    waits.push_back(fixture.now - before);
    before = fixture.now;
    running = fixture.start_all();
    ASSERT_THAT(running, SizeIs(1)) << "one probe, and no more until it is known";
    EXPECT_EQ(fixture.schedule.status(running[0])->message, 2U + static_cast<std::uint64_t>(i)) << "places are kept";
    EXPECT_TRUE(fixture.status("dead.example").probing);
    EXPECT_EQ(fixture.schedule.due(fixture.now), Instant::max());
    fixture.finish(running, Verdict::unreachable);
  }
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const Duration most = std::min<Duration>(1min * (1 << i), 1h);
    EXPECT_LE(waits[i], most);
    EXPECT_GE(waits[i], most * 3 / 4);
  }
  fixture.now = fixture.schedule.due(fixture.now);
  running = fixture.start_all();
  ASSERT_THAT(running, SizeIs(1));
  fixture.finish(running, Verdict::delivered);
  EXPECT_FALSE(fixture.status("dead.example").suspended);
  EXPECT_EQ(fixture.count_startable(), 2U);  // slow start
  EXPECT_EQ(fixture.schedule.counters().resumed, 1U);
}

TEST(ScheduleDestinationTest, ARetryThatFallsDueDuringASuspensionWaitsForItsEnd) {
  ScheduleFixture fixture;
  fixture.add("a", "dead.example");
  fixture.finish_and_retry(*fixture.next(), Verdict::unreachable, 10s);
  fixture.now += 10s;
  EXPECT_FALSE(fixture.next());
  EXPECT_EQ(fixture.status("dead.example").ready, 1U);
  const Instant due = fixture.schedule.due(fixture.now);
  EXPECT_EQ(due, fixture.status("dead.example").not_before);
  fixture.now = due;
  EXPECT_TRUE(fixture.next());
}

TEST(ScheduleDestinationTest, ASuspensionIsRememberedWithoutAnyMessage) {
  ScheduleFixture fixture;
  fixture.add("a", "dead.example");
  fixture.finish(*fixture.next(), Verdict::unreachable);
  EXPECT_EQ(fixture.schedule.size(), 0U);
  fixture.add("b", "dead.example");
  EXPECT_FALSE(fixture.next());
  EXPECT_EQ(fixture.schedule.due(fixture.now), fixture.status("dead.example").not_before);
}

TEST(ScheduleDestinationTest, KeepsToARateWhateverTheWindow) {
  ScheduleOptions options;
  options.throttle.messages_per_second = 20;
  ScheduleFixture fixture(options);
  fixture.add_many("a", "example.com", 10'000);
  std::vector<JobId> running;
  const Instant begin = fixture.now;
  std::size_t started = 0;
  while (fixture.now < begin + 10s) {
    running = fixture.start_all();
    started += running.size();
    fixture.finish(running, Verdict::delivered);
    const Instant due = fixture.schedule.due(fixture.now);
    ASSERT_GT(due, fixture.now);
    fixture.now = due;
  }
  EXPECT_GE(started, 200U);
  EXPECT_LE(started, 202U);
  EXPECT_DOUBLE_EQ(fixture.status("example.com").per_second, 20);
}

TEST(ScheduleDestinationTest, FlushingMakesAllDueAndEndsTheSuspension) {
  ScheduleFixture fixture;
  for (int i = 0; i < 1000; ++i) fixture.add_later("a", "dead.example", 1h + i * 1s);
  fixture.add_later("a", "other.example", 1h);
  fixture.add("a", "dead.example");
  fixture.finish_and_retry(*fixture.next(), Verdict::unreachable, 2h);
  ASSERT_TRUE(fixture.status("dead.example").suspended);
  ASSERT_TRUE(fixture.schedule.flush(fixture.schedule.find_destination("dead.example"), fixture.now));
  EXPECT_LE(fixture.schedule.due(fixture.now), fixture.now);
  const auto probe = fixture.next();
  ASSERT_TRUE(probe);
  EXPECT_FALSE(fixture.next());  // until it is known
  fixture.finish(*probe, Verdict::delivered);
  int turns = 1;
  for (; turns < 2000 && fixture.run_one() != "none"; ++turns) continue;
  EXPECT_EQ(turns, 1001);
  EXPECT_EQ(fixture.schedule.size(), 1U);  // of the other destination
}

// The next one to be flushed goes while the flush is under way.
TEST(ScheduleDestinationTest, AFlushSurvivesThatItsJobsGo) {
  ScheduleFixture fixture;
  std::vector<JobId> jobs;
  for (int i = 0; i < 1000; ++i) jobs.push_back(fixture.add_later("a", "example.com", 1h));
  EXPECT_TRUE(fixture.schedule.flush(fixture.schedule.find_destination("example.com"), fixture.now));
  fixture.next();
  for (std::size_t i = 200; i < 300; ++i) EXPECT_TRUE(fixture.schedule.remove(jobs[i], fixture.now));
  for (int i = 0; i < 10; ++i) fixture.next();
  EXPECT_EQ(fixture.schedule.size(), 900U);
  EXPECT_EQ(fixture.schedule.ready() + fixture.schedule.running(), 900U);
  // And that the destination itself goes.
  ScheduleOptions options;
  options.destinations_unused_max = 1;
  ScheduleFixture other(options);
  const JobId only = other.add_later("a", "example.com", 1h);
  EXPECT_TRUE(other.schedule.flush(other.schedule.find_destination("example.com"), other.now));
  EXPECT_TRUE(other.schedule.remove(only, other.now));
  other.schedule.destination("example.net");
  EXPECT_FALSE(other.schedule.find_destination("example.com"));
  EXPECT_FALSE(other.next());
  EXPECT_EQ(other.schedule.due(other.now), Instant::max());
}

TEST(ScheduleDestinationTest, ARouteMayHaveLimitsOfItsOwn) {
  ScheduleOptions options;
  options.throttles["smarthost"] = {.concurrency_start = 7, .concurrency_max = 50};
  ScheduleFixture fixture(options);
  for (int i = 0; i < 100; ++i)
    fixture.schedule.add({.destination = fixture.schedule.destination("smarthost", "smarthost"),
                          .customer = fixture.schedule.customer("a"),
                          .due = fixture.now},
                         fixture.now);
  std::vector<JobId> running = fixture.start_all();
  EXPECT_THAT(running, SizeIs(7));
  // And new ones after a reload.
  fixture.schedule.set_throttles({}, {{"smarthost", {.concurrency_start = 1, .concurrency_max = 3}}});
  fixture.finish(running, Verdict::delivered);
  EXPECT_EQ(fixture.count_startable(), 3U);
}

// What had a number among the routes was another route once they were in another order.
TEST(ScheduleDestinationTest, AfterAReloadLimitsAreThoseOfTheRouteOfThatName) {
  const auto rate = [](double per_second) { return ThrottleOptions{.messages_per_second = per_second}; };
  ScheduleOptions options;
  options.throttles = {{"farm", rate(2)}, {"mx", rate(5)}};
  ScheduleFixture fixture(options);
  const auto of = [&](std::string_view destination) { return fixture.status(destination).per_second; };
  fixture.schedule.destination("farm", "farm");
  fixture.schedule.destination("mx/example.com", "mx");
  fixture.schedule.destination("mx/example.net", "mx");
  fixture.schedule.destination("of no route");
  // Rates are kept as whole nanoseconds between two messages.
  // Two that sort before the others, and one that is gone.
  fixture.schedule.set_throttles({}, {{"aaa", rate(11)}, {"bbb", rate(12)}, {"mx", rate(6)}});
  EXPECT_NEAR(of("mx/example.com"), 6, 1e-6);
  EXPECT_NEAR(of("mx/example.net"), 6, 1e-6);
  EXPECT_NEAR(of("farm"), 2, 1e-6) << "no route of that name: what it had before";
  EXPECT_NEAR(of("of no route"), 0, 1e-6);
  // It is there again.
  fixture.schedule.set_throttles({}, {{"zzz", rate(13)}, {"farm", rate(3)}, {"mx", rate(7)}});
  EXPECT_NEAR(of("farm"), 3, 1e-6);
  EXPECT_NEAR(of("mx/example.com"), 7, 1e-6);
}

// ------------------------------------------------------------------------------------ names

TEST(ScheduleDestinationTest, OneNameIsOneDestination) {
  ScheduleFixture fixture;
  const DestinationId id = fixture.schedule.destination("example.com");
  EXPECT_EQ(fixture.schedule.destination("example.com"), id);
  EXPECT_EQ(fixture.schedule.find_destination("example.com"), id);
  EXPECT_NE(fixture.schedule.destination("example.net"), id);
  EXPECT_FALSE(fixture.schedule.find_destination("example.org"));
}

TEST(ScheduleDestinationTest, NamesWithoutMessagesAreForgottenTheOldestFirst) {
  ScheduleOptions options;
  options.destinations_unused_max = 3;
  options.customers_unused_max = 3;
  ScheduleFixture fixture(options);
  const JobId job = fixture.add("c", "used.example");
  for (int i = 0; i < 1000; ++i) {
    fixture.schedule.destination(std::to_string(i));
    fixture.schedule.customer(std::to_string(i));
  }
  EXPECT_EQ(fixture.schedule.destination_count(), 4U);
  EXPECT_EQ(fixture.schedule.customer_count(), 4U);
  EXPECT_TRUE(fixture.schedule.find_destination("997"));
  EXPECT_FALSE(fixture.schedule.find_destination("996"));
  EXPECT_TRUE(fixture.schedule.find_destination("used.example"));
  fixture.schedule.destination("997");  // asked for again: now it is the latest
  fixture.schedule.destination("new");
  EXPECT_TRUE(fixture.schedule.find_destination("997"));
  EXPECT_FALSE(fixture.schedule.find_destination("998"));
  EXPECT_TRUE(fixture.schedule.remove(job, fixture.now));
  EXPECT_EQ(fixture.schedule.destination_count(), 3U);
}

TEST(ScheduleDestinationTest, AnIdOfAForgottenNameIsRecognised) {
  ScheduleOptions options;
  options.destinations_unused_max = 1;
  ScheduleFixture fixture(options);
  const DestinationId old = fixture.schedule.destination("one");
  const DestinationId fresh = fixture.schedule.destination("two");
  EXPECT_EQ(old.index, fresh.index);
  EXPECT_FALSE(fixture.schedule.status(old));
  EXPECT_FALSE(fixture.schedule.flush(old, fixture.now));
  EXPECT_FALSE(fixture.schedule.set_last_response(old, "hello"));
  EXPECT_TRUE(fixture.schedule.status(fresh));
}

// What was learned of the one that had the place before is not the next one's.
TEST(ScheduleDestinationTest, ANewNameBeginsAfresh) {
  ScheduleOptions options;
  options.destinations_unused_max = 1;
  ScheduleFixture fixture(options);
  fixture.add("a", "dead.example");
  fixture.finish(*fixture.next(), Verdict::unreachable);
  EXPECT_TRUE(
      fixture.schedule.set_last_response(fixture.schedule.find_destination("dead.example"), "no route to host"));
  fixture.add("a", "live.example");
  EXPECT_TRUE(fixture.next());
  EXPECT_EQ(fixture.status("live.example").last_response, "");
}

// ------------------------------------------------------------------------------------ what it says

TEST(ScheduleDestinationTest, SaysWhatWaitsAndWhatWasSaid) {
  ScheduleFixture fixture;
  fixture.add_many("a", "example.com", 5);
  fixture.add_later("b", "example.com", 1h);
  EXPECT_TRUE(fixture.schedule.hold(fixture.add("b", "example.com"), fixture.now));
  fixture.start_all();
  ASSERT_TRUE(
      fixture.schedule.set_last_response(fixture.schedule.find_destination("example.com"), std::string(1000, 'x')));
  const DestinationStatus status = fixture.status("example.com");
  EXPECT_EQ(status.name, "example.com");
  EXPECT_EQ(status.jobs, 7U);
  EXPECT_EQ(status.running, 2U);
  EXPECT_EQ(status.ready, 3U);
  EXPECT_EQ(status.held, 1U);
  EXPECT_EQ(status.window, 2U);
  EXPECT_EQ(status.per_second, 0);
  EXPECT_EQ(status.last_response, std::string(Schedule::kLastWordsMax - 3, 'x') + "...");
}

TEST(ScheduleDestinationTest, PagesThroughDestinations) {
  ScheduleFixture fixture;
  for (int i = 0; i < 100; ++i) fixture.add("a", std::to_string(i));
  std::vector<std::string> names;
  std::uint32_t cursor = 0;
  while (cursor < fixture.schedule.destinations_end())
    for (const auto& status : fixture.schedule.destinations(&cursor, 7)) names.emplace_back(status.name);
  EXPECT_THAT(names, SizeIs(100));
  EXPECT_EQ(names[42], "42");
}

}  // namespace
}  // namespace sluice::schedule
