// A vector of few elements, which takes 16 bytes and room for hardly more than there are: by a half more when it grows,
// and at least to 16 bytes.  Values; one thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "engine/base/check.h"
#include "policy/noticing/fields.h"

namespace sluice::noticing {

template <typename Element, std::size_t kMost>
class CompactVector {
 public:
  static_assert(std::is_trivially_copyable_v<Element> && kMost <= std::numeric_limits<std::uint8_t>::max());

  CompactVector() = default;
  CompactVector(CompactVector&& other) noexcept
      : elements_(std::move(other.elements_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  CompactVector& operator=(CompactVector&& other) noexcept {
    elements_ = std::move(other.elements_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }
  ~CompactVector() = default;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool full() const { return size_ == kMost; }
  [[nodiscard]] std::span<Element> all() { return {elements_.get(), size_}; }
  [[nodiscard]] std::span<const Element> all() const { return {elements_.get(), size_}; }
  // Not while it is full.
  Element& append(const Element& element) {
    if (size_ == capacity_) grow(size_ + std::max({size_ / 2UZ, kLeastBytes / sizeof(Element), 1UZ}));
    elements_[size_] = element;
    return elements_[size_++];
  }
  // Those behind it come nearer.
  template <typename Predicate>
  void remove_if(Predicate predicate) {
    size_ = static_cast<std::uint8_t>(std::ranges::remove_if(all(), predicate).begin() - all().begin());
  }
  void visit(this auto& self, auto& fields) {
    std::uint8_t size = self.size_;
    fields(size);
    if constexpr (kReading<decltype(fields)>) {
      fields.require(size <= kMost);
      if (!fields.fine()) return;
      self = {};
      if (size > 0) self.grow(size);
      self.size_ = size;
    }
    fields.each(self.all());
  }
  // For tests: what it takes beside itself.
  [[nodiscard]] std::size_t bytes() const { return capacity_ * sizeof(Element); }

 private:
  static constexpr std::size_t kLeastBytes = 16;

  void grow(std::size_t capacity) {
    capacity = std::min(capacity, kMost);
    CHECK(capacity > size_);
    auto elements = std::make_unique_for_overwrite<Element[]>(capacity);
    std::ranges::copy(all(), elements.get());
    elements_ = std::move(elements);
    capacity_ = static_cast<std::uint8_t>(capacity);
  }

  std::unique_ptr<Element[]> elements_;
  std::uint8_t size_ = 0;
  std::uint8_t capacity_ = 0;
};

}  // namespace sluice::noticing
