#include "engine/io/work_memory.h"

#include <sys/mman.h>

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

// Given back in one call, for whose time the lock of the process's memory map may be held: a large page.
constexpr std::size_t kReleasedAtOnce = std::size_t{2} << 20;

}  // namespace

std::span<std::byte> WorkMemory::take(std::size_t size) {
  if (size <= pages_.size()) return pages_.first(size);
  release();
  // Pages come when they are written to, each by itself: not MAP_POPULATE.
  void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return {};
  pages_ = {static_cast<std::byte*>(mapped), size};
  CHECK(::madvise(mapped, size, MADV_DONTDUMP) == 0);
  // A kernel without large pages refuses, and does without.
  static_cast<void>(::madvise(mapped, size, MADV_HUGEPAGE));
  return pages_;
}

void WorkMemory::release() {
  if (pages_.empty()) return;
  for (std::size_t at = 0; at < pages_.size(); at += kReleasedAtOnce) {
    const std::span<std::byte> part = pages_.subspan(at, std::min(kReleasedAtOnce, pages_.size() - at));
    CHECK(::madvise(part.data(), part.size(), MADV_DONTNEED) == 0);
  }
  CHECK(::munmap(pages_.data(), pages_.size()) == 0);
  pages_ = {};
}

}  // namespace sluice::io
