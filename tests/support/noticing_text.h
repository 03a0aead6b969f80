// Words and texts for simulated mail: from one seed, the same each time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <string_view>
#include <vector>

#include "policy/noticing/text_sketch.h"

namespace sluice::noticing {

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return z ^ z >> 31;
  }
  // 0 to 1.
  double share() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  bool chance(double of) { return share() < of; }
  // `least` to `most`, both included.
  std::uint32_t between(std::uint32_t least, std::uint32_t most) {
    return least + static_cast<std::uint32_t>(next() % (most - least + 1));
  }
  std::uint32_t poisson(double mean) {
    if (mean > 60) return static_cast<std::uint32_t>(std::max(0.0, std::round(mean + std::sqrt(mean) * normal())));
    const double limit = std::exp(-mean);
    std::uint32_t count = 0;
    for (double product = share(); product > limit; product *= share()) ++count;
    return count;
  }
  double normal() { return std::sqrt(-2 * std::log(1 - share())) * std::cos(2 * std::numbers::pi * share()); }
  // Heavy tail.
  double lognormal(double median, double sigma) { return median * std::exp(sigma * normal()); }

 private:
  std::uint64_t state_;
};

// So many words, of which some are frequent.
std::string some_words(Draw& draw, std::uint32_t count);
TextSketch sketch_of(std::string_view text);

// A text of which spammers make many: of its words, `varied` are any of three, and each copy has a name and a number.
class RotatingText {
 public:
  RotatingText(Draw& draw, std::uint32_t words, double varied);
  [[nodiscard]] std::string copy(Draw& draw) const;

 private:
  std::vector<std::vector<std::string>> choices_;
};

}  // namespace sluice::noticing
