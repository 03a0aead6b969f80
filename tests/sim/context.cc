#include "tests/sim/context.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::sim {

SimRandom::SimRandom(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {  // SplitMix64
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    word = z ^ (z >> 31);
  }
}

std::uint64_t SimRandom::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

Duration SimRandom::between(Duration low, Duration high) {
  return low + Duration(static_cast<Duration::rep>(below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

void SimRandom::fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const std::uint64_t value = next();
    const std::size_t n = std::min(bytes.size(), sizeof value);
    std::memcpy(bytes.data(), &value, n);
    bytes = bytes.subspan(n);
  }
}

void SimTimeline::at(Instant when, std::function<void()> event) {
  events_.emplace(std::pair(std::max(when, now_), made_++), std::move(event));
}

std::optional<Instant> SimTimeline::next() const {
  if (events_.empty()) return std::nullopt;
  return events_.begin()->first.first;
}

void SimTimeline::advance(Instant when) {
  while (!events_.empty() && events_.begin()->first.first <= when) {
    const auto first = events_.extract(events_.begin());
    now_ = std::max(now_, first.key().first);
    first.mapped()();
  }
  now_ = std::max(now_, when);
}

SimOptions SimOptions::varied(std::uint64_t seed) {
  SimRandom random(~seed);
  constexpr std::array<std::uint32_t, 6> kSegments{1, 3, 50, 536, 1460, 65536};
  constexpr std::array<std::uint32_t, 4> kBuffers{600, 5000, 65536, 1U << 20};
  constexpr std::array<unsigned, 3> kPercents{0, 20, 70};
  SimOptions options;
  options.segment_bytes_max = kSegments[random.below(kSegments.size())];
  options.send_buffer_bytes = kBuffers[random.below(kBuffers.size())];
  options.receive_buffer_bytes = kBuffers[random.below(kBuffers.size())];
  options.late_percent = kPercents[random.below(kPercents.size())];
  options.held_percent = kPercents[random.below(kPercents.size())];
  options.early_end_percent = random.percent(50) ? 0 : 10;
  options.latency_max = random.percent(50) ? std::chrono::microseconds(100) : std::chrono::milliseconds(40);
  options.short_percent = kPercents[random.below(kPercents.size())];
  return options;
}

void SimContext::note(std::initializer_list<std::uint64_t> values) {
  for (std::uint64_t value : values) {
    for (int i = 0; i < 8; ++i, value >>= 8) trace = (trace ^ (value & 0xff)) * 1099511628211U;
  }
}

void SimContext::broken(const char* what) { check_failed(__FILE__, __LINE__, what); }

}  // namespace sluice::sim
