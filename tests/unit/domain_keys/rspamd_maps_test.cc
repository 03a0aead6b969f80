#include "engine/domain_keys/rspamd_maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/domain_keys/table_texts.h"

namespace sluice::domain_keys {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RspamdMaps, GiveEachDomainItsSelectorAndFile) {
  const auto tables =
      read_rspamd_maps("# selectors\nExample.com s2024\nsecond.example\tmail\r\n",
                       "second.example /keys/$domain/$selector.pem\nthird.example /keys/$selector-of-$domain\n");
  EXPECT_THAT(table_keys(tables), ElementsAre("example.com s2024 /var/lib/rspamd/dkim/Example.com.s2024.key",
                                              "second.example mail /keys/second.example/mail.pem",
                                              "third.example dkim /keys/dkim-of-third.example"));
  EXPECT_THAT(table_refusals(tables), IsEmpty());
  EXPECT_EQ(tables.keys[1].table, 0U);
  EXPECT_EQ(tables.keys[1].line, 3U);
  EXPECT_EQ(tables.keys[2].table, 1U);
}

TEST(RspamdMaps, WhatIsNoKeyOfOneDomainIsRefusedWithItsLine) {
  const auto tables = read_rspamd_maps("a.example\na.example s\na.example t\n*.example s\n",
                                       "b.example keys/b.key\n/b\\.example/ /keys/b\nme@example.com /keys/b\n");
  EXPECT_THAT(table_keys(tables), ElementsAre("a.example s /var/lib/rspamd/dkim/a.example.s.key"));
  EXPECT_THAT(table_refusals(tables),
              ElementsAre("0 1 is not DOMAIN VALUE", "0 3 names a domain that an earlier line has named",
                          "0 4 is for more than one domain; import each of them by its own name",
                          "1 2 is for more than one domain; import each of them by its own name",
                          "1 3 is for more than one domain; import each of them by its own name",
                          "1 1 does not give the key as the path of a file"));
  EXPECT_THAT(table_keys(read_rspamd_maps(std::string("\0 \0\n\n \n#", 8), "$domain")), IsEmpty());
}

}  // namespace
}  // namespace sluice::domain_keys
