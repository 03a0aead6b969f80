// What a schedule says of itself to the control socket.
#include <algorithm>

#include "engine/base/cut_text.h"

#include "engine/schedule/schedule.h"

namespace sluice::schedule {

using namespace detail;

JobStatus Schedule::describe(std::uint32_t index) const {
  const Job& job = jobs_[index];
  const Flow& flow = flows_[job.flow];
  return {.id = id_of(index),
          .message = job.message,
          .destination = {flow.destination, destinations_.generation(flow.destination)},
          .customer = {flow.customer, customers_.generation(flow.customer)},
          .customer_name = customers_.name(flow.customer),
          .state = job.state,
          .first_attempt = !job.again,
          .hold = job.hold,
          .due = job.due};
}

DestinationStatus Schedule::describe_destination(std::uint32_t index) const {
  const Destination& destination = destinations_[index];
  const std::chrono::duration<double> interval = destination.throttle.interval(throttle_options(destination));
  return {.id = {index, destinations_.generation(index)},
          .name = destinations_.name(index),
          .last_response = destination.last_response,
          .jobs = destination.job_count,
          .ready = destination.ready[0] + destination.ready[1],
          .running = destination.throttle.running(),
          .held = destination.held,
          .window = destination.throttle.window(),
          .per_second = interval.count() > 0 ? 1 / interval.count() : 0,
          .suspended = destination.throttle.suspended(),
          .probing = destination.throttle.probing(),
          .not_before = std::max(destination.throttle.not_before(), destination.ordered_until)};
}

std::optional<JobStatus> Schedule::status(JobId id) const {
  if (find(id) == nullptr) return std::nullopt;
  return describe(id.index);
}

std::optional<DestinationStatus> Schedule::status(DestinationId id) const {
  if (!destinations_.live(id.index, id.generation)) return std::nullopt;
  return describe_destination(id.index);
}

std::vector<DestinationStatus> Schedule::destinations(std::uint32_t* cursor, std::size_t max) const {
  std::vector<DestinationStatus> page;
  for (std::size_t looks = 0; looks < detail::kLooksEach * max; ++looks) {
    if (page.size() == max || *cursor >= destinations_.end()) break;
    const std::uint32_t index = (*cursor)++;
    if (destinations_.live(index)) page.push_back(describe_destination(index));
  }
  return page;
}

bool Schedule::set_last_response(DestinationId id, std::string_view words) {
  if (!destinations_.live(id.index, id.generation)) return false;
  destinations_[id.index].last_response = cut_with_mark(words, kLastWordsMax);
  return true;
}

}  // namespace sluice::schedule
