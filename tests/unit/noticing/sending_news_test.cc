// What relays tell each other of accounts' mail: a thief who sends by two is noticed as one who sends by one.
#include "policy/noticing/sending_news.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "policy/noticing/account_watch.h"

namespace sluice::noticing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kRoom = 4000;
constexpr std::string_view kSender = "thief@example.com";

// Relays have keys of their own: a hash of one says nothing to another.
AccountWatch::Key key_of(int relay) {
  AccountWatch::Key key{};
  key.front() = static_cast<std::byte>(relay);
  return key;
}

class SendingNewsTest : public ::testing::Test {
 protected:
  SendingNewsTest() {
    for (AccountWatch* const each : {&a, &b}) each->share();
  }
  Verdict send(AccountWatch& watch, std::uint32_t recipients, const std::string& network) {
    std::vector<std::string> names;
    for (std::uint32_t i = 0; i < recipients; ++i) names.push_back("r" + std::to_string(++strangers_) + "@far.test");
    return send_to(watch, names, network);
  }
  Verdict send_to(AccountWatch& watch, const std::vector<std::string>& names, const std::string& network) {
    std::vector<std::uint64_t> hashes;
    for (const std::string& name : names) hashes.push_back(watch.hash_of_recipient(name));
    const std::vector<std::string_view> texts(names.begin(), names.end());
    const MessageFacts facts{
        .recipients = static_cast<std::uint32_t>(names.size()), .network = watch.hash(network), .text = text};
    return watch.message(kSender, home, facts, hashes, now, {.network = network, .recipients = texts});
  }
  void tell(AccountWatch& from, AccountWatch& to) {
    for (const SendingNews& news : from.news().take(kRoom, now)) to.merge(news, home, now);
  }
  // By so many relays in turn, until it is held: to how many recipients mail went out.
  std::uint32_t steal(int relays, bool shared, std::uint32_t recipients, double dead) {
    AccountWatch first(key_of(1));
    AccountWatch second(key_of(2));
    if (shared)
      for (AccountWatch* const each : {&first, &second}) each->share();
    std::uint32_t out = 0;
    for (int i = 0; i < 2000; ++i) {
      AccountWatch& watch = i % relays == 0 ? first : second;
      if (send(watch, recipients, "10.0." + std::to_string(out / 40) + ".0/24").step >= Step::hold) return out;
      out += recipients;
      now += 1s;
      dead_ += recipients * dead;
      for (; dead_ >= 1; --dead_) {
        const std::array outcomes{Outcome{.kind = OutcomeKind::unknown, .recipient = ++unknown_ << 48U}};
        static_cast<void>(watch.outcomes(kSender, outcomes, now));
      }
      tell(first, second);
      tell(second, first);
    }
    return out;
  }

  // One text to one stranger every 20 minutes, from two networks in turn, by so many relays in turn.
  std::uint32_t steal_slowly(std::uint32_t relays) {
    AccountWatch first(key_of(1));
    AccountWatch second(key_of(2));
    for (AccountWatch* const each : {&first, &second}) each->share();
    text.bytes.fill(9);
    for (std::uint32_t out = 0; out < 2000; ++out) {
      AccountWatch& watch = out % relays == 0 ? first : second;
      if (send(watch, 1, out % 2 == 0 ? "192.0.2.0/24" : "198.51.100.0/24").step >= Step::hold) return out;
      now += 20min;
      tell(first, second);
      tell(second, first);
    }
    return 2000;
  }

  AccountWatch a{key_of(1)};
  AccountWatch b{key_of(2)};
  WatchedClass home{.name = "home", .policy = built_in_policy("home")};
  TextSketch text;  // of what is sent
  Instant now{std::chrono::hours(1000)};

 private:
  std::uint64_t strangers_ = 0;
  std::uint64_t unknown_ = 0;
  double dead_ = 0;
};

TEST_F(SendingNewsTest, AThiefWhoSendsByTwoRelaysIsHeldAsOneWhoSendsByOne) {
  for (const std::uint32_t recipients : {1U, 10U, 50U})
    for (const double dead : {0.0, 0.15}) {
      const std::uint32_t alone = steal(1, /*shared=*/true, recipients, dead);
      const std::uint32_t both = steal(2, /*shared=*/true, recipients, dead);
      const std::uint32_t apart = steal(2, /*shared=*/false, recipients, dead);
      SCOPED_TRACE(std::to_string(recipients) + " a message, dead " + std::to_string(dead) + ": " +
                   std::to_string(alone) + " by one, " + std::to_string(both) + " by two, " + std::to_string(apart) +
                   " where nothing is told");
      // What does not matter yet, at the other relay.
      EXPECT_LE(both, alone + recipients + 8);
      EXPECT_GE(apart, both);
      if (dead < 0.1) EXPECT_GE(apart * 10, alone * 13);
    }
}

// Each relay saw the text from one network only, as a shop sends it.
TEST_F(SendingNewsTest, ATextThatIsScatteredOverRelaysIsNoticedAsOneThatIsScatteredAtOne) {
  const std::uint32_t alone = steal_slowly(1);
  const std::uint32_t both = steal_slowly(2);
  EXPECT_LE(alone, 500U);
  EXPECT_LE(both, alone + 20);
}

TEST_F(SendingNewsTest, WhatIsToldRaisesNothingByItselfAndCountsWithTheNextMessage) {
  b.merge({.account = std::string(kSender), .policy_class = "home", .recipients = 5000, .more_strangers = 5000}, home,
          now);
  EXPECT_EQ(b.step(kSender, home, now), Step::pass);
  EXPECT_GE(b.look(kSender, now)->verdict.step, Step::hold) << "the operator sees what is to come";
  EXPECT_EQ(b.step(kSender, home, now), Step::pass);
  const Verdict verdict = send(b, 1, "192.0.2.0/24");
  EXPECT_GE(verdict.step, Step::hold);
  EXPECT_TRUE(verdict.raised) << "it is told of, although it was looked at";
}

TEST_F(SendingNewsTest, NetworksAndStrangersAreCountedOnceOverAllRelays) {
  const std::vector<std::string> friends{"x@far.test", "y@far.test", "z@far.test", "u@far.test", "v@far.test"};
  static_cast<void>(send_to(b, {"x@far.test"}, "192.0.2.0/24"));
  for (const char* network : {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"})
    static_cast<void>(send_to(a, friends, network));
  tell(a, b);
  const auto known = b.look(kSender, now);
  EXPECT_EQ(known->networks, 3U);
  EXPECT_EQ(known->recipients, 16U);
  EXPECT_EQ(known->first_time_recipients, 5U) << "one had been written to here";
  static_cast<void>(send_to(b, {"v@far.test"}, "192.0.2.0/24"));
  EXPECT_EQ(b.look(kSender, now)->first_time_recipients, 5U) << "one had been written to there";
}

TEST_F(SendingNewsTest, OutcomesAndTextsAreCountedTogether) {
  static_cast<void>(send(b, 1, "192.0.2.0/24"));
  TextSketch sketch;
  sketch.bytes.fill(9);
  b.merge({.account = std::string(kSender),
           .policy_class = "home",
           .recipients = 60,
           .texts = {{.sketch = sketch, .recipients = 60, .without_unsubscribe = 60}},
           .accepted = 34,
           .unknown = 6,
           .spam = 2,
           .other = 1},
          home, now);
  const auto known = b.look(kSender, now);
  EXPECT_EQ(known->answered, 43U);
  EXPECT_EQ(known->unknown, 6U);
  EXPECT_EQ(known->spam_replies, 2U);
  EXPECT_THAT(reasons_text(known->verdict), ::testing::HasSubstr("one text to 60 recipients"));
}

TEST_F(SendingNewsTest, WhatDoesNotMatterIsKeptUntilItDoes) {
  int woken = 0;
  a.news().set_wake([&woken] { ++woken; });
  static_cast<void>(send(a, 3, "192.0.2.0/24"));
  EXPECT_THAT(a.news().take(kRoom, now), IsEmpty());
  EXPECT_EQ(woken, 0);
  static_cast<void>(send(a, 4, "192.0.2.0/24"));
  static_cast<void>(send(a, 4, "192.0.2.0/24"));
  EXPECT_EQ(woken, 1);
  const auto taken = a.news().take(kRoom, now);
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].recipients, 11U);
  EXPECT_THAT(taken[0].strangers, SizeIs(11));
  EXPECT_THAT(a.news().take(kRoom, now), IsEmpty());
  const std::array dead{Outcome{.kind = OutcomeKind::unknown, .recipient = std::uint64_t{7} << 48U}};
  static_cast<void>(a.outcomes(kSender, dead, now));
  EXPECT_EQ(woken, 2) << "one that is dead matters";
  EXPECT_EQ(a.news().take(kRoom, now).at(0).unknown, 1U);
  static_cast<void>(a.outcomes(kSender, dead, now));
  EXPECT_THAT(a.news().take(kRoom, now), IsEmpty()) << "it counts once";
}

TEST_F(SendingNewsTest, WhatDoesNotMatterIsToldOnceTheAccountIsQuiet) {
  static_cast<void>(send(a, 1, "192.0.2.0/24"));
  now += SendingOutbox::kQuiet / 2;
  static_cast<void>(send(a, 1, "192.0.2.0/24"));
  now += SendingOutbox::kQuiet / 2;
  EXPECT_THAT(a.news().take(kRoom, now), IsEmpty());
  now += SendingOutbox::kQuiet / 2;
  EXPECT_THAT(a.news().take(10, now), IsEmpty()) << "there is no room";
  EXPECT_EQ(a.news().take(kRoom, now).at(0).recipients, 2U);
  EXPECT_THAT(a.news().take(kRoom, now), IsEmpty());
}

TEST_F(SendingNewsTest, MailInsideOrBeyondAHoldIsNotTold) {
  const std::vector<std::uint64_t> hashes{1, 2};
  static_cast<void>(a.message(kSender, home, {.recipients = 5000, .inside = true}, hashes, now));
  EXPECT_THAT(a.news().take(kRoom, now), IsEmpty());
  for (int i = 0; i < 20; ++i) static_cast<void>(send(a, 50, "192.0.2.0/24"));
  ASSERT_GE(a.step(kSender, home, now), Step::hold);
  static_cast<void>(a.news().take(kRoom, now));
  static_cast<void>(send(a, 50, "192.0.2.0/24"));
  EXPECT_THAT(a.news().take(kRoom, now), IsEmpty());
}

TEST_F(SendingNewsTest, AReleaseForgetsWhatWasToBeTold) {
  static_cast<void>(send(a, 20, "192.0.2.0/24"));
  static_cast<void>(a.release(kSender));
  EXPECT_THAT(a.news().take(kRoom, now), IsEmpty());
}

TEST(SendingOutboxTest, StaysInItsBounds) {
  SendingOutbox outbox;
  const Instant now(std::chrono::hours(1000));
  const WatchedClass home{.name = "home", .policy = built_in_policy("home")};
  const std::string far(SendingNews::kStrangerBytesMax - 4, 'x');
  for (std::uint32_t i = 0; i < 200; ++i) {
    TextSketch sketch;
    for (std::size_t at = 0; at < sketch.bytes.size(); ++at)
      sketch.bytes[at] = static_cast<std::uint8_t>(1 + i + at * i);
    const std::string network = "2001:db8:ffff:" + std::to_string(1000 + i) + "::/56";
    const std::string name = far + std::to_string(i);
    const std::array recipients{std::string_view(name), std::string_view("a far too long name that nobody has, of more "
                                                                         "than sixty-four bytes@far.test")};
    outbox.add_message(std::string(320, 'a'), home, {.recipients = 100'000, .text = sketch},
                       {.network = network, .recipients = recipients}, {true, true}, now);
  }
  for (std::size_t i = 0; i < 2 * SendingOutbox::kAccountsMax; ++i)
    outbox.add_message(std::to_string(i) + "@example.com", home, {.recipients = 50}, {}, {}, now);
  std::size_t accounts = 0;
  for (auto taken = outbox.take(kRoom, now); !taken.empty(); taken = outbox.take(kRoom, now)) {
    std::size_t bytes = 0;
    for (const SendingNews& news : taken) bytes += sending_bytes(news);
    EXPECT_LE(bytes, kRoom);
    accounts += taken.size();
  }
  EXPECT_EQ(accounts, SendingOutbox::kAccountsMax);
}

TEST(SendingOutboxTest, OneItemIsOfBoundedBytes) {
  SendingOutbox outbox;
  const Instant now(std::chrono::hours(1000));
  const WatchedClass home{.name = "home", .policy = built_in_policy("home")};
  for (std::uint32_t i = 0; i < 200; ++i) {
    TextSketch sketch;
    sketch.bytes.fill(static_cast<std::uint8_t>(1 + i));
    const std::string network = "2001:db8:ffff:" + std::to_string(1000 + i) + "::/56";
    const std::string name = std::string(SendingNews::kStrangerBytesMax - 4, 'x') + std::to_string(i);
    const std::array recipients{std::string_view(name)};
    outbox.add_message(std::string(320, 'a'), home, {.recipients = 100'000, .text = sketch},
                       {.network = network, .recipients = recipients}, {true}, now);
  }
  const auto taken = outbox.take(SendingOutbox::kItemBytesMax, now);
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].recipients, SendingNews::kCountMax);
  EXPECT_THAT(taken[0].strangers, SizeIs(SendingNews::kStrangersMax));
  EXPECT_EQ(taken[0].more_strangers, 200 - SendingNews::kStrangersMax);
  EXPECT_THAT(taken[0].networks, SizeIs(SendingNews::kNetworksMax));
  EXPECT_THAT(taken[0].texts, SizeIs(SendingNews::kTextsMax));
}

}  // namespace
}  // namespace sluice::noticing
