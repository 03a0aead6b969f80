#include "engine/server/oldest_mail.h"

#include <algorithm>

#include "engine/message/queue_id.h"

namespace sluice::server {

void OldestMail::look() {
  constexpr std::size_t kPart = 250;
  if (walk_ == nullptr) {
    walk_ = std::make_unique<schedule::JobWalk>(schedule_);
    pass_ = {};
  }
  for (std::size_t left = kJobsMax / kPart; left > 0 && !walk_->over(); --left)
    for (const schedule::JobStatus& job : walk_->next(kPart)) {
      const WallMillis arrived = message::queue_id_time(job.message);
      std::optional<WallMillis>& oldest = job.hold ? pass_.held : pass_.queued;
      oldest = std::min(oldest.value_or(arrived), arrived);
    }
  if (!walk_->over()) return;
  found_ = pass_;
  walk_ = nullptr;
}

}  // namespace sluice::server
