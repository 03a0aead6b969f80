#include "engine/relay/job_index.h"

#include "engine/base/check.h"
#include "engine/message/queue_id.h"
#include "engine/route/table.h"

namespace sluice::relay {

void JobIndex::add(spool::QueueId id, const NewJob& job, Instant now) {
  const schedule::JobId made = schedule_.add(
      {.message = id,
       .destination = schedule_.destination(job.destination, route::route_of_destination(job.destination), now),
       .customer = schedule_.customer(job.customer, job.weight),
       .due = job.due,
       .expires = job.expires,
       .first_attempt = job.first_attempt,
       .large = job.large},
      now);
  if (job.held) CHECK(schedule_.hold(made, now));
  Jobs& jobs = jobs_[id];
  if (!jobs.first) {
    jobs.first = made;
  } else {
    if (jobs.more == nullptr) jobs.more = std::make_unique<std::vector<schedule::JobId>>();
    jobs.more->push_back(made);
  }
}

bool JobIndex::finish(spool::QueueId id, schedule::JobId job, schedule::Verdict verdict, Instant now) {
  const bool stays = schedule_.finished(job, verdict, now);
  if (!stays) forget(id, job);
  return stays;
}

void JobIndex::retry(spool::QueueId id, schedule::JobId job, Instant due, Instant now) {
  if (!schedule_.retry(job, due, now)) forget(id, job);
}

void JobIndex::postpone(spool::QueueId id, schedule::JobId job, Instant expires, Instant now) {
  if (!schedule_.postpone(job, expires, now)) end(id, job, now);
}

void JobIndex::end(spool::QueueId id, schedule::JobId job, Instant now) {
  static_cast<void>(schedule_.remove(job, now));
  forget(id, job);
}

void JobIndex::end_all(spool::QueueId id, Instant now) {
  for (const schedule::JobId job : ids(id)) end(id, job, now);
}

void JobIndex::hold(spool::QueueId id, Instant now) {
  for (const schedule::JobId job : ids(id))
    if (!schedule_.hold(job, now)) forget(id, job);
}

void JobIndex::remove(spool::QueueId id, Instant now) {
  for (const schedule::JobId job : ids(id)) {
    const auto known = schedule_.status(job);
    if (schedule_.remove(job, now) && known->state == schedule::JobState::running) continue;
    forget(id, job);
  }
}

bool JobIndex::has_several(spool::QueueId id) const {
  const auto at = jobs_.find(id);
  return at != jobs_.end() && at->second.more != nullptr;
}

std::vector<schedule::JobId> JobIndex::ids(spool::QueueId id) const {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return {};
  std::vector<schedule::JobId> all{at->second.first};
  if (at->second.more != nullptr) all.insert(all.end(), at->second.more->begin(), at->second.more->end());
  return all;
}

std::vector<schedule::JobStatus> JobIndex::jobs(spool::QueueId id) const {
  std::vector<schedule::JobStatus> all;
  for (const schedule::JobId job : ids(id))
    if (const auto known = schedule_.status(job)) all.push_back(*known);
  return all;
}

void JobIndex::forget(spool::QueueId id, schedule::JobId job) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  Jobs& jobs = at->second;
  if (jobs.first == job) {
    jobs.first = {};
    if (jobs.more != nullptr && !jobs.more->empty()) {
      jobs.first = jobs.more->back();
      jobs.more->pop_back();
    }
  } else if (jobs.more != nullptr) {
    std::erase(*jobs.more, job);
  }
  if (!jobs.first) jobs_.erase(at);
}

std::string JobIndex::fault(const spool::Index* messages) const {
  std::size_t indexed = 0;
  for (const auto& [id, jobs] : jobs_) {
    const std::string name = message::queue_id_text(id);
    for (const schedule::JobId job : ids(id)) {
      const auto known = schedule_.status(job);
      if (!known || known->message != id) return name + ": a job in the index that is not in the schedule";
      ++indexed;
    }
    if (messages != nullptr && !messages->contains(id)) return name + ": a job without a message";
  }
  if (indexed != schedule_.size())
    return std::to_string(schedule_.size()) + " jobs in the schedule, " + std::to_string(indexed) + " in the index";
  if (messages == nullptr) return {};
  for (const auto& [id, entry] : *messages)
    if (!jobs_.contains(id)) return message::queue_id_text(id) + ": a message without a job";
  return {};
}

}  // namespace sluice::relay
