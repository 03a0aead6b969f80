// Safe keeping in memory, which fails where a test wants it to.
// Owned by one test; its thread only.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/relay/message_writer.h"

namespace sluice::relay {

struct Kept {
  std::string content;
  message::DeliveryStatus status;
  std::size_t recipients = 0;
};

class Memory {
 public:
  [[nodiscard]] OpenWriter open_writer();
  std::vector<Kept> kept;
  std::size_t begun = 0;
  std::size_t abandoned = 0;            // went before they were committed
  std::size_t refuses_at = SIZE_MAX;    // the call that fails; that which opens a writer fails with its first piece
  std::size_t refuses_from = SIZE_MAX;  // and all that come after that one
  std::size_t calls = 0;
};

class MemoryWriter final : public MessageWriter {
 public:
  MemoryWriter(Memory& memory, const message::Envelope& envelope) : memory_(memory), fine_(call()) {
    ++memory_.begun;
    kept_.recipients = envelope.recipients.size();
  }
  ~MemoryWriter() override {
    if (!committed_) ++memory_.abandoned;
  }
  Task<Result> append(Chain bytes) override {
    kept_.content += bytes.to_string();
    fine_ = fine_ && call();
    co_return result();
  }
  [[nodiscard]] std::size_t in_memory() const override { return 0; }
  Task<Result> write_out() override { co_return result(); }
  Task<Result> commit(message::DeliveryStatus status) override {
    fine_ = fine_ && call();
    committed_ = true;
    if (!fine_) co_return result();
    kept_.status = std::move(status);
    memory_.kept.push_back(std::move(kept_));
    co_return result();
  }

 private:
  bool call() {
    const std::size_t call = memory_.calls++;
    return call != memory_.refuses_at && call < memory_.refuses_from;
  }
  [[nodiscard]] Result result() const { return fine_ ? Result() : std::unexpected("the test wants it to fail"); }

  Memory& memory_;
  Kept kept_;
  bool fine_;
  bool committed_ = false;
};

inline OpenWriter Memory::open_writer() {
  return [this](const message::Envelope& envelope, message::BodyForm /*form*/) {
    return std::make_unique<MemoryWriter>(*this, envelope);
  };
}

}  // namespace sluice::relay
