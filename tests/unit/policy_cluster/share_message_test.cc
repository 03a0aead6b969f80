// What relays tell each other, as bytes: the same when read again, in bounds, and sealed.
#include "policy/cluster/share_message.h"

#include <gtest/gtest.h>

#include "engine/io/real_platform.h"
#include "policy/cluster/share_protocol.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;

noticing::SendingNews sending() {
  noticing::TextSketch sketch;
  sketch.bytes.front() = 7;
  sketch.bytes.back() = 255;
  return {.account = "ann@example.com",
          .policy_class = "home",
          .recipients = 9,
          .strangers = {"x@far.test", R"("a, b"@far.test)"},
          .more_strangers = 3,
          .networks = {{.text = "192.0.2.0/24", .country = {'D', 'E'}}, {.text = "2001:db8::/56"}},
          .texts = {{.sketch = sketch, .network = 0, .recipients = 9, .first_time = 7, .without_unsubscribe = 8}},
          .failed_logins = 1,
          .accepted = 5,
          .unknown = 4,
          .spam = 2,
          .other = 6};
}

ShareMessage message() {
  return {.node = "a",
          .began = 1'700'000'000'000,
          .number = 7,
          .sent = 1'700'000'000'123,
          .news = {{.kind = auth::ShieldItem::Kind::address, .subject = "2001:db8::/64", .count = 3, .age = 250ms},
                   {.kind = auth::ShieldItem::Kind::released, .subject = {}, .count = 1, .age = {}}},
          .sending = {sending()},
          .steps = {{.account = "ann@example.com",
                     .step = noticing::Step::hold,
                     .until = 1'700'000'086'400,
                     .at = 1'700'000'000'100,
                     .reason = "noticed by a: much"}}};
}

TEST(ShareMessageTest, IsReadAsItWasWritten) {
  const auto read = decode_share(encode_share(message()));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, message());
}

TEST(ShareMessageTest, NoPartOfOneIsOneNorWhatIsLonger) {
  const std::string bytes = encode_share(message());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_share(std::string_view(bytes).substr(0, size)).has_value()) << size;
  EXPECT_FALSE(decode_share(bytes + '\0').has_value());
  EXPECT_FALSE(decode_share(std::string(ShareMessage::kBytesMax + 1, 'x')).has_value());
}

TEST(ShareMessageTest, NoKindAndNoStepThatIsNotKnown) {
  ShareMessage strange = message();
  strange.news[0].kind = static_cast<auth::ShieldItem::Kind>(auth::ShieldItem::kKinds);
  EXPECT_FALSE(decode_share(encode_share(strange)).has_value());
  strange = message();
  strange.steps[0].step = static_cast<noticing::Step>(5);
  EXPECT_FALSE(decode_share(encode_share(strange)).has_value());
  strange = message();
  strange.steps.resize(ShareMessage::kStepsMax + 1, strange.steps[0]);
  EXPECT_FALSE(decode_share(encode_share(strange)).has_value());
}

TEST(ShareMessageTest, WhatAnAccountSendsIsInItsBounds) {
  using noticing::SendingNews;
  const auto refused = [](auto change) {
    ShareMessage strange = message();
    change(strange.sending.front());
    return !decode_share(encode_share(strange)).has_value();
  };
  EXPECT_TRUE(refused([](SendingNews& news) { news.account.clear(); }));
  EXPECT_TRUE(refused([](SendingNews& news) { news.recipients = SendingNews::kCountMax + 1; }));
  EXPECT_TRUE(refused([](SendingNews& news) { news.other = SendingNews::kCountMax + 1; }));
  EXPECT_TRUE(refused([](SendingNews& news) { news.strangers.resize(SendingNews::kStrangersMax + 1, "x"); }));
  EXPECT_TRUE(
      refused([](SendingNews& news) { news.strangers.front().resize(SendingNews::kStrangerBytesMax + 1, 'x'); }));
  EXPECT_TRUE(refused([](SendingNews& news) { news.networks.resize(SendingNews::kNetworksMax + 1); }));
  EXPECT_TRUE(refused([](SendingNews& news) { news.texts.resize(SendingNews::kTextsMax + 1); }));
  EXPECT_TRUE(refused([](SendingNews& news) { news.texts.front().without_unsubscribe = 10; }));
  EXPECT_TRUE(refused([](SendingNews& news) { news.texts.front().first_time = 10; }));
  EXPECT_TRUE(refused([](SendingNews& news) { news.texts.front().network = 200; }));
  ShareMessage many = message();
  many.sending.assign(ShareMessage::kSendingMax + 1, {.account = "a"});
  EXPECT_FALSE(decode_share(encode_share(many)).has_value());
}

class SealTest : public ::testing::Test {
 protected:
  std::unique_ptr<io::Random> random_{io::make_real_random()};
  ShareKeys keys_{share_keys("a secret of some length, as all relays have it")};
};

TEST_F(SealTest, OpensForThoseWhoHaveTheKey) {
  const std::string bytes = encode_share(message());
  const std::string sealed = seal_share(keys_, "sluice", bytes, *random_);
  EXPECT_EQ(open_share(keys_, "sluice", sealed), bytes);
  EXPECT_EQ(sealed.find("ann@example.com"), std::string::npos);
  EXPECT_NE(seal_share(keys_, "sluice", bytes, *random_), sealed);
}

TEST_F(SealTest, IsNothingWithAnotherKeyAnotherPrefixOrAnotherBit) {
  const std::string sealed = seal_share(keys_, "sluice", encode_share(message()), *random_);
  EXPECT_FALSE(open_share(share_keys("another one"), "sluice", sealed).has_value());
  EXPECT_FALSE(open_share(keys_, "other", sealed).has_value());
  for (std::size_t i = 0; i < sealed.size(); i += 7) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(open_share(keys_, "sluice", changed).has_value()) << i;
  }
  EXPECT_FALSE(open_share(keys_, "sluice", "").has_value());
  EXPECT_NE(keys_.seal, keys_.secrets);
}

// ------------------------------------------------------------------------------------ calls and replies

RedisReply text(std::string value) {
  return {.kind = RedisReply::Kind::text, .text = std::move(value), .elements = {}};
}
RedisReply number(std::int64_t value) {
  return {.kind = RedisReply::Kind::integer, .integer = value, .text = {}, .elements = {}};
}
RedisReply reply_of(std::vector<RedisReply> parts) {
  return {.kind = RedisReply::Kind::array, .text = {}, .elements = std::move(parts)};
}

TEST(ShareProtocolTest, AReplyIsReadOrRefused) {
  const auto read = parse_share_reply(reply_of({text("7"), number(3), number(1), text("12-0"), text(""), text("3-1"),
                                                number(1), number(1), text("news"), text("steps"), text("sent")}));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->log, std::vector<std::string>{"news"});
  EXPECT_EQ(read->steps, std::vector<std::string>{"steps"});
  EXPECT_EQ(read->sending, std::vector<std::string>{"sent"});
  EXPECT_EQ(read->sending_read, "3-1");
  EXPECT_TRUE(read->more);
  EXPECT_FALSE(parse_share_reply(number(1)).has_value());
  EXPECT_FALSE(parse_share_reply(reply_of({text("7"), number(3), number(1), text("12-0"), text("")})).has_value());
  EXPECT_FALSE(parse_share_reply(
      reply_of({text("7"), number(3), number(0), text("12-0"), text(""), text(""), number(1), number(0)})));
  EXPECT_FALSE(parse_share_reply(
      reply_of({text("7"), number(3), number(0), text("12-0"), text(""), text(""), number(0), number(1)})));
  EXPECT_FALSE(parse_share_reply(
      reply_of({text("7"), number(3), number(0), text(""), text(""), text("x"), number(0), number(0)})));
  EXPECT_FALSE(parse_share_reply(
      reply_of({text("7"), number(3), number(0), text("+"), text(""), text(""), number(0), number(0)})));
  EXPECT_FALSE(parse_share_reply(
      reply_of({text("7"), number(3), number(0), text("1-"), text(""), text(""), number(0), number(0)})));
  EXPECT_FALSE(parse_share_reply(
      reply_of({text(""), number(3), number(0), text(""), text(""), text(""), number(0), number(0)})));
  EXPECT_FALSE(parse_share_reply(
      reply_of({text("7"), number(-3), number(0), text(""), text(""), text(""), number(0), number(0)})));
}

TEST(ShareProtocolTest, MoreWithoutAMessageIsNoMore) {
  const auto read = parse_share_reply(
      reply_of({text("7"), number(3), number(1), text(""), text(""), text(""), number(0), number(0)}));
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->more);
}

}  // namespace
}  // namespace sluice::policy
