// Which destinations a message has.
#include "engine/relay/message_destinations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::relay {
namespace {

using message::Fate;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A message whose recipients' domains are their destinations.
struct Sample {
  Sample& add(std::string address, message::RecipientStatus of = {}) {
    envelope.recipients.push_back({.forward_path = std::move(address)});
    status.recipients.push_back(std::move(of));
    return *this;
  }
  static Destination find(const message::Recipient& recipient) {
    return {.key = recipient.forward_path.substr(recipient.forward_path.find('@') + 1)};
  }
  std::vector<MessageDestination> waiting() const { return waiting_destinations(envelope, status, find); }
  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (const MessageDestination& each : destinations_of(envelope, status, find)) all.push_back(each.destination.key);
    return all;
  }
  message::Envelope envelope{.reverse_path = "ann@example.com"};
  message::DeliveryStatus status;
};

TEST(MessageDestinations, AreSortedWithTheirRecipientsInOrder) {
  Sample sample;
  for (const char* each : {"1@b", "2@b", "3@a", "4@c", "5@a", "6@b"}) sample.add(each);
  const std::vector<MessageDestination> found = sample.waiting();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].destination.key, "a");
  EXPECT_THAT(found[0].recipients, ElementsAre(2, 4));
  EXPECT_EQ(found[1].destination.key, "b");
  EXPECT_THAT(found[1].recipients, ElementsAre(0, 1, 5));
  EXPECT_EQ(found[2].destination.key, "c");
  EXPECT_THAT(found[2].recipients, ElementsAre(3));
}

TEST(MessageDestinations, AsManyAsRecipientsMayBe) {
  Sample sample;
  for (int i = 0; i < 10'000; ++i) sample.add("x@d" + std::to_string(i * 7919 % 10'000));
  std::vector<MessageDestination> found = sample.waiting();
  ASSERT_EQ(found.size(), 10'000U);
  for (const MessageDestination& each : found) EXPECT_EQ(each.recipients.size(), 1U);
  EXPECT_EQ(find_key(found, "d42")->destination.key, "d42");
  EXPECT_TRUE(find_key(found, "d10000") == found.end());
}

TEST(MessageDestinations, OneIsDueWithTheFirstOfItsRecipients) {
  Sample sample;
  sample.add("1@a", {.due = 30})
      .add("2@b", {.tries = 1, .due = 5})
      .add("3@a", {.due = 10})
      .add("4@b", {.due = 8})
      .add("5@a", {.due = 20});
  const std::vector<MessageDestination> found = sample.waiting();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].due, 10);
  EXPECT_FALSE(found[0].tried);
  EXPECT_EQ(found[1].due, 5);
  EXPECT_TRUE(found[1].tried);
}

TEST(MessageDestinations, WhatIsDecidedWaitsForNone) {
  Sample sample;
  sample.add("1@a", {.fate = Fate::delivered}).add("2@b").add("3@c", {.fate = Fate::removed});
  EXPECT_THAT(sample.keys(), ElementsAre("b"));
}

TEST(MessageDestinations, ADsnThatIsDueHasOneOfItsOwnBehindTheOthers) {
  Sample sample;
  sample.add("1@a", {.fate = Fate::failed, .code = 550}).add("2@b");
  EXPECT_THAT(sample.keys(), ElementsAre("b", kDsnDestination));
  sample.status.recipients[0].reported = true;
  EXPECT_THAT(sample.keys(), ElementsAre("b"));
}

TEST(MessageDestinations, AreNeverNoneSoThatTheMessageIsConcluded) {
  Sample sample;
  sample.add("1@a", {.fate = Fate::delivered});
  EXPECT_THAT(sample.waiting(), IsEmpty());
  EXPECT_THAT(sample.keys(), ElementsAre(kDsnDestination));
}

}  // namespace
}  // namespace sluice::relay
