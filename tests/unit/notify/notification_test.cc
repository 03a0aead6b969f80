// The table of what is notified: its keys are those of the events, and its rows say what they are meant to.
#include "engine/notify/notification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/notify/event_of.h"

namespace sluice::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Notification, IsOfACauseAndASubject) {
  const auto near = notification_from(event::SubmissionLimitNear{.subject = "customer", .name = "acme"});
  ASSERT_TRUE(near);
  EXPECT_EQ(near->cause, Cause::limit_near);
  EXPECT_EQ(near->subject(), "customer acme");
  EXPECT_EQ(near->owner, "");
  const auto shield = notification_from(event::ShieldRaised{.kind = "address", .subject = "192.0.2.1"});
  ASSERT_TRUE(shield);
  EXPECT_EQ(shield->subject(), "address 192.0.2.1");
  const auto spool = notification_from(event::SpoolFault{.what = "the disk is gone"});
  ASSERT_TRUE(spool);
  EXPECT_EQ(spool->subject(), "spool");
  EXPECT_EQ(spool->severity, event::Severity::error);
}

TEST(Notification, AContainmentAndItsReleaseAreTwoCauses) {
  for (const char* step : {"contain", "suspend", "hold"})
    EXPECT_EQ(notification_from(event::Containment{.step = step, .kind = "network", .subject = "192.0.2.0/24"})->cause,
              Cause::contained);
  const auto released = notification_from(event::Containment{.step = "release", .kind = "customer", .subject = "acme"});
  EXPECT_EQ(released->cause, Cause::released);
  EXPECT_EQ(released->subject(), "customer acme");
  EXPECT_EQ(released->owner, "") << "a customer is no mailbox";
}

TEST(Notification, AnOwnerHearsOfLimitsThatKeepMailFromBeingSent) {
  const auto reached = [](std::string_view subject, std::string_view effect) {
    return notification_from(
               event::SubmissionLimitReached{.subject = subject, .name = "alice@example.com", .effect = effect})
        ->owner;
  };
  EXPECT_EQ(reached("account", "refuse"), "alice@example.com");
  EXPECT_EQ(reached("account", "hold"), "alice@example.com");
  EXPECT_EQ(reached("account", "told"), "");
  EXPECT_EQ(reached("customer", "refuse"), "");
}

TEST(Notification, AnOwnerHearsOfADevicesLimitAndOperatorsOfAnyLimit) {
  const auto reached = [](std::string_view subject, std::string_view name, std::string_view account) {
    return *notification_from(
        event::SubmissionLimitReached{.subject = subject, .name = name, .effect = "refuse", .account = account});
  };
  const auto device = reached("device", "alice@example.com/printer", "alice@example.com");
  EXPECT_EQ(device.owner, "alice@example.com");
  EXPECT_EQ(device.subject(), "device alice@example.com/printer");
  EXPECT_THAT(advice_for_owner(device), HasSubstr("What this device sends over its limit"));
  EXPECT_THAT(advice_for_operator(device),
              StartsWith("See what is used: sluicectl usage --account alice@example.com\n"));
  EXPECT_THAT(advice_for_operator(device), HasSubstr("sluicectl account device revoke alice@example.com --name"));
  const auto network = reached("network", "192.0.2.25:25", "");
  EXPECT_EQ(network.owner, "");
  EXPECT_THAT(advice_for_operator(network), HasSubstr("listener.trusted_class"));
  const auto relay = reached("relay", "all", "alice@example.com");
  EXPECT_EQ(relay.owner, "") << "whose mail it was that came last";
  EXPECT_EQ(relay.subject(), "relay all");
  EXPECT_THAT(advice_for_operator(relay), HasSubstr("policy.limit"));
  for (const char* subject : {"device", "network", "relay"}) {
    const auto near = notification_from(event::SubmissionLimitNear{.subject = subject, .name = "n"});
    ASSERT_TRUE(near) << subject;
    EXPECT_EQ(near->cause, Cause::limit_near);
    EXPECT_EQ(near->subject(), std::string(subject) + " n");
  }
}

TEST(Notification, WhatWasNoticedOfAnAccountIsAStrikeOnceItIsHeld) {
  const auto noticed = [](std::string_view effect) {
    return *notification_from(event::AccountNoticed{.account = "customer", .customer = "acme", .effect = effect});
  };
  EXPECT_EQ(noticed("tell").cause, Cause::noticed);
  EXPECT_EQ(noticed("slow").cause, Cause::noticed);
  EXPECT_EQ(noticed("slow").owner, "");
  EXPECT_EQ(noticed("hold").cause, Cause::strike);
  EXPECT_EQ(noticed("suspend").cause, Cause::strike);
  EXPECT_EQ(noticed("suspend").owner, "customer");
  EXPECT_EQ(noticed("suspend").subject(), "account customer");
  const auto lifted = notification_from(event::AccountLifted{.account = "alice@example.com", .actor = "root"});
  EXPECT_EQ(lifted->cause, Cause::released);
  EXPECT_EQ(lifted->owner, "alice@example.com");
  EXPECT_EQ(notification_from(event::RefusedAsSpam{.next_hop = "mx.example.net:25"})->subject(),
            "next hop mx.example.net:25");
  EXPECT_EQ(notification_from(event::MessageHeld{.account = "alice@example.com"})->subject(),
            "account alice@example.com");
}

TEST(Notification, AFlushOfTheQueueIsNoneAndAHoldIs) {
  EXPECT_FALSE(notification_from(event::QueueOrder{.order = "flush", .filter = "all"}));
  EXPECT_EQ(notification_from(event::QueueOrder{.order = "hold", .filter = "all"})->subject(), "messages all");
}

TEST(Notification, MostEventsAreNone) {
  EXPECT_FALSE(notification_from(event::Started{.hostname = "relay.example.net"}));
  EXPECT_FALSE(notification_from(event::Message{.id = "1"}));
}

TEST(Notification, HasTheEventAsTheLogHasIt) {
  const auto notification = limit_reached("alice@example.com");
  EXPECT_THAT(notification->json, StartsWith(R"({"time":"2026-11-29T01:23:45.678Z","level":"warning",)"
                                             R"("event":"submission_limit_reached","subject":"account",)"));
  EXPECT_EQ(notification->json.back(), '}');
  EXPECT_THAT(notification->json, HasSubstr(R"("used":500,)"));
}

// Of any row: an event of its kind with a text of its own in every key shows which keys the row names.
TEST(Notification, EveryKindOfTheTableIsNotified) {
  for (const event::Kind kind : notified_kinds()) {
    const event::Row& row = event::row_of(kind);
    std::vector<event::Value> values(row.keys.size(), std::string_view("x"));
    for (std::size_t i = 0; i < values.size(); ++i)
      if (row.keys[i].name == "order") values[i] = std::string_view("hold");
    const event::Event event{.at = 0, .kind = kind, .severity = row.severity, .row = row, .values = values};
    const auto notification = notification_of(event);
    ASSERT_TRUE(notification) << row.name;
    EXPECT_FALSE(notification->subject().empty()) << row.name;
    EXPECT_GE(row.severity, kNotifiedLeast) << row.name;
    EXPECT_EQ(notification->figures.size(), row.keys.size()) << row.name;
    // Where the subject has a name, it is that of a key.
    const bool of_the_relay = row.keys.size() == 1 && row.name != "backend_suspended";
    EXPECT_EQ(notification->subject_name, of_the_relay ? "" : "x") << row.name;
  }
}

TEST(Notification, CausesHaveNamesOfTheirOwn) {
  for (const CauseWords& words : causes()) EXPECT_EQ(words_of(*find_cause(words.name)).title, words.title);
  EXPECT_EQ(find_cause("nothing"), std::nullopt);
  Causes some = Causes::none();
  some.add(Cause::shield);
  EXPECT_TRUE(some.has(Cause::shield));
  EXPECT_FALSE(some.has(Cause::spool));
  EXPECT_TRUE(Causes().has(Cause::spool));
}

}  // namespace
}  // namespace sluice::notify
