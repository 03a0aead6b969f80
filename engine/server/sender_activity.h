// What accounts did within the last 24 hours that is no limit's business: messages to many recipients, refusals, mail
// that was held; for sluicectl usage.  Of the last kAccountsMax accounts that have sent something or were refused,
// some 25 MB.  take() on the event thread, list() on any; one of kShards locks, for the time that a few thousand are
// copied.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/lru_map.h"
#include "engine/event/consumer.h"
#include "engine/event/dispatcher.h"
#include "engine/io/platform.h"
#include "engine/server/hourly_count.h"

namespace sluice::server {

struct SenderActivity {
  std::string account;
  std::string customer;
  std::uint64_t large_messages = 0;  // that were taken, with more than message::kSmallRecipientsMax recipients
  std::uint64_t refused = 0;         // commands and messages
  std::uint64_t held = 0;            // messages
};

class SenderActivities final : public event::Consumer {
 public:
  // `clock` outlives this.
  explicit SenderActivities(io::Clock& clock) : clock_(clock) {}
  static constexpr event::Severity kLeast = event::Severity::info;
  static constexpr std::size_t kAccountsMax = 48 * 1024;

  void take(const event::Event& event) override;
  event::Rest turn(event::Emitter& /*own*/) override { return {}; }

  [[nodiscard]] std::vector<SenderActivity> list();

 private:
  static constexpr std::size_t kShards = 16;

  struct Day {
    std::string customer;
    std::uint32_t hour = 0;  // of the monotonic clock, up to which the counts have been brought
    HourlyCount large;
    HourlyCount refused;
    HourlyCount held;

    void advance(std::uint32_t now);
  };
  struct Shard {
    std::mutex mutex;
    LruMap<Day> accounts;
  };

  [[nodiscard]] std::uint32_t hour() const;

  io::Clock& clock_;
  std::array<Shard, kShards> shards_;
};

}  // namespace sluice::server
