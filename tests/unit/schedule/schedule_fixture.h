// A schedule with a clock that only the test moves, and names instead of ids.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/schedule/schedule.h"

namespace sluice::schedule {

using namespace std::chrono_literals;

class ScheduleFixture {
 public:
  explicit ScheduleFixture(const ScheduleOptions& options = {}) : schedule(options) {}

  JobId add(std::string_view customer, std::string_view destination, std::uint64_t message = 0) {
    return add_later(customer, destination, 0s, message);
  }
  JobId add_later(std::string_view customer, std::string_view destination, Duration after, std::uint64_t message = 0) {
    return schedule.add({.message = message,
                         .destination = schedule.destination(destination),
                         .customer = schedule.customer(customer),
                         .due = now + after},
                        now);
  }
  JobId add_retry(std::string_view customer, std::string_view destination) {
    return schedule.add({.destination = schedule.destination(destination),
                         .customer = schedule.customer(customer),
                         .due = now,
                         .first_attempt = false},
                        now);
  }
  JobId add_large(std::string_view customer, std::string_view destination, bool first_attempt = true) {
    return schedule.add({.destination = schedule.destination(destination),
                         .customer = schedule.customer(customer),
                         .due = now,
                         .first_attempt = first_attempt,
                         .large = true},
                        now);
  }
  void add_many(std::string_view customer, std::string_view destination, int count, ShareWeight weight = 1) {
    for (int i = 0; i < count; ++i)
      schedule.add({.destination = schedule.destination(destination),
                    .customer = schedule.customer(customer, weight),
                    .due = now},
                   now);
  }

  std::optional<JobId> next() { return schedule.next(now); }
  // All that may start now.
  std::vector<JobId> start_all() {
    std::vector<JobId> started;
    while (const auto job = next()) started.push_back(*job);
    return started;
  }
  std::size_t count_startable() { return start_all().size(); }
  void finish(JobId job, Verdict verdict) {
    if (schedule.finished(job, verdict, now)) EXPECT_TRUE(schedule.remove(job, now));
  }
  void finish(const std::vector<JobId>& jobs, Verdict verdict) {
    for (const JobId job : jobs) finish(job, verdict);
  }
  void finish_and_retry(JobId job, Verdict verdict, Duration after) {
    ASSERT_TRUE(schedule.finished(job, verdict, now));
    ASSERT_TRUE(schedule.retry(job, now + after, now));
  }
  // Starts one and says that it is done.
  std::string run_one(Verdict verdict = Verdict::delivered) {
    const auto job = next();
    if (!job) return "none";
    std::string customer(schedule.status(*job)->customer_name);
    finish(*job, verdict);
    return customer;
  }
  DestinationStatus status(std::string_view destination) {
    return *schedule.status(schedule.find_destination(destination));
  }
  JobState state(JobId job) { return schedule.status(job)->state; }

  Schedule schedule;
  Instant now = Instant() + std::chrono::hours(1000);
};

}  // namespace sluice::schedule
