#include "engine/base/domain_name.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

// A customer's domain belonged to another one as well, in its other spelling.
TEST(DomainKeyTest, IsOneForAllSpellingsOfADomain) {
  for (const std::string_view domain : {"xn--bcher-kva.example", "XN--BCHER-KVA.Example",
                                        "b\xc3\xbc"
                                        "cher.example",
                                        "B\xc3\x9c"
                                        "CHER.EXAMPLE",
                                        "bu\xcc\x88"
                                        "cher.example",
                                        "BU\xcc\x88"
                                        "CHER\xe3\x80\x82"
                                        "example",
                                        "xn--bcher-kva\xef\xbc\x8e"
                                        "example"})
    EXPECT_EQ(domain_key(domain), "xn--bcher-kva.example") << domain;
  EXPECT_EQ(domain_key("Example.COM"), "example.com");
  EXPECT_EQ(domain_key("ex\xef\xbd\x81mple.com"), "example.com");  // a full-width letter
  EXPECT_EQ(domain_key("[IPv6:2001:DB8::1]"), "[ipv6:2001:db8::1]");
  EXPECT_EQ(domain_key(""), "");
}

TEST(DomainKeyTest, OfWhatIsNoDomainIsNoOtherDomains) {
  for (const std::string_view domain : {"\xff.example",
                                        "\xef\xbc\xa0"
                                        "example.com",
                                        "b\xc3\xbc..example", "\xe2\x80\x8b.example"})
    EXPECT_EQ(domain_key(domain), domain);
  EXPECT_NE(domain_key("stra\xc3\x9f"
                       "e.example"),
            domain_key("strasse.example"));
}

TEST(InternationalDomainTest, IsDistinguishedFromOthers) {
  EXPECT_FALSE(is_international("example.com"));
  EXPECT_FALSE(is_international(""));
  EXPECT_TRUE(
      is_international("b\xc3\xbc"
                       "cher.example"));
}

TEST(InternationalDomainTest, HasALabels) {
  // The examples of RFC 3492 7.1 and UTS 46.
  EXPECT_EQ(ascii_domain("b\xc3\xbc"
                         "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(ascii_domain("B\xc3\x9c"
                         "CHER.Example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(ascii_domain("fa\xc3\x9f.de"), "xn--fa-hia.de");  // not transitional: not fass.de
  EXPECT_EQ(ascii_domain("\xe4\xbb\x96\xe4\xbb\xac\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9\x88\xe4\xb8\x8d\xe8\xaf\xb4\xe4\xb8"
                         "\xad\xe6\x96\x87.example"),
            "xn--ihqwcrb4cv8a8dqg056pqjye.example");
  // The ideographic full stop parts labels, too.
  EXPECT_EQ(ascii_domain("b\xc3\xbc"
                         "cher\xe3\x80\x82"
                         "example"),
            "xn--bcher-kva.example");
  // One letter, or a letter and its mark.
  EXPECT_EQ(ascii_domain("bu\xcc\x88"
                         "cher.example"),
            "xn--bcher-kva.example");
}

TEST(InternationalDomainTest, NeverBecomesAnotherKindOfText) {
  for (const std::string domain :
       {"b\xc3\xbc..example", "\xff.example", "\xc3", "\xc3\xbc@example", "\xc3\xbc example", "\xc3\xbc%.example",
        "\xe2\x80\x8b", "\xef\xbc\240example.com", "-\xc3\xbc-.example"})
    EXPECT_EQ(ascii_domain(domain), std::nullopt) << domain;
  EXPECT_EQ(ascii_domain(std::string("\xc3\xbc\0.example", 11)), std::nullopt);
  EXPECT_EQ(ascii_domain(std::string(300, '\xc3')), std::nullopt);
  std::string longest;
  for (int i = 0; i < 120; ++i) longest += "\xc3\xbc";
  EXPECT_EQ(ascii_domain(longest + ".example"), std::nullopt) << "a label of more than 63 bytes";
}

// A look-alike of another customer's domain could be registered.
TEST(InternationalDomainTest, HasOneTrueALabel) {
  for (const char* domain : {"example.com", "xn--bcher-kva.example", "XN--BCHER-KVA.example", "www.xn--fa-hia.de",
                             "xn--ihqwcrb4cv8a8dqg056pqjye.example", "xn--p1ai", "a.xn--p1ai"})
    EXPECT_TRUE(has_true_a_labels(domain)) << domain;
  for (const char* domain : {"xn--bucher-xyd.example",  // u and a mark that belongs to it
                             "xn--BCHER-kVA-.example", "xn--a.example", "xn--example-.com", "xn--.example",
                             "xn--bcher-kva.xn--bucher-xyd.example", "xn--99999999999.example"})
    EXPECT_FALSE(has_true_a_labels(domain)) << domain;
}

}  // namespace
}  // namespace sluice
