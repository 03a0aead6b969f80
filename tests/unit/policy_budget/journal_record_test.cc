#include "policy/budget/journal_record.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

JournalRecord spent() {
  return {.kind = JournalRecord::Kind::spent,
          .key = {.subject = Subject::customer, .quantity = Quantity::recipients, .name = "example"},
          .spans = 0b1010,
          .at = 1'795'900'000'123,
          .amount = 17,
          .held = 256,
          .buckets = {}};
}

JournalRecord window() {
  return {.kind = JournalRecord::Kind::window,
          .key = {.subject = Subject::account, .quantity = Quantity::bytes, .name = "alice@customer.example"},
          .spans = 0b0100,
          .at = 1'795'900'000'000,
          .buckets = {{.before = 60, .amount = 1}, {.before = 0, .amount = 4'000'000'000}}};
}

TEST(JournalRecord, IsReadAsItWasWritten) {
  std::string bytes;
  append_record(bytes, spent());
  append_record(bytes, window());
  std::string_view rest = bytes;
  EXPECT_EQ(take_record(rest), spent());
  EXPECT_EQ(take_record(rest), window());
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(take_record(rest), std::nullopt);
}

TEST(JournalRecord, ThatWasBeingWrittenAtACrashIsNone) {
  std::string bytes;
  append_record(bytes, window());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string_view rest(bytes.data(), size);
    EXPECT_EQ(take_record(rest), std::nullopt) << size;
    EXPECT_EQ(rest.size(), size);
  }
}

TEST(JournalRecord, WithOneBitChangedIsNone) {
  std::string bytes;
  append_record(bytes, spent());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(static_cast<unsigned char>(changed[bit / 8]) ^ (1U << (bit % 8)));
    std::string_view rest = changed;
    EXPECT_EQ(take_record(rest), std::nullopt) << bit;
  }
}

}  // namespace
}  // namespace sluice::policy
