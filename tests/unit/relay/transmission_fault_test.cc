// What a transmission makes of a next hop that refuses, stalls, hangs up or talks nonsense at any point: nobody is
// taken whom it has not taken, nothing is sent twice without need, and every wait ends.
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using message::BodyForm;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct FaultOfStage {
  const char* name;
  HopFault fault;
  Kind first;
  Kind second;
  int code;         // of the second one's result
  bool maybe_late;  // whether it may be with the next hop where the end goes out with the envelope
};

const FaultOfStage kFaultsOfStages[] = {
    {"MAIL 421",
     {.stage = HopStage::mail, .say = "421 bye\r\n", .hang_up = true},
     Kind::deferred,
     Kind::deferred,
     421,
     false},
    {"MAIL 354", {.stage = HopStage::mail, .say = "354 what\r\n"}, Kind::deferred, Kind::deferred, 354, true},
    {"MAIL garbage", {.stage = HopStage::mail, .say = "what?\r\n"}, Kind::deferred, Kind::deferred, 0, true},
    {"MAIL hang up", {.stage = HopStage::mail, .hang_up = true}, Kind::deferred, Kind::deferred, 0, true},
    {"MAIL stall", {.stage = HopStage::mail, .stall = 3h}, Kind::deferred, Kind::deferred, 0, true},
    {"MAIL 599", {.stage = HopStage::mail, .say = "599 odd\r\n"}, Kind::refused, Kind::refused, 599, false},
    {"MAIL 499", {.stage = HopStage::mail, .say = "499 odd\r\n"}, Kind::deferred, Kind::deferred, 499, false},
    {"RCPT 421",
     {.stage = HopStage::recipient, .after = 1, .say = "421 bye\r\n", .hang_up = true},
     Kind::deferred,
     Kind::deferred,
     421,
     false},
    {"RCPT 251",
     {.stage = HopStage::recipient, .after = 1, .say = "251 will forward\r\n"},
     Kind::taken,
     Kind::taken,
     250,
     false},
    {"RCPT 354",
     {.stage = HopStage::recipient, .after = 1, .say = "354 what\r\n"},
     Kind::deferred,
     Kind::deferred,
     354,
     true},
    {"RCPT 599",
     {.stage = HopStage::recipient, .after = 1, .say = "599 odd\r\n"},
     Kind::taken,
     Kind::refused,
     599,
     false},
    {"RCPT hang up",
     {.stage = HopStage::recipient, .after = 1, .hang_up = true},
     Kind::deferred,
     Kind::deferred,
     0,
     true},
    {"RCPT endless",
     {.stage = HopStage::recipient, .after = 1, .endless = true},
     Kind::deferred,
     Kind::deferred,
     0,
     true},
    {"RCPT stall", {.stage = HopStage::recipient, .after = 1, .stall = 3h}, Kind::deferred, Kind::deferred, 0, true},
    {"message 4xx",
     {.stage = HopStage::message, .say = "452 4.3.1 no room\r\n"},
     Kind::deferred,
     Kind::deferred,
     452,
     false},
    {"message 5xx",
     {.stage = HopStage::message, .say = "554 5.7.1 spam\r\n"},
     Kind::refused,
     Kind::refused,
     554,
     false},
    {"message 421",
     {.stage = HopStage::message, .say = "421 bye\r\n", .hang_up = true},
     Kind::deferred,
     Kind::deferred,
     421,
     false},
    {"message 354", {.stage = HopStage::message, .say = "354 go on\r\n"}, Kind::deferred, Kind::deferred, 354, true},
    {"message garbage", {.stage = HopStage::message, .say = "OK taken\r\n"}, Kind::deferred, Kind::deferred, 0, true},
    {"message hang up", {.stage = HopStage::message, .hang_up = true}, Kind::deferred, Kind::deferred, 0, true},
    {"message stall", {.stage = HopStage::message, .stall = 3h}, Kind::deferred, Kind::deferred, 0, true},
};

TEST(TransmissionFaultTest, EachFaultOfTheNextHopHasItsResult) {
  for (const FaultOfStage& row : kFaultsOfStages) {
    for (const Manner& manner : kManners) {
      SCOPED_TRACE(std::string(row.name) + " with " + manner.name);
      Fixture fixture;
      set_manner(fixture, manner);
      fixture.hop().add(row.fault);
      Sending message(fixture, kTwo);
      const Instant before = fixture.loop.now();
      EXPECT_THAT(message.send(kDottedText), ElementsAre(row.first, row.second));
      EXPECT_LE(fixture.loop.now() - before, fixture.route.final_timeout + 10s);
      EXPECT_EQ(message.result(1).code, row.code);
      const bool end_was_out = row.fault.stage == HopStage::message || (manner.pipelining && manner.chunking);
      EXPECT_EQ(message.transmission->maybe_taken(), row.maybe_late && end_was_out);
      if (message.transmission->maybe_taken())
        EXPECT_THAT(message.result(1).text, HasSubstr("may have been delivered"));
      EXPECT_EQ(fixture.pool().counters().opened, 1U);
      message.expect_honest(kDottedText);
      fixture.hop().clear_faults();
      Sending second(fixture);
      EXPECT_THAT(second.send(kDottedText), ElementsAre(Kind::taken));
    }
  }
}

TEST(TransmissionFaultTest, WhoWasRefusedBeforeTheEndCameStaysRefused) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    fixture.hop().add({.stage = HopStage::recipient, .say = "550 5.1.1 no such user\r\n", .only_for = "a@"});
    fixture.hop().add({.stage = HopStage::message, .hang_up = true});
    Sending message(fixture, kTwo);
    EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::refused, Kind::deferred));
    EXPECT_TRUE(message.transmission->maybe_taken());
  }
}

TEST(TransmissionFaultTest, WhatIsSaidToDataIsTheMessagesWord) {
  for (const bool pipelining : {true, false}) {
    const auto send = [pipelining](const char* words) {
      Fixture fixture;
      set_manner(fixture, {"", pipelining, false});
      fixture.hop().add({.stage = HopStage::data, .say = words});
      Sending message(fixture, kTwo);
      const auto kinds = message.send(kDottedText);
      EXPECT_EQ(kinds[0], kinds[1]);
      EXPECT_THAT(fixture.hop().ledger, IsEmpty());
      fixture.hop().clear_faults();
      Sending second(fixture);
      EXPECT_THAT(second.send(kDottedText), ElementsAre(Kind::taken));
      return kinds[0];
    };
    EXPECT_EQ(send("554 5.7.1 no\r\n"), Kind::refused);
    EXPECT_EQ(send("451 4.7.1 later\r\n"), Kind::deferred);
    EXPECT_EQ(send("421 4.3.2 bye\r\n"), Kind::deferred);
    EXPECT_EQ(send("250 2.0.0 fine\r\n"), Kind::deferred);
    EXPECT_EQ(send("?\r\n"), Kind::deferred);
  }
}

TEST(TransmissionFaultTest, NobodyToBeReachedIsNobodyAsked) {
  Fixture fixture;
  fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  Sending message(fixture, kTwo);
  EXPECT_THAT(message.send(kDottedText), Each(Kind::deferred));
  EXPECT_FALSE(message.transmission->reached());
  EXPECT_TRUE(message.transmission->unreachable());
  EXPECT_EQ(message.transmission->next_hop(), "");
  EXPECT_THAT(message.transmission->detail(), HasSubstr("connect"));
}

TEST(TransmissionFaultTest, AFullPoolIsNotAnUnreachableNextHop) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 1;
  auto lent = fixture.acquire();
  Sending message(fixture);
  EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::deferred));
  EXPECT_FALSE(message.transmission->reached());
  EXPECT_FALSE(message.transmission->unreachable());
  fixture.release(std::move(lent));
}

// ------------------------------------------------------------------------------------------ stale connections

TEST(TransmissionFaultTest, AKeptConnectionThatIsClosedIsReplaced) {
  for (const Manner& manner : kManners) {
    for (const char* farewell : {"", "421 4.4.2 idle for too long\r\n"}) {
      SCOPED_TRACE(std::string(manner.name) + farewell);
      Fixture fixture;
      set_manner(fixture, manner);
      Sending first(fixture);
      EXPECT_THAT(first.send(kDottedText), ElementsAre(Kind::taken));
      fixture.hop().add({.stage = HopStage::mail, .say = farewell, .hang_up = true});
      Sending second(fixture, kTwo);
      EXPECT_THAT(second.send(kDottedText), Each(Kind::taken));
      EXPECT_FALSE(second.transmission->maybe_taken());
      EXPECT_EQ(fixture.pool().counters().opened, 2U);
      EXPECT_THAT(fixture.hop().ledger, SizeIs(2));
    }
  }
}

TEST(TransmissionFaultTest, ManyOfThemAreReplacedByANewOne) {
  for (const std::uint32_t connections_max : {20U, 6U}) {
    Fixture fixture;
    fixture.route.connections_per_host_max = connections_max;
    std::vector<hop::Pool::Acquired> lent;
    for (int i = 0; i < 6; ++i) lent.push_back(fixture.acquire());
    for (auto& each : lent) fixture.release(std::move(each));
    fixture.hop().add({.stage = HopStage::mail, .count = 3, .hang_up = true});
    Sending message(fixture);
    EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::taken));
    EXPECT_EQ(fixture.pool().counters().opened, 7U);
  }
}

// Where nothing of the content is out yet, an answer to MAIL changes nothing.
TEST(TransmissionFaultTest, AKeptConnectionThatIsClosedBehindMailIsReplacedOnlyBeforeTheContent) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    Sending first(fixture);
    first.send(kDottedText);
    // Once all is there: what is unread when it closes would take its answer along.
    fixture.hop().add({.stage = HopStage::recipient, .stall = 1s, .hang_up = true});
    Sending second(fixture);
    const bool all_at_once = manner.pipelining && manner.chunking;
    EXPECT_THAT(second.send(kDottedText), ElementsAre(all_at_once ? Kind::deferred : Kind::taken));
    EXPECT_EQ(second.transmission->maybe_taken(), all_at_once);
  }
}

TEST(TransmissionFaultTest, WhatIsLostAfterTheEndIsNotSentAgain) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    Sending first(fixture);
    first.send(kDottedText);
    fixture.hop().add({.stage = HopStage::message, .hang_up = true});
    Sending second(fixture);
    EXPECT_THAT(second.send(kDottedText), ElementsAre(Kind::deferred));
    EXPECT_TRUE(second.transmission->maybe_taken());
    EXPECT_THAT(fixture.hop().ledger, SizeIs(2));
    EXPECT_EQ(fixture.pool().counters().opened, 1U);
  }
}

TEST(TransmissionFaultTest, AStalledKeptConnectionIsNotReplaced) {
  Fixture fixture;
  Sending first(fixture);
  first.send(kDottedText);
  fixture.hop().add({.stage = HopStage::mail, .count = kAlways, .stall = 3h});
  const Instant before = fixture.loop.now();
  Sending second(fixture);
  EXPECT_THAT(second.send(kDottedText), ElementsAre(Kind::deferred));
  EXPECT_LE(fixture.loop.now() - before, fixture.route.command_timeout + 5s);
}

// ------------------------------------------------------------------------------------------ every byte

// The connection breaks after each byte of either direction, on a new and on a kept one.  Where a kept one loses every
// answer to a message that went out whole, it is sent again: here at once, else by the queue that keeps it.
void break_everywhere(const Manner& manner, sim::SimBreak what, bool to_server) {
  const std::string text(kDottedText);
  const std::size_t copies_max = manner.pipelining && manner.chunking ? 2 : 1;
  for (std::uint64_t bytes = 0; bytes < 560; bytes += 9) {
    SCOPED_TRACE(std::string(manner.name) + " after " + std::to_string(bytes) + (to_server ? " out" : " in"));
    Fixture fixture(bytes + 1);
    set_manner(fixture, manner);
    fixture.route.command_timeout = fixture.route.data_timeout = fixture.route.final_timeout = 1min;
    fixture.platforms.world().faults().add({.to_server = to_server, .bytes = bytes, .what = what});
    for (int i = 0; i < 3; ++i) {
      const std::size_t before = fixture.hop().ledger.size();
      Sending message(fixture, {"a@example.net"});
      message.send(text);
      const bool taken = message.result().kind == Kind::taken;
      EXPECT_THAT(message.result().kind, AnyOf(Kind::taken, Kind::deferred));
      const std::size_t copies = fixture.hop().ledger.size() - before;
      EXPECT_GE(copies, taken ? 1U : 0U);
      EXPECT_LE(copies, copies_max);
      if (!taken && !message.transmission->maybe_taken()) EXPECT_EQ(copies, 0U);
      fixture.run_for(3s);
    }
  }
}

TEST(TransmissionFaultTest, ABreakAfterAnyByteLosesAndInventsNothing) {
  for (const Manner& manner : kManners)
    for (const bool to_server : {true, false})
      for (const sim::SimBreak what : {sim::SimBreak::reset, sim::SimBreak::end})
        break_everywhere(manner, what, to_server);
}

// ------------------------------------------------------------------------------------------ many worlds

void try_world(std::uint64_t seed) {
  SCOPED_TRACE(seed);
  sim::SimRandom random(seed);
  Fixture fixture(seed, sim::SimOptions::varied(seed), 2);
  fixture.route.command_timeout = fixture.route.data_timeout = fixture.route.final_timeout = 2min;
  for (const auto& hop : fixture.hops) {
    hop->rules.pipelining = random.percent(60);
    hop->rules.chunking = random.percent(60);
    hop->rules.asks_for_nothing = random.percent(50);
    if (random.percent(20)) hop->rules.messages_max = 1;
    constexpr HopStage kStages[] = {HopStage::mail, HopStage::recipient, HopStage::data,
                                    HopStage::body, HopStage::chunk,     HopStage::message};
    constexpr const char* kWords[] = {"450 4.0.0 later\r\n", "550 5.0.0 no\r\n", "421 bye\r\n", ""};
    for (int i = 0; i < 6; ++i) {
      const char* words = kWords[random.below(4)];
      const bool gone = *words == '\0' || *words == '4';
      hop->add({.stage = kStages[random.below(6)],
                .after = static_cast<unsigned>(random.below(8)),
                .stall = random.percent(20) ? Duration(3min) : Duration::zero(),
                .say = words,
                .hang_up = gone && random.percent(50),
                .bytes = random.below(2000)});
    }
  }
  for (int i = 0; i < 3; ++i)
    fixture.platforms.world().faults().add({.after = random.below(4),
                                            .to_server = random.percent(50),
                                            .bytes = random.below(3000),
                                            .what = random.percent(50) ? sim::SimBreak::reset : sim::SimBreak::end});
  for (int i = 0; i < 8; ++i) {
    // Each message has a text of its own, so that the ledger tells them apart.
    const std::string text = std::string(kDottedText) + std::to_string(i) + "\r\n" +
                             std::string(random.percent(20) ? random.below(150'000) : random.below(500), 'x') + "\r\n";
    Sending message(fixture, {std::to_string(i) + "a@example.net", std::to_string(i) + "b@example.net"});
    message.send(text, BodyForm::literal, 1 + random.below(30'000));
    message.expect_honest(text);
    fixture.run_for(5s);
  }
}

TEST(TransmissionFaultTest, NoWorldMakesItSayWhatIsNotSo) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) try_world(seed);
}

}  // namespace
}  // namespace sluice::relay
