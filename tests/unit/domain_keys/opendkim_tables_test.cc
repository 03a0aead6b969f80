#include "engine/domain_keys/opendkim_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/domain_keys/table_texts.h"

namespace sluice::domain_keys {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(OpendkimTables, GiveEachDomainItsKeys) {
  const auto tables = read_opendkim_tables(
      "# keys\n"
      "default._domainkey.example.com example.com:default:/etc/opendkim/keys/example.com/default.private\n"
      "\n"
      "  other\tExample.ORG:s1:/keys/o   # by hand\r\n"
      "any %:mail:/keys/any\n",
      "*@example.com default._domainkey.example.com\n"
      "example.org other\n"
      "*@one.example any\n"
      "*@two.example\tany");
  EXPECT_THAT(table_keys(tables),
              ElementsAre("example.com default /etc/opendkim/keys/example.com/default.private",
                          "example.org s1 /keys/o", "one.example mail /keys/any", "two.example mail /keys/any"));
  EXPECT_THAT(table_refusals(tables), IsEmpty());
}

TEST(OpendkimTables, WhatIsNoKeyOfAWholeDomainIsRefusedWithItsLine) {
  const auto tables = read_opendkim_tables(
      "a example.com:s:/k\n"
      "b nonsense\n"
      "c example.net:s:k.private\n"
      "a example.org:s:/k\n"
      "unused example.org:s:/k\n"
      "e e.example:s:\n",
      "*@example.com a\n"
      "*@example.com a\n"
      "boss@example.com a\n"
      "*@*.example.com a\n"
      "* a\n"
      ".example.com a\n"
      "*@example.net a\n"
      "*@other.example absent\n"
      "*@lonely.example\n");
  EXPECT_THAT(table_keys(tables), ElementsAre("example.com s /k"));
  EXPECT_THAT(
      table_refusals(tables),
      ElementsAre("0 2 is not NAME DOMAIN:SELECTOR:FILE", "0 3 does not give the key as the path of a file",
                  "0 4 names a key that an earlier line has named", "0 6 is not NAME DOMAIN:SELECTOR:FILE",
                  "1 3 is for one sender, and keys are those of a whole domain here",
                  "1 4 is for more than one domain; import each of them by its own name",
                  "1 5 is for more than one domain; import each of them by its own name",
                  "1 6 is for more than one domain; import each of them by its own name",
                  "1 7 signs in the name of another domain, example.com",
                  "1 8 names a key that the KeyTable does not have", "1 9 names a key that the KeyTable does not have",
                  "0 5 has a key that the SigningTable does not use for a whole domain"));
}

TEST(OpendkimTables, AreEmptyOrGarbageWithoutHarm) {
  EXPECT_THAT(table_keys(read_opendkim_tables("", "")), IsEmpty());
  EXPECT_THAT(table_keys(read_opendkim_tables(std::string("\0\n:::\n\xff #\n", 9), "@\n@@ \n#\n\n \n")), IsEmpty());
}

}  // namespace
}  // namespace sluice::domain_keys
