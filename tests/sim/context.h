// What the parts of one simulated world share: its seed's randomness, its time, what must go wrong, and a
// running hash of all that happened.
// Owned by its SimWorld; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "engine/base/time.h"
#include "engine/io/platform.h"
#include "tests/sim/faults.h"

namespace sluice::sim {

// xoshiro256** (Blackman and Vigna, 2018): the same numbers for the same seed, everywhere.
class SimRandom final : public io::Random {
 public:
  explicit SimRandom(std::uint64_t seed);
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  Duration between(Duration low, Duration high);
  bool percent(unsigned chance) { return below(100) < chance; }
  void fill(std::span<std::byte> bytes) override;

 private:
  std::uint64_t state_[4];
};

// Events in the order of their time; those of one instant in the order in which they were made.
class SimTimeline {
 public:
  [[nodiscard]] Instant now() const { return now_; }
  void at(Instant when, std::function<void()> event);
  void after(Duration delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }
  [[nodiscard]] std::optional<Instant> next() const;
  // Runs what is due until `when`, which is the time afterwards.
  void advance(Instant when);

 private:
  Instant now_{std::chrono::hours(1)};
  std::uint64_t made_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> events_;
};

struct SimOptions {
  Duration latency_min = std::chrono::microseconds(20);
  Duration latency_max = std::chrono::milliseconds(2);
  std::uint32_t segment_bytes_max = 1460;
  std::uint32_t send_buffer_bytes = 65536;
  std::uint32_t receive_buffer_bytes = 65536;
  unsigned late_percent = 10;      // of sends and connects complete up to latency_max late
  unsigned held_percent = 30;      // of turns leave some completions for the next
  unsigned early_end_percent = 1;  // of multishot completions are the last without a reason, as the kernel may
  unsigned short_percent = 5;      // of transfers of files are cut short
  std::size_t jobs_max = 64;       // that wait for a worker
  Duration job_max = std::chrono::milliseconds(20);

  // Different for every seed: from a byte a segment to all at once, from tight buffers to wide ones.
  static SimOptions varied(std::uint64_t seed);
};

struct SimContext {
  SimContext(std::uint64_t seed_value, const SimOptions& chosen)
      : seed(seed_value), options(chosen), random(seed_value) {}

  Duration latency() { return random.between(options.latency_min, options.latency_max); }
  void note(std::initializer_list<std::uint64_t> values);
  // The program under test did what no kernel would tolerate: says what, and stops.
  [[noreturn]] static void broken(const char* what);

  std::uint64_t seed;
  SimOptions options;
  SimRandom random;
  SimTimeline timeline;
  SimFaults faults;
  std::uint64_t trace = 14695981039346656037U;  // FNV-1a
};

}  // namespace sluice::sim
