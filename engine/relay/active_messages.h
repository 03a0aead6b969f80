// Messages of a queue that tasks work at: each is read from the spool once, and shared by all tasks that work at it at
// the same time.  It is here as long as a task has a lease on it, and is read anew by the task that comes after the
// last one. Owned by a Queue; that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/check.h"
#include "engine/base/lru_map.h"
#include "engine/relay/message_signer.h"
#include "engine/spool/spool.h"

namespace sluice::relay {

// A message that has been read.  Its status is changed here first, and written to the spool by who changed it.
// Owned by ActiveMessages; its user has a lease on it, or was called by a task that has.
class ActiveMessage {
 public:
  [[nodiscard]] spool::QueueId id() const { return id_; }
  [[nodiscard]] const spool::Message& message() const { return *message_; }
  [[nodiscard]] const spool::Stored& stored() const { return message_->stored; }
  [[nodiscard]] const message::Envelope& envelope() const { return message_->stored.envelope; }
  [[nodiscard]] const message::DeliveryStatus& status() const { return message_->status; }
  [[nodiscard]] message::DeliveryStatus& status() { return message_->status; }

  [[nodiscard]] MessageSignatures& signatures() { return signatures_; }

  bool sending_dsns = false;  // one task at a time
  bool finished = false;      // it is being, or has been, removed from the spool

 private:
  friend class ActiveMessages;
  explicit ActiveMessage(spool::QueueId id) : id_(id) {}

  spool::QueueId id_;
  std::optional<spool::Message> message_;  // absent: not read yet, or it cannot be read
  MessageSignatures signatures_;
  bool read_ = false;                 // or it was tried
  std::uint32_t leases_ = 0;          // those who wait for it to be read have one, too
  std::vector<AsyncEvent*> waiting_;  // to be read
};

class ActiveMessages {
 public:
  // Messages whose body's hashes are kept from their arrival to their end: some 200 bytes each.
  static constexpr std::size_t kBodiesMax = 16 * 1024;

  // The right to use a message; gone before the table.
  class Lease;
  // What is to be done with a message that is in the spool and cannot be read: `why` is a sentence.  It has not been
  // read, so only its id may be used.
  using Quarantine = std::function<Task<void>(ActiveMessage& message, std::string why)>;

  ActiveMessages(spool::Spool& spool, Quarantine quarantine) : spool_(spool), quarantine_(std::move(quarantine)) {}
  // No lease is out.
  ~ActiveMessages() { CHECK(messages_.empty()); }
  ActiveMessages(const ActiveMessages&) = delete;
  ActiveMessages& operator=(const ActiveMessages&) = delete;

  // Reads the message, or shares what another caller has read, or is reading now.  Absent: it is gone or finished; or
  // it cannot be read, and the first caller has had it quarantined.
  Task<std::optional<Lease>> open(spool::QueueId id);

  // The hashes of the body of a message that is kept, made while it came, for its signatures.  Where there are too many
  // of them, those that were longest unused go.
  void keep_body(spool::QueueId id, const dkim::BodyDigests& body);

  [[nodiscard]] bool empty() const { return messages_.empty(); }
  [[nodiscard]] std::size_t size() const { return messages_.size(); }

 private:
  void close(ActiveMessage& message);

  spool::Spool& spool_;
  Quarantine quarantine_;
  absl::flat_hash_map<spool::QueueId, std::unique_ptr<ActiveMessage>> messages_;
  LruMap<dkim::BodyDigests> bodies_;  // by the id as text
};

class ActiveMessages::Lease {
 public:
  Lease(Lease&& other) noexcept : table_(other.table_), message_(std::exchange(other.message_, nullptr)) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (message_ == nullptr || --message_->leases_ > 0) return;
    table_->close(*message_);
  }

  [[nodiscard]] ActiveMessage& operator*() const { return *message_; }
  [[nodiscard]] ActiveMessage* operator->() const { return message_; }

 private:
  friend class ActiveMessages;
  Lease(ActiveMessages& table, ActiveMessage& message) : table_(&table), message_(&message) { ++message.leases_; }

  ActiveMessages* table_;
  ActiveMessage* message_;  // null: moved from
};

}  // namespace sluice::relay
