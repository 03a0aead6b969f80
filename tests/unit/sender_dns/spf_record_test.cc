// SPF records taken apart, and what is said of those that are none.
#include "engine/sender_dns/spf_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/sender_dns/spf_macro.h"

namespace sluice::sender_dns {
namespace {

using ::testing::HasSubstr;

TEST(SpfRecordTest, IsOneOfThisVersionAlone) {
  for (const std::string_view text : {"v=spf1", "v=spf1 ", "V=SPF1 -all", "v=spf1  mx"})
    EXPECT_TRUE(is_spf_record(text));
  for (const std::string_view text : {"", "v=spf", "v=spf10", "v=spf2.0/pra", " v=spf1", "v=spf1\t-all", "v=spf1;"})
    EXPECT_FALSE(is_spf_record(text)) << text;
}

TEST(SpfRecordTest, HasItsDirectivesAndModifiers) {
  const auto record =
      parse_spf_record("v=spf1 a:b.example/24//64 -ip4:192.0.2.0/28 ?mx ~all exp=why.example redirect=_spf.%{d} x=y");
  ASSERT_TRUE(record) << record.error();
  ASSERT_EQ(record->directives.size(), 4U);
  EXPECT_EQ(record->directives[0].domain_spec, "b.example");
  EXPECT_EQ(record->directives[0].ip4_bits, 24U);
  EXPECT_EQ(record->directives[0].ip6_bits, 64U);
  EXPECT_EQ(record->directives[1].result, SpfResult::fail);
  EXPECT_EQ(record->directives[1].ip4_bits, 28U);
  EXPECT_EQ(record->directives[2].result, SpfResult::neutral);
  EXPECT_EQ(record->directives[3].result, SpfResult::softfail);
  EXPECT_EQ(record->exp, "why.example");
  EXPECT_EQ(record->redirect, "_spf.%{d}");
}

struct Wrong {
  std::string_view text;
  std::string_view what;
};

TEST(SpfRecordTest, SaysWhatIsWrongAndWhere) {
  for (const auto& [text, what] : {
           Wrong{"v=spf1 a mix -all", "\"mix\" is no mechanism"},
           Wrong{"v=spf1 -all.", "\"-all.\" is no mechanism"},
           Wrong{"v=spf1 include:", "does not name a domain"},
           Wrong{"v=spf1 include", "needs a domain"},
           Wrong{"v=spf1 a:192.0.2.1", "ip4: or ip6: is for addresses"},
           Wrong{"v=spf1 ip4:192.0.2.0/33", "/0 to /32"},
           Wrong{"v=spf1 ip4:192.0.2.0/032", "/0 to /32"},
           Wrong{"v=spf1 ip6:192.0.2.0", "IPv6 address"},
           Wrong{"v=spf1 mx//129", "prefix length"},
           Wrong{"v=spf1 redirect=a.example redirect=b.example", "is there twice"},
           Wrong{"v=spf1 exp=", "does not name a domain"},
           Wrong{"v=spf1 x=%a", "macro"},
           Wrong{"v=spf1 a:b.example\tmx", "does not name a domain"},
           Wrong{"v=spf1 =all", "is no term"},
           Wrong{"v=spf1 all:a.example", "takes nothing"},
           Wrong{"v=spf1 exists:%{c}.example", "does not name a domain"},
       }) {
    const auto record = parse_spf_record(text);
    ASSERT_FALSE(record) << text;
    EXPECT_THAT(record.error(), HasSubstr(what)) << text;
  }
}

SpfMacroValues values() {
  return {.local_part = "strong-bad",
          .sender_domain = "email.example.com",
          .domain = "email.example.com",
          .ip = *parse_ip("192.0.2.3"),
          .helo = "mx.example.org",
          .receiver = "relay.example",
          .now_s = 12};
}

// RFC 7208 7.4.
TEST(SpfMacroTest, ExpandsTheExamplesOfTheRfc) {
  for (const auto& [text, expanded] : {
           Wrong{"%{s}", "strong-bad@email.example.com"},
           Wrong{"%{o}", "email.example.com"},
           Wrong{"%{d4}", "email.example.com"},
           Wrong{"%{d2}", "example.com"},
           Wrong{"%{d1}", "com"},
           Wrong{"%{dr}", "com.example.email"},
           Wrong{"%{d2r}", "example.email"},
           Wrong{"%{l-}", "strong.bad"},
           Wrong{"%{lr}", "strong-bad"},
           Wrong{"%{lr-}", "bad.strong"},
           Wrong{"%{l1r-}", "strong"},
           Wrong{"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
           Wrong{"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
           Wrong{"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
           Wrong{"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
           Wrong{"%{h} %{c} %{r} %{t} %{p}%%%_%-", "mx.example.org 192.0.2.3 relay.example 12 unknown% %20"},
           Wrong{"%{S}", "strong-bad%40email.example.com"},
       })
    EXPECT_EQ(expand_macros(text, values()), std::string(expanded)) << text;
  SpfMacroValues ip6 = values();
  ip6.ip = *parse_ip("2001:db8::cb01");
  EXPECT_EQ(expand_macros("%{ir}.%{v}._spf.%{d2}", ip6),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com");
}

TEST(SpfMacroTest, KeepsTheRightOfANameThatIsTooLong) {
  SpfMacroValues long_name = values();
  long_name.domain = std::string(60, 'a') + "." + std::string(60, 'b') + ".example";
  const std::string name = expand_domain_spec("%{d}.%{d}.%{d}", long_name);
  EXPECT_LE(name.size(), 253U);
  EXPECT_TRUE(name.ends_with("." + long_name.domain));
  std::string many;
  for (int i = 0; i < 200; ++i) many += "%{d}.";
  EXPECT_EQ(expand_macros(many, long_name), std::nullopt);
  EXPECT_EQ(expand_domain_spec(many, long_name), "");
}

TEST(SpfMacroTest, ATopLabelBehindAMacroIsOne) {
  for (const std::string_view text : {"%{d}", "a.%{d2}", "%%.example", "%{d}.example.", "a.b-c", "a.%%"})
    EXPECT_TRUE(is_domain_spec(text)) << text;
  for (const std::string_view text : {"", "example", "%{d}example", "%%example", "a.-b", "a.b-", "a.1", "a.b c", "%{d",
                                      "%", "%{d0}", "%{q}", "%{t}", "a..", "%{dz}"})
    EXPECT_FALSE(is_domain_spec(text)) << text;
}

}  // namespace
}  // namespace sluice::sender_dns
