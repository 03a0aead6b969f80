#include "engine/dsn/budget.h"

#include <algorithm>
#include <numeric>

#include "engine/base/check.h"

namespace sluice::dsn {

ReportBudget::ReportBudget(const Options& options) : options_(options) { CHECK(options_.customers_max > 0); }

ReportBudget::Entry& ReportBudget::entry_of(std::string_view customer) {
  if (const auto known = customers_.find(customer); known != customers_.end()) {
    entries_.splice(entries_.begin(), entries_, known->second);
    return entries_.front();
  }
  if (entries_.size() == options_.customers_max) {
    customers_.erase(entries_.back().customer);
    entries_.pop_back();
  }
  entries_.push_front({.customer = std::string(customer)});
  customers_.emplace(entries_.front().customer, entries_.begin());
  return entries_.front();
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
