// What the noticer is told of deliveries: one outcome for each recipient, whatever its address is.
#include "engine/server/delivery_observer.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/platforms.h"

namespace sluice::server {
namespace {

constexpr std::string_view kSender = "ann@example.com";

class DeliveryObserverTest : public ::testing::Test {
 protected:
  DeliveryObserverTest() {
    const noticing::WatchedClass home{.name = "home", .policy = noticing::built_in_policy("home")};
    static_cast<void>(watch_.message(kSender, home, {.recipients = 1}, {}, loop_.now()));
  }
  // How many recipients have been answered for good with it, of so many.
  std::uint32_t answered(const std::string& recipients) {
    const std::uint32_t before = watch_.look(kSender, loop_.now())->answered;
    observer_.delivery({.id = "Q1",
                        .account = kSender,
                        .outcome = relay::DeliveryOutcome::relayed,
                        .code = 250,
                        .recipients = recipients,
                        .count = 1});
    return watch_.look(kSender, loop_.now())->answered - before;
  }

  const std::unique_ptr<io::Clock> clock_ = io::make_real_clock();
  event::Dispatcher dispatcher_{{}, *clock_};
  sluice::testing::Platforms platforms_{sluice::testing::PlatformKind::simulated};
  io::Loop& loop_ = platforms_.add_loop("192.0.2.1");
  EventObserver events_{dispatcher_.open(), loop_};
  noticing::AccountWatch watch_{noticing::AccountWatch::Key{}};
  DeliveryObserver observer_{events_, watch_, loop_};
};

TEST_F(DeliveryObserverTest, EachRecipientIsOneOutcome) {
  EXPECT_EQ(answered("bob@example.net"), 1U);
  EXPECT_EQ(answered("bob@example.net, eve@example.net, postmaster"), 3U);
}

// Else a mailbox of the spammer's own would count as twenty that exist, beside those that do not.
TEST_F(DeliveryObserverTest, AQuotedLocalPartIsOneWhateverIsInIt) {
  EXPECT_EQ(answered(R"("a, b, c, d"@example.net)"), 1U);
  EXPECT_EQ(answered(R"("a\", b"@example.net, bob@example.net)"), 2U);
  EXPECT_EQ(answered(R"(bob@example.net, "a\\", "b, c"@example.net)"), 3U);
}

}  // namespace
}  // namespace sluice::server
