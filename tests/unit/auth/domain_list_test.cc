#include "auth/domain_list.h"

#include <gtest/gtest.h>

#include <string>

#include "auth/identity.h"

namespace sluice::auth {
namespace {

TEST(DomainList, CoversExactlyWhatItNames) {
  const DomainList list({"example.com", "example.net"});
  EXPECT_TRUE(list.covers("example.com"));
  EXPECT_TRUE(list.covers("EXAMPLE.Net"));
  for (const std::string_view other :
       {"", "com", "www.example.com", "xexample.com", "example.com.", ".example.com", "example.co", "example.comm",
        "example.com.evil.example", "*.example.com", "[192.0.2.1]", "example.com ", "*", "e*ample.com"}) {
    EXPECT_FALSE(list.covers(other)) << other;
  }
}

TEST(DomainList, WildcardCoversWhatLiesBelowAtAnyDepthAndNotItself) {
  const DomainList list({"*.example.com"});
  EXPECT_TRUE(list.covers("www.example.com"));
  EXPECT_TRUE(list.covers("A.b.C.example.COM"));
  for (const std::string_view other : {"example.com", ".example.com", "x..example.com", "*.example.com",
                                       "wwwexample.com", "example.com.www", "*.*.example.com", "[.example.com"}) {
    EXPECT_FALSE(list.covers(other)) << other;
  }
}

TEST(DomainList, CoversAllSpellingsOfADomain) {
  const DomainList list({"b\u00fccher.example", "*.xn--mller-kva.example"});
  for (const std::string_view domain :
       {"xn--bcher-kva.example", "XN--BCHER-KVA.EXAMPLE", "b\u00fccher.example", "B\u00dcCHER.example",
        "bu\u0308cher.example", "a.m\u00fcller.example", "\u00fc.M\u00dcLLER.example"})
    EXPECT_TRUE(list.covers(domain)) << domain;
  for (const std::string_view domain :
       {"bucher.example", "m\u00fcller.example", "\xff.m\u00fcller.example", "b\u00fccher.example.evil.example",
        "x\uff20b\u00fccher.example", "b\u00fccher\u3002evil.example"})
    EXPECT_FALSE(list.covers(domain)) << domain;
  EXPECT_EQ(list, DomainList({"xn--bcher-kva.example", "B\u00dcCHER.example", "*.m\u00fcller.example"}));
}

TEST(DomainList, TakesHostileNamesInItsStride) {
  const DomainList list({"*.example.com", "example.com"});
  EXPECT_FALSE(list.covers(std::string(256, 'a')));
  EXPECT_FALSE(list.covers(std::string(300, 'a') + ".example.com"));
  std::string many_labels;
  for (int i = 0; i < 120; ++i) many_labels += "a.";
  EXPECT_TRUE(list.covers(many_labels + "example.com"));
  EXPECT_FALSE(list.covers(many_labels + "example.org"));
  EXPECT_FALSE(list.covers(std::string("example.com\0.evil", 17)));
}

TEST(DomainList, IsInOrderAndEachOnce) {
  EXPECT_EQ(DomainList({"b.example", "A.example", "a.example"}).entries(),
            (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_FALSE(DomainList().covers("example.com"));
}

TEST(CanonicalDomainEntry, LowersAndUnderstandsBothWildcardForms) {
  EXPECT_EQ(canonical_domain_entry("Example.COM"), "example.com");
  EXPECT_EQ(canonical_domain_entry(".Example.com"), "*.example.com");
  EXPECT_EQ(canonical_domain_entry("*.Example.com"), "*.example.com");
  EXPECT_EQ(canonical_domain_entry("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(canonical_domain_entry("b\u00fccher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(canonical_domain_entry(".B\u00dcCHER.example"), "*.xn--bcher-kva.example");
  EXPECT_EQ(canonical_domain_entry(std::string(63, 'a') + ".example"), std::string(63, 'a') + ".example");
}

TEST(CanonicalDomainEntry, RefusesWhatIsNoDomain) {
  for (const std::string& text : {std::string(),
                                  std::string("com"),
                                  std::string("*.com"),
                                  std::string(".com"),
                                  std::string("*"),
                                  std::string("."),
                                  std::string("*."),
                                  std::string("example.com."),
                                  std::string("a..b"),
                                  std::string("..a.b"),
                                  std::string("*.*.a.b"),
                                  std::string("-a.example"),
                                  std::string("a-.example"),
                                  std::string("a b.example"),
                                  std::string("[192.0.2.1]"),
                                  std::string("user@example.com"),
                                  std::string("a.example\r\n"),
                                  std::string("a\0.example", 10),
                                  std::string("\xff.example"),
                                  std::string("a.example' OR 1=1 --"),
                                  std::string(64, 'a') + ".example",
                                  std::string(250, 'a') + ".example",
                                  std::string("a*.example.com")}) {
    EXPECT_FALSE(canonical_domain_entry(text)) << ::testing::PrintToString(text);
  }
}

TEST(EntriesOverlap, IfSomeDomainIsInBoth) {
  EXPECT_TRUE(entries_overlap("a.example", "a.example"));
  EXPECT_TRUE(entries_overlap("*.a.example", "b.a.example"));
  EXPECT_TRUE(entries_overlap("b.c.a.example", "*.a.example"));
  EXPECT_TRUE(entries_overlap("*.a.example", "*.b.a.example"));
  EXPECT_TRUE(entries_overlap("*.b.a.example", "*.a.example"));
  EXPECT_TRUE(entries_overlap("*.a.example", "*.a.example"));
  EXPECT_FALSE(entries_overlap("a.example", "b.example"));
  EXPECT_FALSE(entries_overlap("a.example", "b.a.example"));
  EXPECT_FALSE(entries_overlap("*.a.example", "a.example"));
  EXPECT_FALSE(entries_overlap("*.a.example", "ba.example"));
  EXPECT_FALSE(entries_overlap("*.a.example", "cba.example"));
  EXPECT_FALSE(entries_overlap("*.a.example", "*.ba.example"));
}

TEST(Identity, SendsFromWhatBothListsCover) {
  Identity identity;
  EXPECT_FALSE(identity.may_send_from("example.com"));
  identity.domains = std::make_shared<const DomainList>(std::vector<std::string>{"example.com", "*.example.com"});
  EXPECT_TRUE(identity.may_send_from("example.com"));
  identity.narrowed_to =
      std::make_shared<const SenderList>(std::vector<std::string>{"shop.example.com", "example.org"});
  EXPECT_TRUE(identity.may_send_from("shop.example.com"));
  EXPECT_FALSE(identity.may_send_from("example.com"));
  EXPECT_FALSE(identity.may_send_from("example.org"));
  identity.narrowed_to = std::make_shared<const SenderList>();
  EXPECT_FALSE(identity.may_send_from("shop.example.com"));
}

TEST(Identity, HasTheGraverStatus) {
  Identity identity;
  EXPECT_EQ(identity.status(), AccountStatus::active);
  identity.account_status = AccountStatus::held;
  EXPECT_EQ(identity.status(), AccountStatus::held);
  identity.customer_status = AccountStatus::suspended;
  EXPECT_EQ(identity.status(), AccountStatus::suspended);
}

}  // namespace
}  // namespace sluice::auth
