// The queue of one core: what is in its spool and waits to be delivered.  It asks the schedule what may be tried now,
// reads the message back, passes it on, writes down what became of it, and reports to its sender.
// One per core; that core's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/dsn/budget.h"
#include "engine/dsn/dsn.h"
#include "engine/relay/delivery_record.h"
#include "engine/relay/router.h"
#include "engine/schedule/retry_curve.h"
#include "engine/schedule/schedule.h"
#include "engine/spool/spool.h"

namespace sluice::relay {

struct QueueOptions {
  schedule::ScheduleOptions schedule;
  schedule::RetryCurve curve;
  Duration expire = schedule::kGiveUpAfter;
  Duration delay_report = std::chrono::hours(4);  // zero: none
  dsn::ReportBudget::Options reports;
  std::string hostname;     // Reporting-MTA
  std::string report_from;  // empty: MAILER-DAEMON at hostname
  std::string policy_url;
};

struct QueueCounters {
  std::uint64_t added = 0;
  std::uint64_t restored = 0;
  std::uint64_t tries = 0;
  std::uint64_t recipients_taken = 0;
  std::uint64_t recipients_failed = 0;
  std::uint64_t recipients_expired = 0;
  std::uint64_t reports = 0;
  std::uint64_t reports_withheld = 0;  // over the customer's budget, or they could not be kept
  std::uint64_t finished = 0;
};

// What a restart knows of one message before its core runs: names are the caller's numbers.
struct Restored {
  spool::QueueId id = 0;
  WallMillis arrived = 0;
  WallMillis due = 0;
  std::uint32_t customer = 0;
  std::uint32_t destination = 0;  // one of these for each destination
  bool tried = false;
  bool held = false;
};

class Queue {
 public:
  // `router` gives the one of the current configuration; `next_id` a queue id for a report.
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
  // At a start, before run().
  void restore(const Restored& restored, std::string_view customer, std::string_view destination);
  // Begins to deliver.
  void run();
  // From now on these; of the schedule's, those of destinations.
  void set_options(QueueOptions options);
  [[nodiscard]] WallMillis wall() { return parts_.loop.platform().clock.wall(); }
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
  [[nodiscard]] std::vector<schedule::JobStatus> jobs(spool::QueueId id);
  [[nodiscard]] bool has_several_jobs(spool::QueueId id) const;
  [[nodiscard]] const QueueCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t messages() const { return jobs_.size(); }
  [[nodiscard]] std::size_t active() const { return active_.size(); }

  // The operator's.  False: there is no such message.
  enum class Order : std::uint8_t { flush, hold, release, remove };
  Task<bool> order(spool::QueueId id, Order order);
  // How many messages are tried now that wait for it.
  std::uint64_t flush_destination(std::string_view name);

  // For tests: whether the index of jobs and the schedule agree: a sentence that says where they do not; empty: they
  // do.
  [[nodiscard]] std::string index_fault() const;

 private:
  // A message at which somebody works; whoever comes second shares it.
  struct Active;
  // The jobs of one message.
  struct Jobs {
    schedule::JobId first;
    std::unique_ptr<std::vector<schedule::JobId>> more;
  };
  [[nodiscard]] std::vector<schedule::JobId> job_ids(spool::QueueId id) const;
  void forget_job(spool::QueueId id, schedule::JobId job);
  void put_back(spool::QueueId id, schedule::JobId job, Instant due);
  void end_job(spool::QueueId id, schedule::JobId job);

  // queue.cc
  struct Added {
    std::string_view customer;
    std::string_view destination;
    Instant due;
    WallMillis arrived = 0;
    bool first = true;
    bool held = false;
  };
  void add_job(spool::QueueId id, const Added& added);
  [[nodiscard]] Instant instant_of(WallMillis time) const;
  void pump();
  static void on_timer(void* self);
  bool try_now(schedule::JobId job);
  void remove_recipients(Active& active);
  void add_dsn_job(Active& active);
  Task<std::shared_ptr<Active>> open(spool::QueueId id);
  Task<bool> save(Active& active);

  // courier.cc, courier_mailbox.cc: one try.
  struct Course;
  Task<void> deliver(schedule::JobId job, spool::Promise room);
  void put_off(const Active& active, schedule::JobId job);
  void bind_course(Course& course, const std::string& key);
  Task<schedule::Verdict> attempt(Course& course);
  Task<schedule::Verdict> transmit(Course& course, hop::Pool& pool);
  Task<schedule::Verdict> put_into_mailbox(Course& course, std::string directory);
  static schedule::Verdict not_attempted(Course& course);
  static bool takes_more_now(const Course& course, const Transmission& transmission, schedule::Verdict verdict);
  [[nodiscard]] WallMillis next_try(const Course& course, schedule::Verdict verdict);
  Task<void> conclude(Course& course, schedule::Verdict verdict);
  void observe(Course& course, WallMillis next);
  void give_up(Course& course);
  Task<void> expire(schedule::JobId job);
  Task<void> warn(Active& active, const schedule::JobStatus& known, schedule::JobId job);
  [[nodiscard]] Instant looked_at_by(WallMillis arrived) const;
  Task<void> set_aside(Active& active, std::string why);
  [[nodiscard]] DeliveryRecord record_of(const Active& active, std::string_view id) const;

  // queue_learning.cc
  void note_response(schedule::DestinationId destination, std::string_view response);
  [[nodiscard]] WallMillis next_try(std::string_view id, schedule::DestinationId destination);

  // queue_reports.cc
  Task<bool> report(Active& active);
  Task<bool> send_report(Active& active, dsn::ReportKind kind, const std::vector<std::size_t>& recipients);
  Task<bool> keep_report(spool::QueueId id, dsn::Report report, std::string customer);
  Task<std::optional<std::string>> original(Active& active, bool whole);

  Parts parts_;
  QueueOptions options_;
  schedule::Schedule schedule_;
  dsn::ReportBudget budget_;
  absl::flat_hash_map<spool::QueueId, Jobs> jobs_;
  absl::flat_hash_map<spool::QueueId, std::shared_ptr<Active>> active_;
  bool running_ = false;
  std::uint32_t expiring_ = 0;  // tasks of expire()
  bool closing_ = false;
  bool orders_ended_ = false;
  TaskSet tasks_;
  io::Deferred pump_later_{[](void* self) { static_cast<Queue*>(self)->pump(); }, this};
  io::Timer timer_{&on_timer, this};
  QueueCounters counters_;
};

}  // namespace sluice::relay
