// What a webhook is sent.
#include "engine/notify/webhook.h"

#include <gtest/gtest.h>

#include "engine/notify/transfer.h"
#include "tests/unit/notify/event_of.h"

namespace sluice::notify {
namespace {

TEST(Webhook, TheBodyIsOneJsonObjectWithTheEventInIt) {
  const auto notification = notification_from(
      event::ShieldRaised{.kind = "account", .subject = "a\"\r\nb", .failures = 20, .effect = "slowed"});
  Notification named = *notification;
  named.id = "msg_0123";
  EXPECT_EQ(webhook_body(named, "relay.example.net"),
            R"({"id":"msg_0123","type":"shield","timestamp":"2026-11-29T01:23:45.678Z","host":"relay.example.net",)"
            R"("subject":"account a\"\\r\\nb","severity":"warning",)"
            R"("data":{"time":"2026-11-29T01:23:45.678Z","level":"warning","event":"shield","kind":"account",)"
            R"("subject":"a\"\r\nb","failures":20,"effect":"slowed"}})");
}

TEST(Webhook, OfAUrlOnlyItsOriginIsShown) {
  EXPECT_EQ(url_origin("https://hooks.example.net/T0/secret?token=x"), "https://hooks.example.net");
  EXPECT_EQ(url_origin("https://hooks.example.net:8443?x"), "https://hooks.example.net:8443");
  EXPECT_EQ(url_origin("https://hooks.example.net"), "https://hooks.example.net");
}

}  // namespace
}  // namespace sluice::notify
