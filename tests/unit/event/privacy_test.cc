// What is left of addresses where a log shortens or hashes them.
#include "engine/event/privacy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "engine/event/dispatcher.h"
#include "engine/io/platform.h"
#include "engine/io/real_platform.h"

namespace sluice::event {
namespace {

std::string text_of(const Event& event, std::string_view key) {
  const Value* const value = find_value(event, key);
  const auto* const text = value == nullptr ? nullptr : std::get_if<std::string_view>(value);
  return text == nullptr ? "" : std::string(*text);
}

class PrivacyTest : public ::testing::Test {
 protected:
  // A key of an event, as it is kept.
  template <typename T>
  std::string kept(const T& happened, std::string_view key) {
    const auto values = values_of(happened);
    const Event event{
        .at = 0, .kind = T::kKind, .severity = T::kSeverity, .row = row_of(T::kKind), .values = std::span(values)};
    return text_of(Privacy(options_).apply(event, room_), key);
  }
  std::string client(std::string_view address) { return kept(Refused{.client = address}, "client"); }
  std::string to(std::string_view list) { return kept(Delivery{.to = list}, "to"); }

  PrivacyOptions options_{.clients = AddressForm::shorten, .recipients = AddressForm::shorten};
  PrivateValues room_;
};

TEST_F(PrivacyTest, ShortenedClientsAreNetworksAndRecipientsDomains) {
  EXPECT_EQ(client("192.0.2.77"), "192.0.2.0/24");
  EXPECT_EQ(client("2001:db8:1:2:3::4"), "2001:db8:1::/48");
  EXPECT_EQ(client("2001:db8:1:2::/64"), "2001:db8:1::/48");
  EXPECT_EQ(client("10.0.0.0/8"), "10.0.0.0/8") << "shorter already";
  EXPECT_EQ(client("unix"), "unix");
  EXPECT_EQ(to("bob@example.net, eve@example.org"), "*@example.net, *@example.org");
  EXPECT_EQ(to("postmaster"), "*");
  EXPECT_EQ(to(R"("a, b"@example.net, bob@example.org)"), "*@example.net, *@example.org");
  EXPECT_EQ(kept(ShieldRaised{.kind = "address", .subject = "192.0.2.77"}, "subject"), "192.0.2.0/24");
}

TEST_F(PrivacyTest, HashesAreTheSameForTheSameAddressAndKeyAlone) {
  options_.clients = options_.recipients = AddressForm::hash;
  const std::string one = to("bob@example.net");
  EXPECT_THAT(one, ::testing::MatchesRegex("[0-9a-f]+@example\\.net"));
  EXPECT_EQ(one.find('@'), 16U);
  EXPECT_EQ(to("Bob@Example.NET").substr(0, 16), one.substr(0, 16));
  EXPECT_NE(to("eve@example.net"), one);
  EXPECT_EQ(client("2001:db8::1"), client("2001:DB8:0:0::1"));
  EXPECT_THAT(client("192.0.2.77"), ::testing::MatchesRegex("ip-[0-9a-f]+"));
  options_.key[0] = std::byte{1};
  EXPECT_NE(to("bob@example.net"), one);
}

TEST_F(PrivacyTest, WordsOfOthersShowNoRecipientAndNotTheClient) {
  EXPECT_EQ(kept(Delivery{.detail = "550 5.1.1 <bob@example.net>: no such user bob@example.net."}, "detail"),
            "550 5.1.1 <*@example.net>: no such user *@example.net.");
  EXPECT_EQ(kept(Delivery{.detail = R"(no "a b"@example.net here)"}, "detail"), "no *@example.net here");
  EXPECT_EQ(kept(Refused{.argument = "TO:<bob@example.net> ORCPT=rfc822;eve@example.org"}, "argument"),
            "TO:<*@example.net> ORCPT=rfc822;*@example.org");
  EXPECT_EQ(kept(Message{.client = "192.0.2.77", .helo = "[192.0.2.77]"}, "helo"), "[192.0.2.0/24]");
  EXPECT_EQ(kept(Message{.client = "2001:db8::1", .helo = "[IPv6:2001:db8::1]"}, "helo"), "[IPv6:2001:db8::/48]");
  EXPECT_EQ(kept(Message{.client = "2001:db8::", .helo = "from 2001:db8::."}, "helo"), "from 2001:db8::/48.")
      << "its colons are no end of a sentence";
  EXPECT_EQ(kept(Delivery{.detail = "connect to 198.51.100.1: refused"}, "detail"), "connect to 198.51.100.1: refused")
      << "a next hop is no client";
  EXPECT_EQ(kept(QueueOrder{.filter = "recipient bob@example.net, client 192.0.2.77"}, "filter"),
            "recipient *@example.net, client 192.0.2.0/24");
}

TEST_F(PrivacyTest, AccountsAndSendersStay) {
  const Message message{.account = "ann@example.com", .from = "ann@example.com"};
  EXPECT_EQ(kept(message, "account"), "ann@example.com");
  EXPECT_EQ(kept(message, "from"), "ann@example.com");
  EXPECT_EQ(kept(Containment{.kind = "account", .subject = "ann@example.com"}, "subject"), "ann@example.com");
}

// A row that is added with a key of its own for an address would go to the disk as it is.
TEST_F(PrivacyTest, EveryKeyThatIsSaidToHoldAnAddressIsChanged) {
  std::set<std::string> untouched;
  for (std::size_t kind = 0; kind < rows().size(); ++kind) {
    const Row& row = rows()[kind];
    for (std::size_t i = 0; i < row.keys.size(); ++i) {
      const std::string_view meaning = row.keys[i].meaning;
      const bool client = meaning.contains("of the client") && meaning.starts_with("IP address");
      if (!client && !meaning.starts_with("forward-path") && !meaning.starts_with("network of the client")) continue;
      std::array<Value, kKeysMax> values;
      values[i] = client ? std::string_view("192.0.2.77") : std::string_view("bob@example.net");
      if (meaning.starts_with("network")) values[i] = std::string_view("192.0.2.77");
      const Event event{.at = 0,
                        .kind = static_cast<Kind>(kind),
                        .severity = row.severity,
                        .row = row,
                        .values = std::span<const Value>(values).first(row.keys.size())};
      const Event made = Privacy(options_).apply(event, room_);
      if (made.values[i] == values[i]) untouched.insert(std::string(row.name) + "." + std::string(row.keys[i].name));
    }
  }
  EXPECT_THAT(untouched, ::testing::IsEmpty());
}

class Taker final : public Consumer {
 public:
  explicit Taker(bool keeps) : keeps_(keeps) {}
  void take(const Event& event) override { seen.push_back(text_of(event, "client")); }
  Rest turn(Emitter& /*own*/) override { return {}; }
  [[nodiscard]] bool keeps() const override { return keeps_; }
  std::vector<std::string> seen;

 private:
  bool keeps_;
};

TEST(PrivacyOfDispatcher, OnlyConsumersThatKeepEventsGetThemChanged) {
  const auto clock = io::make_real_clock();
  Taker kept(true);
  Taker seen(false);
  Dispatcher events({}, *clock);
  events.add(kept);
  events.add(seen);
  Emitter& emitter = events.open();
  emitter.emit(Refused{.client = "192.0.2.77"});
  events.set_privacy({.clients = AddressForm::shorten});
  emitter.emit(Refused{.client = "192.0.2.77"});
  EXPECT_THAT(kept.seen, ::testing::ElementsAre("192.0.2.77", "192.0.2.0/24"));
  EXPECT_THAT(seen.seen, ::testing::ElementsAre("192.0.2.77", "192.0.2.77"));
}

}  // namespace
}  // namespace sluice::event
