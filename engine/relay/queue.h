// The queue of one core: what is in its spool and waits to be delivered.  It asks the schedule which job may be tried
// now, has a delivery attempt made, writes down what became of it, has DSNs sent, and carries out the operator's
// orders. The parts of that are classes of their own: ActiveMessages (messages in work), JobIndex (a message's jobs),
// DeliveryAttempt (one try), DsnSender.
// One per core; that core's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/span_histogram.h"
#include "engine/relay/active_messages.h"
#include "engine/relay/delivery_attempt.h"
#include "engine/relay/delivery_record.h"
#include "engine/relay/dsn_sender.h"
#include "engine/relay/job_index.h"
#include "engine/relay/message_destinations.h"
#include "engine/relay/queue_options.h"
#include "engine/relay/router.h"
#include "engine/schedule/schedule.h"
#include "engine/spool/spool.h"

namespace sluice::relay {

struct QueueCounters {
  std::uint64_t added = 0;
  std::uint64_t restored = 0;
  std::uint64_t tries = 0;
  std::uint64_t recipients_taken = 0;
  std::uint64_t recipients_failed = 0;
  std::uint64_t recipients_expired = 0;
  std::uint64_t finished = 0;
  DsnCounters dsns;
  QueueTimes first_attempt;  // of a message at a destination: from its arrival to the start of the first attempt here
  QueueTimes delivered;      // of a recipient: from then until a next hop or a mailbox had it
};

// What a restart knows of one message before its core runs: names are the caller's numbers.
struct Restored {
  spool::QueueId id = 0;
  WallMillis arrived = 0;
  WallMillis due = 0;
  std::uint32_t customer = 0;
  ShareWeight weight = 1;         // of the customer's share
  std::uint32_t destination = 0;  // one of these for each destination
  bool tried = false;
  bool held = false;
  bool large = false;
};

// What more an order to reject says.
struct Rejection {
  smtp::EnhancedCode status{5, 7, 1};  // that its report has (RFC 3463)
  std::string destination;             // its recipients that wait for that one alone; empty: all
};

class Queue {
 public:
  // `router` gives the one of the current configuration; `next_id` a queue id for a DSN.
  struct Parts {
    io::Loop& loop;
    spool::Spool& spool;
    std::function<Router&()> router;
    std::function<spool::QueueId()> next_id;
    QueueObserver& observer;
  };
  Queue(const Parts& parts, QueueOptions options);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // The message is in the spool, and is to be delivered from now on.
  void add(spool::QueueId id, const spool::Stored& stored, const message::DeliveryStatus& status);
  // Before it is added: the hashes of its body, which were made while it came.
  void keep_body(spool::QueueId id, const dkim::BodyDigests& body) { active_.keep_body(id, body); }
  // At a start, before run().
  void restore(const Restored& restored, std::string_view customer, std::string_view destination);
  // Begins to deliver.
  void run();
  // From now on these; of the schedule's, those of destinations.
  void set_options(QueueOptions options);
  [[nodiscard]] WallMillis wall() { return parts_.loop.platform().clock.wall(); }
  // The operator's orders about destinations, from now on.
  void set_orders(DestinationOrders::Snapshot orders);
  // An order by which a message for this destination is not passed on at once; null: there is none.
  [[nodiscard]] const DestinationOrders::InForce* order_about(std::string_view destination) const {
    return orders_->of_destination(destination, parts_.loop.now());
  }
  // Likewise, about recipients in this domain (a domain_key()).
  [[nodiscard]] bool any_orders() const { return !orders_->empty(); }
  [[nodiscard]] const DestinationOrders::InForce* order_about_domain(std::string_view domain) const {
    return orders_->of_domain(domain, parts_.loop.now());
  }
  // When a message that failed now for the first time should be tried again.
  [[nodiscard]] WallMillis first_retry();

  // A message was passed on, or was to be, while its client waited: what was learned of its destination holds for the
  // queue, too, and is logged.
  struct CutThrough {
    const Transmission& transmission;
    const message::Envelope& envelope;
    const message::Submitter& submitter;
    std::string_view destination;
    std::uint64_t bytes = 0;
    Duration took{};
  };
  void learn(const CutThrough& what);

  // stop() starts no more delivery attempts; close() waits for those under way, once.  What waits can be looked at and
  // ordered about until end_orders(), also after close().
  void stop();
  Task<void> close();
  [[nodiscard]] bool closing() const { return closing_; }
  // The spool is going to be closed: walks through the queue end at their next step, and no order begins.
  void end_orders() { orders_ended_ = true; }
  [[nodiscard]] bool orders_ended() const { return orders_ended_; }

  [[nodiscard]] const schedule::Schedule& schedule() const { return schedule_; }
  // Of one message; none where there is no such.
  [[nodiscard]] std::vector<schedule::JobStatus> jobs(spool::QueueId id) const { return jobs_.jobs(id); }
  [[nodiscard]] bool has_several_jobs(spool::QueueId id) const { return jobs_.has_several(id); }
  [[nodiscard]] QueueCounters counters() const;
  [[nodiscard]] std::size_t messages() const { return jobs_.size(); }
  [[nodiscard]] std::size_t active() const { return active_.size(); }

  // The operator's.  False: there is no such message, or the core must stop first.
  enum class Order : std::uint8_t { flush, hold, release, remove, reject };
  // `why` is kept with a message that is held, and told to the sender of one that is rejected.  None is rejected that
  // is in a delivery attempt, to that destination: false.
  Task<bool> order(spool::QueueId id, Order order, std::string why = {}, Rejection rejection = {});
  // How long after its arrival a message is given up.
  [[nodiscard]] WallMillis expire_ms() const { return options_.expire / std::chrono::milliseconds(1); }
  // How many messages are tried now that wait for it.
  std::uint64_t flush_destination(std::string_view name);

  // For tests: a sentence that says where the index of jobs does not agree with the schedule, or with the spool; empty:
  // it does.
  [[nodiscard]] std::string index_fault() const;

 private:
  // queue.cc
  [[nodiscard]] Instant instant_of(WallMillis time) const;
  [[nodiscard]] Instant looked_at_by(WallMillis arrived) const;
  void pump();
  static void on_timer(void* self);
  Task<bool> save(ActiveMessage& message);
  Task<bool> send_dsns(ActiveMessage& message);
  Task<void> quarantine(ActiveMessage& message, std::string why);
  [[nodiscard]] DeliveryRecord record_of(const ActiveMessage& message, std::string_view id) const;
  // Since its arrival, by the wall clock, as it may have been in another life of the process.
  [[nodiscard]] Duration waited(const ActiveMessage& message) {
    return std::chrono::milliseconds(wall() - message.stored().arrived);
  }

  // queue_deliveries.cc: from the start of an attempt to what follows from it.
  Task<void> deliver(schedule::JobId job, spool::Promise room);
  MessageDestination recipients_for(ActiveMessage& message, std::string key);
  Task<void> conclude(DeliveryAttempt& attempt, schedule::JobId job);
  void log_attempt(DeliveryAttempt& attempt, schedule::JobId job, std::optional<WallMillis> next_try);
  void give_up(ActiveMessage& message, const MessageDestination& to);
  Task<void> expire(schedule::JobId job);
  Task<void> warn(ActiveMessage& message, const schedule::JobStatus& known, schedule::JobId job);

  // queue_learning.cc
  void note_response(schedule::DestinationId destination, std::string_view response);
  [[nodiscard]] WallMillis due_of(std::string_view id, schedule::DestinationId destination);

  // queue_orders.cc
  bool try_now(schedule::JobId job);
  Task<bool> carry_out(ActiveMessage& message, Order order, std::string why, const Rejection& rejection);
  Task<bool> reject(ActiveMessage& message, const std::string& why, const Rejection& rejection);
  Task<bool> conclude_ended(ActiveMessage& message);
  void set_held(ActiveMessage& message, bool held, std::string why);
  void remove_recipients(ActiveMessage& message);

  Parts parts_;
  QueueOptions options_;
  DestinationOrders::Snapshot orders_ = std::make_shared<const DestinationOrders>();
  schedule::Schedule schedule_;
  JobIndex jobs_{schedule_};
  ActiveMessages active_;
  DsnSender dsns_;
  bool running_ = false;
  std::uint32_t expiring_ = 0;  // tasks of expire()
  bool closing_ = false;
  bool orders_ended_ = false;
  TaskSet tasks_;
  io::Deferred pump_later_{[](void* self) { static_cast<Queue*>(self)->pump(); }, this};
  io::Timer timer_{&on_timer, this};
  QueueCounters counters_;  // but for those of dsns_
};

}  // namespace sluice::relay
