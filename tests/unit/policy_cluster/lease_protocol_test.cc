// What the lease function says is taken only as far as it can be true; redirections lead to nothing strange.
#include "policy/cluster/lease_protocol.h"

#include <gtest/gtest.h>

#include <limits>

#include "policy/cluster/redis_client.h"

namespace sluice::policy {
namespace {

RedisReply integer(std::int64_t value) { return {.kind = RedisReply::Kind::integer, .integer = value}; }

RedisReply reply_of(const std::vector<std::int64_t>& numbers, std::string epoch) {
  RedisReply reply{.kind = RedisReply::Kind::array};
  for (const std::int64_t number : numbers) reply.elements.push_back(integer(number));
  reply.elements.insert(reply.elements.begin() + 1,
                        RedisReply{.kind = RedisReply::Kind::text, .text = std::move(epoch)});
  return reply;
}

LeaseCall call() { return {.epoch = "7", .wanted = 10, .least = 1}; }

TEST(LeaseProtocol, AMetersTextComesBack) {
  const MeterKey key{.subject = Subject::customer, .quantity = Quantity::sessions, .name = "a/b}{"};
  EXPECT_EQ(parse_meter(meter_text(key)), key);
  for (const char* text : {"", "recipients", "recipients/account", "recipients/nobody/x", "none/account/x"})
    EXPECT_FALSE(parse_meter(text)) << text;
}

TEST(LeaseProtocol, AGrantIsAtMostWhatWasWanted) {
  EXPECT_EQ(parse_lease_reply(reply_of({0, 10, 4, 0, 0, 0, 0, 0, 0}, "7"), call())->granted, 10U);
  EXPECT_FALSE(parse_lease_reply(reply_of({0, 11, 4, 0, 0, 0, 0, 0, 0}, "7"), call()));
  EXPECT_FALSE(parse_lease_reply(reply_of({0, -1, 4, 0, 0, 0, 0, 0, 0}, "7"), call()));
  // While nodes report what they hold nothing is given.
  EXPECT_FALSE(parse_lease_reply(reply_of({0, 1, 4, 0, 0, 0, 0, 100, 0}, "7"), call()));
}

TEST(LeaseProtocol, WhatTheFunctionNeverSaysIsNoReply) {
  EXPECT_FALSE(parse_lease_reply(reply_of({0, 1, 4, 0, 0, 0, 0, 0, 0}, "8"), call())) << "another epoch";
  EXPECT_FALSE(parse_lease_reply(reply_of({1, 0, 0, 0, 0, 0, 0, 0, 0}, "7"), call()))
      << "the same epoch as another one";
  EXPECT_FALSE(parse_lease_reply(reply_of({0, 0, 0, 5, 0, 0, 0, 0, 0}, "7"), call())) << "a fifth span";
  EXPECT_FALSE(parse_lease_reply(reply_of({0, 0, 0, 1, 0, 0, -2, 0, 0}, "7"), call()));
  EXPECT_FALSE(parse_lease_reply(reply_of({2, 0, 0, 0, 0, 0, 0, 0, 0}, "7"), call()));
  EXPECT_FALSE(parse_lease_reply(reply_of({0, 1, 4, 0, 0, 0, 0, 0}, "7"), call()));
  EXPECT_FALSE(parse_lease_reply(reply_of({0, 1, 4, 0, 0, 0, 0, 0, -1}, "7"), call()));
  EXPECT_FALSE(parse_lease_reply(integer(1), call()));
  EXPECT_FALSE(parse_lease_reply(reply_of({1, 0, 0, 0, 0, 0, 0, 0, 0}, std::string(65, 'e')), call()));
  const auto full = parse_lease_reply(reply_of({0, 0, 4, 3, 500, 501, -1, 0, 0}, "7"), call());
  ASSERT_TRUE(full && full->full);
  EXPECT_EQ(full->full->span, Span::day);
  EXPECT_FALSE(full->full->free_in_ms);
}

// They are reckoned with: in nanoseconds, or rounded up for the client.
TEST(LeaseProtocol, TimesOfAThousandYearsAreNoReply) {
  constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t wait_ms : {std::int64_t{86'400'001}, kEver / 1'000'000 + 1, kEver})
    EXPECT_FALSE(parse_lease_reply(reply_of({0, 0, 4, 0, 0, 0, 0, wait_ms, 0}, "7"), call())) << wait_ms;
  for (const std::int64_t free_ms : {std::int64_t{33} * 86'400'000, kEver / 1'000'000 + 1, kEver})
    EXPECT_FALSE(parse_lease_reply(reply_of({0, 0, 4, 4, 500, 501, free_ms, 0, 0}, "7"), call())) << free_ms;
  EXPECT_TRUE(parse_lease_reply(reply_of({0, 0, 4, 4, 500, 501, std::int64_t{61} * 43'200'000, 0, 0}, "7"), call()));
  EXPECT_TRUE(parse_lease_reply(reply_of({0, 0, 4, 0, 0, 0, 0, 3'600'000, 0}, "7"), call()));
}

TEST(LeaseProtocol, RedirectionsNameAServerOrNothing) {
  const ClusterServer from{.host = "192.0.2.1", .port = 7000};
  const auto parsed = [&from](std::string text) {
    return parse_redirection({.kind = RedisReply::Kind::error, .text = std::move(text)}, from);
  };
  EXPECT_EQ(parsed("MOVED 3999 192.0.2.2:6381")->server.to_string(), "192.0.2.2:6381");
  EXPECT_TRUE(parsed("ASK 3999 2001:db8::1:6381")->ask);
  EXPECT_EQ(parsed("ASK 3999 2001:db8::1:6381")->server.to_string(), "[2001:db8::1]:6381");
  EXPECT_EQ(parsed("MOVED 3999 :6381")->server.to_string(), "192.0.2.1:6381");
  for (const char* text : {"MOVED 3999 192.0.2.2", "MOVED 3999 192.0.2.2:0", "MOVED 3999 192.0.2.2:99999",
                           "MOVED 1 /tmp/s:1", "MOVED", "MOVED ", "ERR MOVED 1 a:1", "MOVED 1 a:1x"})
    EXPECT_FALSE(parsed(text)) << text;
}

}  // namespace
}  // namespace sluice::policy
