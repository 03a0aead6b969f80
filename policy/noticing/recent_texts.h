// The texts that an account sent lately, each with the recipients that it went to: the 8 latest.  A count wanes by half
// in a day.  Values; one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "policy/noticing/text_sketch.h"

namespace sluice::noticing {

inline constexpr std::size_t kRecentTextsMax = 8;

// The text that went to most.
struct MostSentText {
  std::uint32_t recipients = 0;
  std::uint32_t without_unsubscribe = 0;  // of any text
};

class RecentTexts {
 public:
  // Hours of the monotonic clock.
  void add(const TextSketch& text, std::uint32_t recipients, bool list_unsubscribe, std::uint32_t hour);
  [[nodiscard]] MostSentText most_sent(std::uint32_t hour) const;

 private:
  struct Entry {
    TextSketch text;
    std::uint16_t recipients = 0;
    std::uint16_t without_unsubscribe = 0;
    std::uint16_t hour = 0;
    [[nodiscard]] std::uint32_t left(std::uint16_t count, std::uint16_t now) const;
  };
  [[nodiscard]] Entry& place_of(const TextSketch& text, std::uint16_t now);

  std::array<Entry, kRecentTextsMax> entries_;
};

}  // namespace sluice::noticing
