// A job's life: every operation in every state, expiry, stale ids, when the schedule has to be asked again, and what
// a million jobs cost.
#include "tests/unit/schedule/schedule_fixture.h"

namespace sluice::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr JobState kStates[] = {JobState::waiting, JobState::ready, JobState::running,
                                JobState::tried,   JobState::held,  JobState::expired};

std::string jobs_by_route(const Schedule& schedule) {
  std::string text;
  for (const RouteJobs& each : schedule.routes()) text += each.route + ":" + std::to_string(each.jobs) + " ";
  return text;
}

TEST(ScheduleJobs, AreCountedByRouteFromTheirAdditionToTheirEnd) {
  ScheduleFixture fixture;
  Schedule& schedule = fixture.schedule;
  const auto add = [&](std::string_view destination, std::string_view route) {
    return schedule.add({.destination = schedule.destination(destination, route), .customer = schedule.customer("a")},
                        fixture.now);
  };
  const JobId one = add("mx/far.test", "mx");
  add("mx/near.test", "mx");
  add("inside", "inside");
  EXPECT_EQ(jobs_by_route(schedule), "mx:2 inside:1 ");
  EXPECT_TRUE(schedule.hold(one, fixture.now));
  EXPECT_EQ(jobs_by_route(schedule), "mx:2 inside:1 ") << "in any state";
  EXPECT_TRUE(schedule.remove(one, fixture.now));
  EXPECT_EQ(jobs_by_route(schedule), "mx:1 inside:1 ");
  // Behind a reload its route has another name.
  schedule.destination("mx/near.test", "out");
  EXPECT_EQ(jobs_by_route(schedule), "mx:0 inside:1 out:1 ");
  for (const JobId job : fixture.start_all()) fixture.finish(job, Verdict::delivered);
  EXPECT_EQ(jobs_by_route(schedule), "mx:0 inside:0 out:0 ");
}

// A fixture with one job, in a given state; ready means behind a full destination.
struct InState : ScheduleFixture {
  explicit InState(JobState wanted) : ScheduleFixture(one_at_a_time()) {
    if (wanted == JobState::ready) {
      add("blocking", "example.com");
      blocking = *next();
    }
    job = schedule.add({.destination = schedule.destination("example.com"),
                        .customer = schedule.customer("a"),
                        .due = wanted == JobState::waiting ? now + 1h : now,
                        .expires = wanted == JobState::expired ? now : now + 24h},
                       now);
    if (wanted == JobState::running || wanted == JobState::tried) EXPECT_EQ(next(), job);
    if (wanted == JobState::tried) EXPECT_TRUE(schedule.finished(job, Verdict::refused, now));
    if (wanted == JobState::held) EXPECT_TRUE(schedule.hold(job, now));
    EXPECT_EQ(state(job), wanted);
  }
  static ScheduleOptions one_at_a_time() {
    ScheduleOptions options;
    options.throttle.concurrency_start = 1;
    return options;
  }
  // Whatever happened, the schedule goes on with other jobs for the same destination.
  void expect_sound() {
    if (blocking) finish(blocking, Verdict::refused);
    if (schedule.status(job) && state(job) == JobState::running) finish(job, Verdict::refused);
    while (const auto left = next()) finish(*left, Verdict::refused);
    const JobId other = add("b", "example.com");
    EXPECT_EQ(next(), other);
    finish(other, Verdict::refused);
    EXPECT_EQ(schedule.running(), 0U);
    EXPECT_EQ(schedule.ready(), 0U);
  }
  JobId job;
  JobId blocking;
};

TEST(ScheduleJobsTest, CanBeRemovedInEveryState) {
  for (const JobState state : kStates) {
    InState fixture(state);
    EXPECT_TRUE(fixture.schedule.remove(fixture.job, fixture.now));
    if (state == JobState::running) {
      EXPECT_EQ(fixture.state(fixture.job), JobState::running);
      EXPECT_FALSE(fixture.schedule.finished(fixture.job, Verdict::refused, fixture.now));
    }
    EXPECT_FALSE(fixture.schedule.status(fixture.job));
    EXPECT_FALSE(fixture.schedule.remove(fixture.job, fixture.now));
    EXPECT_FALSE(fixture.schedule.expired(fixture.now));
    fixture.expect_sound();
    EXPECT_EQ(fixture.schedule.size(), 0U);
    EXPECT_EQ(fixture.schedule.flow_count(), 0U);
    EXPECT_EQ(fixture.schedule.due(fixture.now), Instant::max());
  }
}

TEST(ScheduleJobsTest, CanBeHeldInEveryState) {
  for (const JobState state : kStates) {
    InState fixture(state);
    EXPECT_TRUE(fixture.schedule.hold(fixture.job, fixture.now));
    EXPECT_TRUE(fixture.schedule.hold(fixture.job, fixture.now));
    EXPECT_TRUE(fixture.schedule.status(fixture.job)->hold);
    if (state == JobState::expired) {
      EXPECT_EQ(fixture.state(fixture.job), JobState::expired);
      EXPECT_EQ(fixture.schedule.expired(fixture.now), fixture.job);
      continue;
    }
    if (state == JobState::running) EXPECT_TRUE(fixture.schedule.finished(fixture.job, Verdict::refused, fixture.now));
    if (state == JobState::running || state == JobState::tried)
      EXPECT_TRUE(fixture.schedule.retry(fixture.job, fixture.now + 1min, fixture.now));
    EXPECT_EQ(fixture.state(fixture.job), JobState::held);
    EXPECT_EQ(fixture.status("example.com").held, 1U);
    fixture.now += 12h;
    fixture.expect_sound();
    EXPECT_EQ(fixture.state(fixture.job), JobState::held);
    EXPECT_FALSE(fixture.schedule.flush(fixture.job, fixture.now));
    EXPECT_TRUE(fixture.schedule.release(fixture.job, fixture.now));
    EXPECT_EQ(fixture.status("example.com").held, 0U);
    EXPECT_EQ(fixture.next(), fixture.job);
  }
}

TEST(ScheduleJobsTest, CanBeReleasedOnlyWhenHeld) {
  for (const JobState state : kStates) {
    InState fixture(state);
    EXPECT_EQ(fixture.schedule.release(fixture.job, fixture.now), state == JobState::held);
    EXPECT_EQ(fixture.state(fixture.job), state == JobState::held ? JobState::ready : state);
    fixture.expect_sound();
  }
  // Before it was put back: the hold is forgotten.
  InState fixture(JobState::running);
  EXPECT_TRUE(fixture.schedule.hold(fixture.job, fixture.now));
  EXPECT_TRUE(fixture.schedule.release(fixture.job, fixture.now));
  fixture.finish_and_retry(fixture.job, Verdict::refused, 1h);
  EXPECT_EQ(fixture.state(fixture.job), JobState::waiting);
}

TEST(ScheduleJobsTest, CanBeFlushedWhereItWaits) {
  for (const JobState state : kStates) {
    InState fixture(state);
    const bool waits = state == JobState::waiting || state == JobState::ready;
    EXPECT_EQ(fixture.schedule.flush(fixture.job, fixture.now), waits);
    if (fixture.blocking) fixture.finish(fixture.blocking, Verdict::refused);
    fixture.blocking = {};
    if (waits) EXPECT_EQ(fixture.next(), fixture.job);
  }
}

TEST(ScheduleJobsTest, CanBePutBackOnlyWhenTried) {
  for (const JobState state : kStates) {
    InState fixture(state);
    EXPECT_EQ(fixture.schedule.retry(fixture.job, fixture.now + 1h, fixture.now), state == JobState::tried);
    fixture.expect_sound();
  }
}

TEST(ScheduleJobsTest, ARetryWaitsForItsTime) {
  ScheduleFixture fixture;
  fixture.add("a", "example.com");
  const JobId job = *fixture.next();
  EXPECT_TRUE(fixture.schedule.status(job)->first_attempt);
  fixture.finish_and_retry(job, Verdict::refused, 5min);
  EXPECT_FALSE(fixture.next());
  EXPECT_EQ(fixture.schedule.due(fixture.now), fixture.now + 5min);
  fixture.now += 5min;
  EXPECT_EQ(fixture.next(), job);
  EXPECT_FALSE(fixture.schedule.status(job)->first_attempt);
}

TEST(ScheduleJobsTest, JobsBecomeDueInOrderOfTheirTimes) {
  ScheduleFixture fixture;
  for (const int minutes : {5, 3, 9, 1, 7})
    fixture.add_later("a", "example.com", minutes * 1min, static_cast<std::uint64_t>(minutes));
  std::vector<std::uint64_t> order;
  fixture.now += 1h;
  while (const auto job = fixture.next()) {
    order.push_back(fixture.schedule.status(*job)->message);
    fixture.finish(*job, Verdict::refused);
  }
  EXPECT_THAT(order, ElementsAre(1, 3, 5, 7, 9));
}

TEST(ScheduleJobsTest, AStaleIdIsRecognisedThoughItsPlaceIsTakenAgain) {
  ScheduleFixture fixture;
  const JobId old = fixture.add("a", "example.com");
  EXPECT_TRUE(fixture.schedule.remove(old, fixture.now));
  const JobId fresh = fixture.add("a", "example.com");
  ASSERT_EQ(old.index, fresh.index);
  EXPECT_NE(old, fresh);
  EXPECT_FALSE(fixture.schedule.status(old));
  EXPECT_FALSE(fixture.schedule.remove(old, fixture.now));
  EXPECT_FALSE(fixture.schedule.hold(old, fixture.now));
  EXPECT_FALSE(fixture.schedule.release(old, fixture.now));
  EXPECT_FALSE(fixture.schedule.flush(old, fixture.now));
  EXPECT_FALSE(fixture.schedule.retry(old, fixture.now, fixture.now));
  EXPECT_FALSE(fixture.schedule.remove({}, fixture.now));
  EXPECT_EQ(fixture.state(fresh), JobState::ready);
}

TEST(ScheduleJobsDeathTest, OnlyWhatRunsCanFinish) {
  ScheduleFixture fixture;
  const JobId job = fixture.add("a", "example.com");
  EXPECT_DEATH(static_cast<void>(fixture.schedule.finished(job, Verdict::delivered, fixture.now)), "check failed");
  EXPECT_DEATH(static_cast<void>(fixture.schedule.finished({}, Verdict::delivered, fixture.now)), "check failed");
}

// ------------------------------------------------------------------------------------ expiry

JobId add_expiring(ScheduleFixture& fixture, Duration due, Duration expires) {
  return fixture.schedule.add({.destination = fixture.schedule.destination("example.com"),
                               .customer = fixture.schedule.customer("a"),
                               .due = fixture.now + due,
                               .expires = fixture.now + expires},
                              fixture.now);
}

// The whole queue of a dead destination is given up in time, though only its probes are tried.
TEST(ScheduleJobsTest, WhatWaitsForADeadDestinationExpires) {
  ScheduleFixture fixture;
  for (int i = 0; i < 1000; ++i) add_expiring(fixture, 0s, 4h);
  fixture.finish(fixture.start_all(), Verdict::unreachable);
  const Instant end = fixture.now + 4h;
  int tries = 0;
  while (fixture.schedule.due(fixture.now) < end) {
    fixture.now = fixture.schedule.due(fixture.now);
    while (const auto job = fixture.next()) {
      ++tries;
      fixture.finish_and_retry(*job, Verdict::unreachable, 30min);
    }
    ASSERT_FALSE(fixture.schedule.expired(fixture.now));
  }
  EXPECT_LT(tries, 15);
  fixture.now = end;
  int expired = 0;
  while (fixture.schedule.due(fixture.now) <= fixture.now) {
    ASSERT_FALSE(fixture.next());
    while (const auto job = fixture.schedule.expired(fixture.now)) {
      ++expired;
      EXPECT_EQ(fixture.state(*job), JobState::tried);
      EXPECT_TRUE(fixture.schedule.remove(*job, fixture.now));
    }
  }
  EXPECT_EQ(expired, 998);
  EXPECT_EQ(fixture.schedule.size(), 0U);
  EXPECT_EQ(fixture.schedule.due(fixture.now), Instant::max());
}

TEST(ScheduleJobsTest, AJobThatWaitsExpiresBeforeItsTimeComes) {
  ScheduleFixture fixture;
  const JobId job = add_expiring(fixture, 10h, 5h);
  EXPECT_EQ(fixture.schedule.due(fixture.now), fixture.now + 5h);
  fixture.now += 5h;
  EXPECT_FALSE(fixture.next());
  EXPECT_EQ(fixture.schedule.expired(fixture.now), job);
}

// On hold it was kept for ever, and its sender heard nothing.
TEST(ScheduleJobsTest, WhatIsHeldExpires) {
  for (const Duration due : {Duration(0s), Duration(10h)}) {
    ScheduleFixture fixture;
    const JobId held = add_expiring(fixture, due, 1h);
    EXPECT_TRUE(fixture.schedule.hold(held, fixture.now));
    EXPECT_FALSE(fixture.next());
    EXPECT_EQ(fixture.schedule.due(fixture.now), fixture.now + 1h);
    fixture.now += 1h;
    EXPECT_FALSE(fixture.next());
    EXPECT_EQ(fixture.schedule.expired(fixture.now), held);
    EXPECT_EQ(fixture.status("example.com").held, 0U);
  }
}

TEST(ScheduleJobsTest, WhatIsBeingTriedDoesNotExpire) {
  ScheduleFixture fixture;
  const JobId running = add_expiring(fixture, 0s, 1h);
  ASSERT_EQ(fixture.next(), running);
  fixture.now += 2h;
  EXPECT_FALSE(fixture.schedule.expired(fixture.now));
  EXPECT_EQ(fixture.schedule.due(fixture.now), Instant::max());
  fixture.finish_and_retry(running, Verdict::refused, 1h);
  EXPECT_EQ(fixture.schedule.expired(fixture.now), running);
}

// ------------------------------------------------------------------------------------ when to ask again

TEST(ScheduleJobsTest, AnEmptyScheduleNeverHasToBeAsked) {
  ScheduleFixture fixture;
  EXPECT_FALSE(fixture.next());
  EXPECT_EQ(fixture.schedule.due(fixture.now), Instant::max());
}

TEST(ScheduleJobsTest, AFullCoreHasToBeAskedOnlyForWhatExpires) {
  ScheduleOptions options;
  options.total_running_max = 1;
  ScheduleFixture fixture(options);
  fixture.add_many("a", "example.com", 10);
  fixture.add_many("a", "example.net", 10);
  const JobId running = *fixture.next();
  EXPECT_FALSE(fixture.next());
  EXPECT_EQ(fixture.schedule.due(fixture.now), Instant::max());
  fixture.finish(running, Verdict::delivered);
  EXPECT_EQ(fixture.schedule.due(fixture.now), fixture.now);
}

// A hundred thousand retries fall due at once: each call takes a portion, and none is forgotten.
TEST(ScheduleJobsTest, AFloodOfDueJobsIsTakenInPortions) {
  ScheduleFixture fixture;
  for (int i = 0; i < 100'000; ++i) fixture.add_later("a", "example.com", 1h);
  fixture.now += 1h;
  std::size_t running = fixture.count_startable();
  EXPECT_LE(fixture.schedule.ready(), 2000U);
  int calls = 0;
  while (fixture.schedule.due(fixture.now) <= fixture.now) {
    ASSERT_LT(++calls, 1000);
    running += fixture.count_startable();
  }
  EXPECT_EQ(running, 2U);
  EXPECT_EQ(fixture.schedule.ready() + running, 100'000U);
}

// ------------------------------------------------------------------------------------ a million jobs

TEST(ScheduleJobsTest, AMillionJobsFitIntoSixtyFourBytesEach) {
  constexpr std::uint32_t kMillion = 1'000'000;
  ScheduleFixture fixture;
  const NewJob job = {.destination = fixture.schedule.destination("example.com"),
                      .customer = fixture.schedule.customer("a"),
                      .due = fixture.now + 1h,
                      .expires = fixture.now + 96h};
  std::vector<JobId> jobs;
  jobs.reserve(kMillion);
  for (std::uint32_t i = 0; i < kMillion; ++i) jobs.push_back(fixture.schedule.add(job, fixture.now));
  constexpr std::size_t kSpare = 2 * std::size_t{4096} * detail::kJobBytesMax;
  EXPECT_LE(fixture.schedule.job_bytes(), kMillion * detail::kJobBytesMax + kSpare);
  // Places are used again, however often jobs come and go.
  for (std::uint32_t i = 0; i < kMillion / 4; ++i) {
    EXPECT_TRUE(fixture.schedule.remove(jobs[i / 2], fixture.now));
    jobs[i / 2] = fixture.schedule.add(job, fixture.now);
  }
  EXPECT_EQ(fixture.schedule.size(), kMillion);
  EXPECT_LE(fixture.schedule.job_bytes(), kMillion * detail::kJobBytesMax + kSpare);
  EXPECT_EQ(fixture.schedule.flow_count(), 1U);
}

}  // namespace
}  // namespace sluice::schedule
