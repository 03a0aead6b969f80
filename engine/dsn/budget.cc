#include "engine/dsn/budget.h"

#include <algorithm>
#include <numeric>

#include "engine/base/check.h"

namespace sluice::dsn {

ReportBudget::ReportBudget(const Options& options) : options_(options) { CHECK(options_.customers_max > 0); }

ReportBudget::Entry& ReportBudget::entry_of(std::string_view customer) {
  if (Entry* const known = customers_.find(customer)) return *known;
  customers_.make_room(options_.customers_max);
  return customers_.insert(customer, {});
}

bool ReportBudget::take(std::string_view customer, Instant now) {
  Entry& entry = entry_of(customer);
  const std::int64_t slice = std::max<std::int64_t>(now.time_since_epoch() / kSlice, entry.slice);
  const std::int64_t passed = std::min<std::int64_t>(slice - entry.slice, kSlices);
  for (std::int64_t i = 1; i <= passed; ++i) entry.counts[static_cast<std::size_t>(slice - passed + i) % kSlices] = 0;
  entry.slice = slice;
  if (std::accumulate(entry.counts.begin(), entry.counts.end(), 0U) >= options_.per_hour) return false;
  ++entry.counts[static_cast<std::size_t>(slice) % kSlices];
  return true;
}

}  // namespace sluice::dsn
