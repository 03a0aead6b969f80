// The texts that an account sent lately, each with the recipients that it went to: the 8 latest, 44 bytes each.
// A count wanes by half in a day, that of first-time recipients in a week.  Values; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/noticing/compact_vector.h"
#include "policy/noticing/message_facts.h"
#include "policy/noticing/text_sketch.h"

namespace sluice::noticing {

inline constexpr std::size_t kRecentTextsMax = 8;
// The version of files from which on they have what texts were sent from several networks.
inline constexpr std::uint8_t kScatteredSince = 2;

// The text that went to most.
struct MostSentText {
  std::uint32_t recipients = 0;
  std::uint32_t without_unsubscribe = 0;  // of any text
  // Of all texts, over weeks: first-time recipients, but for those of the network that most of a text came from, and
  // less one and a half for each recipient who was written to before.
  float scattered = 0;
};

class RecentTexts {
 public:
  // Hours of the noticer's clock.
  void add(const MessageFacts& message, std::uint32_t hour);
  [[nodiscard]] MostSentText most_sent(std::uint32_t hour) const;
  // What has waned to nothing at `hour`: was sent 100 days before.
  void forget(std::uint32_t hour);
  // Whether what a file had of it can be: `hour` was the last one.
  [[nodiscard]] bool is_sound(std::uint32_t hour) const;
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
    std::uint16_t network = 0;    // from which most of it came
    std::uint16_t here = 0;       // its first-time recipients of weeks, in parts
    std::uint16_t elsewhere = 0;  // those of all other networks, which are no more
    void visit(this auto& self, auto& fields) {
      fields(self.text.bytes, self.recipients, self.without_unsubscribe, self.hour);
      if constexpr (kReading<decltype(fields)>) {
        if (fields.version() < kScatteredSince) return;
      }
      fields(self.network, self.here, self.elsewhere);
    }
    [[nodiscard]] std::uint32_t left(std::uint16_t count, std::uint16_t now) const;
    // Of what was counted of weeks.
    [[nodiscard]] float kept(std::uint16_t now) const;
    [[nodiscard]] float scattered(std::uint16_t now) const;
    void add_first_time(const MessageFacts& message, std::uint16_t now);
  };
  [[nodiscard]] Entry& place_of(const TextSketch& text, std::uint16_t now);

  CompactVector<Entry, kRecentTextsMax> entries_;
};

}  // namespace sluice::noticing
