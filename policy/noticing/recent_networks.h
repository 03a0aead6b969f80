// The networks from which an account sent in the last day, with their countries: the 64 latest.  Values; one thread at
// a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "policy/noticing/fields.h"
#include "policy/noticing/message_facts.h"

namespace sluice::noticing {

inline constexpr std::size_t kRecentNetworksMax = 64;

class RecentNetworks {
 public:
  // `hour`: of the noticer's clock.
  void add(std::uint64_t network, CountryCode country, std::uint32_t hour);
  // What is a day old goes.
  void forget(std::uint32_t hour);
  // The clock that hours are of was set by so many.
  void set_clock(std::int64_t hours);
  void visit(this auto& self, auto& fields) {
    fields(self.size_);
    if constexpr (kReading<decltype(fields)>) {
      fields.require(self.size_ <= kRecentNetworksMax);
      if (!fields.fine()) return;
    }
    fields.each(std::span(self.entries_).first(self.size_));
  }

  [[nodiscard]] std::uint32_t networks() const { return size_; }
  [[nodiscard]] std::uint32_t countries() const;

 private:
  struct Entry {
    std::uint16_t network = 0;
    std::uint16_t hour = 0;
    CountryCode country{};
    void visit(this auto& self, auto& fields) { fields(self.network, self.hour, self.country); }
  };
  std::array<Entry, kRecentNetworksMax> entries_;
  std::uint8_t size_ = 0;
};

}  // namespace sluice::noticing
