#include "engine/core/queue_control.h"

#include <algorithm>
#include <optional>
#include <ranges>

#include "absl/container/flat_hash_set.h"

namespace sluice::core {
namespace {

constexpr std::size_t kPage = 256;
// Whoever reads or changes a message waits for the disk; so many do at one time, and share its writes.
constexpr std::size_t kVisitsAtOnce = 64;

std::string_view state_text(const relay::JobStatus& job) {
  if (job.hold) return "held";
  switch (job.state) {
    case relay::JobState::waiting: return "waiting";
    case relay::JobState::ready: return "ready";
    case relay::JobState::running:
    case relay::JobState::tried: return "running";
    case relay::JobState::held: return "held";
    case relay::JobState::expired: return "expired";
  }
  return "?";
}

// Goes through a core's queue for one request.
class Walk {
 public:
  Walk(io::Loop& loop, relay::Queue& queue, spool::Spool& spool, std::uint32_t core, const QueueRequest& request)
      : loop_(loop), queue_(queue), spool_(spool), core_(core), request_(request) {}

  Task<QueueAnswer> run() {
    if (request_.verb == QueueVerb::destinations) {
      list_destinations();
    } else if (request_.verb == QueueVerb::flush && only_destination()) {
      answer_.changed = queue_.flush_destination(request_.destination) ? 1 : 0;
    } else if (!request_.id.empty()) {
      const auto id = message::parse_queue_id(request_.id);
      if (id && spool_.has(*id)) co_await visit(*id);
    } else {
      co_await walk_destinations();
    }
    co_return std::move(answer_);
  }

 private:
  [[nodiscard]] bool only_destination() const {
    return !request_.destination.empty() && request_.id.empty() && request_.customer.empty() &&
           request_.sender.empty() && request_.recipient.empty();
  }
  [[nodiscard]] bool shows() const { return request_.verb == QueueVerb::list || request_.verb == QueueVerb::show; }
  [[nodiscard]] bool full() const { return shows() && answer_.rows.size() >= request_.limit; }

  void list_destinations() {
    const relay::Schedule& schedule = queue_.schedule();
    for (std::uint32_t cursor = 0; cursor != schedule.destinations_end();) {
      const std::uint32_t before = cursor;
      for (const relay::DestinationStatus& each : schedule.destinations(&cursor, kPage)) {
        if (!request_.destination.empty() && request_.destination != each.name) continue;
        if (answer_.destinations.size() >= request_.limit) {
          answer_.more = true;
          return;
        }
        const Duration left = each.suspended ? each.not_before - loop_.now() : Duration::zero();
        answer_.destinations.push_back({.core = core_,
                                        .name = std::string(each.name),
                                        .last_words = std::string(each.last_words),
                                        .jobs = each.jobs,
                                        .ready = each.ready,
                                        .running = each.running,
                                        .held = each.held,
                                        .window = each.window,
                                        .per_second = each.per_second,
                                        .suspended_s = static_cast<std::uint64_t>(std::max<std::int64_t>(left / std::chrono::seconds(1), each.suspended ? 1 : 0))});
      }
      if (cursor == before) return;
    }
  }

  // Every destination, every page of its jobs; what comes or goes meanwhile may be seen or not.
  Task<void> walk_destinations() {
    const relay::Schedule& schedule = queue_.schedule();
    for (std::uint32_t cursor = 0; cursor != schedule.destinations_end() && !answer_.more;) {
      const std::uint32_t before = cursor;
      std::vector<relay::DestinationId> ids;
      for (const relay::DestinationStatus& each : schedule.destinations(&cursor, kPage))
        if (request_.destination.empty() || request_.destination == each.name) ids.push_back(each.id);
      if (cursor == before) break;
      for (const relay::DestinationId id : ids) co_await walk_jobs(id);
    }
  }

  Task<void> walk_jobs(relay::DestinationId destination) {
    relay::JobId after;
    while (!answer_.more) {
      const auto page = queue_.schedule().jobs(destination, after, kPage);
      if (!page) {  // the job at which we were went at this moment: again from the first, past those that were seen
        after = {};
        co_await loop_.sleep(std::chrono::milliseconds(1), "another look at the queue");
        continue;
      }
      if (page->empty()) co_return;
      std::vector<spool::QueueId> wanted;
      for (const relay::JobStatus& job : *page)
        if (request_.customer.empty() || request_.customer == job.customer_name) wanted.push_back(job.message);
      co_await visit_all(std::move(wanted));
      after = last_left(*page);
      // The queue's own turn.
      co_await loop_.sleep(Duration::zero(), "the next page of the queue");
    }
  }

  // Where to go on: at the last that is still there.  None: from the first, past those that were seen.
  [[nodiscard]] relay::JobId last_left(const std::vector<relay::JobStatus>& page) const {
    for (const relay::JobStatus& job : page | std::views::reverse)
      if (queue_.schedule().status(job.id)) return job.id;
    return {};
  }

  Task<void> visit_all(std::vector<spool::QueueId> wanted) {
    std::erase_if(wanted, [this](spool::QueueId id) { return !seen_.insert(id).second; });
    for (std::size_t at = 0; at < wanted.size();) {
      if (full()) {
        answer_.more = true;
        co_return;
      }
      const std::size_t room = shows() ? request_.limit - answer_.rows.size() : kVisitsAtOnce;
      const std::size_t end = std::min(wanted.size(), at + std::min(room, kVisitsAtOnce));
      TaskSet visits;
      for (; at < end; ++at) visits.add(visit(wanted[at]));
      co_await visits.join("messages of the queue");
    }
  }

  Task<void> visit(spool::QueueId id) {
    const bool needs_content = shows() || !request_.sender.empty() || !request_.recipient.empty() ||
                               (!request_.id.empty() && !request_.customer.empty());
    if (needs_content) {
      auto row = co_await read(id);
      if (!row) co_return;
      if (shows()) {
        answer_.rows.push_back(*std::move(row));
        co_return;
      }
    }
    if (co_await queue_.order(id, order())) ++answer_.changed;
  }

  [[nodiscard]] relay::Queue::Order order() const {
    switch (request_.verb) {
      case QueueVerb::hold: return relay::Queue::Order::hold;
      case QueueVerb::release: return relay::Queue::Order::release;
      case QueueVerb::remove: return relay::Queue::Order::remove;
      case QueueVerb::flush:
      case QueueVerb::list:
      case QueueVerb::show:
      case QueueVerb::destinations: break;
    }
    return relay::Queue::Order::flush;
  }

  // Absent where the filters do not mean it, or it is gone.
  Task<std::optional<QueueRow>> read(spool::QueueId id) {
    auto message = co_await spool_.read(id);
    if (!message) co_return std::nullopt;
    const spool::Stored& stored = message->stored;
    const auto& recipients = stored.envelope.recipients;
    const auto waits = [&](std::size_t i) { return message->status.recipients[i].fate == message::Fate::waiting; };
    const auto waits_for = [&](std::size_t i) {
      return waits(i) && matches_address(request_.recipient, recipients[i].forward_path);
    };
    const auto all = std::views::iota(std::size_t{0}, recipients.size());
    const bool meant =
        (request_.customer.empty() || request_.customer == stored.submitter.customer) &&
        (request_.sender.empty() || matches_address(request_.sender, stored.envelope.reverse_path)) &&
        (request_.recipient.empty() || std::ranges::any_of(all, waits_for));
    if (!meant) co_return std::nullopt;
    const bool whole = request_.verb == QueueVerb::show;
    QueueRow row{.id = id,
                 .core = core_,
                 .customer = stored.submitter.customer,
                 .account = stored.submitter.account,
                 .sender = stored.envelope.reverse_path,
                 .recipients = {},
                 .destinations = {},
                 .state = "waiting",
                 .bytes = stored.content_bytes,
                 .arrived = stored.arrived,
                 .status = std::move(message->status)};
    // A list names those that are left, whoever is shown whole all with what became of them.
    for (const std::size_t i : all)
      if (whole || row.status.recipients[i].fate == message::Fate::waiting)
        row.recipients.push_back(recipients[i].forward_path);
    for (const relay::JobStatus& job : queue_.jobs(id)) {
      row.state = state_text(job);
      if (const auto destination = queue_.schedule().status(job.destination))
        row.destinations.emplace_back(destination->name);
    }
    co_return row;
  }

  io::Loop& loop_;
  relay::Queue& queue_;
  spool::Spool& spool_;
  std::uint32_t core_;
  const QueueRequest& request_;
  absl::flat_hash_set<spool::QueueId> seen_;
  QueueAnswer answer_;
};

}  // namespace

Task<QueueAnswer> answer_queue(io::Loop& loop, relay::Queue& queue, spool::Spool& spool, std::uint32_t core,
                               QueueRequest request) {
  Walk walk(loop, queue, spool, core, request);
  co_return co_await walk.run();
}

}  // namespace sluice::core
