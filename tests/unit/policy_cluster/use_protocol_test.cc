// What the use function says is taken only as far as it can be true.
#include "policy/cluster/use_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;

RedisReply figure(std::int64_t value) { return {.kind = RedisReply::Kind::integer, .integer = value}; }

RedisReply meter_of(const std::vector<std::int64_t>& numbers) {
  RedisReply reply{.kind = RedisReply::Kind::array};
  for (const std::int64_t each : numbers) reply.elements.push_back(figure(each));
  return reply;
}

RedisReply reply_with(std::string epoch, std::int64_t wait_ms, std::vector<RedisReply> meters) {
  RedisReply reply{.kind = RedisReply::Kind::array};
  reply.elements = {{.kind = RedisReply::Kind::text, .text = std::move(epoch)}, figure(wait_ms)};
  reply.elements.insert(reply.elements.end(), meters.begin(), meters.end());
  return reply;
}

UseCall use_call() {
  return {.prefix = "p",
          .group = 3,
          .node = "a",
          .incarnation = "7",
          .meters = {{.name = "ann"}, {.subject = Subject::customer, .name = "acme"}}};
}

TEST(UseProtocol, ACallNamesTheGroupsKeys) {
  EXPECT_THAT(use_words(use_call()),
              ElementsAre("FCALL", "sluice_use_1", "3", "p:{g3}:state", "p:{g3}:recipients/account/ann",
                          "p:{g3}:recipients/customer/acme", "a", "7"));
}

TEST(UseProtocol, AReplyHasEachMetersFigures) {
  const auto reply =
      parse_use_reply(reply_with("e", 5, {meter_of({1, 2, 3, 4, 5, 6}), meter_of({0, 0, 0, 0, 0, 0})}), use_call());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->epoch, "e");
  EXPECT_EQ(reply->wait_ms, 5);
  ASSERT_EQ(reply->meters.size(), 2U);
  EXPECT_THAT(reply->meters[0].spent, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(reply->meters[0].others, 5U);
  EXPECT_EQ(reply->meters[0].reported, 6U);
}

TEST(UseProtocol, WhatTheFunctionNeverSaysIsNoReply) {
  const RedisReply none = meter_of({0, 0, 0, 0, 0, 0});
  const std::vector<RedisReply> strange{
      figure(1),
      reply_with("e", 0, {none}),
      reply_with("e", 0, {none, none, none}),
      reply_with("e", -1, {none, none}),
      reply_with(std::string(65, 'e'), 0, {none, none}),
      reply_with("e", 0, {none, figure(1)}),
      reply_with("e", 0, {none, meter_of({0, 0, 0, 0, 0})}),
      reply_with("e", 0, {none, meter_of({0, 0, 0, -1, 0, 0})}),
      reply_with("e", 0, {none, meter_of({0, 0, 0, 0, std::int64_t{1} << 51U, 0})}),
  };
  for (const RedisReply& each : strange) EXPECT_FALSE(parse_use_reply(each, use_call()));
}

}  // namespace
}  // namespace sluice::policy
