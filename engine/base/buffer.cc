#include "engine/base/buffer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace sluice {
namespace {

// A reply or a command is tens of bytes: small blocks are enough for many of them.
constexpr std::uint32_t kHeapBlockBytesMin = 1024;
constexpr std::uint32_t kHeapBlockBytesBulk = 16384;

thread_local std::int64_t live_blocks = 0;

// Heap blocks are one allocation: the Block, then its bytes.
class HeapOwner final : public BlockOwner {
 public:
  void release(Block& block) override {
    --live_blocks;
    block.~Block();
    ::operator delete(static_cast<void*>(&block));
  }
};

HeapOwner& heap_owner() {
  static HeapOwner owner;  // holds no state
  return owner;
}

}  // namespace

BlockRef allocate_block(std::uint32_t capacity) {
  void* memory = ::operator new(sizeof(Block) + capacity);
  auto* block = new (memory) Block;
  block->owner = &heap_owner();
  block->data = static_cast<char*>(memory) + sizeof(Block);
  block->capacity = capacity;
  ++live_blocks;
  return BlockRef(block);
}

std::int64_t heap_blocks_live() { return live_blocks; }

std::size_t Chain::pinned() const {
  std::size_t total = 0;
  for (std::size_t i = head_; i < extents_.size(); ++i) total += extents_[i].block->capacity;
  return total;
}

void Chain::append(Extent extent) {
  if (extent.size == 0) return;
  bytes_ += extent.size;
  if (extents_.size() > head_) {
    Extent& last = extents_.back();
    if (last.block.get() == extent.block.get() && last.offset + last.size == extent.offset) {
      last.size += extent.size;
      return;
    }
  }
  extents_.push_back(std::move(extent));
}

void Chain::append(Chain&& other) {
  if (empty()) {
    swap(other);
    other.clear();
    return;
  }
  for (std::size_t i = other.head_; i < other.extents_.size(); ++i) append(std::move(other.extents_[i]));
  other.extents_.clear();
  other.head_ = 0;
  other.bytes_ = 0;
}

Chain Chain::share() const {
  Chain shared;
  shared.extents_.assign(extents_.begin() + static_cast<std::ptrdiff_t>(head_), extents_.end());
  shared.bytes_ = bytes_;
  return shared;
}

// The last block, if bytes may still be written behind what this chain holds of it.
Block* Chain::open_tail() {
  if (extents_.size() == head_) return nullptr;
  const Extent& last = extents_.back();
  Block* block = last.block.get();
  const bool ours = block->owner == &heap_owner() && block->refs == 1;
  return ours && last.offset + last.size == block->used ? block : nullptr;
}

void Chain::append_copy(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<std::byte> room = reserve(1);
    const std::size_t n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    commit(n);
    bytes.remove_prefix(n);
  }
}

std::span<std::byte> Chain::reserve(std::size_t min) {
  reserved_ = BlockRef();
  Block* block = open_tail();
  if (block == nullptr || block->capacity - block->used < min) {
    const std::size_t usual = empty() ? kHeapBlockBytesMin : kHeapBlockBytesBulk;
    const std::size_t capacity = std::max(min, usual - sizeof(Block));
    CHECK(capacity <= UINT32_MAX);
    reserved_ = allocate_block(static_cast<std::uint32_t>(capacity));
    block = reserved_.get();
  }
  return {reinterpret_cast<std::byte*>(block->data + block->used), block->capacity - block->used};
}

void Chain::commit(std::size_t size) {
  BlockRef target = std::move(reserved_);
  reserved_ = BlockRef();
  if (size == 0) return;
  if (target.get() == nullptr) {
    CHECK(open_tail() != nullptr);
    target = extents_.back().block;
  }
  Block* block = target.get();
  CHECK(size <= block->capacity - block->used);
  const std::uint32_t offset = block->used;
  block->used += static_cast<std::uint32_t>(size);
  append(Extent{std::move(target), offset, static_cast<std::uint32_t>(size)});
}

void Chain::drop_front() {
  extents_[head_].block = BlockRef();
  ++head_;
  if (head_ == extents_.size()) {
    extents_.clear();
    head_ = 0;
  } else if (head_ >= 64 && head_ * 2 >= extents_.size()) {
    extents_.erase(extents_.begin(), extents_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

void Chain::move_front(Chain& other, std::size_t size) {
  CHECK(size <= other.size());
  if (size == other.size() && empty()) {
    swap(other);
    return;
  }
  while (size > 0) {
    Extent& first = other.extents_[other.head_];
    if (first.size <= size) {
      size -= first.size;
      other.bytes_ -= first.size;
      append(std::move(first));
      other.drop_front();
      continue;
    }
    const auto part = static_cast<std::uint32_t>(size);
    append(Extent{first.block, first.offset, part});
    first.offset += part;
    first.size -= part;
    other.bytes_ -= part;
    size = 0;
  }
}

void Chain::consume(std::size_t size) {
  CHECK(size <= bytes_);
  bytes_ -= size;
  while (size > 0) {
    Extent& first = extents_[head_];
    if (first.size > size) {
      first.offset += static_cast<std::uint32_t>(size);
      first.size -= static_cast<std::uint32_t>(size);
      return;
    }
    size -= first.size;
    drop_front();
  }
}

void Chain::clear() {
  extents_ = {};
  head_ = 0;
  bytes_ = 0;
}

std::string_view Chain::flatten_front(std::size_t size) {
  CHECK(size <= bytes_);
  if (front().size() >= size) return front().substr(0, size);
  BlockRef block = allocate_block(static_cast<std::uint32_t>(size));
  std::size_t copied = 0;
  while (copied < size) {
    const std::string_view piece = front().substr(0, size - copied);
    std::memcpy(block->data + copied, piece.data(), piece.size());
    copied += piece.size();
    consume(piece.size());
  }
  block->used = static_cast<std::uint32_t>(size);
  Extent flat{std::move(block), 0, static_cast<std::uint32_t>(size)};
  bytes_ += size;
  if (head_ > 0) {
    extents_[--head_] = std::move(flat);
  } else {
    extents_.insert(extents_.begin(), std::move(flat));
  }
  return front();
}

void Chain::compact() {
  if (empty()) return;
  BlockRef block = allocate_block(static_cast<std::uint32_t>(bytes_));
  for (std::size_t i = head_; i < extents_.size(); ++i) {
    const std::string_view piece = extents_[i].view();
    std::memcpy(block->data + block->used, piece.data(), piece.size());
    block->used += static_cast<std::uint32_t>(piece.size());
  }
  const std::uint32_t size = block->used;
  clear();
  append(Extent{std::move(block), 0, size});
}

std::string Chain::to_string() const {
  std::string all;
  all.reserve(bytes_);
  for (std::size_t i = head_; i < extents_.size(); ++i) all += extents_[i].view();
  return all;
}

}  // namespace sluice
