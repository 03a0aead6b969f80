// The message sink that keeps every message first: 250 is said when it is in the spool, and the queue delivers it.
// One per message; core thread only.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "engine/message/message_sink.h"
#include "engine/relay/memory_budget.h"
#include "engine/relay/message_writer.h"

namespace sluice::relay {

class QueueFirst final : public message::MessageSink {
 public:
  // `memory` outlives the sink; `share`: whose part of it.
  QueueFirst(OpenWriter open, MemoryBudget& memory, CustomerShare share)
      : open_(std::move(open)), memory_(memory, share) {}

  Task<void> add_recipients(const message::Envelope& envelope, std::size_t first,
                            std::vector<smtp::Reply>& answers) override;
  Task<void> begin(message::BodyForm form) override;
  Task<void> write(Chain bytes) override;
  Task<message::Outcome> commit() override;
  Task<void> abort() override;

 private:
  OpenWriter open_;
  MemoryUse memory_;
  std::unique_ptr<MessageWriter> writer_;
  const message::Envelope* envelope_ = nullptr;
  MessageWriter::Result kept_;  // so far
};

}  // namespace sluice::relay
