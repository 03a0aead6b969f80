// Safe keeping by the spool: what takers give a message to that is delivered later, and the taker that gives it
// everything.
// One per message; core thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/message/taker.h"
#include "engine/relay/leftover.h"
#include "engine/relay/queue.h"

namespace sluice::relay {

// Into the spool, and from there into the queue.
class SpoolKeeper final : public Keeper {
 public:
  SpoolKeeper(spool::Spool& spool, Queue& queue, message::Submitter submitter)
      : spool_(spool), queue_(queue), submitter_(std::move(submitter)) {}
  ~SpoolKeeper() override;

  Task<bool> begin(const message::Envelope& envelope, message::BodyForm form) override;
  Task<bool> append(Chain bytes) override;
  Task<bool> commit(message::DeliveryStatus status) override;
  Task<void> abandon() override;

 private:
  spool::Spool& spool_;
  Queue& queue_;
  message::Submitter submitter_;
  const message::Envelope* envelope_ = nullptr;
  message::BodyForm form_ = message::BodyForm::dot_stuffed;
  spool::QueueId id_ = 0;
  std::optional<spool::Draft> draft_;
};

class SpoolLeftover final : public Leftover {
 public:
  SpoolLeftover(spool::Spool& spool, Queue& queue, message::Submitter submitter)
      : spool_(spool), queue_(queue), submitter_(std::move(submitter)) {}
  std::unique_ptr<Keeper> make_keeper() override { return std::make_unique<SpoolKeeper>(spool_, queue_, submitter_); }

 private:
  spool::Spool& spool_;
  Queue& queue_;
  message::Submitter submitter_;
};

// The taker that keeps every message first: 250 is said when it is in the spool.
class Store final : public message::Taker {
 public:
  explicit Store(std::unique_ptr<Keeper> keeper) : keeper_(std::move(keeper)) {}

  Task<void> offer(const message::Envelope& envelope, std::size_t first, std::vector<smtp::Reply>& answers) override;
  Task<void> begin(message::BodyForm form) override;
  Task<void> feed(Chain bytes) override;
  Task<message::Outcome> finish() override;
  Task<void> abandon() override;

 private:
  std::unique_ptr<Keeper> keeper_;
  const message::Envelope* envelope_ = nullptr;
  bool failed_ = false;
};

}  // namespace sluice::relay
