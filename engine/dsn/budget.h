// How many reports a customer may cause: a customer whose mail all fails must not have us send as
// many reports as it sent messages.  What is over it ends as a log line, which is the caller's.
// One per core, which counts its own reports only.  That core's thread.
// Memory is bounded: `customers_max` entries.  When there is no room, the customer who caused no
// report for the longest time is forgotten.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/lru_map.h"
#include "engine/base/time.h"

namespace sluice::dsn {

class ReportBudget {
 public:
  struct Options {
    std::uint32_t per_hour = 200;  // in no hour more than this
    std::size_t customers_max = 10'000;
  };

  ReportBudget() : ReportBudget(Options()) {}
  explicit ReportBudget(const Options& options);

  // One more report for `customer`: true if it may be sent, which is counted.  `now` never goes
  // back.
  bool take(std::string_view customer, Instant now);

  [[nodiscard]] std::size_t customers() const { return customers_.size(); }

 private:
  // A report counts in the slice that it falls into, and with it for an hour to an hour and five
  // minutes.
  static constexpr Duration kSlice = std::chrono::minutes(5);
  static constexpr std::size_t kSlices = std::chrono::hours(1) / kSlice + 1;

  struct Entry {
    std::int64_t slice = 0;  // the latest one
    std::array<std::uint32_t, kSlices> counts{};
  };

  Entry& entry_of(std::string_view customer);

  Options options_;
  LruMap<Entry> customers_;
};

}  // namespace sluice::dsn
