// Tells senders what became of their mail: delivery status notifications (RFC 3464), which are messages of the queue's
// own.  Finds which are due, keeps to the customer's budget, builds them and keeps them in the spool.
// Owned by a Queue; that core's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/dsn/budget.h"
#include "engine/dsn/dsn.h"
#include "engine/relay/active_messages.h"
#include "engine/relay/delivery_record.h"
#include "engine/relay/queue_options.h"

namespace sluice::relay {

struct DsnCounters {
  std::uint64_t sent = 0;
  std::uint64_t withheld = 0;  // over the customer's budget, or they could not be kept
};

class DsnSender {
 public:
  // What is referred to outlives the sender.
  struct Parts {
    io::Loop& loop;
    spool::Spool& spool;
    std::function<spool::QueueId()> next_id;
    QueueObserver& observer;
    const QueueOptions&
        options;  // as they are when a DSN is due; but `dsn_budget`, which stays as it was at the beginning
    // A DSN is in the spool, and is to be delivered like any other message.
    std::function<void(spool::QueueId id, const spool::Stored& stored, const message::DeliveryStatus& status)> on_kept;
  };
  explicit DsnSender(Parts parts);
  DsnSender(const DsnSender&) = delete;
  DsnSender& operator=(const DsnSender&) = delete;

  // Which DSNs the message's sender is to be sent now.
  [[nodiscard]] dsn::DueReports due(const ActiveMessage& message) const;
  // Sends those that are due, and marks their recipients in the message's status, which the caller then saves.  False:
  // one of them could not be kept, and it is still due.  One call for a message at a time (`sending_dsns`).
  Task<bool> send(ActiveMessage& message, const dsn::DueReports& due);

  [[nodiscard]] const DsnCounters& counters() const { return counters_; }

 private:
  Task<bool> send_one(ActiveMessage& message, dsn::ReportKind kind, const std::vector<std::size_t>& recipients);
  Task<bool> keep(spool::QueueId id, dsn::Report report, std::string customer);
  Task<std::optional<std::string>> original(const ActiveMessage& message, bool whole);

  Parts parts_;
  dsn::ReportBudget budget_;
  DsnCounters counters_;
};

}  // namespace sluice::relay
