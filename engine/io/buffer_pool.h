// The receive buffers of one core.  The kernel picks one when bytes arrive, so a connection that is idle
// holds none.  A block comes back when its last reference goes and is handed to the kernel again at the
// end of the turn; connections that found the pool empty are then re-armed, their shares in turn.
// Owned by one core's loop; that core's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/base/share_turns.h"
#include "engine/io/platform.h"

namespace sluice::io {

class BufferPool final : private BlockOwner {
 public:
  // `count`: a power of two, at most 32,768.
  BufferPool(Ring& ring, std::uint32_t count, std::uint32_t bytes);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // The block that the kernel filled with `size` bytes.
  Extent take(std::uint16_t id, std::uint32_t size);
  // Hands freed blocks to the kernel.
  void give_back();

  // A receiver that got ENOBUFS waits here and is called back when buffers are there, the shares in turn.  Its owner's.
  struct Starved : InTurn {
    void (*resume)(void* context) = nullptr;
    void* context = nullptr;
  };
  void wait_for_buffers(Starved& receiver) { starved_.push(receiver); }
  void stop_waiting(const Starved& receiver) { starved_.remove(receiver); }
  // Calls as many waiters as there are buffers with the kernel.  They may be idle and take none, so the next
  // turn goes on with those behind them: until there is no waiter, or no buffer is left.
  void resume_starved();
  [[nodiscard]] bool can_resume() const { return !starved_.empty() && in_use_ < count(); }

  // Half of the buffers are held by connections that do not use them up: from now on bytes that are kept
  // for later must be copied, so that a few slow peers cannot starve the rest.
  [[nodiscard]] bool scarce() const { return in_use_ > count() / 2; }
  [[nodiscard]] std::uint32_t in_use() const { return in_use_; }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(blocks_.size()); }

 private:
  void release(Block& block) override;

  struct Unmap {
    std::size_t size;
    void operator()(char* memory) const;
  };
  Ring& ring_;
  std::unique_ptr<char, Unmap> memory_;
  std::vector<Block> blocks_;
  std::vector<std::uint16_t> freed_;
  ShareTurns starved_;
  std::uint32_t in_use_ = 0;
};

}  // namespace sluice::io
