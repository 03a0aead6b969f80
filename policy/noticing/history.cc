#include "policy/noticing/history.h"

#include <algorithm>
#include <limits>

namespace sluice::noticing {
namespace {

constexpr float kTimesMean = 3;
constexpr float kTimesLargest = 1.2F;
constexpr float kTimesNetworks = 1.75F;
constexpr float kLargestKept = 0.99F;
constexpr float kLearnedTimesOrdinary = 2;

template <typename Stored>
Stored stored(float value) {
  return static_cast<Stored>(std::clamp(value, 0.0F, static_cast<float>(std::numeric_limits<Stored>::max())));
}

}  // namespace

void History::learn(const DayTotals& day, const OrdinaryDay& floor) {
  if (day.recipients == 0) return;
  const auto at_most = [](std::uint32_t amount, float ordinary) {
    return std::min(static_cast<float>(amount), kLearnedTimesOrdinary * ordinary);
  };
  const float recipients_of_day = at_most(day.recipients, ordinary_recipients(floor));
  const float first_time_of_day = at_most(day.first_time_recipients, ordinary_first_time(floor, /*again=*/0));
  const float networks_of_day = at_most(day.networks, ordinary_networks(floor));
  const bool learns_strangers = days_ == kDaysOfMean;
  days_ = std::min<std::uint8_t>(days_ + 1, kDaysOfMean);
  const auto mean = [this](float before, float today) {
    return (before + (today - before) / static_cast<float>(days_)) * kUnits;
  };
  recipients_ = stored<std::uint16_t>(mean(recipients(), recipients_of_day));
  if (learns_strangers) first_time_ = stored<std::uint16_t>(mean(first_time_recipients(), first_time_of_day));
  networks_ = stored<std::uint8_t>(mean(networks(), networks_of_day));
  largest_ = stored<std::uint16_t>(std::max(static_cast<float>(largest_) * kLargestKept, recipients_of_day));
}

float History::ordinary_recipients(const OrdinaryDay& floor) const {
  return std::max(
      {static_cast<float>(floor.recipients), kTimesMean * recipients(), kTimesLargest * static_cast<float>(largest_)});
}

float History::ordinary_first_time(const OrdinaryDay& floor, std::uint32_t again) const {
  const auto least = static_cast<float>(floor.first_time_recipients);
  if (days_ < kDaysOfMean) return least + floor.first_time_by_again * static_cast<float>(again);
  return std::max(least, 2 * first_time_recipients());
}

float History::ordinary_networks(const OrdinaryDay& floor) const {
  const auto least = static_cast<float>(floor.networks);
  return std::clamp(2 * networks(), least, kTimesNetworks * least);
}

}  // namespace sluice::noticing
