// What events are found by.
#include "engine/trace/key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::trace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t kHashOfNothing = 2135587861;
constexpr std::uint64_t kHashOfHashes = 11384009350415278346U;

std::vector<std::string> texts(std::string_view key, std::string_view value) {
  std::vector<std::string> all;
  KeyValues values(role_of(key), value);
  while (const auto each = values.next()) all.emplace_back(each->text);
  return all;
}

TEST(TraceKey, AListOfAddressesIsFoundByEachAndByItsDomain) {
  EXPECT_THAT(texts("to", "a@one.test, b@two.test"), ElementsAre("a@one.test", "one.test", "b@two.test", "two.test"));
  EXPECT_THAT(texts("to", "\"a, b\"@one.test, postmaster"), ElementsAre("\"a, b\"@one.test", "one.test", "postmaster"));
  EXPECT_THAT(texts("from", ""), IsEmpty());
}

TEST(TraceKey, AnArgumentIsThatOfMailOrRcpt) {
  KeyValues sender(role_of("argument"), "FROM:<a@one.test> SIZE=1");
  EXPECT_EQ(sender.next()->kind, KeyKind::sender);
  KeyValues recipient(role_of("argument"), "TO:<a@one.test>");
  EXPECT_EQ(recipient.next()->kind, KeyKind::recipient);
  EXPECT_EQ(recipient.next()->kind, KeyKind::recipient_domain);
  EXPECT_THAT(texts("argument", ">TO:<"), IsEmpty());
}

TEST(TraceKey, AHostIsFoundWithoutItsPort) {
  EXPECT_THAT(texts("next_hop", "mx.far.test:25"), ElementsAre("mx.far.test"));
  EXPECT_THAT(texts("next_hop_address", "[2001:db8::1]:25"), ElementsAre("2001:db8::1"));
  EXPECT_THAT(texts("next_hop", "2001:db8::1"), ElementsAre("2001:db8::1"));
  EXPECT_THAT(texts("next_hop", ":25"), IsEmpty());
}

// What is on disks was found by it.
TEST(TraceKey, AHashIsTheSameForEver) {
  EXPECT_EQ(key_hash(KeyKind::id, ""), kHashOfNothing);
  std::string text;
  std::uint64_t sum = 0;
  for (int i = 0; i < 40; ++i) {
    text += static_cast<char>('a' + i % 26);
    sum = sum * 31 + key_hash(KeyKind::account, text);
  }
  EXPECT_EQ(sum, kHashOfHashes);
}

TEST(TraceKey, CaseMakesNoDifference) {
  EXPECT_EQ(key_hash(KeyKind::sender, "Alice@Example.COM"), key_hash(KeyKind::sender, "alice@example.com"));
  EXPECT_NE(key_hash(KeyKind::sender, "alice@example.com"), key_hash(KeyKind::recipient, "alice@example.com"));
  EXPECT_TRUE(same_key("Alice@Example.COM", "alice@example.com"));
  EXPECT_FALSE(same_key("alice@example.com", "alice@example.co"));
  EXPECT_THAT(texts("message_id", "<1@example.com>"), ElementsAre("1@example.com"));
}

}  // namespace
}  // namespace sluice::trace
