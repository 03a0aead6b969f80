// A job's life: every operation in every state, expiry, stale ids, when the schedule wants to be asked again, and what
// a million jobs cost.
#include "tests/unit/schedule/schedule_fixture.h"

namespace sluice::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr JobState kStates[] = {JobState::waiting, JobState::ready, JobState::running,
                                JobState::tried,   JobState::held,  JobState::expired};

// A bench with one job, in a given state; ready means behind a full destination.
struct InState : ScheduleBench {
  explicit InState(JobState wanted) : ScheduleBench(one_at_a_time()) {
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
    InState bench(state);
    EXPECT_TRUE(bench.schedule.remove(bench.job, bench.now));
    if (state == JobState::running) {
      EXPECT_EQ(bench.state(bench.job), JobState::running);
      EXPECT_FALSE(bench.schedule.finished(bench.job, Verdict::refused, bench.now));
    }
    EXPECT_FALSE(bench.schedule.status(bench.job));
    EXPECT_FALSE(bench.schedule.remove(bench.job, bench.now));
    EXPECT_FALSE(bench.schedule.expired(bench.now));
    bench.expect_sound();
    EXPECT_EQ(bench.schedule.size(), 0U);
    EXPECT_EQ(bench.schedule.flow_count(), 0U);
    EXPECT_EQ(bench.schedule.due(bench.now), Instant::max());
  }
}

TEST(ScheduleJobsTest, CanBeHeldInEveryState) {
  for (const JobState state : kStates) {
    InState bench(state);
    EXPECT_TRUE(bench.schedule.hold(bench.job, bench.now));
    EXPECT_TRUE(bench.schedule.hold(bench.job, bench.now));
    EXPECT_TRUE(bench.schedule.status(bench.job)->hold);
    if (state == JobState::expired) {
      EXPECT_EQ(bench.state(bench.job), JobState::expired);
      EXPECT_EQ(bench.schedule.expired(bench.now), bench.job);
      continue;
    }
    if (state == JobState::running) EXPECT_TRUE(bench.schedule.finished(bench.job, Verdict::refused, bench.now));
    if (state == JobState::running || state == JobState::tried)
      EXPECT_TRUE(bench.schedule.retry(bench.job, bench.now + 1min, bench.now));
    EXPECT_EQ(bench.state(bench.job), JobState::held);
    EXPECT_EQ(bench.status("example.com").held, 1U);
    bench.now += 12h;
    bench.expect_sound();
    EXPECT_EQ(bench.state(bench.job), JobState::held);
    EXPECT_FALSE(bench.schedule.flush(bench.job, bench.now));
    EXPECT_TRUE(bench.schedule.release(bench.job, bench.now));
    EXPECT_EQ(bench.status("example.com").held, 0U);
    EXPECT_EQ(bench.next(), bench.job);
  }
}

TEST(ScheduleJobsTest, CanBeReleasedOnlyWhenHeld) {
  for (const JobState state : kStates) {
    InState bench(state);
    EXPECT_EQ(bench.schedule.release(bench.job, bench.now), state == JobState::held);
    EXPECT_EQ(bench.state(bench.job), state == JobState::held ? JobState::ready : state);
    bench.expect_sound();
  }
  // Before it was put back: the hold is forgotten.
  InState bench(JobState::running);
  EXPECT_TRUE(bench.schedule.hold(bench.job, bench.now));
  EXPECT_TRUE(bench.schedule.release(bench.job, bench.now));
  bench.finish_and_retry(bench.job, Verdict::refused, 1h);
  EXPECT_EQ(bench.state(bench.job), JobState::waiting);
}

TEST(ScheduleJobsTest, CanBeFlushedWhereItWaits) {
  for (const JobState state : kStates) {
    InState bench(state);
    const bool waits = state == JobState::waiting || state == JobState::ready;
    EXPECT_EQ(bench.schedule.flush(bench.job, bench.now), waits);
    if (bench.blocking) bench.finish(bench.blocking, Verdict::refused);
    bench.blocking = {};
    if (waits) EXPECT_EQ(bench.next(), bench.job);
  }
}

TEST(ScheduleJobsTest, CanBePutBackOnlyWhenTried) {
  for (const JobState state : kStates) {
    InState bench(state);
    EXPECT_EQ(bench.schedule.retry(bench.job, bench.now + 1h, bench.now), state == JobState::tried);
    bench.expect_sound();
  }
}

TEST(ScheduleJobsTest, ARetryWaitsForItsTime) {
  ScheduleBench bench;
  bench.add("a", "example.com");
  const JobId job = *bench.next();
  EXPECT_TRUE(bench.schedule.status(job)->first_attempt);
  bench.finish_and_retry(job, Verdict::refused, 5min);
  EXPECT_FALSE(bench.next());
  EXPECT_EQ(bench.schedule.due(bench.now), bench.now + 5min);
  bench.now += 5min;
  EXPECT_EQ(bench.next(), job);
  EXPECT_FALSE(bench.schedule.status(job)->first_attempt);
}

TEST(ScheduleJobsTest, JobsBecomeDueInOrderOfTheirTimes) {
  ScheduleBench bench;
  for (const int minutes : {5, 3, 9, 1, 7})
    bench.add_later("a", "example.com", minutes * 1min, static_cast<std::uint64_t>(minutes));
  std::vector<std::uint64_t> order;
  bench.now += 1h;
  while (const auto job = bench.next()) {
    order.push_back(bench.schedule.status(*job)->message);
    bench.finish(*job, Verdict::refused);
  }
  EXPECT_THAT(order, ElementsAre(1, 3, 5, 7, 9));
}

TEST(ScheduleJobsTest, AStaleIdIsRecognisedThoughItsPlaceIsTakenAgain) {
  ScheduleBench bench;
  const JobId old = bench.add("a", "example.com");
  EXPECT_TRUE(bench.schedule.remove(old, bench.now));
  const JobId fresh = bench.add("a", "example.com");
  ASSERT_EQ(old.index, fresh.index);
  EXPECT_NE(old, fresh);
  EXPECT_FALSE(bench.schedule.status(old));
  EXPECT_FALSE(bench.schedule.remove(old, bench.now));
  EXPECT_FALSE(bench.schedule.hold(old, bench.now));
  EXPECT_FALSE(bench.schedule.release(old, bench.now));
  EXPECT_FALSE(bench.schedule.flush(old, bench.now));
  EXPECT_FALSE(bench.schedule.retry(old, bench.now, bench.now));
  EXPECT_FALSE(bench.schedule.remove({}, bench.now));
  EXPECT_EQ(bench.state(fresh), JobState::ready);
}

TEST(ScheduleJobsDeathTest, OnlyWhatRunsCanFinish) {
  ScheduleBench bench;
  const JobId job = bench.add("a", "example.com");
  EXPECT_DEATH(static_cast<void>(bench.schedule.finished(job, Verdict::delivered, bench.now)), "check failed");
  EXPECT_DEATH(static_cast<void>(bench.schedule.finished({}, Verdict::delivered, bench.now)), "check failed");
}

// ------------------------------------------------------------------------------------ expiry

JobId add_expiring(ScheduleBench& bench, Duration due, Duration expires) {
  return bench.schedule.add({.destination = bench.schedule.destination("example.com"),
                             .customer = bench.schedule.customer("a"),
                             .due = bench.now + due,
                             .expires = bench.now + expires},
                            bench.now);
}

// The whole queue of a dead destination is given up in time, though only its probes are tried.
TEST(ScheduleJobsTest, WhatWaitsForADeadDestinationExpires) {
  ScheduleBench bench;
  for (int i = 0; i < 1000; ++i) add_expiring(bench, 0s, 4h);
  bench.finish(bench.start_all(), Verdict::unreachable);
  const Instant end = bench.now + 4h;
  int tries = 0;
  while (bench.schedule.due(bench.now) < end) {
    bench.now = bench.schedule.due(bench.now);
    while (const auto job = bench.next()) {
      ++tries;
      bench.finish_and_retry(*job, Verdict::unreachable, 30min);
    }
    ASSERT_FALSE(bench.schedule.expired(bench.now));
  }
  EXPECT_LT(tries, 15);
  bench.now = end;
  int expired = 0;
  while (bench.schedule.due(bench.now) <= bench.now) {
    ASSERT_FALSE(bench.next());
    while (const auto job = bench.schedule.expired(bench.now)) {
      ++expired;
      EXPECT_EQ(bench.state(*job), JobState::tried);
      EXPECT_TRUE(bench.schedule.remove(*job, bench.now));
    }
  }
  EXPECT_EQ(expired, 998);
  EXPECT_EQ(bench.schedule.size(), 0U);
  EXPECT_EQ(bench.schedule.due(bench.now), Instant::max());
}

TEST(ScheduleJobsTest, AJobThatWaitsExpiresBeforeItsTimeComes) {
  ScheduleBench bench;
  const JobId job = add_expiring(bench, 10h, 5h);
  EXPECT_EQ(bench.schedule.due(bench.now), bench.now + 5h);
  bench.now += 5h;
  EXPECT_FALSE(bench.next());
  EXPECT_EQ(bench.schedule.expired(bench.now), job);
}

// On hold it was kept for ever, and its sender heard nothing.
TEST(ScheduleJobsTest, WhatIsHeldExpires) {
  for (const Duration due : {Duration(0s), Duration(10h)}) {
    ScheduleBench bench;
    const JobId held = add_expiring(bench, due, 1h);
    EXPECT_TRUE(bench.schedule.hold(held, bench.now));
    EXPECT_FALSE(bench.next());
    EXPECT_EQ(bench.schedule.due(bench.now), bench.now + 1h);
    bench.now += 1h;
    EXPECT_FALSE(bench.next());
    EXPECT_EQ(bench.schedule.expired(bench.now), held);
    EXPECT_EQ(bench.status("example.com").held, 0U);
  }
}

TEST(ScheduleJobsTest, WhatIsBeingTriedDoesNotExpire) {
  ScheduleBench bench;
  const JobId running = add_expiring(bench, 0s, 1h);
  ASSERT_EQ(bench.next(), running);
  bench.now += 2h;
  EXPECT_FALSE(bench.schedule.expired(bench.now));
  EXPECT_EQ(bench.schedule.due(bench.now), Instant::max());
  bench.finish_and_retry(running, Verdict::refused, 1h);
  EXPECT_EQ(bench.schedule.expired(bench.now), running);
}

// ------------------------------------------------------------------------------------ when to ask again

TEST(ScheduleJobsTest, AnEmptyScheduleNeverWantsToBeAsked) {
  ScheduleBench bench;
  EXPECT_FALSE(bench.next());
  EXPECT_EQ(bench.schedule.due(bench.now), Instant::max());
}

TEST(ScheduleJobsTest, AFullCoreWantsToBeAskedOnlyForWhatExpires) {
  ScheduleOptions options;
  options.total_running_max = 1;
  ScheduleBench bench(options);
  bench.add_many("a", "example.com", 10);
  bench.add_many("a", "example.net", 10);
  const JobId running = *bench.next();
  EXPECT_FALSE(bench.next());
  EXPECT_EQ(bench.schedule.due(bench.now), Instant::max());
  bench.finish(running, Verdict::delivered);
  EXPECT_EQ(bench.schedule.due(bench.now), bench.now);
}

// A hundred thousand retries fall due at once: each call takes a portion, and none is forgotten.
TEST(ScheduleJobsTest, AFloodOfDueJobsIsTakenInPortions) {
  ScheduleBench bench;
  for (int i = 0; i < 100'000; ++i) bench.add_later("a", "example.com", 1h);
  bench.now += 1h;
  std::size_t running = bench.count_startable();
  EXPECT_LE(bench.schedule.ready(), 2000U);
  int calls = 0;
  while (bench.schedule.due(bench.now) <= bench.now) {
    ASSERT_LT(++calls, 1000);
    running += bench.count_startable();
  }
  EXPECT_EQ(running, 2U);
  EXPECT_EQ(bench.schedule.ready() + running, 100'000U);
}

// ------------------------------------------------------------------------------------ a million jobs

TEST(ScheduleJobsTest, AMillionJobsFitIntoSixtyFourBytesEach) {
  constexpr std::uint32_t kMillion = 1'000'000;
  ScheduleBench bench;
  const NewJob job = {.destination = bench.schedule.destination("example.com"),
                      .customer = bench.schedule.customer("a"),
                      .due = bench.now + 1h,
                      .expires = bench.now + 96h};
  std::vector<JobId> jobs;
  jobs.reserve(kMillion);
  for (std::uint32_t i = 0; i < kMillion; ++i) jobs.push_back(bench.schedule.add(job, bench.now));
  constexpr std::size_t kSpare = 2 * std::size_t{4096} * detail::kJobBytesMax;
  EXPECT_LE(bench.schedule.job_bytes(), kMillion * detail::kJobBytesMax + kSpare);
  // Places are used again, however often jobs come and go.
  for (std::uint32_t i = 0; i < kMillion / 4; ++i) {
    EXPECT_TRUE(bench.schedule.remove(jobs[i / 2], bench.now));
    jobs[i / 2] = bench.schedule.add(job, bench.now);
  }
  EXPECT_EQ(bench.schedule.size(), kMillion);
  EXPECT_LE(bench.schedule.job_bytes(), kMillion * detail::kJobBytesMax + kSpare);
  EXPECT_EQ(bench.schedule.flow_count(), 1U);
}

}  // namespace
}  // namespace sluice::schedule
