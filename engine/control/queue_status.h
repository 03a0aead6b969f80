// What a core answers to a request about its queue, as values, and the answers of all cores as JSON, a row a line; of
// an order also as text.  Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/control/preview.h"
#include "engine/control/queue_request.h"
#include "engine/message/delivery.h"
#include "engine/message/queue_id.h"

namespace sluice::control {

// One message of the queue.
struct QueueRow {
  message::QueueId id = 0;
  std::uint32_t core = 0;
  std::string customer;
  std::string account;
  std::string sender;
  std::vector<std::string> recipients;
  std::vector<std::string> destinations;  // of its jobs
  std::string state;                      // "waiting", "ready", "running", "held"
  WallMillis due = 0;                     // of the job that is tried first, whatever keeps it; 0: none is
  // The last response about recipients that wait; about their destination, where there is none about them.
  std::string last_response;
  std::uint64_t bytes = 0;
  WallMillis arrived = 0;
  message::DeliveryStatus status;
  std::string no_room;  // why the spool lets no delivery attempt start; empty: it does
  std::string client;   // address that the message came from
  WallMillis expires = 0;
  Preview preview;  // of review
};

struct DestinationRow {
  std::uint32_t core = 0;
  std::string name;
  std::string last_response;
  std::uint32_t jobs = 0;
  std::uint32_t ready = 0;
  std::uint32_t running = 0;
  std::uint32_t held = 0;
  std::uint32_t window = 0;
  double per_second = 0;
  std::uint64_t suspended_s = 0;  // 0: it is not
};

struct QueueAnswer {
  std::vector<QueueRow> rows;
  std::vector<DestinationRow> destinations;
  std::string content;                    // a part of the message that is shown
  std::string sketch;                     // of the text of the message that `like` names; empty: of too few words
  std::uint64_t found = 0;                // messages that passed the filters
  std::uint64_t changed = 0;              // of these
  std::uint64_t under_way = 0;            // of these, as far as they were held: in a delivery attempt at that moment
  bool more = false;                      // there are more than `limit`
  bool cut_short = false;                 // the core ends: there may be more of everything
  bool destination_known = false;         // something waits for the request's destination, or is remembered of it
  std::vector<message::QueueId> similar;  // messages that are here, whose ids are like the request's, which is not
};

// "no such message, did you mean 0DKGR2N4T0400?": of a request with an id that no core has.
[[nodiscard]] std::string no_such_message(const QueueRequest& request, std::span<const QueueAnswer> answers);

// Of the verbs that answer with rows of messages.
[[nodiscard]] bool shows_messages(QueueVerb verb);

// Whether all there is was asked for: it goes out in pages, as nobody knows how much that is.
[[nodiscard]] bool goes_in_pages(const QueueRequest& request);

// A page of such an answer, as JSON.  `first`: no row of it is written yet.
[[nodiscard]] std::string render_page(const QueueRequest& request, const QueueAnswer& page, bool first);

// An answer that is gathered: at most as many as the request's limit; all of `answers` where it has none and is for a
// program.
[[nodiscard]] std::string render_queue(const QueueRequest& request, std::span<const QueueAnswer> answers);

}  // namespace sluice::control
