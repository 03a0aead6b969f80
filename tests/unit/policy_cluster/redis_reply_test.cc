// Replies of a Redis that lies: within bounds, whatever comes.
#include "policy/cluster/redis_reply.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

using Kind = RedisReply::Kind;

TEST(RedisReply, ComesInPartsOfAnySize) {
  const std::string bytes = "*3\r\n:-5\r\n$3\r\na\r\n\r\n*2\r\n$-1\r\n+OK\r\n-ERR no\r\n";
  RedisReader reader;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto reply = reader.next(bytes.substr(i, 1));
    ASSERT_TRUE(reply);
    if (i + 1 == bytes.find('-', 20)) continue;
    if (!*reply) continue;
    if (i + 1 < bytes.size()) {
      ASSERT_EQ((*reply)->elements.size(), 3U);
      EXPECT_EQ((*reply)->elements[0].integer, -5);
      EXPECT_EQ((*reply)->elements[1].text, "a\r\n");
      EXPECT_EQ((*reply)->elements[2].elements[0].kind, Kind::nil);
      EXPECT_EQ((*reply)->elements[2].elements[1].kind, Kind::status);
    } else {
      EXPECT_TRUE((*reply)->is_error("ERR"));
    }
  }
  EXPECT_TRUE(reader.empty());
}

TEST(RedisReply, WhatComesBehindAReplyIsKept) {
  RedisReader reader;
  EXPECT_EQ(reader.next(":1\r\n:2\r\n:")->value().integer, 1);
  EXPECT_FALSE(reader.empty());
  EXPECT_EQ(reader.next({})->value().integer, 2);
  EXPECT_FALSE(*reader.next({}));
  EXPECT_FALSE(reader.empty());
}

TEST(RedisReply, TooManyElementsTooDeepTooLongOrNoReplyEndsIt) {
  for (const char* bytes : {"*2147483647\r\n", "*65\r\n", "*1\r\n*65\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
                            "hello\r\n", ":x\r\n", "$-5\r\n", "*-7\r\n"}) {
    RedisReader reader;
    EXPECT_FALSE(reader.next(bytes)) << bytes;
    EXPECT_FALSE(reader.next(":1\r\n")) << bytes;
  }
  RedisReader reader;
  EXPECT_TRUE(reader.next("$100000\r\n"));
  EXPECT_TRUE(reader.next(std::string(RedisReader::kReplyBytesMax / 2, 'x')));
  EXPECT_FALSE(reader.next(std::string(RedisReader::kReplyBytesMax / 2, 'x')));
}

TEST(RedisReply, FourArraysInOneAnotherAreTaken) {
  RedisReader reader;
  const auto reply = reader.next("*1\r\n*1\r\n*1\r\n*1\r\n:7\r\n");
  ASSERT_TRUE(reply && *reply);
  EXPECT_EQ((*reply)->elements.at(0).elements.at(0).elements.at(0).elements.at(0).integer, 7);
}

TEST(RedisReply, ARequestCountsBytes) { EXPECT_EQ(encode_request({"A", "b\r\n"}), "*2\r\n$1\r\nA\r\n$3\r\nb\r\n\r\n"); }

}  // namespace
}  // namespace sluice::policy
