// What `sluicectl queue` asks of one core, answered on that core; and the answers of all cores put into words.
// Messages are looked at a page in each turn, and few are read at one time, so that a queue of a million goes on being
// delivered meanwhile.
// answer_queue(): its core's thread.  The rest is pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/core/queue_request.h"
#include "engine/message/delivery.h"
#include "engine/relay/queue.h"

namespace sluice::core {

// One message of the queue.
struct QueueRow {
  spool::QueueId id = 0;
  std::uint32_t core = 0;
  std::string customer;
  std::string account;
  std::string sender;
  std::vector<std::string> recipients;
  std::vector<std::string> destinations;  // of its jobs
  std::string state;                      // "waiting", "ready", "running", "held"
  std::uint64_t bytes = 0;
  WallMillis arrived = 0;
  message::DeliveryStatus status;
};

struct DestinationRow {
  std::uint32_t core = 0;
  std::string name;
  std::string last_words;
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
  std::uint64_t changed = 0;  // messages, or destinations where they were flushed
  bool more = false;          // there are more than `limit`
  bool cut_short = false;     // the core ends: there may be more of everything
};

// `core` is the number that rows carry.
Task<QueueAnswer> answer_queue(io::Loop& loop, relay::Queue& queue, spool::Spool& spool, std::uint32_t core,
                               QueueRequest request);

[[nodiscard]] std::string render_queue(const QueueRequest& request, std::span<const QueueAnswer> answers,
                                       WallMillis now);

}  // namespace sluice::core
