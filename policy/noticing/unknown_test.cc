#include "policy/noticing/unknown_test.h"

#include <algorithm>
#include <cmath>

namespace sluice::noticing {
namespace {

constexpr float kShareOfBoughtLists = 0.15F;
constexpr float kShareOfOrdinary = 0.03F;
constexpr float kHalfLifeHours = 24 * 14;

float by_unknown() {
  static const float kBy = std::log(kShareOfBoughtLists / kShareOfOrdinary);
  return kBy;
}
float by_accepted() {
  static const float kBy = std::log((1 - kShareOfBoughtLists) / (1 - kShareOfOrdinary));
  return kBy;
}

}  // namespace

float UnknownTest::ordinary_share() { return kShareOfOrdinary; }

float UnknownTest::evidence_of(float unknown, float accepted) {
  return unknown * by_unknown() + accepted * by_accepted();
}

void UnknownTest::wane(std::uint32_t hour) {
  if (hour <= hour_) return;
  const float left = std::exp2(-static_cast<float>(hour - hour_) / kHalfLifeHours);
  evidence_ *= left;
  unknown_ *= left;
  answered_ *= left;
  hour_ = hour;
}

void UnknownTest::accepted(std::uint32_t hour) {
  wane(hour);
  answered_ += 1;
  evidence_ = std::max(0.0F, evidence_ + by_accepted());
}

void UnknownTest::unknown(std::uint32_t hour) {
  wane(hour);
  answered_ += 1;
  unknown_ += 1;
  evidence_ += by_unknown();
}

void UnknownTest::set_clock(std::int64_t hours, std::uint32_t now) {
  hour_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(hour_ + hours, 0, now));
}

void UnknownTest::reset() {
  evidence_ = 0;
  unknown_ = 0;
  answered_ = 0;
}

}  // namespace sluice::noticing
