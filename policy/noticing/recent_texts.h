// The texts that an account sent lately, each with the recipients that it went to: the 8 latest, 38 bytes each.
// A count wanes by half in a day.  Values; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/noticing/compact_vector.h"
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
  // Hours of the noticer's clock.
  void add(const TextSketch& text, std::uint32_t recipients, bool list_unsubscribe, std::uint32_t hour);
  [[nodiscard]] MostSentText most_sent(std::uint32_t hour) const;
  // The clock that hours are of was set by so many.
  void set_clock(std::int64_t hours);
  void visit(this auto& self, auto& fields) { fields(self.entries_); }
  // For tests: what it takes beside itself.
  [[nodiscard]] std::size_t bytes() const { return entries_.bytes(); }

 private:
  struct Entry {
    TextSketch text;
    std::uint16_t recipients = 0;
    std::uint16_t without_unsubscribe = 0;
    std::uint16_t hour = 0;
    void visit(this auto& self, auto& fields) {
      fields(self.text.bytes, self.recipients, self.without_unsubscribe, self.hour);
    }
    [[nodiscard]] std::uint32_t left(std::uint16_t count, std::uint16_t now) const;
  };
  [[nodiscard]] Entry& place_of(const TextSketch& text, std::uint16_t now);

  CompactVector<Entry, kRecentTextsMax> entries_;
};

}  // namespace sluice::noticing
