// What one core has of a meter: taken from the process' budget in one step, then used without an atomic and without a
// line of memory that another core writes.  A recipient is reserved when RCPT is answered, spent when its message is
// accepted, given back when it is not.  One thread.
#pragma once

#include <cstdint>
#include <utility>

#include "engine/base/check.h"

namespace sluice::policy {

class Lease {
 public:
  // As many as it has, at most `wanted`; all of them or the rest of a lease that ends.
  [[nodiscard]] std::uint64_t reserve(std::uint64_t wanted) {
    const std::uint64_t taken = wanted < free_ ? wanted : free_;
    free_ -= taken;
    reserved_ += taken;
    return taken;
  }
  void give_back(std::uint64_t amount) {
    CHECK(amount <= reserved_);
    reserved_ -= amount;
    free_ += amount;
  }
  void spend(std::uint64_t amount) {
    CHECK(amount <= reserved_);
    reserved_ -= amount;
    spent_ += amount;
  }

  // Of a grant of the budget.
  void add(std::uint64_t granted) { free_ += granted; }
  // What the budget is to be told: spent since the last time.
  [[nodiscard]] std::uint64_t take_spent() { return std::exchange(spent_, 0); }
  // What nobody has reserved goes back.
  [[nodiscard]] std::uint64_t take_free() { return std::exchange(free_, 0); }

  [[nodiscard]] std::uint64_t free() const { return free_; }
  [[nodiscard]] std::uint64_t reserved() const { return reserved_; }
  [[nodiscard]] std::uint64_t spent() const { return spent_; }

 private:
  std::uint64_t free_ = 0;
  std::uint64_t reserved_ = 0;
  std::uint64_t spent_ = 0;
};

}  // namespace sluice::policy
