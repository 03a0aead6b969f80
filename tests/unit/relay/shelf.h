// A fallback buffer that keeps messages in memory, or fails to where a test wants it.
// Owned by one test; its thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/relay/leftover.h"

namespace sluice::relay {

struct Kept {
  std::string content;
  message::DeliveryStatus status;
  std::size_t recipients = 0;
};

// Keeps in memory, or refuses to.
class Shelf final : public Leftover {
 public:
  std::unique_ptr<Keeper> make_keeper() override;
  std::vector<Kept> kept;
  std::size_t begun = 0;
  std::size_t abandoned = 0;
  std::size_t refuses_at = SIZE_MAX;    // the call that fails
  std::size_t refuses_from = SIZE_MAX;  // and all that come after that one
  std::size_t calls = 0;
};

class ShelfKeeper final : public Keeper {
 public:
  explicit ShelfKeeper(Shelf& shelf) : shelf_(shelf) {}
  Task<bool> begin(const message::Envelope& envelope, message::BodyForm) override {
    ++shelf_.begun;
    kept_.recipients = envelope.recipients.size();
    co_return fine();
  }
  Task<bool> append(Chain bytes) override {
    kept_.content += bytes.to_string();
    co_return fine();
  }
  Task<bool> commit(message::DeliveryStatus status) override {
    if (!fine()) co_return false;
    kept_.status = std::move(status);
    shelf_.kept.push_back(std::move(kept_));
    co_return true;
  }
  Task<void> abandon() override {
    ++shelf_.abandoned;
    co_return;
  }

 private:
  bool fine() {
    const std::size_t call = shelf_.calls++;
    return call != shelf_.refuses_at && call < shelf_.refuses_from;
  }
  Shelf& shelf_;
  Kept kept_;
};

inline std::unique_ptr<Keeper> Shelf::make_keeper() { return std::make_unique<ShelfKeeper>(*this); }

}  // namespace sluice::relay
