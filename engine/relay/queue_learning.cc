// The part of a queue that keeps what is known of destinations, however it was learned: delivery attempts from the
// queue, and cut-through delivery while clients wait.
#include <algorithm>

#include "engine/relay/queue.h"

namespace sluice::relay {

void Queue::note_response(schedule::DestinationId destination, std::string_view response) {
  if (!response.empty()) CHECK(schedule_.set_last_response(destination, response));
}

void Queue::learn(const CutThrough& what) {
  const Transmission& transmission = what.transmission;
  const schedule::Verdict verdict = verdict_of(transmission);
  schedule::DestinationId destination = schedule_.find_destination(what.destination);
  // Of a destination for which nothing ever waited, success is nothing to be remembered.
  const bool worth_it = verdict != schedule::Verdict::delivered && verdict != schedule::Verdict::not_tried;
  if (!destination && worth_it)
    destination =
        schedule_.destination(what.destination, route::route_of_destination(what.destination), parts_.loop.now());
  if (destination) {
    note_response(destination, transmission.detail());
    schedule_.observed(destination, verdict, parts_.loop.now());
    parts_.loop.defer(pump_later_);
  }
  DeliveryRecord record{.id = what.envelope.id,
                        .customer = what.submitter.customer,
                        .account = what.submitter.account,
                        .destination = what.destination,
                        .next_hop = transmission.next_hop(),
                        .next_hop_address = transmission.next_hop_address(),
                        .tls = transmission.tls(),
                        .bytes = what.bytes,
                        .took = what.took,
                        .next_try = due_of(what.envelope.id, destination),
                        .attempt = transmission.attempted() ? 1U : 0U,
                        .cut_through = true};
  std::vector<RecipientOutcome> outcomes = outcomes_of(transmission);
  if (!transmission.attempted())
    for (RecipientOutcome& each : outcomes) each.outcome = DeliveryOutcome::not_attempted;
  observe_deliveries(parts_.observer, record, what.envelope, std::move(outcomes));
}

// When a message is tried again for that destination; 0: it does not wait for it.
WallMillis Queue::due_of(std::string_view id, schedule::DestinationId destination) {
  const auto number = message::parse_queue_id(id);
  if (!number) return 0;
  for (const schedule::JobStatus& job : jobs(*number)) {
    if (job.destination != destination) continue;
    return wall() + std::max(job.due - parts_.loop.now(), Duration::zero()) / std::chrono::milliseconds(1);
  }
  return 0;
}

}  // namespace sluice::relay
