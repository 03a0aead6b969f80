// What monitoring is answered of cores that answer, and of one that does not.
#include "engine/server/monitoring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::server {
namespace {

using namespace std::chrono_literals;

class MonitoringClock final : public io::Clock {
 public:
  Instant now() override { return now_; }
  WallMillis wall() override { return 1'000'000'000; }
  void pass(Duration span) { now_ += span; }

 private:
  Instant now_{1h};
};

class MonitoringTest : public ::testing::Test {
 protected:
  // Cores that run what they are given at once, but for those that are stuck.
  void start(std::size_t cores) {
    std::vector<std::unique_ptr<CoreProbe>> probes;
    for (std::size_t i = 0; i < cores; ++i)
      probes.push_back(std::make_unique<CoreProbe>(
          [this, i](std::function<void()> message) {
            ++posted_;
            if (stuck_.contains(i))
              waiting_.push_back(std::move(message));
            else
              message();
          },
          [this] {
            CoreMetrics metrics;
            metrics.counters.sessions.sessions = 100;
            metrics.counters.sessions.ended[0] = 7;
            metrics.routes = {{.route = "out", .totals = {.hosts = 2, .failing = 1, .live = 5, .idle = 3}}};
            metrics.counters.spool_synced = synced_;
            metrics.backends = {{.name = "ldap", .by_kind = {3, 2, 1, 0, 0}, .took = {}}};
            metrics.backends[0].took.observe(20ms);
            auto& sessions = metrics.counters.sessions;
            sessions.by_login.add(session::AuthResult::granted, auth::kFirstBackendSource);
            sessions.by_login.add(session::AuthResult::granted, auth::kStoreSource);
            sessions.by_login.add(session::AuthResult::refused, auth::kNoSource);
            sessions.by_login.add_time(session::AuthResult::wrong, 2s);
            sessions.content.observe(3ms);
            sessions.tls.add({.version = "TLSv1.3", .group = "x25519"});
            metrics.counters.hops.tls.add({.version = "TLSv1.2", .group = ""});
            metrics.counters.queue.delivered.observe(2h);
            metrics.counters.limits.add(
                policy::Subject::customer,
                {.quantity = policy::Quantity::messages, .span = policy::Span::hour, .action = policy::Action::slow});
            return metrics;
          },
          [this] { ++steps_; }, clock_));
    monitoring_.set_cores(std::move(probes));
  }
  std::pair<unsigned, std::string> ask(std::string_view path) {
    const metrics::HttpAnswer answer = monitoring_.answer(path, "");
    return {answer.status, *answer.body};
  }
  // Of a series as it is written.
  std::string value(const std::string& series) {
    const std::string text = "\n" + ask("/metrics").second;
    const std::size_t at = text.find("\n" + series + " ");
    if (at == std::string::npos) return "none";
    const std::size_t begin = at + series.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  MonitoringClock clock_;
  std::set<std::size_t> stuck_;
  std::vector<std::function<void()>> waiting_;
  int posted_ = 0;
  int steps_ = 0;
  bool synced_ = true;
  Monitoring monitoring_{{}, clock_};
};

using Answer = std::pair<unsigned, std::string>;

TEST_F(MonitoringTest, AStartIsHealthyAndNotReady) {
  EXPECT_EQ(ask("/healthz"), Answer(200, "healthy\n"));
  EXPECT_EQ(ask("/readyz"), Answer(503, "starting\n"));
  EXPECT_EQ(value("sluice_ready"), "0");
  EXPECT_EQ(value("sluice_sessions_accepted_total"), "none");
  start(1);
  EXPECT_EQ(ask("/readyz"), Answer(200, "ready\n"));
}

TEST_F(MonitoringTest, ADrainIsHealthyAndNotReady) {
  start(1);
  monitoring_.begin_drain();
  EXPECT_EQ(ask("/healthz"), Answer(200, "healthy\n"));
  EXPECT_EQ(ask("/readyz"), Answer(503, "draining\n"));
  EXPECT_EQ(value("sluice_draining"), "1");
}

TEST_F(MonitoringTest, ADrainDuringTheStartStaysOne) {
  monitoring_.begin_drain();
  start(1);
  EXPECT_EQ(ask("/readyz"), Answer(503, "draining\n"));
}

TEST_F(MonitoringTest, ACoreThatMakesNoTurnIsStuck) {
  start(2);
  stuck_ = {1};
  monitoring_.tick();
  clock_.pass(kCoreStuckAfter - 1ns);
  monitoring_.tick();
  EXPECT_EQ(ask("/healthz"), Answer(200, "healthy\n"));
  clock_.pass(1ns);
  EXPECT_EQ(ask("/healthz"), Answer(503, "core 1 has made no turn for 10 s\n"));
  EXPECT_EQ(ask("/readyz").first, 503U);
  // One beat, whatever the number of ticks; the other core has had both.
  EXPECT_EQ(steps_, 2);
  EXPECT_EQ(waiting_.size(), 1U);
  std::exchange(waiting_, {}).front()();
  EXPECT_EQ(ask("/healthz"), Answer(200, "healthy\n"));
}

TEST_F(MonitoringTest, AnIdleRelayStaysHealthy) {
  start(1);
  monitoring_.tick();
  clock_.pass(std::chrono::hours(5));
  EXPECT_EQ(ask("/healthz"), Answer(200, "healthy\n"));
}

TEST_F(MonitoringTest, SumsAreOfAllCores) {
  start(3);
  EXPECT_EQ(value("sluice_sessions_accepted_total"), "300");
  EXPECT_EQ(value("sluice_core_turns_total{core=\"2\"}"), "0");
  EXPECT_EQ(value("sluice_next_hops{route=\"out\"}"), "6");
  EXPECT_EQ(value("sluice_next_hops_failing{route=\"out\"}"), "3");
  EXPECT_EQ(value("sluice_next_hop_connections{route=\"out\",state=\"busy\"}"), "6");
  EXPECT_EQ(value("sluice_spool_synced"), "1");
  const std::string reason(session::end_reason_row(session::EndReason()).name);
  EXPECT_EQ(value("sluice_sessions_ended_total{reason=\"" + reason + "\"}"), "21");
}

TEST_F(MonitoringTest, WhatHasNamesIsSummedByThem) {
  start(2);
  EXPECT_EQ(value("sluice_logins_total{backend=\"ldap\",result=\"granted\"}"), "2");
  EXPECT_EQ(value("sluice_logins_total{backend=\"store\",result=\"granted\"}"), "2");
  EXPECT_EQ(value("sluice_logins_total{backend=\"none\",result=\"refused\"}"), "2");
  EXPECT_EQ(value("sluice_logins_total{backend=\"ldap\",result=\"wrong\"}"), "0") << "there from the start";
  EXPECT_EQ(value("sluice_backend_checks_total{backend=\"ldap\",result=\"wrong\"}"), "4");
  EXPECT_EQ(value("sluice_backend_check_seconds_count{backend=\"ldap\"}"), "2");
  EXPECT_EQ(value("sluice_limits_reached_total{subject=\"customer\",quantity=\"messages\",window=\"hour\","
                  "effect=\"slow\"}"),
            "2");
  EXPECT_EQ(value("sluice_tls_connections_total{side=\"client\",version=\"TLSv1.3\",group=\"x25519\"}"), "2");
  EXPECT_EQ(value("sluice_tls_connections_total{side=\"next_hop\",version=\"TLSv1.2\",group=\"none\"}"), "2");
}

TEST_F(MonitoringTest, StagesAreHistogramsOfAllCores) {
  start(2);
  EXPECT_EQ(value("sluice_login_seconds_bucket{result=\"wrong\",le=\"1.0\"}"), "0");
  EXPECT_EQ(value("sluice_login_seconds_bucket{result=\"wrong\",le=\"2.5\"}"), "2");
  EXPECT_EQ(value("sluice_login_seconds_sum{result=\"wrong\"}"), "4");
  EXPECT_EQ(value("sluice_content_seconds_bucket{le=\"0.0025\"}"), "0");
  EXPECT_EQ(value("sluice_content_seconds_bucket{le=\"0.005\"}"), "2");
  EXPECT_EQ(value("sluice_queue_delivery_seconds_bucket{le=\"3600.0\"}"), "0");
  EXPECT_EQ(value("sluice_queue_delivery_seconds_bucket{le=\"14400.0\"}"), "2");
  for (const char* name :
       {"policy", "next_hop_connect", "next_hop_tls_handshake", "next_hop_reply", "spool_sync", "queue_first_attempt"})
    EXPECT_EQ(value("sluice_" + std::string(name) + "_seconds_count"), "0") << name;
}

TEST_F(MonitoringTest, AStuckCoreCostsNoMetricsOnceItHasAnswered) {
  start(2);
  EXPECT_EQ(value("sluice_sessions_accepted_total"), "200");
  stuck_ = {0};
  clock_.pass(2s);
  EXPECT_EQ(value("sluice_sessions_accepted_total"), "200");
}

TEST_F(MonitoringTest, SomeOfTheCoresAreNoSum) {
  stuck_ = {0};
  start(2);
  EXPECT_EQ(value("sluice_sessions_accepted_total"), "none");
  EXPECT_EQ(value("sluice_cores"), "2");
}

TEST_F(MonitoringTest, AStormAsksTheCoresOnceASecond) {
  start(1);
  for (int i = 0; i < 100; ++i) (void)ask("/metrics");
  EXPECT_EQ(posted_, 1);
  clock_.pass(1s);
  for (int i = 0; i < 100; ++i) (void)ask("/metrics");
  EXPECT_EQ(posted_, 2);
}

TEST_F(MonitoringTest, NoCoreIsAskedBehindLeave) {
  start(2);
  EXPECT_EQ(value("sluice_sessions_accepted_total"), "200");
  monitoring_.leave_cores();
  posted_ = 0;
  clock_.pass(1h);
  monitoring_.tick();
  EXPECT_EQ(value("sluice_sessions_accepted_total"), "200");
  EXPECT_EQ(ask("/healthz").first, 200U);
  EXPECT_EQ(posted_, 0);
}

TEST_F(MonitoringTest, AnAnswerBehindLeaveIsTaken) {
  start(1);
  stuck_ = {0};
  monitoring_.tick();
  monitoring_.leave_cores();
  std::exchange(waiting_, {}).front()();
  EXPECT_EQ(value("sluice_core_unanswered_seconds{core=\"0\"}"), "0");
}

TEST_F(MonitoringTest, OtherPathsAreNotFound) {
  start(1);
  EXPECT_EQ(ask("/").first, 200U);
  for (const std::string_view path : {"", "/metrics/", "/healthz?", "/../etc/passwd"}) EXPECT_EQ(ask(path).first, 404U);
}

TEST(CoreFamilies, EachHasSamplesAndANameOfItsOwn) {
  CoreMetrics core;
  core.routes = {{.route = "out", .totals = {}}};
  core.queue_routes = {{.route = "out", .jobs = 1}};
  core.oldest_queued = 1;
  core.backends = {{.name = "store", .took = {}}};
  core.counters.sessions.tls.add({.version = "TLSv1.3", .group = "x25519"});
  core.counters.limits.add(policy::Subject::account, {});
  std::set<std::string_view> names;
  for (const metrics::Family& family : families_of(std::vector<CoreMetrics>{core})) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_FALSE(family.samples.empty() && family.histograms.empty()) << family.name;
    EXPECT_FALSE(family.name.ends_with("_total")) << family.name;
  }
}

TEST(CoreFamilies, JobsOfARouteAreThoseOfAllCores) {
  CoreMetrics one;
  one.queue_routes = {{.route = "mx", .jobs = 2}, {.route = "inside", .jobs = 0}};
  CoreMetrics other;
  other.queue_routes = {{.route = "out", .jobs = 5}, {.route = "mx", .jobs = 3}};
  std::map<std::string, double> by_route;
  for (const metrics::Family& family : families_of(std::vector<CoreMetrics>{one, other}))
    for (const metrics::Sample& sample : family.samples)
      if (family.name == "sluice_queue_route_jobs") by_route[sample.labels.at(0).value] = sample.value;
  EXPECT_EQ(by_route, (std::map<std::string, double>{{"inside", 0}, {"mx", 5}, {"out", 5}}));
}

TEST(CoreFamilies, MemoryHasAValueOfEachKind) {
  CoreMetrics core;
  core.memory = {.receive_buffers = 1, .messages = 2, .queue = 3, .credentials = 4, .spool_index = 5, .tls = 6};
  std::map<std::string, double> by_kind;
  for (const metrics::Family& family : families_of(std::vector<CoreMetrics>{core, core}))
    for (const metrics::Sample& sample : family.samples)
      if (family.name == "sluice_memory_bytes") by_kind[sample.labels.at(0).value] = sample.value;
  EXPECT_EQ(
      by_kind,
      (std::map<std::string, double>{
          {"receive_buffers", 2}, {"messages", 4}, {"queue", 6}, {"logins", 8}, {"spool_index", 10}, {"tls", 12}}));
}

}  // namespace
}  // namespace sluice::server
