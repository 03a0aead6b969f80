// A next hop's replies that are too many, too few, too early or too late, for each way of sending: no message is taken
// to be with a next hop that does not have it.
//   SLUICE_SEEDS=10000 .build/release/tests/unit/test_relay --gtest_filter='OutOfStep*'      the long form
#include "tests/unit/relay/out_of_step.h"

#include "tests/support/rounds.h"

namespace sluice::relay {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// ------------------------------------------------------------------------------------------ as it was found

// One reply too many in front of the answers to a whole transaction, then 550 to BDAT: each answer was taken for the
// one of the command behind, the client heard 250, and the message was nowhere.
TEST(OutOfStepTest, OneReplyTooManyBeforeARefusalKeepsTheMessage) {
  for (const Manner& manner : kManners) {
    for (const bool codes : {true, false}) {
      for (const bool kept : {true, false}) {
        SCOPED_TRACE(std::string(manner.name) + (codes ? ", codes" : "") + (kept ? ", kept" : ""));
        Fixture fixture;
        set_manner(fixture, manner);
        fixture.hop().rules.enhanced_codes = codes;
        if (kept) {
          Sending first(fixture);
          EXPECT_THAT(first.send(kText), ElementsAre(Kind::taken));
        }
        fixture.hop().add({.stage = HopStage::mail, .say_too = "250 2.0.0 Ok\r\n", .too_early = true});
        fixture.hop().add({.stage = HopStage::verdict, .say = "550 5.7.1 spam\r\n"});
        fixture.hop().add({.stage = HopStage::message, .stall = 100ms});
        Sending message(fixture, kTwo);
        // Refused only where the surplus reply was seen before the content was sent, and another connection used.
        const bool seen_before = kept && !manner.pipelining;
        EXPECT_THAT(message.send(kText), Each(seen_before ? Kind::refused : Kind::deferred));
        fixture.hop().clear_faults();
        Sending again(fixture, kTwo);
        EXPECT_THAT(again.send(kText), Each(Kind::taken));
        EXPECT_TRUE(fixture.hop().ledger.back().taken);
        fixture.hop().violations.clear();
      }
    }
  }
}

// Said twice to the end of a message, the second time late: it is there before the replies to the next message, or
// between them, or while that one is being looked at.
TEST(OutOfStepTest, TheLastMessagesAnswerAgainIsNotTheNextOnes) {
  for (const Manner& manner : kManners) {
    for (const Duration late : {Duration(4ms), Duration(50ms)}) {
      for (const Duration gap : {Duration(0ms), Duration(2ms), Duration(30ms)}) {
        SCOPED_TRACE(manner.name);
        Fixture fixture;
        set_manner(fixture, manner);
        fixture.hop().add({.stage = HopStage::message, .say_too = "250 2.0.0 Ok\r\n", .too_late = late});
        fixture.hop().add({.stage = HopStage::verdict, .after = 1, .count = 3, .say = "550 5.7.1 spam\r\n"});
        fixture.hop().add({.stage = HopStage::message, .stall = 100ms});
        Sending first(fixture);
        first.send(kText);
        if (gap > 0ms) fixture.run_for(gap);
        Sending second(fixture);
        second.send(kText);
        EXPECT_NE(second.result().kind, Kind::taken);
        fixture.hop().violations.clear();
      }
    }
  }
}

TEST(OutOfStepTest, OneReplyTooManyBehindTheGreetingOrEhloIsSeenBeforeAnythingIsSent) {
  for (const HopStage stage : {HopStage::greeting, HopStage::ehlo}) {
    SCOPED_TRACE(stage == HopStage::ehlo);
    Fixture fixture(1, exact());
    fixture.hop().add({.stage = stage, .count = kAlways, .say_too = "250 2.0.0 Ok\r\n"});
    Sending message(fixture);
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred));
    EXPECT_THAT(message.result().text, HasSubstr("no command was waiting for"));
    EXPECT_THAT(fixture.hop().commands, Each(StartsWith("EHLO")));
  }
}

// Kept, idle: such a connection is closed, and the next message goes by another one.
TEST(OutOfStepTest, WhatAnIdleNextHopSaysCostsNoMessage) {
  for (const char* words : {"250 2.0.0 Ok\r\n", "421 4.4.2 bye\r\n", "25"}) {
    Fixture fixture;
    Sending first(fixture);
    first.send(kText);
    fixture.hop().say_everywhere(words);
    fixture.run_for(7s);
    EXPECT_EQ(fixture.hop().live(), 0U);
    Sending second(fixture);
    EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
    EXPECT_THAT(fixture.hop().ledger, SizeIs(2));
  }
}

// The surplus reply comes when the content has gone, and the real one much later, or not at all.
TEST(OutOfStepTest, ASurplusReplyIsNotTheMessagesWhereItsOwnIsLateOrNeverComes) {
  const HopFault kVerdicts[] = {
      {.stage = HopStage::verdict, .stall = 31s, .say = "550 5.7.1 Spam\r\n"},
      {.stage = HopStage::verdict, .stall = 400ms, .say = "421 4.3.2 bye\r\n", .hang_up = true},
      {.stage = HopStage::verdict, .stall = 400ms, .hang_up = true},
      {.stage = HopStage::verdict, .stall = 400ms, .say = "550 5.7.1 Spam\r\n221 2.0.0 closing\r\n", .hang_up = true},
  };
  for (const Manner& manner : kManners) {
    for (HopFault verdict : kVerdicts) {
      for (const char* words : {"250 ok\r\n", "250 2.0.0 Ok: queued as 4711\r\n"}) {
        SCOPED_TRACE(std::string(manner.name) + ": " + words + verdict.say);
        Fixture fixture(1, exact());
        set_manner(fixture, manner);
        verdict.count = kAlways;
        fixture.hop().add(verdict);
        fixture.hop().add({.stage = HopStage::recipient, .count = kAlways, .say_too = words, .too_late = 30ms});
        for (int i = 0; i < 4; ++i) {
          Sending message(fixture);
          EXPECT_NE(message.send(kText).front(), Kind::taken) << i;
          fixture.run_for(1min);
        }
        fixture.hop().violations.clear();
      }
    }
  }
}

// One in front: the message's 550 is where EHLO's answer is to be, which never comes; 221 is the answer to QUIT, or
// said unasked.
TEST(OutOfStepTest, ARefusalInThePlaceOfEhlosAnswerIsTheMessages) {
  for (const bool silent : {true, false}) {
    SCOPED_TRACE(silent);
    Fixture fixture(1, exact());
    fixture.hop().rules.enhanced_codes = false;
    fixture.hop().add({.stage = HopStage::mail, .say_too = "250 Ok\r\n", .too_early = true});
    if (silent) {
      fixture.hop().add({.stage = HopStage::verdict, .say = "550 5.7.1 Spam\r\n"});
      fixture.hop().add({.stage = HopStage::ehlo, .after = 1, .silent = true});
    } else {
      fixture.hop().add(
          {.stage = HopStage::verdict, .say = "503 5.5.1 Spam\r\n221 2.0.0 closing\r\n", .hang_up = true});
    }
    Sending message(fixture);
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred));
    fixture.hop().violations.clear();
  }
}

// One in front, none for BDAT: with EHLO's answer in its place, only the enhanced codes tell.
TEST(OutOfStepTest, OneTooManyAndOneTooFewAreSeenByTheirCodes) {
  Fixture fixture(1, exact());
  fixture.hop().add({.stage = HopStage::mail, .count = kAlways, .say_too = "250 2.1.0 Ok\r\n", .too_early = true});
  fixture.hop().add({.stage = HopStage::verdict, .count = kAlways});
  for (int i = 0; i < 3; ++i) {
    Sending message(fixture);
    EXPECT_NE(message.send(kText).front(), Kind::taken) << i;
  }
  fixture.hop().violations.clear();
}

// ------------------------------------------------------------------------------------------ what it does not cost

// Each message by DATA waited for a tick of the timers.
TEST(OutOfStepTest, AMessageIsNotHeldUpWhereNothingIsWrong) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture(1, exact());
    set_manner(fixture, manner);
    Sending first(fixture);
    EXPECT_THAT(first.send(kText), ElementsAre(Kind::taken));
    const Instant before = fixture.loop.now();
    Sending second(fixture);
    EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
    // MAIL, RCPT, DATA, the end and EHLO, each there and back, a millisecond each way; fewer where commands go
    // together.
    EXPECT_LE(fixture.loop.now() - before, 10ms);
  }
}

// Two replies to each end, and one of two recipients refused: 354 has shown whose the replies before were.
TEST(OutOfStepTest, ANextHopThatAnswersEachEndSeveralTimesHasItsMessageAtMostTwice) {
  for (const char* more :
       {"250 2.0.0 Ok\r\n", "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n", "250 2.0.0 Ok\r\n250 ok\r\n250 ok\r\n"}) {
    for (const Manner& manner : kManners) {
      SCOPED_TRACE(std::string(manner.name) + ": " + more);
      Fixture fixture(1, exact());
      set_manner(fixture, manner);
      fixture.hop().add({.stage = HopStage::message, .count = kAlways, .say_too = more});
      fixture.hop().add(
          {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 Unknown\r\n", .only_for = "b@"});
      std::vector<Kind> kinds;
      int tries = 0;
      while (tries++ < 5 && (kinds.empty() || kinds.front() == Kind::deferred)) {
        Sending message(fixture, kTwo);
        kinds = message.send(kText);
        fixture.run_for(1s);
      }
      EXPECT_THAT(kinds, ElementsAre(Kind::taken, Kind::refused));
      EXPECT_LE(fixture.hop().ledger.size(), 2U);
      fixture.hop().violations.clear();
    }
  }
}

// It closes, or falls silent, where EHLO is to be answered: that was the message's answer once the surplus ones that
// could have been taken for it have had their time to come.
TEST(OutOfStepTest, ANextHopThatLeavesBehindEachMessageHasOneOnlyTwice) {
  for (const Manner& manner : kManners) {
    for (const bool silent : {false, true}) {
      SCOPED_TRACE(manner.name);
      Fixture fixture(1, exact());
      set_manner(fixture, manner);
      fixture.hop().rules.mute_after_message = silent;
      fixture.hop().rules.messages_max = silent ? 0 : 1;
      Sending first(fixture);
      first.send(kText);
      for (int i = 0; i < 4; ++i) {
        fixture.run_for(10s);
        Sending message(fixture);
        EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken)) << i;
      }
      fixture.hop().violations.clear();
    }
  }
}

// Each of the replies was positive, so that ours was, whichever it is.
TEST(OutOfStepTest, AMessageThatIsAcceptedTwiceIsAcceptedOnce) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    fixture.hop().add({.stage = HopStage::message, .say_too = "250 2.0.0 Ok\r\n"});
    Sending message(fixture, kTwo);
    EXPECT_THAT(message.send(kText), Each(Kind::taken));
    fixture.run_for(1s);
    EXPECT_EQ(fixture.pool().status().front().live, 0U);
    EXPECT_THAT(fixture.hop().ledger, SizeIs(1));
    fixture.hop().violations.clear();  // QUIT is said behind EHLO, whose answer is not recognised yet
  }
}

TEST(OutOfStepTest, ANextHopThatTakesEhloOnlyOnceHasItsMessagesOnce) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    fixture.hop().rules.hello_once = true;
    for (int i = 0; i < 3; ++i) {
      Sending message(fixture, kTwo);
      EXPECT_THAT(message.send(kText), Each(Kind::taken));
    }
    EXPECT_THAT(fixture.hop().ledger, SizeIs(3));
    // It is asked only once, and then QUIT shows the same.
    EXPECT_EQ(std::ranges::count(fixture.hop().commands, "EHLO relay.example"), 4);
  }
}

// Sendmail answers the third EHLO of a connection after a second, the fourth after two, and so on.
TEST(OutOfStepTest, ANextHopThatIsSlowWithASecondEhloIsNotAskedAgain) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::ehlo, .after = 1, .count = kAlways, .stall = 1s});
  for (int i = 0; i < 3; ++i) {
    Sending message(fixture);
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
  }
  EXPECT_TRUE(fixture.memory.lacks(std::string(Fixture::kFirst) + ":25", hop::Lack::second_hello, fixture.loop.now()));
  EXPECT_THAT(fixture.hop().commands, Contains("QUIT"));
}

TEST(OutOfStepTest, ANextHopThatWasOutOfStepIsAskedStepByStepForAWhile) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::mail, .say_too = "250 2.0.0 Ok\r\n", .too_early = true});
  fixture.hop().add({.stage = HopStage::verdict, .say = "550 5.7.1 spam\r\n"});
  Sending first(fixture);
  EXPECT_THAT(first.send(kText), ElementsAre(Kind::deferred));
  Sending second(fixture);
  EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
  EXPECT_FALSE(fixture.hop().ledger.back().chunked);
  fixture.run_for(hop::HostMemory::kRemembered + 1min);
  Sending third(fixture);
  EXPECT_THAT(third.send(kText), ElementsAre(Kind::taken));
  EXPECT_TRUE(fixture.hop().ledger.back().chunked);
  fixture.hop().violations.clear();
}

// ------------------------------------------------------------------------------------------ worlds

// Fewer would leave out ways of sending, under a sanitizer, too.
std::uint64_t seeds() { return testing::number_from_environment("SLUICE_SEEDS", 240); }

// Seeds go round all ways of sending.
OutOfStepOptions options_of(std::uint64_t seed) {
  constexpr Sender kSenders[] = {Sender::late, Sender::eager, Sender::queue};
  constexpr Excess kExcesses[] = {Excess::much, Excess::both, Excess::much, Excess::little};
  return {.manner = kManners[seed % 4],
          .sender = kSenders[seed / 4 % 3],
          .excess = kExcesses[seed / 12 % 4],
          .large = seed / 48 % 5 == 4};
}

TEST(OutOfStepTest, NoWorldLosesAMessage) {
  Findings all;
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
    const Findings found = play_out_of_step(seed, options_of(seed));
    EXPECT_THAT(found.lost, IsEmpty()) << "seed " << seed;
    EXPECT_THAT(found.unexplained, IsEmpty()) << "seed " << seed;
    all.add(found);
  }
  std::printf("%zu taken, %zu kept, %zu refused, %zu of them taken all the same\n", all.taken, all.kept, all.refused,
              all.doubled);
  EXPECT_GT(all.taken, seeds());
  EXPECT_GT(all.kept, seeds() / 2);
}

// ------------------------------------------------------------------------------------------ whether they would

// The worlds find a client that takes each reply for the next command's, in each way of sending.
TEST(OutOfStepTest, TheWorldsFindAClientThatBelievesEachReply) {
  for (const Manner& manner : kManners) {
    std::uint64_t seed = 1;
    while (seed <= 1000 &&
           play_out_of_step(seed, {.manner = manner, .sender = Sender::naive, .excess = Excess::much}).lost.empty())
      ++seed;
    EXPECT_LE(seed, 1000U) << manner.name;
    std::printf("%s: found in world %llu\n", manner.name, static_cast<unsigned long long>(seed));
  }
}

TEST(OutOfStepTest, TheLedgerFindsAMessageThatIsNotThereAndOneThatIsThereTwice) {
  Fixture fixture;
  Sending message(fixture);
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
  Findings fine;
  compare_with_ledger(fixture, message.envelope, kText, message.kinds(), true, fine);
  EXPECT_THAT(fine.lost, IsEmpty());
  EXPECT_THAT(fine.unexplained, IsEmpty());
  Findings twice;
  compare_with_ledger(fixture, message.envelope, kText, {Kind::deferred}, true, twice);
  EXPECT_THAT(twice.unexplained, SizeIs(1));
  fixture.hop().ledger.front().taken = false;
  Findings gone;
  compare_with_ledger(fixture, message.envelope, kText, message.kinds(), false, gone);
  EXPECT_THAT(gone.lost, SizeIs(1));
}

}  // namespace
}  // namespace sluice::relay
