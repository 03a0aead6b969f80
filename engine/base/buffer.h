// The one buffer type: counted blocks of bytes, extents of them, and chains of extents.  What a socket
// received, what a message's body is made of and what is sent are all chains, so that bytes travel from
// one connection to another without being copied.
// Counts are plain integers: a block belongs to one core, and that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace sluice {

struct Block;

// Where a block goes when its last reference is gone.
class BlockOwner {
 public:
  virtual void release(Block& block) = 0;

 protected:
  ~BlockOwner() = default;
};

struct Block {
  BlockOwner* owner = nullptr;
  char* data = nullptr;
  std::uint32_t capacity = 0;
  std::uint32_t used = 0;  // bytes handed out so far; appending goes on from here
  std::uint32_t refs = 0;
  std::uint16_t id = 0;  // the owner's own number for it
};

class BlockRef {
 public:
  BlockRef() = default;
  explicit BlockRef(Block* block) : block_(block) {
    if (block_ != nullptr) ++block_->refs;
  }
  BlockRef(const BlockRef& other) : BlockRef(other.block_) {}
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() {
    if (block_ != nullptr && --block_->refs == 0) block_->owner->release(*block_);
  }
  Block* get() const { return block_; }
  Block* operator->() const { return block_; }

 private:
  Block* block_ = nullptr;
};

// A block from the heap, at least `capacity` bytes.  Counted in heap_blocks_live().
BlockRef allocate_block(std::uint32_t capacity);
std::int64_t heap_blocks_live();  // of this thread

struct Extent {
  BlockRef block;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  [[nodiscard]] std::string_view view() const { return {block->data + offset, size}; }
};

class Chain {
 public:
  Chain() = default;
  Chain(Chain&& other) noexcept { swap(other); }
  Chain& operator=(Chain&& other) noexcept {
    Chain taken(std::move(other));
    swap(taken);
    return *this;
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  [[nodiscard]] std::size_t size() const { return bytes_; }
  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t extents() const { return extents_.size() - head_; }
  [[nodiscard]] const Extent& operator[](std::size_t i) const { return extents_[head_ + i]; }
  // The first contiguous bytes; empty when the chain is.
  [[nodiscard]] std::string_view front() const { return empty() ? std::string_view{} : extents_[head_].view(); }
  // Bytes of memory that the chain keeps from being used otherwise, counted per extent.
  [[nodiscard]] std::size_t pinned() const;

  void append(Extent extent);
  void append(Chain&& other);
  // The same bytes once more, in the same blocks.
  [[nodiscard]] Chain share() const;
  // Copies; small pieces share blocks.
  void append_copy(std::string_view bytes);
  // Appends what `other` holds in [0, size) and removes it there; nothing is copied.
  void move_front(Chain& other, std::size_t size);
  // Removes `size` bytes from the front.
  void consume(std::size_t size);
  void clear();
  // At least `min` writable bytes at the end; nothing is part of the chain until commit().
  std::span<std::byte> reserve(std::size_t min);
  void commit(std::size_t size);
  // Makes the first `size` bytes contiguous, copying only if they are not, and returns them.
  std::string_view flatten_front(std::size_t size);
  // Replaces what it holds by a compact copy, giving the blocks back.
  void compact();
  [[nodiscard]] std::string to_string() const;
  void swap(Chain& other) noexcept {
    extents_.swap(other.extents_);
    std::swap(head_, other.head_);
    std::swap(bytes_, other.bytes_);
  }

 private:
  void drop_front();
  Block* open_tail();

  std::vector<Extent> extents_;
  std::size_t head_ = 0;
  std::size_t bytes_ = 0;
  BlockRef reserved_;
};

}  // namespace sluice
