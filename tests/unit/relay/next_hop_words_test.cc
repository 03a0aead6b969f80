// The last thing that a next hop said is the reason that is kept: with both codes, wherever in the dialog it was said.
#include "engine/relay/words.h"
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void expect_reason(const Sending& message, int code, smtp::EnhancedCode enhanced, const char* text) {
  EXPECT_EQ(message.result().kind, Kind::deferred);
  EXPECT_EQ(message.result().code, code);
  EXPECT_EQ(message.result().enhanced, enhanced);
  EXPECT_EQ(message.result().text, text);
  EXPECT_EQ(message.transmission->next_hop(), std::string(Fixture::kFirst) + ":25");
  EXPECT_THAT(message.transmission->detail(), HasSubstr(std::to_string(code)));
  EXPECT_THAT(message.transmission->detail(), HasSubstr(text));
  message::DeliveryStatus status;
  status.recipients.resize(1);
  apply_results(*message.transmission, 77, status);
  EXPECT_EQ(status.recipients[0].fate, message::Fate::waiting);
  EXPECT_EQ(status.recipients[0].code, code);
  EXPECT_EQ(status.recipients[0].text, bounded_words(text, ' '));
  EXPECT_FALSE(status.recipients[0].next_hop.empty());
}

TEST(NextHopWordsTest, ARefusedGreetingIsTheReason) {
  for (const bool closes : {true, false}) {
    Fixture fixture;
    fixture.hop().add({.stage = HopStage::greeting, .say = "554 5.7.1 You are on a list\r\n", .hang_up = closes});
    Sending message(fixture);
    message.send(kText);
    expect_reason(message, 554, {5, 7, 1}, "You are on a list");
    EXPECT_THAT(message.transmission->detail(), HasSubstr("554 5.7.1 You are on a list"));
    // Also for the next one, which is not tried at once.
    Sending second(fixture);
    second.send(kText);
    expect_reason(second, 554, {5, 7, 1}, "You are on a list");
  }
}

TEST(NextHopWordsTest, ARefusedEhloIsTheReasonAlsoIfItThenCloses) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::ehlo, .say = "550 5.7.25 No PTR record\r\n", .hang_up = true});
  Sending message(fixture);
  message.send(kText);
  expect_reason(message, 550, {5, 7, 25}, "No PTR record");
}

TEST(NextHopWordsTest, A421InTheMiddleOfTheContentIsTheReason) {
  for (const bool pipelining : {true, false}) {
    Fixture fixture;
    set_manner(fixture, {"", pipelining, false});
    fixture.hop().add(
        {.stage = HopStage::body, .say = "421 4.3.2 Shutting down\r\n", .hang_up = true, .bytes = 100'000});
    Sending message(fixture);
    std::string large;
    while (large.size() < 2'000'000) large += std::string(998, 'x') + "\r\n";
    message.send(large, message::BodyForm::literal, 50'000);
    expect_reason(message, 421, {4, 3, 2}, "Shutting down");
  }
}

TEST(NextHopWordsTest, A421ToAnyCommandIsTheReason) {
  for (const Manner& manner : kManners) {
    for (const HopStage stage : {HopStage::mail, HopStage::recipient, HopStage::message}) {
      SCOPED_TRACE(manner.name);
      Fixture fixture;
      set_manner(fixture, manner);
      fixture.hop().add({.stage = stage, .say = "421-4.7.0 Too many\r\n421 4.7.0 of you\r\n", .hang_up = true});
      Sending message(fixture);
      message.send(kText);
      expect_reason(message, 421, {4, 7, 0}, "Too many\nof you");
    }
  }
}

TEST(NextHopWordsTest, ARefusedLoginIsTheReason) {
  Fixture fixture;
  fixture.route.login = route::RouteLogin{.name = "relay", .secret = "secret"};
  fixture.hop().rules.auth = "PLAIN";
  fixture.platforms.world().add_address(Fixture::kFirst, "127.0.0.1");
  fixture.hop().add({.stage = HopStage::ehlo, .say = "550 5.7.1 not you\r\n", .hang_up = true});
  Sending message(fixture);
  message.send(kText);
  expect_reason(message, 550, {5, 7, 1}, "not you");
}

// 300 lines to the end of the message, or one of 10,000 bytes, were garbage: it was sent again and again.
TEST(NextHopWordsTest, ALongAnswerToTheEndIsAnAnswer) {
  std::string many;
  for (int i = 0; i < 299; ++i) many += "250-2.0.0 line\r\n";
  for (const std::string& words : {many + "250 2.0.0 taken\r\n", "250 2.0.0 " + std::string(10'000, 'x') + "\r\n"}) {
    for (const Manner& manner : kManners) {
      SCOPED_TRACE(manner.name);
      Fixture fixture;
      set_manner(fixture, manner);
      fixture.hop().add({.stage = HopStage::message, .say = words});
      Sending message(fixture);
      EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
      EXPECT_LE(message.result().text.size(), message::kWordsBytesMax);
      EXPECT_EQ(fixture.pool().status().front().idle, 1U);
    }
  }
}

// What was cut looked whole in the log, the queue and the DSN.
TEST(NextHopWordsTest, ALongAnswerIsCutWithAMark) {
  constexpr std::size_t kMost = message::kWordsBytesMax - 1;
  const std::string fits(kMost, 'x');
  EXPECT_EQ(bounded_words(fits), fits);
  EXPECT_EQ(bounded_words(fits + "x"), std::string(kMost - 3, 'x') + "...");
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "line " + std::to_string(i) + "\n";
  const std::string cut = bounded_words(lines, ' ');
  EXPECT_EQ(cut.size(), kMost);
  EXPECT_TRUE(cut.starts_with("line 0 line 1 ") && cut.ends_with("...")) << cut;
  EXPECT_EQ(bounded_words(cut, ' '), cut);
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "ü";
  EXPECT_EQ(bounded_words(umlauts), umlauts.substr(0, kMost - 3) + "...") << "no character in two";
}

TEST(NextHopWordsTest, GarbageIsQuoted) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::mail, .say = "SSH-2.0-OpenSSH_9.2\x1b[2J\r\n"});
  Sending message(fixture);
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred));
  EXPECT_THAT(message.transmission->detail(),
              HasSubstr("garbage where a reply should be: \"SSH-2.0-OpenSSH_9.2?[2J\""));
}

}  // namespace
}  // namespace sluice::relay
