// A block has what was put into it, and what is damaged is no block.
#include "engine/trace/block.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "engine/event/events.h"

namespace sluice::trace {
namespace {

template <typename T>
void add_event(BlockWriter& writer, WallMillis at, const T& event) {
  const auto values = event::values_of(event);
  writer.add({.at = at, .kind = T::kKind, .severity = T::kSeverity, .row = event::row_of(T::kKind), .values = values});
}

event::Message accepted(std::string_view id) {
  return {.id = id,
          .verdict = "taken",
          .code = 250,
          .client = "192.0.2.7",
          .account = "alice@example.com",
          .from = "alice@example.com",
          .to = "ralph@far.test, eve@far.test",
          .recipients = 2,
          .bytes = 4096,
          .ms = std::chrono::microseconds(1234),
          .reply = "2.0.0 Ok",
          .reply_sent = true};
}

std::string two_messages() {
  BlockWriter writer;
  add_event(writer, 1000, accepted("0SB1"));
  add_event(writer, 900, accepted("0SB2"));
  add_event(writer, 1500, event::Refused{.id = "0SB3", .code = 550, .argument = "TO:<x@one.test>"});
  return writer.finish();
}

std::shared_ptr<const StoredBlock> stored(std::string_view bytes) {
  const auto head = read_block_head(bytes);
  if (!head || head->bytes() > bytes.size()) return nullptr;
  return StoredBlock::read(*head, bytes.substr(kBlockHeadBytes + head->keys_bytes, head->payload_bytes));
}

TEST(TraceBlock, HasWhatWasPutIntoIt) {
  const std::string bytes = two_messages();
  const auto head = read_block_head(bytes);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->bytes(), bytes.size());
  EXPECT_EQ(head->events, 3U);
  EXPECT_EQ(head->first_at, 900);
  EXPECT_EQ(head->last_at, 1500);
  const auto block = stored(bytes);
  ASSERT_NE(block, nullptr);
  ASSERT_EQ(block->events().size(), 3U);
  const StoredEvent& second = block->events()[1];
  EXPECT_EQ(second.at, 900);
  EXPECT_EQ(second.type->name, "message");
  EXPECT_EQ(second.text("id"), "0SB2");
  EXPECT_EQ(second.text("to"), "ralph@far.test, eve@far.test");
  EXPECT_EQ(*second.find("code"), event::Value(std::uint64_t{250}));
  EXPECT_EQ(*second.find("ms"), event::Value(Duration(std::chrono::microseconds(1234))));
  EXPECT_EQ(*second.find("reply_sent"), event::Value(true));
  EXPECT_EQ(*second.find("detail"), event::Value());
  EXPECT_EQ(second.find("nothing"), nullptr);
}

// A message's events may be in many blocks.
TEST(TraceBlock, AFewOfItsEventsDoNotKeepAllOfIt) {
  BlockWriter writer;
  for (int i = 0; i < 100; ++i) add_event(writer, 1000 + i, accepted("0SB" + std::to_string(i)));
  const std::string bytes = writer.finish();
  const auto head = read_block_head(bytes);
  const auto unpacked =
      UnpackedBlock::unpack(*head, std::string_view(bytes).substr(kBlockHeadBytes + head->keys_bytes));
  ASSERT_NE(unpacked, nullptr);
  const auto few = StoredBlock::pick(unpacked, [](const StoredEvent& event) {
    return event.text("id").starts_with("0SB3") && event.text("id").ends_with("7");
  });
  ASSERT_NE(few, nullptr);
  EXPECT_EQ(unpacked.use_count(), 1);
  ASSERT_EQ(few->events().size(), 1U);
  EXPECT_EQ(few->events()[0].text("id"), "0SB37");
  EXPECT_EQ(few->events()[0].text("to"), "ralph@far.test, eve@far.test");
  EXPECT_EQ(few->events()[0].type->name, "message");
  EXPECT_EQ(*few->events()[0].find("bytes"), event::Value(std::uint64_t{4096}));
  const auto all = StoredBlock::pick(unpacked, [](const StoredEvent& /*event*/) { return true; });
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(unpacked.use_count(), 2);  // it has the texts of all: a copy would be as large
  EXPECT_EQ(all->events()[37].text("id"), "0SB37");
}

TEST(TraceBlock, HasTheHashesOfAllThatItIsFoundBy) {
  const std::string bytes = two_messages();
  const auto head = read_block_head(bytes);
  const auto keys = read_block_keys(*head, std::string_view(bytes).substr(kBlockHeadBytes, head->keys_bytes));
  ASSERT_TRUE(keys);
  const auto has = [&](KeyKind kind, std::string_view text) {
    return std::ranges::binary_search(*keys, key_hash(kind, text));
  };
  EXPECT_TRUE(has(KeyKind::id, "0SB1") && has(KeyKind::id, "0SB2") && has(KeyKind::id, "0SB3"));
  EXPECT_TRUE(has(KeyKind::sender, "alice@example.com") && has(KeyKind::account, "alice@example.com"));
  EXPECT_TRUE(has(KeyKind::recipient, "eve@far.test") && has(KeyKind::recipient, "x@one.test"));
  EXPECT_TRUE(has(KeyKind::recipient_domain, "one.test") && has(KeyKind::client, "192.0.2.7"));
  EXPECT_TRUE(has(KeyKind::verdict, "taken") && has(KeyKind::verdict, "refused"));
  EXPECT_FALSE(has(KeyKind::recipient, "alice@example.com"));
}

TEST(TraceBlock, AFlippedBitAnywhereIsNoticed) {
  const std::string whole = two_messages();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const auto head = read_block_head(damaged);
    if (!head) continue;
    const auto keys = read_block_keys(*head, std::string_view(damaged).substr(kBlockHeadBytes, head->keys_bytes));
    EXPECT_FALSE(keys && stored(damaged) != nullptr) << "byte " << i;
  }
}

TEST(TraceBlock, AnotherBeginsWithNothingOfTheLast) {
  BlockWriter writer;
  add_event(writer, 1000, accepted("0SB1"));
  const std::string first = writer.finish();
  EXPECT_TRUE(writer.empty());
  add_event(writer, 1000, accepted("0SB1"));
  EXPECT_EQ(writer.finish(), first);
}

}  // namespace
}  // namespace sluice::trace
