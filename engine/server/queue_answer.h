// What `sluicectl queue` asks of one core, answered on that core.
// Messages are looked at a page in each turn, and few are read at one time, so that a queue of a million goes on being
// delivered meanwhile.
// That core's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/control/queue_status.h"
#include "engine/relay/queue.h"

namespace sluice::server {

// Takes an answer that is longer than kQueueLimitMax page by page.
class QueuePages {
 public:
  virtual ~QueuePages() = default;
  // Returns when the next may come; false: the reader is gone.
  virtual Task<bool> page(control::QueueAnswer page) = 0;
};

// `core` is the number that rows carry.  With `pages`, all that the request is about goes there, but for the last page,
// which is returned; else as many as the request's limit, or kQueueLimitMax of an unlimited one.
// While the core drains, only a flush is not carried out.  Queue and spool stay until the answer is there.
Task<control::QueueAnswer> answer_queue(io::Loop& loop, relay::Queue& queue, spool::Spool& spool, std::uint32_t core,
                                        control::QueueRequest request, QueuePages* pages = nullptr);

}  // namespace sluice::server
