// What monitoring is answered of cores that answer, and of one that does not.
#include "engine/server/monitoring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
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
  core.oldest_queued = 1;
  std::set<std::string_view> names;
  for (const metrics::Family& family : families_of(std::vector<CoreMetrics>{core})) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_FALSE(family.samples.empty() && family.histograms.empty()) << family.name;
    EXPECT_FALSE(family.name.ends_with("_total")) << family.name;
  }
}

}  // namespace
}  // namespace sluice::server
