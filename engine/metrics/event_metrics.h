// The consumer of events that counts and measures what they say: verdicts and reasons, how long messages and attempts
// took, the busiest destinations and next hops, and faults that last.  Off the cores; what events are lost
// (sluice_events_lost_total) is missing here, too.  take() and turn() on the event thread, families() on any; a lock
// for the time of one event.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/event/consumer.h"
#include "engine/metrics/busiest.h"
#include "engine/metrics/family.h"

namespace sluice::metrics {

// Destinations and next hops that are shown one by one, and of how many it is known how busy they are.
inline constexpr std::size_t kBusiestShown = 50;
inline constexpr std::size_t kBusiestKnown = 2000;
inline constexpr WallMillis kTurnOverMillis = 10 * 60 * 1000;
// Values of a label that are names of ours: more than there are.
inline constexpr std::size_t kLabelValuesMax = 200;

class EventMetrics final : public event::Consumer {
 public:
  static constexpr event::Severity kLeast = event::Severity::info;

  EventMetrics();

  void take(const event::Event& event) override;
  event::Rest turn(event::Emitter& /*own*/) override { return {}; }

  [[nodiscard]] std::vector<Family> families();

 private:
  // By the values of up to two labels; those behind kLabelValuesMax are "other".
  struct Counter {
    std::string_view name;
    std::string_view help;
    std::string_view first;
    std::string_view second{};  // empty: one label
    std::map<std::pair<std::string, std::string>, std::uint64_t> counts{};

    void add(std::string_view one, std::string_view other = {}, std::uint64_t count = 1);
    [[nodiscard]] Family family() const;
  };
  using Outcomes = Busiest<3>;  // relayed, deferred, refused

  void take_message(const event::Event& event);
  void take_delivery(const event::Event& event);
  void take_fault(const event::Event& event);
  [[nodiscard]] static Family family_of(std::string_view name, std::string_view help, std::string_view label,
                                        const Outcomes& outcomes);

  std::mutex mutex_;  // over all that follows
  Counter events_{"sluice_events", "Events, by name and severity, as sluice events lists them.", "event", "severity"};
  Counter message_reasons_{"sluice_messages_not_taken",
                           "Messages that were deferred or refused, by the relay's own reason; next_hop: by that.",
                           "verdict", "reason"};
  Counter refusals_{"sluice_refusals", "Commands that were refused, as refused in the log has them.", "reason"};
  Counter message_tls_{"sluice_messages_by_tls", "Messages that were answered, by the client's version of TLS.",
                       "version"};
  Counter next_hop_tls_{"sluice_deliveries_by_tls", "Outcomes of attempts, by the next hop's version of TLS.",
                        "version"};
  Counter deliveries_{"sluice_delivery_recipients", "Recipients of delivery attempts, by way and outcome.", "by",
                      "outcome"};
  Counter replies_{"sluice_next_hop_replies", "Outcomes of attempts, by the class of the next hop's reply code.",
                   "class"};
  Counter shield_{"sluice_shield_limits_reached", "Times that failed logins reached a limit of the shield.", "limit"};
  Counter noticed_{"sluice_accounts_noticed", "Steps against accounts that send as spammers do.", "effect"};
  Counter containments_{"sluice_containments", "Containments and releases by operators.", "step"};
  Counter held_{"sluice_messages_held", "Messages that were taken and put on hold.", "event"};
  Histogram message_seconds_{kStageSeconds};
  Histogram message_bytes_{kMessageBytes};
  std::array<Histogram, 2> delivery_seconds_{Histogram(kStageSeconds), Histogram(kStageSeconds)};
  Histogram session_seconds_{kSpanSeconds};
  Outcomes destinations_{kBusiestShown, kBusiestKnown};
  Outcomes next_hops_{kBusiestShown, kBusiestKnown};
  WallMillis turned_over_ = 0;
  std::map<std::pair<std::string, std::string>, std::int64_t> faults_;  // what, and of what: how many have it
};

}  // namespace sluice::metrics
