// How many fields an entry has, and entries that no look-up may go into.
#include "engine/io/maxmind_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace sluice::io {
namespace {

using ::testing::Optional;
using namespace std::string_view_literals;

constexpr std::string_view kArrayOfOne = "\x01\x04"sv;
constexpr std::string_view kEmptyText = "\x40"sv;

TEST(MaxMindData, CountsFieldsOfAllTypes) {
  EXPECT_THAT(count_maxmind_fields("\x42iq"sv, 0), Optional(1U));
  EXPECT_THAT(count_maxmind_fields("\x5D\x01" + std::string(30, 'x'), 0), Optional(1U));
  EXPECT_THAT(count_maxmind_fields("\x5E" + std::string("\x00\x01", 2) + std::string(286, 'x'), 0), Optional(1U));
  EXPECT_THAT(count_maxmind_fields("\x68" + std::string(8, 'x'), 0), Optional(1U));       // double
  EXPECT_THAT(count_maxmind_fields("\x04\x08" + std::string(4, 'x'), 0), Optional(1U));   // float
  EXPECT_THAT(count_maxmind_fields("\xA2\x01\x02"sv, 0), Optional(1U));                   // uint16
  EXPECT_THAT(count_maxmind_fields("\x10\x03" + std::string(16, 'x'), 0), Optional(1U));  // uint128
  EXPECT_THAT(count_maxmind_fields("\x01\x07"sv, 0), Optional(1U));                       // true
  EXPECT_THAT(count_maxmind_fields("\xE0"sv, 0), Optional(1U));                           // map of none
  EXPECT_THAT(count_maxmind_fields("\xE1\x41k\x02\x04\x41v\x40"sv, 0), Optional(5U));     // {k: [v, ""]}
  EXPECT_THAT(count_maxmind_fields("\x41k\xE2\x20\x00\x41v\x20\x00\x40"sv, 2),
              Optional(7U));  // {k: v, k: ""} by pointers
  // A pointer of each size.
  for (const std::string_view pointer :
       {"\x20\x00"sv, "\x28\x00\x00"sv, "\x30\x00\x00\x00"sv, "\x38\x00\x00\x00\x00"sv}) {
    const std::size_t base = pointer.size() == 3 ? 2048 : pointer.size() == 4 ? 526'336 : 0;
    EXPECT_THAT(count_maxmind_fields(std::string(base, '\x40') + "\x40" + std::string(pointer), base + 1),
                Optional(2U));
  }
}

TEST(MaxMindData, RefusesWhatIsNotWholeOrOfNoType) {
  for (const std::string_view bytes : {""sv,
                                       "\x42i"sv,
                                       "\x5D"sv,
                                       "\x5E\x01"sv,
                                       "\x67xxxxxxx"sv,
                                       "\x68xxxxxxx"sv,
                                       "\xA3xxx"sv,
                                       "\xC5xxxxx"sv,
                                       "\x09\x02xxxxxxxxx"sv,
                                       "\x11\x03xxxxxxxxxxxxxxxxx"sv,
                                       "\x00"sv,
                                       "\x00\x00"sv,
                                       "\x01\x05x"sv,
                                       "\x00\x06"sv,
                                       "\x00\x09"sv,
                                       "\x00\xFF"sv,
                                       "\xE1"sv,
                                       "\xE1\x41k"sv,
                                       "\x02\x04\x40"sv,
                                       "\x20"sv,
                                       "\x20\x09"sv,
                                       "\x3F\xFF\xFF\xFF\xFF"sv})
    EXPECT_EQ(count_maxmind_fields(bytes, 0), std::nullopt) << ::testing::PrintToString(bytes);
  EXPECT_EQ(count_maxmind_fields("\x40", 1), std::nullopt);
  EXPECT_EQ(count_maxmind_fields("\x40", SIZE_MAX), std::nullopt);
}

TEST(MaxMindData, RefusesWhatIsTooDeepTooManyOrWithoutAnEnd) {
  const auto nested = [](std::size_t levels) {
    std::string bytes;
    for (std::size_t i = 0; i < levels; ++i) bytes += kArrayOfOne;
    return bytes.append(kEmptyText);
  };
  EXPECT_THAT(count_maxmind_fields(nested(kMaxMindLevelsMax - 1), 0), Optional(kMaxMindLevelsMax));
  EXPECT_EQ(count_maxmind_fields(nested(kMaxMindLevelsMax), 0), std::nullopt);
  EXPECT_EQ(count_maxmind_fields(nested(1'000'000), 0), std::nullopt);
  EXPECT_EQ(count_maxmind_fields("\x20\x00"sv, 0), std::nullopt);  // a pointer to itself
  // An array of 4,096, and of one less, which is one field itself.
  const std::string most = "\x1E\x04\x0E\xE2" + std::string(4095, '\x40');
  EXPECT_THAT(count_maxmind_fields(most, 0), Optional(kMaxMindFieldsMax));
  EXPECT_EQ(count_maxmind_fields("\x1E\x04\x0E\xE3" + std::string(4096, '\x40'), 0), std::nullopt);
  // Arrays of arrays by pointers: ten to the tenth.
  std::string tree(kEmptyText);
  std::size_t below = 0;
  for (int i = 0; i < 10; ++i) {
    const std::size_t here = tree.size();
    tree += "\x0A\x04";
    for (int j = 0; j < 10; ++j) tree += {'\x20', static_cast<char>(below)};
    below = here;
  }
  EXPECT_EQ(count_maxmind_fields(tree, below), std::nullopt);
}

TEST(MaxMindData, MetadataAreBehindTheLastMarker) {
  EXPECT_EQ(maxmind_metadata("no such file"), std::nullopt);
  EXPECT_THAT(maxmind_metadata("tree\xAB\xCD\xEFMaxMind.com\xAB\xCD\xEFMaxMind.com\xE0"sv), Optional("\xE0"sv));
  EXPECT_THAT(maxmind_metadata("\xAB\xCD\xEFMaxMind.com"sv), Optional(""sv));
}

}  // namespace
}  // namespace sluice::io
