// The index of a message's jobs agrees with the schedule, whatever happens to them.
#include "engine/relay/job_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace sluice::relay {
namespace {

using namespace std::chrono_literals;
using schedule::JobId;
using schedule::JobState;
using schedule::Verdict;

class JobIndexTest : public ::testing::Test {
 protected:
  JobId add(spool::QueueId id, const std::string& destination, Duration after = 0s, bool held = false) {
    jobs_.add(
        id, {.customer = "acme", .destination = destination, .due = now_ + after, .expires = now_ + 24h, .held = held},
        now_);
    return jobs_.ids(id).back();
  }
  // Starts the one job that may start now.
  JobId start() {
    const std::optional<JobId> job = schedule_.next(now_);
    EXPECT_TRUE(job);
    return job.value_or(JobId());
  }
  std::string fault() { return jobs_.fault(nullptr); }

  schedule::Schedule schedule_{schedule::ScheduleOptions()};
  JobIndex jobs_{schedule_};
  Instant now_{1h};
};

TEST_F(JobIndexTest, AMessageHasAJobForEachDestination) {
  const JobId one = add(1, "farm");
  EXPECT_FALSE(jobs_.has_several(1));
  const JobId two = add(1, "out/example.net", 1h, /*held=*/true);
  add(2, "farm");
  EXPECT_TRUE(jobs_.has_several(1));
  EXPECT_THAT(jobs_.ids(1), ::testing::ElementsAre(one, two));
  const std::vector<schedule::JobStatus> found = jobs_.jobs(1);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(schedule_.status(found[1].destination)->name, "out/example.net");
  EXPECT_EQ(found[1].state, JobState::held);
  EXPECT_EQ(jobs_.size(), 2U);
  EXPECT_THAT(jobs_.ids(3), ::testing::IsEmpty());
  EXPECT_EQ(fault(), "");
}

TEST_F(JobIndexTest, TheFirstJobMayEndBeforeTheOthers) {
  const JobId one = add(1, "a");
  const JobId two = add(1, "b");
  const JobId three = add(1, "c");
  jobs_.end(1, one, now_);
  EXPECT_THAT(jobs_.ids(1), ::testing::UnorderedElementsAre(two, three));
  EXPECT_EQ(fault(), "");
  jobs_.end(1, two, now_);
  jobs_.end(1, three, now_);
  EXPECT_FALSE(jobs_.contains(1));
  EXPECT_EQ(fault(), "");
}

TEST_F(JobIndexTest, ATriedJobWaitsAgain) {
  add(1, "farm");
  const JobId job = start();
  ASSERT_TRUE(jobs_.finish(1, job, Verdict::deferred, now_));
  jobs_.retry(1, job, now_ + 1h, now_);
  ASSERT_EQ(jobs_.jobs(1).size(), 1U);
  EXPECT_EQ(jobs_.jobs(1).front().state, JobState::waiting);
  EXPECT_EQ(fault(), "");
}

// What was removed while its attempt was written down stayed in the index for good.
TEST_F(JobIndexTest, WhatIsRemovedAfterItsAttemptIsNotPutBack) {
  add(1, "farm");
  const JobId job = start();
  ASSERT_TRUE(jobs_.finish(1, job, Verdict::deferred, now_));
  jobs_.remove(1, now_);
  EXPECT_FALSE(jobs_.contains(1));
  jobs_.retry(1, job, now_ + 1h, now_);
  jobs_.end(1, job, now_);
  EXPECT_FALSE(jobs_.contains(1));
  EXPECT_EQ(fault(), "");
}

TEST_F(JobIndexTest, ARunningJobIsRemovedWhenItsAttemptIsOver) {
  add(1, "farm");
  const JobId job = start();
  add(1, "other", 1h);
  jobs_.remove(1, now_);
  EXPECT_THAT(jobs_.ids(1), ::testing::ElementsAre(job));
  EXPECT_EQ(fault(), "");
  EXPECT_FALSE(jobs_.finish(1, job, Verdict::delivered, now_));
  EXPECT_FALSE(jobs_.contains(1));
  EXPECT_EQ(fault(), "");
}

TEST_F(JobIndexTest, AMessageThatIsGivenUpHasNoJobAnyMore) {
  add(1, "farm");
  const JobId job = start();
  add(1, "other", 1h);
  jobs_.end_all(1, now_);
  EXPECT_FALSE(jobs_.contains(1));
  EXPECT_FALSE(jobs_.finish(1, job, Verdict::not_tried, now_));
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(schedule_.size(), 0U);
}

TEST_F(JobIndexTest, AJobThatExpiredMayHaveMoreTime) {
  add(1, "farm", 48h);
  now_ += 25h;
  const std::optional<JobId> over = schedule_.expired(now_);
  ASSERT_TRUE(over);
  jobs_.postpone(1, *over, now_ + 24h, now_);
  EXPECT_EQ(jobs_.jobs(1).front().state, JobState::waiting);
  now_ += 25h;
  ASSERT_TRUE(schedule_.expired(now_));
  jobs_.remove(1, now_);
  jobs_.postpone(1, *over, now_ + 24h, now_);
  EXPECT_FALSE(jobs_.contains(1));
  EXPECT_EQ(fault(), "");
}

TEST_F(JobIndexTest, AFaultIsASentence) {
  add(1, "farm");
  spool::Index messages;
  EXPECT_THAT(jobs_.fault(&messages), ::testing::HasSubstr("a job without a message"));
  messages[1] = {};
  EXPECT_EQ(jobs_.fault(&messages), "");
  messages[2] = {};
  EXPECT_THAT(jobs_.fault(&messages), ::testing::HasSubstr("a message without a job"));
  // Behind the index's back.
  ASSERT_TRUE(schedule_.remove(jobs_.ids(1).front(), now_));
  EXPECT_THAT(fault(), ::testing::HasSubstr("not in the schedule"));
}

TEST_F(JobIndexTest, AgreesWithTheScheduleWhateverHappens) {
  std::mt19937 chance(1);
  const auto below = [&](unsigned count) { return static_cast<unsigned>(chance() % count); };
  std::vector<std::pair<spool::QueueId, JobId>> running;
  std::vector<std::pair<spool::QueueId, JobId>> tried;
  for (int step = 0; step < 20'000; ++step) {
    const spool::QueueId id = 1 + below(30);
    now_ += 1s;
    switch (below(9)) {
      case 0:
      case 1:
        if (jobs_.ids(id).size() < 5)
          add(id, "d" + std::to_string(below(4)), std::chrono::seconds(below(100)), below(8) == 0);
        break;
      case 2:
      case 3:
        if (const auto job = schedule_.next(now_)) running.emplace_back(schedule_.status(*job)->message, *job);
        break;
      case 4:
      case 5:
        if (!running.empty()) {
          const auto [of, job] = running.back();
          running.pop_back();
          if (jobs_.finish(of, job, below(2) == 0 ? Verdict::deferred : Verdict::delivered, now_))
            tried.emplace_back(of, job);
        }
        break;
      case 6:
        if (!tried.empty()) {
          const auto [of, job] = tried.back();
          tried.pop_back();
          if (below(2) == 0) {
            jobs_.retry(of, job, now_ + 10s, now_);
          } else {
            jobs_.end(of, job, now_);
          }
        }
        break;
      case 7:
        if (below(4) == 0) jobs_.remove(id, now_);
        break;
      default:
        jobs_.hold(id, now_);
        for (const JobId job : jobs_.ids(id)) static_cast<void>(schedule_.release(job, now_));
        break;
    }
    ASSERT_EQ(fault(), "") << "after step " << step;
  }
  EXPECT_GT(schedule_.counters().delivered, 100U);
  EXPECT_GT(schedule_.counters().removed, 100U);
}

}  // namespace
}  // namespace sluice::relay
