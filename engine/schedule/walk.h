// A way through the jobs of a schedule, destination after destination, each one's in the order in which they came.  It
// keeps its place whatever goes meanwhile; what comes meanwhile may be met or not.
// Owned by the caller; gone before the schedule; that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/schedule/schedule.h"

namespace sluice::schedule {

class JobWalk {
 public:
  // Through all of them, or those of one destination: none where there is no such.
  explicit JobWalk(const Schedule& schedule);
  JobWalk(const Schedule& schedule, DestinationId only);
  ~JobWalk();
  JobWalk(const JobWalk&) = delete;
  JobWalk& operator=(const JobWalk&) = delete;

  // The next `max`.  Looks at kLooksEach * max records at most, and may therefore be short: go on until over().
  [[nodiscard]] std::vector<JobStatus> next(std::size_t max);
  [[nodiscard]] bool over() const;

 private:
  friend class Schedule;
  [[nodiscard]] std::uint32_t end() const;
  // That job goes.
  void leave(std::uint32_t job);
  void join();

  const Schedule& schedule_;
  const bool all_;
  std::uint32_t next_destination_ = 0;
  std::uint32_t end_ = 0;              // unless it is through all
  std::uint32_t job_ = detail::kNone;  // the next one; none: the first of the next destination
  JobWalk* next_walk_ = nullptr;
};

}  // namespace sluice::schedule
