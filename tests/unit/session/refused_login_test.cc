// Refused logins are answered a fixed time after AUTH, whatever they are refused for.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

constexpr Duration kDelay = 2s;
constexpr std::string_view kWrongLogin = "AUTH PLAIN AGFubkBleGFtcGxlLmNvbQB3cm9uZw==";  // ann@example.com
constexpr std::string_view kUnknown = "AUTH PLAIN AGV2ZUBleGFtcGxlLmNvbQByaWdodA==";     // eve@example.com
constexpr std::string_view kDownLogin = "AUTH PLAIN AGRvd25AZXhhbXBsZS5jb20AcmlnaHQ=";   // down@example.com

class RefusedLogin : public SessionFixture {
 protected:
  RefusedLogin() { host.rules().refused_login_delay = kDelay; }
  // How many whole delays the reply takes, on the simulated clock.
  int delays_of(std::string_view line, int code) {
    client_ = nullptr;
    client().reply();
    EXPECT_EQ(client().say("EHLO client.example"), 250);
    const Instant before = there.now();
    EXPECT_EQ(client().say(line), code);
    const Duration took = there.now() - before;
    EXPECT_LT(took % kDelay, 500ms) << "the way there and back";
    return static_cast<int>(took / kDelay);
  }
};

TEST_F(RefusedLogin, IsAnsweredAfterTheSameTimeForEveryReason) {
  host.people.suspended_for = "unpaid";
  for (const Duration pause : {Duration(0), Duration(20ms), Duration(1900ms)}) {
    host.people.pause = pause;
    EXPECT_EQ(delays_of(kWrongLogin, 535), 1);
    EXPECT_EQ(delays_of(kUnknown, 535), 1);
    EXPECT_EQ(delays_of(testing::kLogin, 535), 1);
    EXPECT_EQ(delays_of(kDownLogin, 454), 1);
    EXPECT_EQ(delays_of("AUTH PLAIN AGFubg==", 501), 1);
  }
  host.people.pause = 2100ms;
  EXPECT_EQ(delays_of(kWrongLogin, 535), 2);
  EXPECT_EQ(delays_of(kUnknown, 535), 2);
}

TEST_F(RefusedLogin, DelaysNoneThatIsGranted) { EXPECT_EQ(delays_of(testing::kLogin, 235), 0); }

// With its delay, as its client had to wait.
TEST_F(RefusedLogin, IsCountedAndMeasuredByItsResult) {
  host.people.suspended_for = "unpaid";
  (void)delays_of(kWrongLogin, 535);
  (void)delays_of(testing::kLogin, 535);
  (void)delays_of("AUTH PLAIN AGFubg==", 501);
  host.people.suspended_for.clear();
  (void)delays_of(testing::kLogin, 235);
  const LoginCounters& logins = host.counters.by_login;
  ASSERT_EQ(logins.by_source.size(), 1U);
  EXPECT_EQ(logins.by_source[auth::kNoSource], (LoginCounters::ByResult{1, 1, 1, 0, 0, 1}));
  const auto in_bucket = [&logins](AuthResult result, Duration span) {
    const auto bounds = StageTimes::bounds();
    const auto at = std::ranges::lower_bound(bounds, span) - bounds.begin();
    return logins.took[static_cast<std::size_t>(result)].counts()[static_cast<std::size_t>(at)];
  };
  for (const AuthResult refused : {AuthResult::wrong, AuthResult::suspended, AuthResult::malformed})
    EXPECT_EQ(in_bucket(refused, kDelay), 1U) << auth_result_name(refused);
  const auto granted = logins.took[static_cast<std::size_t>(AuthResult::granted)].counts();
  EXPECT_EQ(std::accumulate(granted.begin(), granted.end(), std::uint64_t{0}), 1U);
  EXPECT_EQ(in_bucket(AuthResult::granted, kDelay), 0U);
}

TEST_F(RefusedLogin, HoldsUpNoStop) {
  host.rules().refused_login_delay = 24h;
  client().reply();
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  client().send(std::string(kWrongLogin) + "\r\n");
  EXPECT_TRUE(platforms.run_until([this] { return !host.notes.logins.empty(); }));
  host.cut_off();
  EXPECT_EQ(client().reply().code, 535);
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_EQ(end().reason, EndReason::shutting_down);
}

}  // namespace
}  // namespace sluice::session
