// What is configured of a queue.  A value.
#pragma once

#include <chrono>
#include <string>

#include "engine/base/time.h"
#include "engine/dsn/budget.h"
#include "engine/schedule/retry_curve.h"
#include "engine/schedule/schedule.h"

namespace sluice::relay {

struct QueueOptions {
  schedule::ScheduleOptions schedule;
  schedule::RetryCurve curve;
  Duration expire = schedule::kGiveUpAfter;
  Duration delay_dsn =
      std::chrono::hours(4);              // a message that waits for so long is late: its sender gets a DSN; zero: none
  dsn::ReportBudget::Options dsn_budget;  // of each customer
  std::string hostname;                   // Reporting-MTA
  std::string dsn_from;                   // empty: MAILER-DAEMON at hostname
  std::string policy_url;
};

}  // namespace sluice::relay
