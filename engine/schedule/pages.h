// A growing array in pages: growing it moves nothing, so that addresses stay and the millionth record costs no more
// than the first, and at most one page and a half is more than what is used.
// Owned by one schedule; that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace sluice::schedule::detail {

// A page holds 2^kPageBits records.
template <typename T, unsigned kPageBits>
class Pages {
 public:
  static constexpr std::uint32_t kPageSize = 1U << kPageBits;

  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return pages_.size() * kPageSize * sizeof(T); }

  T& operator[](std::uint32_t i) { return pages_[i >> kPageBits][i & (kPageSize - 1)]; }
  const T& operator[](std::uint32_t i) const { return pages_[i >> kPageBits][i & (kPageSize - 1)]; }

  void push(T value) {
    if (size_ == pages_.size() * kPageSize) pages_.push_back(std::make_unique<T[]>(kPageSize));
    ++size_;
    (*this)[size_ - 1] = std::move(value);
  }
  // A page that is no longer used stays until half of the one before it is unused too.
  void pop() {
    (*this)[size_ - 1] = T{};
    --size_;
    if (size_ + kPageSize + kPageSize / 2 <= pages_.size() * kPageSize) pages_.pop_back();
  }

 private:
  std::vector<std::unique_ptr<T[]>> pages_;
  std::uint32_t size_ = 0;
};

}  // namespace sluice::schedule::detail
