// The recipients that an account has written to: 16 bits of each one's hash, sorted; at most 4,096.
// Direction of the error: a stranger may be taken for known, by one chance in 65,536 for each that is known (6 % when
// full), which is to the sender's favour.  A known recipient is never taken for a stranger, unless the account has more
// than 4,096: then a new one takes the place of another, which counts as a stranger when it comes again.
// Values; one thread at a time.  Allocates when it grows, by 16 bytes or at most a quarter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "policy/noticing/fields.h"

namespace sluice::noticing {

inline constexpr std::size_t kKnownRecipientsMax = 4096;

class KnownRecipients {
 public:
  // False: it was known already.
  bool add(std::uint64_t address);
  [[nodiscard]] bool knows(std::uint64_t address) const;
  void visit(this auto& self, auto& fields) {
    std::uint16_t size = self.size_;
    fields(size, self.turn_);
    if constexpr (kReading<decltype(fields)>) {
      fields.require(size <= kKnownRecipientsMax && size * sizeof(std::uint16_t) <= fields.left());
      if (!fields.fine()) return;
      self.make(size);
    }
    fields.each(std::span(self.keys_.get(), size));
    if constexpr (kReading<decltype(fields)>) fields.require(self.is_sound());
  }
  // For tests.
  [[nodiscard]] std::size_t size() const { return size_; }
  // For tests: what it takes beside itself.
  [[nodiscard]] std::size_t bytes() const { return capacity_ * sizeof(std::uint16_t); }

 private:
  void make(std::uint16_t size);
  [[nodiscard]] bool is_sound() const;
  void grow();
  void replace(std::uint16_t key, std::size_t place);

  std::unique_ptr<std::uint16_t[]> keys_;
  std::uint16_t size_ = 0;
  std::uint16_t capacity_ = 0;
  std::uint16_t turn_ = 0;  // whose place the next takes, when full
};

}  // namespace sluice::noticing
