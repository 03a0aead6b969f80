// Memory that one thread works in again and again, as for password hashes: pages of its own, which no core dump has,
// and which stay between two uses, so that not each use maps, fills and unmaps them.  A thread that unmaps many pages,
// or fills many in one call, holds a lock of the whole process meanwhile, for which cores wait that need memory; at low
// priority it holds the lock for long.
// Owned by one thread at a time.
#pragma once

#include <cstddef>
#include <span>

namespace sluice::io {

class WorkMemory {
 public:
  WorkMemory() = default;
  WorkMemory(const WorkMemory&) = delete;
  WorkMemory& operator=(const WorkMemory&) = delete;
  ~WorkMemory() { release(); }

  // `size` bytes, at the beginning of a page: what was left in them, or zeros.  Empty: the kernel has no more.
  [[nodiscard]] std::span<std::byte> take(std::size_t size);
  // Back to the kernel, a little at a time.
  void release();
  // What is kept.
  [[nodiscard]] std::size_t size() const { return pages_.size(); }

 private:
  std::span<std::byte> pages_;
};

}  // namespace sluice::io
