#include "engine/relay/queue.h"

#include <algorithm>
#include <utility>

namespace sluice::relay {
namespace {

// Starts in one turn of the loop: the clients' turn comes between.
constexpr int kStartsPerTurn = 64;
constexpr std::uint32_t kExpiringMax = 32;  // messages that are read to be given up, or to tell that they are late
constexpr Duration kLongest = std::chrono::hours(24 * 365);

}  // namespace

Queue::Queue(const Parts& parts, QueueOptions options)
    : parts_(parts),
      options_(std::move(options)),
      schedule_(options_.schedule),
      active_(parts.spool,
              [this](ActiveMessage& message, std::string why) { return quarantine(message, std::move(why)); }),
      dsns_({.loop = parts.loop,
             .spool = parts.spool,
             .next_id = parts.next_id,
             .observer = parts.observer,
             .options = options_,
             .on_kept = [this](spool::QueueId id, const spool::Stored& stored, const message::DeliveryStatus& status) {
               add(id, stored, status);
             }}) {}

Queue::~Queue() { CHECK(tasks_.live() == 0 && active_.empty() && !timer_.armed()); }

void Queue::set_options(QueueOptions options) {
  options_ = std::move(options);
  schedule_.set_throttles(options_.schedule.throttle, options_.schedule.throttles);
}

void Queue::set_orders(DestinationOrders::Snapshot orders) {
  orders_ = orders;
  schedule_.set_orders(std::move(orders), parts_.loop.now());
  parts_.loop.defer(pump_later_);
}

WallMillis Queue::first_retry() {
  const Duration wait = options_.curve.wait(1, parts_.loop.platform().random.number());
  return parts_.loop.platform().clock.wall() + wait / std::chrono::milliseconds(1);
}

// ------------------------------------------------------------------------------------------ what comes in

// Calendar time is what survives a restart; a moment that is far away is as good as one that is very far.
Instant Queue::instant_of(WallMillis time) const {
  const Duration ahead = std::chrono::milliseconds(std::clamp<WallMillis>(time - parts_.loop.platform().clock.wall(),
                                                                          -kLongest / std::chrono::milliseconds(1),
                                                                          kLongest / std::chrono::milliseconds(1)));
  return parts_.loop.now() + ahead;
}

// When a message is looked at though it was not tried: its sender is to hear that it is late, or that it is given
// up.
Instant Queue::looked_at_by(WallMillis arrived) const {
  const Instant late = later(instant_of(arrived), options_.delay_dsn);
  const bool warns = options_.delay_dsn > Duration::zero() && late > parts_.loop.now();
  return warns ? late : later(instant_of(arrived), options_.expire);
}

void Queue::add(spool::QueueId id, const spool::Stored& stored, const message::DeliveryStatus& status) {
  ++counters_.added;
  const Router& router = parts_.router();
  const auto find = [&](const message::Recipient& recipient) {
    return router.destination_of(recipient, stored.envelope, stored.submitter);
  };
  for (const MessageDestination& each : destinations_of(stored.envelope, status, find))
    jobs_.add(id,
              {.customer = stored.submitter.customer,
               .weight = stored.submitter.weight,
               .destination = each.destination.key,
               .due = instant_of(each.due),
               .expires = looked_at_by(stored.arrived),
               .first_attempt = !each.tried,
               .held = status.held,
               .large = stored.envelope.large()},
              parts_.loop.now());
  parts_.loop.defer(pump_later_);
}

void Queue::restore(const Restored& restored, std::string_view customer, std::string_view destination) {
  ++counters_.restored;
  jobs_.add(restored.id,
            {.customer = customer,
             .weight = restored.weight,
             .destination = destination,
             .due = instant_of(restored.due),
             .expires = looked_at_by(restored.arrived),
             .first_attempt = !restored.tried,
             .held = restored.held,
             .large = restored.large},
            parts_.loop.now());
}

// ------------------------------------------------------------------------------------------ turns

void Queue::run() {
  running_ = true;
  parts_.spool.on_room([this] { parts_.loop.defer(pump_later_); });
  parts_.loop.defer(pump_later_);
}

void Queue::pump() {
  if (!running_ || closing_) return;
  const Instant now = parts_.loop.now();
  parts_.loop.timers().disarm(timer_);
  for (int i = 0; i < kStartsPerTurn && schedule_.due(now) <= now; ++i) {
    // Nothing starts whose outcome could not be recorded: on_room() goes on.
    auto room = parts_.spool.promise(1);
    if (!room) return;
    // Of a whole farm that is dead, all may be at one time.
    const auto over = expiring_ < kExpiringMax ? schedule_.expired(now) : std::nullopt;
    if (over) {
      tasks_.add(expire(*over));
      continue;
    }
    const auto job = schedule_.next(now);
    if (!job) break;
    tasks_.add(deliver(*job, *std::move(room)));
  }
  if (expiring_ == kExpiringMax) return;  // each that ends looks again
  const Instant due = schedule_.due(now);
  if (due == Instant::max()) return;
  // Now: there was more than fits into one turn.
  parts_.loop.timers().arm(timer_, std::max(due, now + std::chrono::milliseconds(1)));
}

void Queue::on_timer(void* self) { static_cast<Queue*>(self)->pump(); }

void Queue::stop() {
  closing_ = true;
  parts_.spool.on_room([] {});
  parts_.loop.timers().disarm(timer_);
}

Task<void> Queue::close() {
  stop();
  co_await tasks_.join("deliveries under way");
}

// ------------------------------------------------------------------------------------------ messages

// Writes down what is known of it now; when nothing is left to be done, it goes.
Task<bool> Queue::save(ActiveMessage& message) {
  if (message.finished) co_return true;
  const message::DeliveryStatus& status = message.status();
  const bool over = status.finished() && !dsn::reports_due(message.envelope(), status, false).any();
  if (!over) co_return co_await parts_.spool.update(message.id(), status);
  message.finished = true;
  ++counters_.finished;
  co_return co_await parts_.spool.finish(message.id());
}

// Sends the DSNs that are due, then writes down that they were sent.  False: one that is due could not be kept.
Task<bool> Queue::send_dsns(ActiveMessage& message) {
  for (;;) {
    const dsn::DueReports due = dsns_.due(message);
    // Another task that sends some looks for more itself.
    if (!due.any() || message.sending_dsns) co_return true;
    if (!co_await dsns_.send(message, due) || !co_await save(message)) co_return false;
    if (message.finished) co_return true;
  }
}

// It cannot be read: the operator gets what there is of it, and the queue goes on without.
Task<void> Queue::quarantine(ActiveMessage& message, std::string why) {
  message.finished = true;
  parts_.observer.event(message::queue_id_text(message.id()), "damaged", why);
  jobs_.end_all(message.id(), parts_.loop.now());
  co_await parts_.spool.quarantine(message.id(), std::move(why));
}

DeliveryRecord Queue::record_of(const ActiveMessage& message, std::string_view id) const {
  const spool::Stored& stored = message.stored();
  return {.id = id,
          .customer = stored.submitter.customer,
          .account = stored.submitter.account,
          .bytes = stored.content_bytes};
}

// ------------------------------------------------------------------------------------------ status

QueueCounters Queue::counters() const {
  QueueCounters all = counters_;
  all.dsns = dsns_.counters();
  return all;
}

std::string Queue::index_fault() const {
  const bool settled = !closing_ && active_.empty();
  return jobs_.fault(settled ? &parts_.spool.index() : nullptr);
}

}  // namespace sluice::relay
