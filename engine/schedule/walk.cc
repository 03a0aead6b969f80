#include "engine/schedule/walk.h"

#include "engine/base/check.h"

namespace sluice::schedule {

using namespace detail;

JobWalk::JobWalk(const Schedule& schedule) : schedule_(schedule), all_(true) { join(); }

JobWalk::JobWalk(const Schedule& schedule, DestinationId only) : schedule_(schedule), all_(false) {
  join();
  if (!schedule_.destinations_.live(only.index, only.generation)) return;
  next_destination_ = end_ = only.index + 1;
  job_ = schedule_.destinations_[only.index].jobs.first;
}

JobWalk::~JobWalk() {
  JobWalk** link = &schedule_.walks_;
  while (*link != nullptr && *link != this) link = &(*link)->next_walk_;
  CHECK(*link == this);
  *link = next_walk_;
}

void JobWalk::join() {
  next_walk_ = schedule_.walks_;
  schedule_.walks_ = this;
}

std::uint32_t JobWalk::end() const { return all_ ? schedule_.destinations_.end() : end_; }

bool JobWalk::over() const { return job_ == kNone && next_destination_ >= end(); }

void JobWalk::leave(std::uint32_t job) {
  if (job_ == job) job_ = schedule_.jobs_[job].at_destination.next;
}

std::vector<JobStatus> JobWalk::next(std::size_t max) {
  std::vector<JobStatus> page;
  for (std::size_t looks = 0; looks < kLooksEach * max && page.size() < max && !over(); ++looks) {
    if (job_ != kNone) {
      page.push_back(schedule_.describe(job_));
      job_ = schedule_.jobs_[job_].at_destination.next;
    } else if (const std::uint32_t next = next_destination_++; schedule_.destinations_.live(next)) {
      job_ = schedule_.destinations_[next].jobs.first;
    }
  }
  return page;
}

}  // namespace sluice::schedule
