// Countries of addresses, and files that are no such databases.
#include "engine/io/country_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>

#include "tests/support/country_file.h"

namespace sluice::io {
namespace {

using ::sluice::testing::country_file_bytes;
using ::sluice::testing::CountryFile;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string whole_file() {
  return country_file_bytes(
      {{"192.0.2.0/24", "DE"}, {"198.51.100.0/24", "FR"}, {"2001:db8::/32", "NZ"}, {"203.0.113.7/32", "AQ"}});
}

std::string found(const CountryDatabase& database, std::string_view ip) {
  const CountryDatabase::Code code = database.country(*Address::from_ip(ip, 25));
  return code == CountryDatabase::Code{} ? "" : std::string(code.begin(), code.end());
}

// Opened, or the error.
std::string refused(std::string_view bytes) {
  const CountryFile file(bytes);
  const auto opened = CountryDatabase::open(file.path());
  if (opened) return "";
  EXPECT_THAT(opened.error(), StartsWith(file.path() + ": "));
  return opened.error();
}

TEST(CountryDatabase, KnowsTheCountriesOfItsNetworksAndNoOthers) {
  const CountryFile file(whole_file());
  const auto database = CountryDatabase::open(file.path());
  ASSERT_TRUE(database) << database.error();
  EXPECT_EQ(found(**database, "192.0.2.1"), "DE");
  EXPECT_EQ(found(**database, "198.51.100.255"), "FR");
  EXPECT_EQ(found(**database, "203.0.113.7"), "AQ");
  EXPECT_EQ(found(**database, "2001:db8:ffff::1"), "NZ");
  EXPECT_EQ(found(**database, "::ffff:192.0.2.1"), "DE");
  EXPECT_EQ(found(**database, "192.0.3.1"), "");
  EXPECT_EQ(found(**database, "203.0.113.8"), "");
  EXPECT_EQ(found(**database, "2001:db9::1"), "");
  EXPECT_EQ((*database)->country(Address()), CountryDatabase::Code{});
}

// What must not happen: a map of the file itself ends with a signal where its pages are gone.
TEST(CountryDatabase, GoesOnWhileItsFileIsShortened) {
  const CountryFile file(whole_file());
  const auto database = CountryDatabase::open(file.path());
  ASSERT_TRUE(database) << database.error();
  std::ofstream(file.path(), std::ios::trunc).flush();
  EXPECT_EQ(found(**database, "192.0.2.1"), "DE");
}

TEST(CountryDatabase, RefusesWhatIsNone) {
  EXPECT_THAT(refused(""), HasSubstr("is no file of MaxMind's format"));
  EXPECT_THAT(refused("country,DE\n"), HasSubstr("is no file of MaxMind's format"));
  EXPECT_THAT(refused(whole_file().substr(0, whole_file().find("MaxMind.com"))), HasSubstr("no file of MaxMind's"));
  EXPECT_THAT(CountryDatabase::open("/nonexistent/countries").error(), HasSubstr("/nonexistent/countries: "));
  // Those of autonomous systems and the like.
  EXPECT_THAT(refused(country_file_bytes({{"192.0.2.0/24", "DE"}}, "continent")), HasSubstr("has no countries"));
  EXPECT_THAT(refused(country_file_bytes({{"192.0.2.0/24", "Germany"}})), HasSubstr("is corrupt"));
  EXPECT_THAT(refused(country_file_bytes({{"192.0.2.0/24", "\r\n"}})), HasSubstr("is corrupt"));
}

// Beyond the data.
TEST(CountryDatabase, RefusesATreeThatPointsToNothing) {
  const std::string whole = whole_file();
  for (const char wrong : {'\x01', '\xFF'}) {
    std::string bytes = whole;
    bytes[0] = wrong;  // the left record of the root: a number of its highest byte
    EXPECT_THAT(refused(bytes), HasSubstr("is corrupt")) << static_cast<int>(wrong);
  }
}

// What must not happen: libmaxminddb goes down each level by recursion, to the end of the stack.
TEST(CountryDatabase, RefusesEntriesAndMetadataThatAreNestedWithoutAnEnd) {
  std::string nested;
  for (int i = 0; i < 1'000'000; ++i) nested += "\x01\x04";
  nested += "\x40";
  const std::string whole = whole_file();
  // Its first entry is {"country": {...}}; the same with another field in front.
  const std::string_view entry =
      "\xE1\x47"
      "country";
  std::string deep_entry = whole;
  deep_entry.replace(deep_entry.find(entry), 1, "\xE2\x41k" + nested);
  EXPECT_THAT(refused(deep_entry), HasSubstr("is corrupt (node "));
  std::string deep_metadata = whole;
  const std::size_t metadata = whole.find("MaxMind.com") + std::string_view("MaxMind.com").size();
  deep_metadata.replace(metadata, 1, "\xEA\x41k" + nested.substr(nested.size() - 100'001));
  EXPECT_THAT(refused(deep_metadata), HasSubstr("is corrupt (its metadata)"));
}

// Whatever one byte is: refused, or a database that answers each address.
TEST(CountryDatabase, AnyByteMayBeWrong) {
  const std::string whole = whole_file();
  for (std::size_t at = 0; at < whole.size(); at += at < 200 ? 1 : 7) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      const CountryFile file(bytes);
      const auto database = CountryDatabase::open(file.path());
      if (!database) continue;
      for (const std::string_view ip : {"0.0.0.0", "192.0.2.1", "198.51.100.1", "203.0.113.7", "2001:db8::1", "ffff::"})
        EXPECT_LE(found(**database, ip).size(), 2U);
    }
  }
}

}  // namespace
}  // namespace sluice::io
