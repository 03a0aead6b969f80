#include "engine/server/queue_answer.h"

#include <algorithm>
#include <optional>
#include <ranges>

#include "absl/container/flat_hash_set.h"
#include "auth/text.h"
#include "engine/base/domain_name.h"
#include "engine/base/network.h"
#include "engine/control/preview.h"
#include "engine/schedule/walk.h"
#include "engine/server/stored_text.h"
#include "engine/spool/stored_content.h"

namespace sluice::server {
namespace {

// Jobs, or destinations, that are looked at in one turn of the loop.
constexpr std::size_t kPage = 256;
// A read or a change of a message waits for the disk; so many do at one time.  Changes share its writes: while one
// part of them is written, the other gathers for the next write.
constexpr std::size_t kReadsAtOnce = 64;
constexpr std::size_t kChangesAtOnce = 128;

std::string_view state_text(const schedule::JobStatus& job) {
  if (job.hold) return "held";
  switch (job.state) {
    case schedule::JobState::waiting:
      return "waiting";
    case schedule::JobState::ready:
      return "ready";
    case schedule::JobState::running:
    case schedule::JobState::tried:
      return "running";
    case schedule::JobState::held:
      return "held";
    case schedule::JobState::expired:
      return "expired";
  }
  return "?";
}

bool is_held(const schedule::JobStatus& job) { return job.hold || job.state == schedule::JobState::held; }
bool is_under_way(const schedule::JobStatus& job) {
  return job.state == schedule::JobState::running || job.state == schedule::JobState::tried;
}

// Goes through a core's queue for one request.
class Walk {
 public:
  Walk(io::Loop& loop, relay::Queue& queue, spool::Spool& spool, std::uint32_t core,
       const control::QueueRequest& request, QueuePages* pages)
      : loop_(loop),
        queue_(queue),
        spool_(spool),
        core_(core),
        request_(request),
        destination_(route::destination_key_of(request.destination)),
        account_(auth::login_key(request.account)),
        pages_(pages),
        limit_(pages != nullptr ? SIZE_MAX
                                : request.limit.value_or(request.unlimited() ? control::kQueueLimitMax
                                                                             : control::kQueueLimitDefault)) {
    if (!request.client.empty()) client_ = *Network::parse(request.client);
    if (!request.like_sketch.empty()) like_ = sketch_of_bytes(request.like_sketch);
  }

  Task<control::QueueAnswer> run() {
    // Before it is changed: where all that waited is removed, nothing may be known of it afterwards.
    const bool known = queue_.schedule().find_destination(destination_).generation != 0;
    if (request_.verb == control::QueueVerb::destinations) {
      co_await list_destinations();
    } else if (stopped()) {
      // The spool is going to be closed.
    } else if (request_.verb == control::QueueVerb::flush && queue_.closing()) {
      answer_.cut_short = true;  // no delivery attempt starts any more
    } else if (request_.verb == control::QueueVerb::flush && only_destination()) {
      answer_.found = answer_.changed = queue_.flush_destination(destination_);
    } else if (!request_.id.empty()) {
      const auto id = message::parse_queue_id(request_.id);
      if (id && spool_.has(*id)) {
        co_await (request_.message ? hand_over_content(*id) : visit(*id));
      } else {
        for (const spool::QueueId like : message::queue_ids_like(request_.id))
          if (spool_.has(like)) answer_.similar.push_back(like);
      }
    } else {
      co_await walk_jobs();
    }
    answer_.destination_known = known;
    co_return std::move(answer_);
  }

 private:
  [[nodiscard]] bool only_destination() const {
    return !request_.destination.empty() && request_.id.empty() && !request_.has_other_filter() && !request_.held;
  }
  [[nodiscard]] bool shows() const { return control::shows_messages(request_.verb); }
  [[nodiscard]] bool wants_held() const { return request_.held || request_.verb == control::QueueVerb::review; }
  // Whether a message has to be read to know if it is meant.
  [[nodiscard]] bool filters_by_content() const {
    return !request_.sender.empty() || !request_.recipient.empty() || !request_.account.empty() ||
           !request_.client.empty() || !request_.subject.empty() || !request_.like.empty() || !request_.but.empty() ||
           (!request_.id.empty() && !request_.customer.empty());
  }
  [[nodiscard]] bool full() const { return shows() && answer_.rows.size() >= limit_; }
  // The core must not wait for it to end.
  bool stopped() {
    if (queue_.orders_ended()) answer_.cut_short = true;
    return answer_.cut_short;
  }

  Task<void> list_destinations() {
    const schedule::Schedule& schedule = queue_.schedule();
    if (!request_.destination.empty()) {
      if (const auto only = schedule.status(schedule.find_destination(destination_))) add_destination(*only);
      co_return;
    }
    for (std::uint32_t cursor = 0; cursor < schedule.destinations_end();) {
      for (const schedule::DestinationStatus& each : schedule.destinations(&cursor, kPage)) {
        if (answer_.destinations.size() >= limit_) {
          answer_.more = true;
          co_return;
        }
        add_destination(each);
      }
      if (stopped() || !co_await hand_over_page()) co_return;
      co_await loop_.next_turn("the next page of destinations");
    }
  }

  void add_destination(const schedule::DestinationStatus& status) {
    std::string no_room = spool_.no_room();
    if (no_room.empty()) no_room = suspension_of(status.name);
    // A suspension, a pause after 4xx, or what a rate leaves.
    const Duration wait = std::max(status.not_before, loop_.now()) - loop_.now();
    const auto left = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(wait).count());
    answer_.destinations.push_back({.core = core_,
                                    .name = std::string(status.name),
                                    .last_response = no_room.empty() ? std::string(status.last_response) : no_room,
                                    .jobs = status.jobs,
                                    .ready = status.ready,
                                    .running = status.running,
                                    .held = status.held,
                                    .window = status.window,
                                    .per_second = status.per_second,
                                    .suspended_s = left});
  }

  // A page of jobs in each turn, whatever destinations they are for; so many messages of these at one time as may be.
  Task<void> walk_jobs() {
    const schedule::Schedule& schedule = queue_.schedule();
    std::optional<schedule::JobWalk> walk;
    if (request_.destination.empty()) {
      walk.emplace(schedule);
    } else {
      walk.emplace(schedule, schedule.find_destination(destination_));
    }
    while (!walk->over() && !answer_.more && !stopped()) {
      std::vector<spool::QueueId> wanted;
      for (const schedule::JobStatus& job : walk->next(kPage))
        if (is_customer(job.customer_name) && (!wants_held() || is_held(job))) wanted.push_back(job.message);
      co_await visit_all(std::move(wanted));
      if (!co_await hand_over_page()) break;
      // Deliveries have their turn.
      co_await loop_.next_turn("the next page of the queue");
    }
    co_await visits_.join("messages of the queue");
    // Some that were visited at the same time were more than are wanted.
    if (shows() && answer_.rows.size() > limit_) {
      answer_.rows.resize(limit_);
      answer_.more = true;
    }
  }

  // False: the reader of what comes next is gone.
  Task<bool> hand_over_page() {
    if (pages_ == nullptr || answer_.rows.size() + answer_.destinations.size() < kPage) co_return true;
    co_await visits_.join("messages of the queue");
    const bool go_on = co_await pages_->page(std::exchange(answer_, {}));
    if (!go_on) answer_.cut_short = true;
    co_return go_on;
  }

  Task<void> visit_all(std::vector<spool::QueueId> wanted) {
    for (const spool::QueueId id : wanted) {
      // A message for several destinations is met at each of them.
      if (queue_.has_several_jobs(id) && !seen_.insert(id).second) continue;
      while (visits_.live() >= visits_max()) co_await room_.wait("messages of the queue");
      if (stopped()) co_return;
      if (full()) {
        answer_.more = true;
        co_return;
      }
      visits_.add(visit_one(id));
    }
  }

  // Where all that are visited are shown, none is read beyond the limit.
  [[nodiscard]] std::size_t visits_max() const {
    if (filters_by_content() || full()) return kReadsAtOnce;
    if (!shows()) return kChangesAtOnce;
    return std::min(kReadsAtOnce, limit_ - answer_.rows.size());
  }

  Task<void> visit_one(spool::QueueId id) {
    co_await visit(id);
    if (room_.waiting()) room_.set();
  }

  Task<void> visit(spool::QueueId id) {
    if (wants_held() && !std::ranges::any_of(queue_.jobs(id), is_held)) co_return;
    if (shows() || filters_by_content()) {
      auto row = co_await read(id);
      if (!row) co_return;
      if (shows()) {
        answer_.rows.push_back(*std::move(row));
        co_return;
      }
    }
    ++answer_.found;
    if (request_.verb == control::QueueVerb::reject) {
      if (!co_await queue_.order(id, order(), request_.text.empty() ? request_.reason : request_.text, rejection()))
        co_return;
    } else if (!co_await queue_.order(id, order(), request_.reason)) {
      co_return;
    }
    ++answer_.changed;
    if (request_.verb == control::QueueVerb::hold && std::ranges::any_of(queue_.jobs(id), is_under_way))
      ++answer_.under_way;
  }

  [[nodiscard]] relay::Rejection rejection() const {
    relay::Rejection rejection{.destination = destination_};
    if (const auto status = control::parse_failure_status(request_.status)) rejection.status = *status;
    return rejection;
  }
  [[nodiscard]] relay::Queue::Order order() const {
    switch (request_.verb) {
      case control::QueueVerb::hold:
        return relay::Queue::Order::hold;
      case control::QueueVerb::release:
        return relay::Queue::Order::release;
      case control::QueueVerb::remove:
        return relay::Queue::Order::remove;
      case control::QueueVerb::reject:
        return relay::Queue::Order::reject;
      case control::QueueVerb::review:
      case control::QueueVerb::flush:
      case control::QueueVerb::list:
      case control::QueueVerb::show:
      case control::QueueVerb::destinations:
        break;
    }
    return relay::Queue::Order::flush;
  }

  // Names of customers compare without case, as the accounts' store has them.
  [[nodiscard]] bool is_customer(std::string_view name) const {
    return request_.customer.empty() || auth::equal_ignoring_case(request_.customer, name);
  }
  // A message of our own, such as a DSN, came from nowhere.
  [[nodiscard]] bool is_of_client(std::string_view address) const {
    if (!client_) return true;
    const auto ip = parse_ip(address);
    return ip && client_->contains(ip->span());
  }
  [[nodiscard]] bool meant(const spool::Stored& stored) const {
    const message::Submitter& from = stored.submitter;
    if (request_.but.covers(from.account, from.customer, from.address)) return false;
    return is_customer(stored.submitter.customer) && is_of_client(stored.submitter.address) &&
           (account_.empty() || account_ == auth::login_key(stored.submitter.account)) &&
           (request_.sender.empty() || control::matches_address(request_.sender, stored.envelope.reverse_path)) &&
           (request_.recipient.empty() ||
            std::ranges::any_of(stored.envelope.recipients, [this](const message::Recipient& each) {
              return control::matches_address(request_.recipient, each.forward_path);
            }));
  }
  // Whether any that are left are meant.
  [[nodiscard]] bool waits_for(const spool::MessageHead& head) const {
    if (request_.recipient.empty()) return true;
    const auto& recipients = head.stored.envelope.recipients;
    for (std::size_t i = 0; i < recipients.size(); ++i)
      if (head.status.recipients[i].fate == message::Fate::waiting &&
          control::matches_address(request_.recipient, recipients[i].forward_path))
        return true;
    return false;
  }

  // Absent where the filters do not mean it, or it is gone.
  Task<std::optional<control::QueueRow>> read(spool::QueueId id) {
    auto head = co_await spool_.read_head(id);
    if (!head || !meant(head->stored)) co_return std::nullopt;
    if (!head->latest) {
      auto latest = co_await spool_.read_status(id);
      if (latest && latest->recipients.size() == head->status.recipients.size()) head->status = *std::move(latest);
    }
    if (!waits_for(*head)) co_return std::nullopt;
    const bool reviews = request_.verb == control::QueueVerb::review;
    std::string beginning;
    const bool dots = head->stored.form == message::BodyForm::dot_stuffed;
    if (reviews || !request_.subject.empty()) beginning = co_await read_beginning(id);
    if (!request_.subject.empty() && !control::subject_contains(control::subject_of(beginning, dots), request_.subject))
      co_return std::nullopt;
    if (!request_.like.empty() && !co_await has_that_text(id)) co_return std::nullopt;
    control::QueueRow row = row_of(id, *std::move(head));
    if (reviews) row.preview = control::preview_of(beginning, dots);
    co_return row;
  }

  // Of the message that others are to be like: takes its text.
  Task<bool> has_that_text(spool::QueueId id) {
    const noticing::TextSketch sketch = co_await sketch_of_stored(spool_, id);
    if (like_) co_return id == message::parse_queue_id(request_.like) || sketch.same_text(*like_);
    answer_.sketch = sketch.empty() ? "" : bytes_of_sketch(sketch);
    co_return true;
  }

  // Part after part, as it was taken, with dots as it came.
  Task<void> hand_over_content(spool::QueueId id) {
    const auto message = co_await spool_.read(id);
    answer_.cut_short = !message;
    if (!message) co_return;
    for (spool::StoredContent content(spool_, id, *message); !content.at_end() && !stopped();) {
      const auto part = co_await content.next();
      if (!part || pages_ == nullptr ||
          !co_await pages_->page(control::QueueAnswer{.content = std::string(part->view())})) {
        answer_.cut_short = true;
        co_return;
      }
    }
  }

  // What cannot be read is shown without its text: a delivery attempt finds out, and quarantines it.
  Task<std::string> read_beginning(spool::QueueId id) {
    const auto message = co_await spool_.read(id);
    std::string beginning;
    if (!message) co_return beginning;
    for (spool::StoredContent content(spool_, id, *message); !content.at_end();) {
      if (beginning.size() >= control::kPreviewReadBytesMax) break;
      const auto part = co_await content.next();
      if (!part) break;
      beginning += part->view().substr(0, control::kPreviewReadBytesMax - beginning.size());
    }
    co_return beginning;
  }

  control::QueueRow row_of(spool::QueueId id, spool::MessageHead head) {
    const bool whole = request_.verb == control::QueueVerb::show;
    control::QueueRow row{.id = id,
                          .core = core_,
                          .customer = std::move(head.stored.submitter.customer),
                          .account = std::move(head.stored.submitter.account),
                          .sender = std::move(head.stored.envelope.reverse_path),
                          .recipients = {},
                          .destinations = {},
                          .state = {},
                          .last_response = {},
                          .bytes = head.stored.content_bytes,
                          .arrived = head.stored.arrived,
                          .status = std::move(head.status),
                          .no_room = spool_.no_room(),
                          .client = std::move(head.stored.submitter.address),
                          .expires = head.stored.arrived + queue_.expire_ms(),
                          .preview = {}};
    // A list names those that are left, a message that is shown whole all, with what became of them.
    auto& recipients = head.stored.envelope.recipients;
    for (std::size_t i = 0; queue_.any_orders() && i < recipients.size() && row.no_room.empty(); ++i) {
      if (row.status.recipients[i].fate != message::Fate::waiting) continue;
      const auto* const order = queue_.order_about_domain(domain_key(route::domain_of(recipients[i].forward_path)));
      if (order != nullptr && order->order.suspends()) row.no_room = order->words;
    }
    for (std::size_t i = 0; i < recipients.size(); ++i)
      if (whole || row.status.recipients[i].fate == message::Fate::waiting)
        row.recipients.push_back(std::move(recipients[i].forward_path));
    describe_jobs(row);
    return row;
  }

  // The operator's order by which nothing is tried there, in words; empty: there is none.
  [[nodiscard]] std::string suspension_of(std::string_view destination) const {
    const auto* const order = queue_.order_about(destination);
    return order != nullptr && order->order.suspends() ? order->words : std::string();
  }

  // A message is in the state of the job that is tried first.
  void describe_jobs(control::QueueRow& row) const {
    row.state = "waiting";
    WallMillis first = 0;
    std::string of_destination;
    std::string suspension;
    for (const schedule::JobStatus& job : queue_.jobs(row.id)) {
      const auto destination = queue_.schedule().status(job.destination);
      row.destinations.emplace_back(destination->name);
      if (suspension.empty()) suspension = suspension_of(destination->name);
      const WallMillis due = due_of(job, *destination);
      if (of_destination.empty()) of_destination = destination->last_response;
      if (row.destinations.size() > 1 && !(due != 0 && (first == 0 || due < first))) continue;
      first = due;
      const bool keeps = job.state == schedule::JobState::ready && !job.hold && due > queue_.wall();
      row.state = keeps ? "waiting" : state_text(job);
    }
    row.due = first;
    row.last_response = response_of(row.status);
    if (row.last_response.empty()) row.last_response = std::move(of_destination);
    if (row.no_room.empty()) row.no_room = suspension;
    if (!row.no_room.empty()) row.last_response = row.no_room;
  }

  // When it is tried, as far as that is known: its destination may be left alone for longer.  0: not before it is
  // released.
  [[nodiscard]] WallMillis due_of(const schedule::JobStatus& job,
                                  const schedule::DestinationStatus& destination) const {
    if (job.hold) return 0;
    const bool tried = job.state == schedule::JobState::running || job.state == schedule::JobState::tried;
    const Instant due = tried ? loop_.now() : std::max({job.due, destination.not_before, loop_.now()});
    return queue_.wall() + (due - loop_.now()) / std::chrono::milliseconds(1);
  }

  // The latest word on those who wait.
  static std::string response_of(const message::DeliveryStatus& status) {
    const message::RecipientStatus* latest = nullptr;
    for (const message::RecipientStatus& each : status.recipients)
      if (each.fate == message::Fate::waiting && each.at != 0 && (latest == nullptr || each.at > latest->at))
        latest = &each;
    return latest == nullptr ? std::string() : relay::response_text(latest->code, latest->enhanced, latest->text);
  }

  io::Loop& loop_;
  relay::Queue& queue_;
  spool::Spool& spool_;
  std::uint32_t core_;
  const control::QueueRequest& request_;
  const std::string destination_;
  const std::string account_;
  std::optional<Network> client_;
  std::optional<noticing::TextSketch> like_;
  QueuePages* pages_;  // null: one answer
  const std::size_t limit_;
  absl::flat_hash_set<spool::QueueId> seen_;  // of those with several jobs
  TaskSet visits_;
  AsyncEvent room_;
  control::QueueAnswer answer_;
};

}  // namespace

Task<control::QueueAnswer> answer_queue(io::Loop& loop, relay::Queue& queue, spool::Spool& spool, std::uint32_t core,
                                        control::QueueRequest request, QueuePages* pages) {
  Walk walk(loop, queue, spool, core, request, pages);
  co_return co_await walk.run();
}

}  // namespace sluice::server
