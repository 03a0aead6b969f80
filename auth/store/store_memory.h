// What answers of one store have in common, whichever connection they were read on.  Thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "auth/domain_list.h"

namespace sluice::auth {

class StoreMemory {
 public:
  // The list that a customer's identities share, as long as one of them lives.
  [[nodiscard]] std::shared_ptr<const DomainList> shared_list(std::int64_t customer_id, DomainList list) {
    const std::lock_guard lock(mutex_);
    if (lists_.size() >= lists_swept_at_) {
      std::erase_if(lists_, [](const auto& entry) { return entry.second.expired(); });
      lists_swept_at_ = std::max(kListsKept, 2 * lists_.size());
    }
    std::weak_ptr<const DomainList>& kept = lists_[customer_id];
    if (auto shared = kept.lock(); shared != nullptr && *shared == list) return shared;
    auto made = std::make_shared<const DomainList>(std::move(list));
    kept = made;
    return made;
  }

  // An answer may have been made of this change.
  void answered_at(std::int64_t change) {
    const std::lock_guard lock(mutex_);
    newest_answered_ = std::max(newest_answered_, change);
  }
  // The latest one such; from now on it is counted from `last`.
  [[nodiscard]] std::int64_t take_newest_answered(std::int64_t last) {
    const std::lock_guard lock(mutex_);
    return std::exchange(newest_answered_, last);
  }

  // Of keys for SCRAM that are made; 0: none are.
  void set_scram_iterations(std::uint32_t iterations) {
    scram_iterations_.store(iterations, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t scram_iterations() const { return scram_iterations_.load(std::memory_order_relaxed); }

  // The tag of the last change that is known (the table `change`); it is compared before the next changes are read.
  [[nodiscard]] std::string tag() {
    const std::lock_guard lock(mutex_);
    return tag_;
  }
  void set_tag(std::string tag) {
    const std::lock_guard lock(mutex_);
    tag_ = std::move(tag);
  }

 private:
  static constexpr std::size_t kListsKept = 1024;
  std::atomic<std::uint32_t> scram_iterations_{0};
  std::mutex mutex_;
  std::map<std::int64_t, std::weak_ptr<const DomainList>> lists_;
  std::size_t lists_swept_at_ = kListsKept;
  std::int64_t newest_answered_ = 0;
  std::string tag_;
};

}  // namespace sluice::auth
