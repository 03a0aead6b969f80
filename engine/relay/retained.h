// The content of a message on its way through, for as long as the next hop may still fail: in memory, where it shares
// the blocks that are under way, up to a bound, and as far as its customer may hold memory; what is more goes to a
// writer. Without one nothing is retained.
// Owned by one message sink; core thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "engine/relay/memory_budget.h"
#include "engine/relay/message_writer.h"

namespace sluice::relay {

class Retained {
 public:
  // Pieces that go to the writer, once some have.
  static constexpr std::size_t kPieceBytes = 256 * 1024;
  // Of a header that is looked for in the content.
  static constexpr std::size_t kHeaderBytesMax = 64 * 1024;

  // `memory` outlives this; `share`: whose part of it.
  Retained(OpenWriter open, std::size_t bytes_max, MemoryBudget& memory, CustomerShare share)
      : open_(std::move(open)), bytes_max_(bytes_max), memory_(memory, share) {}
  Retained(const Retained&) = delete;
  Retained& operator=(const Retained&) = delete;

  // `envelope` outlives this.
  void begin(const message::Envelope& envelope, message::BodyForm form);
  // Returns when more may come.
  Task<void> add(const Chain& bytes);
  // All of it is there. The error says why it is not safely kept.
  Task<MessageWriter::Result> keep(message::DeliveryStatus status);
  // Where keep() has failed, as on a full disk: the header alone, which is enough for a DSN where no task waits for the
  // message.
  Task<MessageWriter::Result> keep_header(message::DeliveryStatus status);
  void drop();
  // Some of it is no more in memory.
  [[nodiscard]] bool spilled() const { return writer_ != nullptr; }

  // For tests: the bound on it.
  [[nodiscard]] std::size_t in_memory() const { return held(); }

 private:
  Task<void> hand_over();
  Task<void> write_out();
  // With what the writer has of it.
  [[nodiscard]] std::size_t held() const { return content_.size() + (writer_ != nullptr ? writer_->in_memory() : 0); }

  OpenWriter open_;  // empty: there is no place to keep anything
  std::size_t bytes_max_;
  MemoryUse memory_;
  const message::Envelope* envelope_ = nullptr;
  message::BodyForm form_ = message::BodyForm::dot_stuffed;
  Chain content_;
  std::unique_ptr<MessageWriter> writer_;
  std::string header_;          // with its empty line, once something went to the writer
  MessageWriter::Result kept_;  // so far
};

}  // namespace sluice::relay
