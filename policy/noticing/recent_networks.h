// The networks from which an account sent in the last day, with their countries: the 64 latest, 6 bytes
// each.  Values; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/noticing/compact_vector.h"
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
  void visit(this auto& self, auto& fields) { fields(self.entries_); }

  [[nodiscard]] std::uint32_t networks() const { return static_cast<std::uint32_t>(entries_.size()); }
  [[nodiscard]] std::uint32_t countries() const;
  // For tests: what it takes beside itself.
  [[nodiscard]] std::size_t bytes() const { return entries_.bytes(); }

 private:
  struct Entry {
    std::uint16_t network = 0;
    std::uint16_t hour = 0;
    CountryCode country{};
    void visit(this auto& self, auto& fields) { fields(self.network, self.hour, self.country); }
  };
  CompactVector<Entry, kRecentNetworksMax> entries_;
};

}  // namespace sluice::noticing
