// Which jobs of the schedule are of which message: a message has one for each destination that it waits for.  Whatever
// brings, ends or removes a job does it here, so that the index and the schedule always agree.
// Owned by a Queue; nothing is waited for, and time is given; that core's thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/time.h"
#include "engine/schedule/schedule.h"
#include "engine/spool/index.h"

namespace sluice::relay {

class JobIndex {
 public:
  // `schedule` outlives the index; which job is next, and what is known of destinations, its owner asks it itself.
  explicit JobIndex(schedule::Schedule& schedule) : schedule_(schedule) {}
  JobIndex(const JobIndex&) = delete;
  JobIndex& operator=(const JobIndex&) = delete;

  struct NewJob {
    std::string_view customer;
    ShareWeight weight = 1;  // of its share
    std::string_view destination;
    Instant due;
    Instant expires;  // Schedule::expired() gives it then, if it was not tried before
    bool first_attempt = true;
    bool held = false;
    bool large = false;  // it has many recipients
  };
  void add(spool::QueueId id, const NewJob& job, Instant now);

  // The attempt of a running job is over.  False: the operator removed the job meanwhile, and it is gone.
  [[nodiscard]] bool finish(spool::QueueId id, schedule::JobId job, schedule::Verdict verdict, Instant now);
  // For a job that was tried: tried again at `due`.  For one that expired: looked at again at `expires`.  Nothing,
  // where the operator removed it meanwhile.
  void retry(spool::QueueId id, schedule::JobId job, Instant due, Instant now);
  void postpone(spool::QueueId id, schedule::JobId job, Instant expires, Instant now);
  // There is nothing left to do for it; it may have been removed before.
  void end(spool::QueueId id, schedule::JobId job, Instant now);
  // There is nothing left to do for the message.  What finish() then says of its running jobs is false.
  void end_all(spool::QueueId id, Instant now);

  // The operator's orders.  A running job is held when it is put back, and removed by finish().
  void hold(spool::QueueId id, Instant now);
  void remove(spool::QueueId id, Instant now);

  [[nodiscard]] bool contains(spool::QueueId id) const { return jobs_.contains(id); }
  [[nodiscard]] bool has_several(spool::QueueId id) const;
  // Empty where there is no such message.
  [[nodiscard]] std::vector<schedule::JobId> ids(spool::QueueId id) const;
  [[nodiscard]] std::vector<schedule::JobStatus> jobs(spool::QueueId id) const;
  // Messages.
  [[nodiscard]] std::size_t size() const { return jobs_.size(); }

  // For tests: a sentence that says where index and schedule do not agree, or the index and `messages`, which is null
  // while a task works at one of these; empty: they do.
  [[nodiscard]] std::string fault(const spool::Index* messages) const;

 private:
  struct Jobs {
    schedule::JobId first;
    std::unique_ptr<std::vector<schedule::JobId>> more;  // null: most messages have one
  };
  void forget(spool::QueueId id, schedule::JobId job);

  schedule::Schedule& schedule_;
  absl::flat_hash_map<spool::QueueId, Jobs> jobs_;
};

}  // namespace sluice::relay
