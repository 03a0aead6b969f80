// Which names are public suffixes, by the list that this machine has.
#include "auth/store/public_suffix.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::auth {
namespace {

TEST(PublicSuffixTest, IsWhatTheListHas) {
  for (const std::string registrys : {"com", "co.uk", "xn--55qx5d.cn"}) {
    EXPECT_TRUE(is_public_suffix(registrys)) << registrys;
    EXPECT_TRUE(is_registry_suffix(registrys)) << registrys;
  }
  EXPECT_TRUE(is_public_suffix("github.io"));
  EXPECT_FALSE(is_registry_suffix("github.io"));
  // By the rule *.ck, and by its exception !www.ck.
  EXPECT_TRUE(is_public_suffix("any.ck"));
  EXPECT_FALSE(is_public_suffix("www.ck"));
  for (const std::string ones_own : {"example.com", "acme.co.uk", "acme.github.io", "example.any.ck"}) {
    EXPECT_FALSE(is_public_suffix(ones_own)) << ones_own;
    EXPECT_FALSE(is_registry_suffix(ones_own)) << ones_own;
  }
}

// publicsuffix.org: "If no rules match, the prevailing rule is "*"", which is not for us: a top-level domain that is in
// no list is a network's own.
TEST(PublicSuffixTest, ANameInNoListIsNone) {
  for (const std::string unlisted : {"corp-intern", "example-of-nobody", "host.corp-intern"}) {
    EXPECT_FALSE(is_public_suffix(unlisted)) << unlisted;
    EXPECT_FALSE(is_registry_suffix(unlisted)) << unlisted;
  }
}

}  // namespace
}  // namespace sluice::auth
