// Destinations in the schedule: windows, a suspension that holds for all, the probe, rates, flushing, what is said to
// the control socket, and how names come and go.
#include "tests/unit/schedule/schedule_fixture.h"

namespace sluice::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ScheduleDestinationTest, TheWindowOpensAsMessagesAreDelivered) {
  ScheduleBench bench;
  bench.add_many("a", "example.com", 1000);
  std::vector<JobId> running = bench.start_all();
  std::vector<std::size_t> windows;
  for (int i = 0; i < 4; ++i) {
    windows.push_back(running.size());
    bench.finish(running, Verdict::delivered);
    running = bench.start_all();
  }
  EXPECT_THAT(windows, ElementsAre(2, 3, 5, 7));  // the second half of a round makes no use of the window
  EXPECT_EQ(bench.status("example.com").window, 10U);
}

TEST(ScheduleDestinationTest, ADeadOneIsNotTriedByEachOfItsMessages) {
  ScheduleBench bench;
  for (int i = 0; i < 1000; ++i) bench.add("customer" + std::to_string(i), "dead.example");
  std::vector<JobId> running = bench.start_all();
  ASSERT_THAT(running, SizeIs(2));
  for (const JobId job : running) bench.finish_and_retry(job, Verdict::unreachable, 5min);
  EXPECT_EQ(bench.count_startable(), 0U);
  const DestinationStatus status = bench.status("dead.example");
  EXPECT_TRUE(status.suspended);
  EXPECT_EQ(status.ready, 998U);
  EXPECT_EQ(bench.schedule.counters().suspensions, 1U);
  // Newcomers wait too, and other destinations do not.
  bench.add("other", "dead.example");
  EXPECT_EQ(bench.count_startable(), 0U);
  bench.add("other", "live.example");
  EXPECT_EQ(bench.count_startable(), 1U);
}

TEST(ScheduleDestinationTest, ThenOneProbeGoesAndASuccessOpensIt) {
  ScheduleBench bench;
  for (std::uint64_t i = 0; i < 100; ++i) bench.add("a", "dead.example", i);
  std::vector<JobId> running = bench.start_all();
  bench.finish(running, Verdict::unreachable);
  Instant before = bench.now;
  std::vector<Duration> waits;
  for (int i = 0; i < 8; ++i) {
    bench.now = bench.schedule.due(bench.now);
    waits.push_back(bench.now - before);
    before = bench.now;
    running = bench.start_all();
    ASSERT_THAT(running, SizeIs(1)) << "one probe, and no more until it is known";
    EXPECT_EQ(bench.schedule.status(running[0])->message, 2U + static_cast<std::uint64_t>(i)) << "places are kept";
    EXPECT_TRUE(bench.status("dead.example").probing);
    EXPECT_EQ(bench.schedule.due(bench.now), Instant::max());
    bench.finish(running, Verdict::unreachable);
  }
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const Duration most = std::min<Duration>(1min * (1 << i), 1h);
    EXPECT_LE(waits[i], most);
    EXPECT_GE(waits[i], most * 3 / 4);
  }
  bench.now = bench.schedule.due(bench.now);
  running = bench.start_all();
  ASSERT_THAT(running, SizeIs(1));
  bench.finish(running, Verdict::delivered);
  EXPECT_FALSE(bench.status("dead.example").suspended);
  EXPECT_EQ(bench.count_startable(), 2U);  // slow start
  EXPECT_EQ(bench.schedule.counters().resumed, 1U);
}

TEST(ScheduleDestinationTest, ARetryThatFallsDueDuringASuspensionWaitsForItsEnd) {
  ScheduleBench bench;
  bench.add("a", "dead.example");
  bench.finish_and_retry(*bench.next(), Verdict::unreachable, 10s);
  bench.now += 10s;
  EXPECT_FALSE(bench.next());
  EXPECT_EQ(bench.status("dead.example").ready, 1U);
  const Instant due = bench.schedule.due(bench.now);
  EXPECT_EQ(due, bench.status("dead.example").not_before);
  bench.now = due;
  EXPECT_TRUE(bench.next());
}

TEST(ScheduleDestinationTest, ASuspensionIsRememberedWithoutAnyMessage) {
  ScheduleBench bench;
  bench.add("a", "dead.example");
  bench.finish(*bench.next(), Verdict::unreachable);
  EXPECT_EQ(bench.schedule.size(), 0U);
  bench.add("b", "dead.example");
  EXPECT_FALSE(bench.next());
  EXPECT_EQ(bench.schedule.due(bench.now), bench.status("dead.example").not_before);
}

TEST(ScheduleDestinationTest, KeepsToARateWhateverTheWindow) {
  ScheduleOptions options;
  options.throttle.messages_per_second = 20;
  ScheduleBench bench(options);
  bench.add_many("a", "example.com", 10'000);
  std::vector<JobId> running;
  const Instant begin = bench.now;
  std::size_t started = 0;
  while (bench.now < begin + 10s) {
    running = bench.start_all();
    started += running.size();
    bench.finish(running, Verdict::delivered);
    const Instant due = bench.schedule.due(bench.now);
    ASSERT_GT(due, bench.now);
    bench.now = due;
  }
  EXPECT_GE(started, 200U);
  EXPECT_LE(started, 202U);
  EXPECT_DOUBLE_EQ(bench.status("example.com").per_second, 20);
}

TEST(ScheduleDestinationTest, FlushingMakesAllDueAndEndsTheSuspension) {
  ScheduleBench bench;
  for (int i = 0; i < 1000; ++i) bench.add_later("a", "dead.example", 1h + i * 1s);
  bench.add_later("a", "other.example", 1h);
  bench.add("a", "dead.example");
  bench.finish_and_retry(*bench.next(), Verdict::unreachable, 2h);
  ASSERT_TRUE(bench.status("dead.example").suspended);
  ASSERT_TRUE(bench.schedule.flush(bench.schedule.find_destination("dead.example"), bench.now));
  EXPECT_LE(bench.schedule.due(bench.now), bench.now);
  const auto probe = bench.next();
  ASSERT_TRUE(probe);
  EXPECT_FALSE(bench.next());  // until it is known
  bench.finish(*probe, Verdict::delivered);
  int turns = 1;
  for (; turns < 2000 && bench.run_one() != "none"; ++turns) continue;
  EXPECT_EQ(turns, 1001);
  EXPECT_EQ(bench.schedule.size(), 1U);  // of the other destination
}

// The next one to be flushed goes while the flush is under way.
TEST(ScheduleDestinationTest, AFlushSurvivesThatItsJobsGo) {
  ScheduleBench bench;
  std::vector<JobId> jobs;
  for (int i = 0; i < 1000; ++i) jobs.push_back(bench.add_later("a", "example.com", 1h));
  EXPECT_TRUE(bench.schedule.flush(bench.schedule.find_destination("example.com"), bench.now));
  bench.next();
  for (std::size_t i = 200; i < 300; ++i) EXPECT_TRUE(bench.schedule.remove(jobs[i], bench.now));
  for (int i = 0; i < 10; ++i) bench.next();
  EXPECT_EQ(bench.schedule.size(), 900U);
  EXPECT_EQ(bench.schedule.ready() + bench.schedule.running(), 900U);
  // And that the destination itself goes.
  ScheduleOptions options;
  options.destinations_unused_max = 1;
  ScheduleBench other(options);
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
  ScheduleBench bench(options);
  for (int i = 0; i < 100; ++i)
    bench.schedule.add({.destination = bench.schedule.destination("smarthost", "smarthost"),
                        .customer = bench.schedule.customer("a"),
                        .due = bench.now},
                       bench.now);
  std::vector<JobId> running = bench.start_all();
  EXPECT_THAT(running, SizeIs(7));
  // And new ones after a reload.
  bench.schedule.set_throttles({}, {{"smarthost", {.concurrency_start = 1, .concurrency_max = 3}}});
  bench.finish(running, Verdict::delivered);
  EXPECT_EQ(bench.count_startable(), 3U);
}

// What had a number among the routes was another route once they were in another order.
TEST(ScheduleDestinationTest, AfterAReloadLimitsAreThoseOfTheRouteOfThatName) {
  const auto rate = [](double per_second) { return ThrottleOptions{.messages_per_second = per_second}; };
  ScheduleOptions options;
  options.throttles = {{"farm", rate(2)}, {"mx", rate(5)}};
  ScheduleBench bench(options);
  const auto of = [&](std::string_view destination) { return bench.status(destination).per_second; };
  bench.schedule.destination("farm", "farm");
  bench.schedule.destination("mx/example.com", "mx");
  bench.schedule.destination("mx/example.net", "mx");
  bench.schedule.destination("of no route");
  // Rates are kept as whole nanoseconds between two messages.
  // Two that sort before the others, and one that is gone.
  bench.schedule.set_throttles({}, {{"aaa", rate(11)}, {"bbb", rate(12)}, {"mx", rate(6)}});
  EXPECT_NEAR(of("mx/example.com"), 6, 1e-6);
  EXPECT_NEAR(of("mx/example.net"), 6, 1e-6);
  EXPECT_NEAR(of("farm"), 2, 1e-6) << "no route of that name: what it had before";
  EXPECT_NEAR(of("of no route"), 0, 1e-6);
  // It is there again.
  bench.schedule.set_throttles({}, {{"zzz", rate(13)}, {"farm", rate(3)}, {"mx", rate(7)}});
  EXPECT_NEAR(of("farm"), 3, 1e-6);
  EXPECT_NEAR(of("mx/example.com"), 7, 1e-6);
}

// ------------------------------------------------------------------------------------ names

TEST(ScheduleDestinationTest, OneNameIsOneDestination) {
  ScheduleBench bench;
  const DestinationId id = bench.schedule.destination("example.com");
  EXPECT_EQ(bench.schedule.destination("example.com"), id);
  EXPECT_EQ(bench.schedule.find_destination("example.com"), id);
  EXPECT_NE(bench.schedule.destination("example.net"), id);
  EXPECT_FALSE(bench.schedule.find_destination("example.org"));
}

TEST(ScheduleDestinationTest, NamesWithoutMessagesAreForgottenTheOldestFirst) {
  ScheduleOptions options;
  options.destinations_unused_max = 3;
  options.customers_unused_max = 3;
  ScheduleBench bench(options);
  const JobId job = bench.add("c", "used.example");
  for (int i = 0; i < 1000; ++i) {
    bench.schedule.destination(std::to_string(i));
    bench.schedule.customer(std::to_string(i));
  }
  EXPECT_EQ(bench.schedule.destination_count(), 4U);
  EXPECT_EQ(bench.schedule.customer_count(), 4U);
  EXPECT_TRUE(bench.schedule.find_destination("997"));
  EXPECT_FALSE(bench.schedule.find_destination("996"));
  EXPECT_TRUE(bench.schedule.find_destination("used.example"));
  bench.schedule.destination("997");  // asked for again: now it is the latest
  bench.schedule.destination("new");
  EXPECT_TRUE(bench.schedule.find_destination("997"));
  EXPECT_FALSE(bench.schedule.find_destination("998"));
  EXPECT_TRUE(bench.schedule.remove(job, bench.now));
  EXPECT_EQ(bench.schedule.destination_count(), 3U);
}

TEST(ScheduleDestinationTest, AnIdOfAForgottenNameIsRecognised) {
  ScheduleOptions options;
  options.destinations_unused_max = 1;
  ScheduleBench bench(options);
  const DestinationId old = bench.schedule.destination("one");
  const DestinationId fresh = bench.schedule.destination("two");
  EXPECT_EQ(old.index, fresh.index);
  EXPECT_FALSE(bench.schedule.status(old));
  EXPECT_FALSE(bench.schedule.flush(old, bench.now));
  EXPECT_FALSE(bench.schedule.set_last_response(old, "hello"));
  EXPECT_TRUE(bench.schedule.status(fresh));
}

// What was learned of the one that had the place before is not the next one's.
TEST(ScheduleDestinationTest, ANewNameBeginsAfresh) {
  ScheduleOptions options;
  options.destinations_unused_max = 1;
  ScheduleBench bench(options);
  bench.add("a", "dead.example");
  bench.finish(*bench.next(), Verdict::unreachable);
  EXPECT_TRUE(bench.schedule.set_last_response(bench.schedule.find_destination("dead.example"), "no route to host"));
  bench.add("a", "live.example");
  EXPECT_TRUE(bench.next());
  EXPECT_EQ(bench.status("live.example").last_response, "");
}

// ------------------------------------------------------------------------------------ what it says

TEST(ScheduleDestinationTest, SaysWhatWaitsAndWhatWasSaid) {
  ScheduleBench bench;
  bench.add_many("a", "example.com", 5);
  bench.add_later("b", "example.com", 1h);
  EXPECT_TRUE(bench.schedule.hold(bench.add("b", "example.com"), bench.now));
  bench.start_all();
  ASSERT_TRUE(bench.schedule.set_last_response(bench.schedule.find_destination("example.com"), std::string(1000, 'x')));
  const DestinationStatus status = bench.status("example.com");
  EXPECT_EQ(status.name, "example.com");
  EXPECT_EQ(status.jobs, 7U);
  EXPECT_EQ(status.running, 2U);
  EXPECT_EQ(status.ready, 3U);
  EXPECT_EQ(status.held, 1U);
  EXPECT_EQ(status.window, 2U);
  EXPECT_EQ(status.per_second, 0);
  EXPECT_EQ(status.last_response, std::string(Schedule::kLastWordsMax, 'x'));
}

TEST(ScheduleDestinationTest, PagesThroughDestinations) {
  ScheduleBench bench;
  for (int i = 0; i < 100; ++i) bench.add("a", std::to_string(i));
  std::vector<std::string> names;
  std::uint32_t cursor = 0;
  while (cursor < bench.schedule.destinations_end())
    for (const auto& status : bench.schedule.destinations(&cursor, 7)) names.emplace_back(status.name);
  EXPECT_THAT(names, SizeIs(100));
  EXPECT_EQ(names[42], "42");
}

}  // namespace
}  // namespace sluice::schedule
