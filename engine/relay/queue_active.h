// A queued message while somebody works at it: read back once, shared by all who work at it at the same time.
// Inside a Queue only; that core's thread.
#pragma once

#include <vector>

#include "engine/relay/queue.h"

namespace sluice::relay {

struct Queue::Active {
  explicit Active(spool::QueueId number) : id(number) {}

  spool::QueueId id;
  std::optional<spool::Message> message;  // not present: not read yet, or it cannot be read
  bool opened = false;
  bool reporting = false;  // one task at a time
  bool finished = false;   // it is being, or has been, removed from the spool
  std::vector<AsyncEvent*> waiting;

  [[nodiscard]] const message::Envelope& envelope() const { return message->stored.envelope; }
  [[nodiscard]] message::DeliveryStatus& status() { return message->status; }
};

// What a transmission, which has ended, says of its destination.
[[nodiscard]] schedule::Verdict verdict_of(const Transmission& transmission);

// One try for one destination.
struct Queue::Course {
  Course(Active& at, schedule::JobId number, Instant now) : active(at), job(number), began(now) {}

  Active& active;
  schedule::JobId job;
  Bound bound;
  std::vector<std::uint32_t> recipients;  // indices of those that wait and are bound for it, the least tried first
  Instant began;
  std::string unreadable;                  // why the content cannot be read; empty: it can
  bool at_once = false;                    // what is left need not wait: the next hop takes no more at a time
  std::vector<RecipientOutcome> outcomes;  // of the recipients
  std::string next_hop;                    // where there was a connection
  std::string next_hop_address;
  std::string tls;
  std::string response;  // what decided it
};

}  // namespace sluice::relay
