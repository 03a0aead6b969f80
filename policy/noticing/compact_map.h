// A map from hashes of 64 bits to values, for very many of them: entries lie one behind the other in pages of 64, and
// an index of hashes finds them with 5 bytes a slot, so that only the index is half empty after it has grown.  A
// reference to a value holds until the next entry is erased.  Keys are hashes that nobody can choose.
// Values; one thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "engine/base/check.h"

namespace sluice::noticing {

template <typename Value>
class CompactMap {
 public:
  struct Entry {
    std::uint64_t key = 0;
    Value value{};
  };

  CompactMap() = default;
  CompactMap(const CompactMap&) = delete;
  CompactMap& operator=(const CompactMap&) = delete;

  [[nodiscard]] std::size_t size() const { return size_; }
  // In no order that means anything; of size() places.
  [[nodiscard]] Entry& entry(std::size_t place) { return (*pages_[place / kPageEntries])[place % kPageEntries]; }
  // Null: there is none.
  [[nodiscard]] Value* find(std::uint64_t key) {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &entry(*found).value;
  }
  // There is none of that key.
  Value& add(std::uint64_t key) {
    const std::size_t place = size_++;
    if (place / kPageEntries == pages_.size()) pages_.push_back(std::make_unique<Page>());
    entry(place).key = key;
    CHECK(index_.insert(static_cast<std::uint32_t>(place)).second);
    return entry(place).value;
  }
  // The last one takes its place.
  void erase(std::size_t place) {
    const std::size_t last = size_ - 1;
    index_.erase(static_cast<std::uint32_t>(place));
    if (place != last) {
      index_.erase(static_cast<std::uint32_t>(last));
      entry(place) = std::move(entry(last));
      index_.insert(static_cast<std::uint32_t>(place));
    }
    entry(last) = {};
    --size_;
    if (size_ % kPageEntries == 0) pages_.pop_back();
  }
  // Those that the predicate says it of.
  template <typename Predicate>
  void erase_if(Predicate predicate) {
    for (std::size_t place = size_; place-- > 0;)
      if (predicate(entry(place))) erase(place);
  }
  // For tests: what it takes beside itself.
  [[nodiscard]] std::size_t bytes() const {
    return pages_.size() * sizeof(Page) + pages_.capacity() * sizeof(pages_[0]) + index_.capacity() * 5;
  }

 private:
  static constexpr std::size_t kPageEntries = 64;
  using Page = std::array<Entry, kPageEntries>;

  // Of a key: keys of a shard have some of the low bits in common.
  struct Hash {
    using is_transparent = void;
    CompactMap* map;
    std::size_t operator()(std::uint64_t key) const { return key >> 8; }
    std::size_t operator()(std::uint32_t place) const { return (*this)(map->entry(place).key); }
  };
  struct Same {
    using is_transparent = void;
    CompactMap* map;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return (*this)(a, map->entry(b).key); }
    bool operator()(std::uint32_t place, std::uint64_t key) const { return map->entry(place).key == key; }
    bool operator()(std::uint64_t key, std::uint32_t place) const { return (*this)(place, key); }
  };

  std::vector<std::unique_ptr<Page>> pages_;
  std::size_t size_ = 0;
  absl::flat_hash_set<std::uint32_t, Hash, Same> index_{0, Hash{this}, Same{this}};  // of places
};

}  // namespace sluice::noticing
