#include "engine/io/buffer_pool.h"

#include <sys/mman.h>

#include <bit>
#include <new>

namespace sluice::io {

void BufferPool::Unmap::operator()(char* memory) const { munmap(memory, size); }

BufferPool::BufferPool(Ring& ring, std::uint32_t count, std::uint32_t bytes)
    : ring_(ring), memory_(nullptr, Unmap{std::size_t{count} * bytes}), blocks_(count) {
  CHECK(std::has_single_bit(count) && count <= 32768);
  // Pages are touched only when the kernel first fills them.
  void* memory = mmap(nullptr, std::size_t{count} * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();  // as operator new: process.h says how that ends
  memory_.reset(static_cast<char*>(memory));
  freed_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    Block& block = blocks_[i];
    block.owner = this;
    block.data = memory_.get() + std::size_t{i} * bytes;
    block.capacity = bytes;
    block.id = static_cast<std::uint16_t>(i);
    ring_.provide_buffer(block.id, block.data, bytes);
  }
}

BufferPool::~BufferPool() { CHECK(in_use_ == 0 && starved_.empty()); }

Extent BufferPool::take(std::uint16_t id, std::uint32_t size) {
  CHECK(id < blocks_.size());
  Block& block = blocks_[id];
  CHECK(block.refs == 0 && size <= block.capacity);
  block.used = size;
  ++in_use_;
  return {BlockRef(&block), 0, size};
}

void BufferPool::release(Block& block) {
  --in_use_;
  freed_.push_back(block.id);
}

void BufferPool::give_back() {
  for (const std::uint16_t id : freed_) ring_.provide_buffer(id, blocks_[id].data, blocks_[id].capacity);
  freed_.clear();
}

void BufferPool::resume_starved() {
  std::uint32_t free = count() - in_use_;
  while (free > 0 && !starved_.empty()) {
    auto& first = static_cast<Starved&>(starved_.pop());
    first.resume(first.context);
    --free;
  }
}

}  // namespace sluice::io
