// Writes a message into the spool, and puts it into the queue once it is there.
// One per message; core thread only.
#pragma once

#include <optional>

#include "engine/relay/message_writer.h"
#include "engine/relay/queue.h"
#include "engine/signing/running_hash.h"

namespace sluice::relay {

class SpoolWriter final : public MessageWriter {
 public:
  // What is referred to outlives the writer.  `body`: its content, hashed; absent: it is not, or not yet.
  SpoolWriter(spool::Spool& spool, Queue& queue, message::Submitter submitter, const message::Envelope& envelope,
              message::BodyForm form, const std::optional<signing::HashedBody>& body);

  Task<Result> append(Chain bytes) override { return draft_.append(std::move(bytes)); }
  [[nodiscard]] std::size_t in_memory() const override { return draft_.in_memory(); }
  Task<Result> write_out() override { return draft_.write_out(); }
  Task<Result> commit(message::DeliveryStatus status) override;

 private:
  Queue& queue_;
  message::Submitter submitter_;
  const message::Envelope& envelope_;
  message::BodyForm form_;
  const std::optional<signing::HashedBody>& body_;
  spool::QueueId id_;
  spool::Draft draft_;
};

}  // namespace sluice::relay
