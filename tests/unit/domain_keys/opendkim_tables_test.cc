#include "engine/domain_keys/opendkim_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::domain_keys {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> keys_of(const OpendkimTables& tables) {
  std::vector<std::string> all;
  for (const TableKey& key : tables.keys) all.push_back(key.domain + " " + key.selector + " " + key.file);
  return all;
}
std::vector<std::string> refusals_of(const OpendkimTables& tables) {
  std::vector<std::string> all;
  for (const TableRefusal& refusal : tables.refusals)
    all.push_back(refusal.table + " " + std::to_string(refusal.line) + " " + refusal.why);
  return all;
}

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
  EXPECT_THAT(keys_of(tables),
              ElementsAre("example.com default /etc/opendkim/keys/example.com/default.private",
                          "example.org s1 /keys/o", "one.example mail /keys/any", "two.example mail /keys/any"));
  EXPECT_THAT(refusals_of(tables), IsEmpty());
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
  EXPECT_THAT(keys_of(tables), ElementsAre("example.com s /k"));
  EXPECT_THAT(refusals_of(tables),
              ElementsAre("KeyTable 2 is not NAME DOMAIN:SELECTOR:FILE",
                          "KeyTable 3 does not give the key as the path of a file",
                          "KeyTable 4 names a key that an earlier line has named",
                          "KeyTable 6 is not NAME DOMAIN:SELECTOR:FILE",
                          "SigningTable 3 is for one sender, and keys are those of a whole domain here",
                          "SigningTable 4 is for more than one domain; import each of them by its own name",
                          "SigningTable 5 is for more than one domain; import each of them by its own name",
                          "SigningTable 6 is for more than one domain; import each of them by its own name",
                          "SigningTable 7 signs in the name of another domain, example.com",
                          "SigningTable 8 names a key that the KeyTable does not have",
                          "SigningTable 9 names a key that the KeyTable does not have",
                          "KeyTable 5 has a key that the SigningTable does not use for a whole domain"));
}

TEST(OpendkimTables, AreEmptyOrGarbageWithoutHarm) {
  EXPECT_THAT(keys_of(read_opendkim_tables("", "")), IsEmpty());
  EXPECT_THAT(keys_of(read_opendkim_tables(std::string("\0\n:::\n\xff #\n", 9), "@\n@@ \n#\n\n \n")), IsEmpty());
}

}  // namespace
}  // namespace sluice::domain_keys
