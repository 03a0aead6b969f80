// What has to become of a zone's TXT records.
#include "engine/zone_update/zone_texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::zone_update {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t kWantedTtl = 300;
const std::string kName = "sl1r.example.com.dkim.isp.example";
const std::string kText = "v=DKIM1; k=rsa; p=AAAA";

ZoneTexts wanted() {
  ZoneTexts texts(kWantedTtl);
  texts.want(kName, kText);
  return texts;
}

TEST(ZoneTexts, WhatIsRightStays) {
  ZoneTexts texts = wanted();
  texts.see({.name = kName, .text = kText, .ttl_s = kWantedTtl});
  EXPECT_THAT(texts.changes(), IsEmpty());
}

TEST(ZoneTexts, WhatIsMissingOrWrongIsSet) {
  const TextChange set{.name = kName, .text = kText};
  EXPECT_THAT(wanted().changes(), ElementsAre(set));
  ZoneTexts other_text = wanted();
  other_text.see({.name = kName, .text = "v=DKIM1; k=rsa; p=BBBB", .ttl_s = kWantedTtl});
  EXPECT_THAT(other_text.changes(), ElementsAre(set));
  ZoneTexts other_ttl = wanted();
  other_ttl.see({.name = kName, .text = kText, .ttl_s = kWantedTtl + 1});
  EXPECT_THAT(other_ttl.changes(), ElementsAre(set));
}

TEST(ZoneTexts, ARecordBesideTheRightOneIsWrong) {
  for (const bool right_first : {true, false}) {
    ZoneTexts texts = wanted();
    for (const bool right : {right_first, !right_first})
      texts.see({.name = kName, .text = right ? kText : "v=DKIM1; p=", .ttl_s = kWantedTtl});
    EXPECT_THAT(texts.changes(), ElementsAre(TextChange{.name = kName, .text = kText}));
  }
}

TEST(ZoneTexts, KeysThatNobodyHasGoAndWhatIsNotOursStays) {
  ZoneTexts texts(kWantedTtl);
  texts.see({.name = kName, .text = kText, .ttl_s = kWantedTtl});
  texts.see({.name = "spf.dkim.isp.example", .text = "v=spf1 -all", .ttl_s = kWantedTtl});
  texts.see({.name = "own._domainkey.dkim.isp.example", .text = kText, .ttl_s = kWantedTtl});
  EXPECT_THAT(texts.changes(), ElementsAre(TextChange{.name = kName, .text = ""}));
}

}  // namespace
}  // namespace sluice::zone_update
