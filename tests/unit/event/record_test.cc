// Events as bytes, and the table that they come from.
#include "engine/event/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "engine/event/events.h"

namespace sluice::event {
namespace {

using ::testing::ElementsAre;

// An event's values after its way through a ring.
class Carried {
 public:
  template <typename T>
  explicit Carried(const T& event, Severity severity = T::kSeverity) {
    const auto before = values_of(event);
    bytes_.resize(record_bytes(before));
    write_record(bytes_, {.at = 1'795'494'802'123, .kind = T::kKind, .severity = severity}, before);
  }
  Event event() { return read_record(bytes_, values_); }
  Value value(std::size_t key) { return event().values[key]; }

 private:
  std::vector<char> bytes_;
  std::array<Value, kKeysMax> values_;
};

TEST(EventRecord, EveryTypeComesBackAsItWas) {
  Carried carried(CoreEnded{.core = std::numeric_limits<std::uint64_t>::max(),
                            .accounted = true,
                            .frames = std::numeric_limits<std::int64_t>::min()},
                  Severity::error);
  const Event event = carried.event();
  EXPECT_EQ(event.at, 1'795'494'802'123);
  EXPECT_EQ(event.severity, Severity::error);
  EXPECT_EQ(event.row.name, "core_ended");
  EXPECT_THAT(event.values, ElementsAre(Value(std::numeric_limits<std::uint64_t>::max()), Value(true),
                                        Value(std::numeric_limits<std::int64_t>::min()), Value(std::int64_t{0}),
                                        Value(std::uint64_t{0}), Value(std::uint64_t{0})));
  EXPECT_EQ(Carried(Draining{.timeout_ms = Duration(12'345)}).value(0), Value(Duration(12'345)));
  const std::string_view bytes("a\0b", 3);
  EXPECT_EQ(Carried(Listening{.address = bytes}).value(0), Value(bytes));
}

TEST(EventRecord, WhatIsOptionalIsLeftOutWhereItIsNotGiven) {
  Carried none(Refused{.code = 550});
  EXPECT_EQ(none.value(0), Value()) << "id";
  EXPECT_EQ(none.value(2), Value(std::string_view())) << "reason: not optional, and so shown empty";
  EXPECT_EQ(none.value(12), Value()) << "not_logged";
  EXPECT_EQ(Carried(Refused{.not_logged = 0}).value(12), Value(std::uint64_t{0})) << "given, and zero";
}

TEST(EventRecord, ALongTextIsCutBetweenCharactersAndShowsIt) {
  const std::string longest(kTextBytesMax, 'x');
  EXPECT_EQ(Carried(Listening{.address = longest}).value(0), Value(std::string_view(longest)));
  const std::string cut = longest + "...";
  EXPECT_EQ(Carried(Listening{.address = longest + "y"}).value(0), Value(std::string_view(cut)));
  const std::string before(kTextBytesMax - 1, 'x');
  const std::string euro = before + "\xe2\x82\xac";
  const std::string cut_before = before + "...";
  EXPECT_EQ(Carried(Listening{.address = euro}).value(0), Value(std::string_view(cut_before)));
}

TEST(EventTable, NoNameIsThereTwice) {
  std::set<std::string_view> names;
  for (const Row& row : rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    std::set<std::string_view> keys;
    for (const Key& key : row.keys) EXPECT_TRUE(keys.insert(key.name).second) << row.name << " " << key.name;
    // What every line has.
    for (const char* taken : {"time", "level", "event", "truncated"}) EXPECT_FALSE(keys.contains(taken)) << row.name;
  }
}

TEST(EventTable, ARowIsFoundByItsKind) {
  EXPECT_EQ(row_of(Kind::Login).name, "login");
  EXPECT_EQ(row_of(Kind::Login).severity, Severity::warning);
  EXPECT_EQ(&row_of(Kind::EventsLost), &rows().back());
  EXPECT_EQ(row_of(Message::kKind).keys.size(), values_of(Message{}).size());
}

}  // namespace
}  // namespace sluice::event
