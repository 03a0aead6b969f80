#include "engine/metrics/event_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "engine/event/record.h"
#include "engine/metrics/exposition.h"

namespace sluice::metrics {
namespace {

using namespace std::chrono_literals;

class EventMetricsTest : public testing::Test {
 protected:
  template <typename T>
  void take(const T& event, WallMillis at = kTurnOverMillis) {
    const auto values = event::values_of(event);
    std::vector<char> record(event::record_bytes(values));
    event::write_record(record, {.at = at, .kind = T::kKind, .severity = T::kSeverity}, values);
    std::array<event::Value, event::kKeysMax> read;
    metrics_.take(event::read_record(record, read));
  }
  [[nodiscard]] std::string value(const std::string& series) {
    const std::string text = "\n" + expose(metrics_.families(), Format::classic);
    const std::size_t at = text.find("\n" + series + " ");
    if (at == std::string::npos) return "none";
    const std::size_t begin = at + series.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }
  [[nodiscard]] std::size_t samples(std::string_view name) {
    const auto families = metrics_.families();
    return std::ranges::find(families, name, &Family::name)->samples.size();
  }

  EventMetrics metrics_;
};

TEST_F(EventMetricsTest, AMessageIsMeasured) {
  take(event::Message{.verdict = "taken", .code = 250, .tls = "TLSv1.3", .bytes = 5000, .ms = 30ms});
  take(event::Message{.verdict = "refused", .code = 550, .bytes = 7000, .ms = 3s, .reason = "sender_not_permitted"});
  take(event::Message{.verdict = "deferred", .code = 451, .ms = 3s});
  EXPECT_EQ(value("sluice_message_seconds_count"), "3");
  EXPECT_EQ(value("sluice_message_seconds_bucket{le=\"0.05\"}"), "1");
  EXPECT_EQ(value("sluice_message_size_bytes_sum"), "5000");
  EXPECT_EQ(value("sluice_messages_not_taken_total{verdict=\"refused\",reason=\"sender_not_permitted\"}"), "1");
  EXPECT_EQ(value("sluice_messages_not_taken_total{verdict=\"deferred\",reason=\"next_hop\"}"), "1");
  EXPECT_EQ(value("sluice_messages_by_tls_total{version=\"TLSv1.3\"}"), "1");
  EXPECT_EQ(value("sluice_messages_by_tls_total{version=\"none\"}"), "2");
  EXPECT_EQ(value("sluice_events_total{event=\"message\",severity=\"info\"}"), "3");
}

TEST_F(EventMetricsTest, ADeliveryCountsItsRecipients) {
  take(event::Delivery{.verdict = "relayed",
                       .code = 250,
                       .by = "queue",
                       .destination = "out/example.org",
                       .next_hop = "mx.example.org:25",
                       .next_hop_tls = "TLSv1.2",
                       .taken = 3,
                       .refused = 1,
                       .ms = 200ms});
  take(event::Delivery{
      .verdict = "deferred", .by = "queue", .destination = "out/example.org", .deferred = 2, .ms = 30s});
  EXPECT_EQ(value("sluice_delivery_recipients_total{by=\"queue\",outcome=\"relayed\"}"), "3");
  EXPECT_EQ(value("sluice_delivery_recipients_total{by=\"queue\",outcome=\"deferred\"}"), "2");
  EXPECT_EQ(value("sluice_destination_recipients_total{destination=\"out/example.org\",outcome=\"deferred\"}"), "2");
  EXPECT_EQ(value("sluice_next_hop_recipients_total{next_hop=\"mx.example.org:25\",outcome=\"refused\"}"), "1");
  EXPECT_EQ(value("sluice_next_hop_recipients_total{next_hop=\"mx.example.org:25\",outcome=\"deferred\"}"), "0");
  EXPECT_EQ(value("sluice_next_hop_replies_total{class=\"2xx\"}"), "1");
  EXPECT_EQ(value("sluice_next_hop_replies_total{class=\"none\"}"), "1");
  EXPECT_EQ(value("sluice_deliveries_by_tls_total{version=\"TLSv1.2\"}"), "1");
  // Where there was no connection there is nothing to measure.
  EXPECT_EQ(value("sluice_delivery_seconds_count{by=\"queue\"}"), "1");
  EXPECT_EQ(value("sluice_delivery_seconds_count{by=\"cut_through\"}"), "0");
}

TEST_F(EventMetricsTest, LimitsOfTheShieldAreThereFromTheStart) {
  EXPECT_EQ(value("sluice_shield_limits_reached_total{limit=\"network\"}"), "0");
  take(event::ShieldRaised{.kind = "network", .subject = "192.0.2.0/24"});
  EXPECT_EQ(value("sluice_shield_limits_reached_total{limit=\"network\"}"), "1");
}

TEST_F(EventMetricsTest, DestinationsAreBounded) {
  for (std::size_t i = 0; i < 3 * kBusiestKnown; ++i) {
    const std::string destination = "out/" + std::to_string(i) + ".example";
    take(event::Delivery{.by = "queue", .destination = destination, .next_hop = destination, .taken = 1});
  }
  EXPECT_EQ(samples("sluice_destination_recipients"), 3 * (kBusiestShown + 1));
  EXPECT_EQ(value("sluice_destination_recipients_total{destination=\"other\",outcome=\"relayed\"}"),
            std::to_string(3 * kBusiestKnown - kBusiestShown));
}

TEST_F(EventMetricsTest, OtherLabelsAreBounded) {
  for (std::size_t i = 0; i < 2 * kLabelValuesMax; ++i) take(event::Refused{.reason = "reason " + std::to_string(i)});
  EXPECT_EQ(samples("sluice_refusals"), kLabelValuesMax + 1);
  EXPECT_EQ(value("sluice_refusals_total{reason=\"other\"}"), std::to_string(kLabelValuesMax));
}

TEST_F(EventMetricsTest, AFaultLastsUntilItsEnd) {
  const std::string series = "sluice_fault{fault=\"cluster_unreachable\",subject=\"\"}";
  EXPECT_EQ(value(series), "0");
  take(event::ClusterUnreachable{.reason = "x"});
  take(event::ClusterUnreachable{.reason = "x"});
  EXPECT_EQ(value(series), "1");
  take(event::ClusterBack{});
  EXPECT_EQ(value(series), "0");
}

// Nothing but the log told that the trace's disk was full.
TEST_F(EventMetricsTest, ATraceThatIsNotWrittenIsAFaultUntilItIs) {
  const std::string series = "sluice_fault{fault=\"trace_not_written\",subject=\"\"}";
  EXPECT_EQ(value(series), "0");
  take(event::TraceNotWritten{.reason = "no space"});
  take(event::TraceNotWritten{.reason = "still none"});
  EXPECT_EQ(value(series), "1");
  take(event::TraceWritten{.lost = 7});
  EXPECT_EQ(value(series), "0");
}

TEST_F(EventMetricsTest, ABackEndIsBackOnceItIsOnEveryCore) {
  const std::string series = "sluice_fault{fault=\"backend_suspended\",subject=\"ldap\"}";
  take(event::BackendSuspended{.backend = "ldap"});
  take(event::BackendSuspended{.backend = "ldap"});
  EXPECT_EQ(value(series), "2");
  take(event::BackendBack{.backend = "ldap"});
  EXPECT_EQ(value(series), "1");
  take(event::BackendBack{.backend = "ldap"});
  take(event::BackendBack{.backend = "ldap"});
  EXPECT_EQ(value(series), "0");
}

TEST_F(EventMetricsTest, ABusierDestinationIsShownAtTheTurnOver) {
  for (std::size_t i = 0; i < kBusiestShown; ++i) {
    const std::string destination = std::to_string(i);
    take(event::Delivery{.by = "queue", .destination = destination, .taken = 1});
  }
  take(event::Delivery{.by = "queue", .destination = "busy", .taken = 10});
  const std::string series = "sluice_destination_recipients_total{destination=\"busy\",outcome=\"relayed\"}";
  EXPECT_EQ(value(series), "none");
  take(event::Delivery{.by = "queue", .destination = "busy", .taken = 1}, 2 * kTurnOverMillis);
  EXPECT_EQ(value(series), "1");
}

}  // namespace
}  // namespace sluice::metrics
