// Hosts of one destination that differ in what they can carry: the next one is asked before it is a failure, and a DSN
// says of this relay's own refusal that no server made it.
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The first host is preferred, and too small.
class TwoHosts {
 public:
  TwoHosts() : fixture(1, {}, 2) {
    fixture.route.hosts[1].preference = 10;
    fixture.hops[0]->rules.size_max = kText.size() - 1;
  }
  Fixture fixture;
};

TEST(AnotherHostTest, AHostThatTakesNoSuchSizeLeavesItToTheNext) {
  TwoHosts two;
  Sending message(two.fixture);
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
  EXPECT_THAT(two.fixture.hops[0]->ledger, IsEmpty());
  EXPECT_THAT(two.fixture.hops[1]->ledger, SizeIs(1));
  EXPECT_EQ(message.transmission->next_hop(), std::string(Fixture::kSecond) + ":25");
  // The connection to the first is of use to others.
  Sending small(two.fixture);
  EXPECT_THAT(small.send("From: <ann@example.com>\r\n\r\n"), ElementsAre(Kind::taken));
  EXPECT_EQ(two.fixture.hops[0]->accepted, 1U);
  EXPECT_THAT(two.fixture.hops[0]->ledger, SizeIs(1));
}

TEST(AnotherHostTest, WhereNoneTakesItTheRefusalIsThisRelaysOwn) {
  TwoHosts two;
  two.fixture.hops[1]->rules.size_max = kText.size() - 1;
  Sending message(two.fixture);
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::refused));
  EXPECT_EQ(message.result(0).code, 552);
  EXPECT_TRUE(message.result(0).ours);
  message::DeliveryStatus status;
  status.recipients.resize(1);
  apply_results(*message.transmission, 1000, status);
  EXPECT_EQ(status.recipients[0].next_hop, "") << "no server said it: its DSN has no Diagnostic-Code of type smtp";
  EXPECT_EQ(status.recipients[0].fate, message::Fate::failed);
}

TEST(AnotherHostTest, WhereTheOtherIsDownTheMessageWaits) {
  TwoHosts two;
  two.fixture.platforms.world().set_reachable(Fixture::kSecond, false);
  two.fixture.route.connect_timeout = 5s;
  Sending message(two.fixture);
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred));
}

// A host that said so once was asked no more for as long as mail came, and all of it failed for good.
TEST(AnotherHostTest, WhatWasSaidOnAKeptConnectionIsAskedAnew) {
  Fixture fixture;
  fixture.hop().rules.size_max = 1;
  Sending first(fixture);
  EXPECT_THAT(first.send(kText), ElementsAre(Kind::refused));
  fixture.hop().rules.size_max = 0;
  Sending second(fixture);
  EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
  EXPECT_EQ(fixture.hop().accepted, 2U);
  // A new one that says the same is the last word.
  fixture.hop().rules.size_max = 1;
  Sending third(fixture);
  EXPECT_THAT(third.send(kText), ElementsAre(Kind::taken)) << "by the connection that was asked before";
}

}  // namespace
}  // namespace sluice::relay
