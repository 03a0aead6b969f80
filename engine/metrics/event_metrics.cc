#include "engine/metrics/event_metrics.h"

#include <algorithm>
#include <variant>

#include "engine/base/check.h"
#include "engine/event/rows.h"

namespace sluice::metrics {
namespace {

using event::Event;
using EventKind = event::Kind;

// Of a key that the event's row has.
const event::Value& value_of(const Event& event, std::string_view key) {
  const event::Value* const found = event::find_value(event, key);
  CHECK(found != nullptr);
  return *found;
}

std::string_view text_of(const Event& event, std::string_view key) {
  const auto* const text = std::get_if<std::string_view>(&value_of(event, key));
  return text != nullptr ? *text : std::string_view();
}

std::uint64_t count_of(const Event& event, std::string_view key) {
  const auto* const count = std::get_if<std::uint64_t>(&value_of(event, key));
  return count != nullptr ? *count : 0;
}

double seconds_in(const Event& event, std::string_view key) {
  const auto* const span = std::get_if<Duration>(&value_of(event, key));
  return span != nullptr ? seconds_of(*span) : 0;
}

std::string_view or_else(std::string_view text, std::string_view otherwise) { return text.empty() ? otherwise : text; }

std::string_view reply_class(std::uint64_t code) {
  constexpr std::array<std::string_view, 6> kClasses{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  return kClasses[code / 100 < kClasses.size() ? code / 100 : 0];
}

// A fault that lasts from one event to another.  `key`: what has it; empty: the relay.
struct FaultRow {
  EventKind begins;
  EventKind ends;
  std::string_view fault;
  std::string_view key;
};
constexpr FaultRow kFaults[] = {
    {EventKind::BackendSuspended, EventKind::BackendBack, "backend_suspended", "backend"},
    {EventKind::LimitsNotRecorded, EventKind::LimitsRecorded, "limits_not_recorded", ""},
    {EventKind::ClusterUnreachable, EventKind::ClusterBack, "cluster_unreachable", ""},
    {EventKind::ClusterSharingFault, EventKind::ClusterSharingBack, "cluster_sharing_fault", ""},
    {EventKind::WebhookFailed, EventKind::WebhookBack, "webhook_failed", "webhook"},
    {EventKind::NotifyMailFailed, EventKind::NotifyMailBack, "notify_mail_failed", "server"},
    {EventKind::NoticedNotRecorded, EventKind::NoticedRecorded, "noticed_not_recorded", ""},
    {EventKind::TraceNotWritten, EventKind::TraceWritten, "trace_not_written", ""},
};

}  // namespace

void EventMetrics::Counter::add(std::string_view one, std::string_view other, std::uint64_t count) {
  std::pair key{std::string(one), std::string(other)};
  if (!counts.contains(key) && counts.size() >= kLabelValuesMax) key = {"other", second.empty() ? "" : "other"};
  counts[key] += count;
}

Family EventMetrics::Counter::family() const {
  Family family{.name = name, .kind = metrics::Kind::counter, .help = help, .samples = {}, .histograms = {}};
  for (const auto& [values, count] : counts) {
    Sample& sample =
        family.samples.emplace_back(Sample{.labels = {{first, values.first}}, .value = static_cast<double>(count)});
    if (!second.empty()) sample.labels.push_back({second, values.second});
  }
  return family;
}

// Those that rules look at are there from the start: a count that begins at 1 is no increase.
EventMetrics::EventMetrics() {
  for (const FaultRow& row : kFaults)
    if (row.key.empty()) faults_[{std::string(row.fault), ""}] = 0;
  for (const std::string_view step : {"contain", "suspend", "hold", "release"}) containments_.add(step, {}, 0);
  for (const std::string_view effect : {"tell", "slow", "hold", "suspend"}) noticed_.add(effect, {}, 0);
  for (const std::string_view limit : {"address", "network", "account", "overall"}) shield_.add(limit, {}, 0);
  held_.add("message_held", {}, 0);
}

void EventMetrics::take(const Event& event) {
  const std::lock_guard lock(mutex_);
  events_.add(event.row.name, event::severity_text(event.severity));
  if (event.at - turned_over_ >= kTurnOverMillis) {
    turned_over_ = event.at;
    destinations_.turn_over();
    next_hops_.turn_over();
  }
  if (event.kind == EventKind::Message) return take_message(event);
  if (event.kind == EventKind::Delivery) return take_delivery(event);
  if (event.kind == EventKind::SessionEnded) return session_seconds_.observe(seconds_in(event, "ms"));
  if (event.kind == EventKind::Refused) return refusals_.add(text_of(event, "reason"));
  if (event.kind == EventKind::ShieldRaised) return shield_.add(text_of(event, "kind"));
  if (event.kind == EventKind::AccountNoticed) return noticed_.add(text_of(event, "effect"));
  if (event.kind == EventKind::Containment) return containments_.add(text_of(event, "step"));
  if (event.kind == EventKind::MessageHeld) return held_.add("message_held");
  take_fault(event);
}

void EventMetrics::take_message(const Event& event) {
  const std::string_view verdict = text_of(event, "verdict");
  message_tls_.add(or_else(text_of(event, "tls"), "none"));
  message_seconds_.observe(seconds_in(event, "ms"));
  if (verdict == "taken")
    message_bytes_.observe(static_cast<double>(count_of(event, "bytes")));
  else
    message_reasons_.add(verdict, or_else(text_of(event, "reason"), "next_hop"));
}

void EventMetrics::take_delivery(const Event& event) {
  const std::string_view by = text_of(event, "by");
  constexpr std::array<std::string_view, 3> kColumns{"taken", "deferred", "refused"};
  constexpr std::array<std::string_view, 3> kOutcomes{"relayed", "deferred", "refused"};
  const std::string_view next_hop = text_of(event, "next_hop");
  const std::string_view destination = text_of(event, "destination");
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    const std::uint64_t recipients = count_of(event, kColumns[i]);
    if (recipients == 0) continue;
    deliveries_.add(by, kOutcomes[i], recipients);
    if (!destination.empty()) destinations_.add(destination, i, recipients);
    if (!next_hop.empty()) next_hops_.add(next_hop, i, recipients);
  }
  replies_.add(reply_class(count_of(event, "code")));
  if (next_hop.empty()) return;
  next_hop_tls_.add(or_else(text_of(event, "next_hop_tls"), "none"));
  delivery_seconds_[by == "queue" ? 1 : 0].observe(seconds_in(event, "ms"));
}

// A back end's are each core's own: it has the fault until the last one has ended.
void EventMetrics::take_fault(const Event& event) {
  for (const FaultRow& row : kFaults) {
    if (row.begins != event.kind && row.ends != event.kind) continue;
    const std::string_view subject = row.key.empty() ? std::string_view() : text_of(event, row.key);
    std::int64_t& have = faults_[{std::string(row.fault), std::string(subject)}];
    const bool counted = event.kind == EventKind::BackendSuspended || event.kind == EventKind::BackendBack;
    have = event.kind == row.begins ? (counted ? have + 1 : 1) : (counted ? std::max<std::int64_t>(have - 1, 0) : 0);
  }
}

Family EventMetrics::family_of(std::string_view name, std::string_view help, std::string_view label,
                               const Outcomes& outcomes) {
  constexpr std::array<std::string_view, 3> kOutcomes{"relayed", "deferred", "refused"};
  Family family{.name = name, .kind = metrics::Kind::counter, .help = help, .samples = {}, .histograms = {}};
  const auto add = [&](std::string_view value, const Outcomes::Counts& counts) {
    for (std::size_t i = 0; i < counts.size(); ++i)
      family.samples.push_back({.labels = {{label, std::string(value)}, {"outcome", std::string(kOutcomes[i])}},
                                .value = static_cast<double>(counts[i])});
  };
  // A destination of this name has its route in front of it.
  outcomes.for_each_shown(add);
  add("other", outcomes.rest());
  return family;
}

std::vector<Family> EventMetrics::families() {
  const std::lock_guard lock(mutex_);
  std::vector<Family> all;
  for (const Counter* counter : {&events_, &message_reasons_, &refusals_, &shield_, &message_tls_, &next_hop_tls_,
                                 &deliveries_, &replies_, &noticed_, &containments_, &held_})
    all.push_back(counter->family());
  const auto add_histogram = [&all](std::string_view name, std::string_view help,
                                    std::vector<HistogramSample> histograms) {
    all.push_back({.name = name,
                   .kind = metrics::Kind::histogram,
                   .help = help,
                   .samples = {},
                   .histograms = std::move(histograms)});
  };
  add_histogram("sluice_message_seconds", "From MAIL to the reply to the message.", {{{}, message_seconds_}});
  add_histogram("sluice_message_size_bytes", "Content of messages that were taken.", {{{}, message_bytes_}});
  add_histogram("sluice_session_seconds", "How long sessions lasted; of bursts from one network only the first ones.",
                {{{}, session_seconds_}});
  add_histogram("sluice_delivery_seconds", "How long attempts took that had a connection to a next hop, by way.",
                {{{{"by", "cut_through"}}, delivery_seconds_[0]}, {{{"by", "queue"}}, delivery_seconds_[1]}});
  all.push_back(family_of("sluice_destination_recipients",
                          "Recipients of attempts, by outcome and destination: the busiest, and all others together.",
                          "destination", destinations_));
  all.push_back(family_of("sluice_next_hop_recipients",
                          "Recipients of attempts, by outcome and next hop: the busiest, and all others together.",
                          "next_hop", next_hops_));
  Family faults{.name = "sluice_fault",
                .kind = metrics::Kind::gauge,
                .help = "Faults that last: above 0 while there is one, by the event that begins it and what has it.",
                .samples = {},
                .histograms = {}};
  for (const auto& [fault, have] : faults_)
    faults.samples.push_back(
        {.labels = {{"fault", fault.first}, {"subject", fault.second}}, .value = static_cast<double>(have)});
  all.push_back(std::move(faults));
  return all;
}

}  // namespace sluice::metrics
