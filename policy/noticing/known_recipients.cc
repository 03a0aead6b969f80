#include "policy/noticing/known_recipients.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "engine/base/check.h"

namespace sluice::noticing {
namespace {

constexpr std::size_t kLeastCapacity = 8;
static_assert(kKnownRecipientsMax <= 65'535);
// Odd, so that each place has its turn.
constexpr std::uint16_t kVictimStride = 2531;
static_assert(kKnownRecipientsMax % 2 == 0);

std::uint16_t key_of(std::uint64_t address) { return static_cast<std::uint16_t>(address >> 48); }

}  // namespace

bool KnownRecipients::add(std::uint64_t address) {
  const std::uint16_t key = key_of(address);
  std::uint16_t* const end = keys_.get() + size_;
  std::uint16_t* const found = std::lower_bound(keys_.get(), end, key);
  if (found != end && *found == key) return false;
  const auto place = static_cast<std::size_t>(found - keys_.get());
  if (size_ == kKnownRecipientsMax) {
    replace(key, place);
    return true;
  }
  if (size_ == capacity_) grow();
  std::copy_backward(keys_.get() + place, keys_.get() + size_, keys_.get() + size_ + 1);
  keys_[place] = key;
  ++size_;
  return true;
}

bool KnownRecipients::knows(std::uint64_t address) const {
  return std::binary_search(keys_.get(), keys_.get() + size_, key_of(address));
}

void KnownRecipients::make(std::uint16_t size) {
  keys_ = size == 0 ? nullptr : std::make_unique<std::uint16_t[]>(size);
  size_ = size;
  capacity_ = size;
}

bool KnownRecipients::is_sound() const {
  const std::span<const std::uint16_t> keys(keys_.get(), size_);
  return turn_ < kKnownRecipientsMax && std::ranges::adjacent_find(keys, std::greater_equal{}) == keys.end();
}

// To a size of which allocators have a class, so that nothing is lost to rounding: by 16 bytes, or by a quarter of the
// power of two below.
void KnownRecipients::grow() {
  const std::size_t step = std::max(kLeastCapacity, std::bit_floor(std::size_t{size_}) / 4);
  const std::size_t capacity = (size_ / step + 1) * step;
  CHECK(capacity > size_ && capacity <= kKnownRecipientsMax);
  auto keys = std::make_unique_for_overwrite<std::uint16_t[]>(capacity);
  std::copy_n(keys_.get(), size_, keys.get());
  keys_ = std::move(keys);
  capacity_ = static_cast<std::uint16_t>(capacity);
}

// Far from the place of the last one, so that mail to all of them in any order forgets only a few.
void KnownRecipients::replace(std::uint16_t key, std::size_t place) {
  turn_ = static_cast<std::uint16_t>((turn_ + kVictimStride) % kKnownRecipientsMax);
  const std::size_t victim = turn_;
  if (victim < place) {
    std::copy(keys_.get() + victim + 1, keys_.get() + place, keys_.get() + victim);
    keys_[place - 1] = key;
  } else {
    std::copy_backward(keys_.get() + place, keys_.get() + victim, keys_.get() + victim + 1);
    keys_[place] = key;
  }
}

}  // namespace sluice::noticing
