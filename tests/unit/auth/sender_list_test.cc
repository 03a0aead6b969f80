#include "auth/sender_list.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"

namespace sluice::auth {
namespace {

SenderList list(const std::vector<std::string>& texts) {
  std::vector<std::string> entries;
  for (const std::string& text : texts) entries.push_back(canonical_sender_entry(text).value());
  return SenderList(entries);
}

TEST(SenderList, CoversDomainsAndAddresses) {
  const SenderList senders = list({"shop.example", "Tim@Example.com", "sales-*@example.com", "*@b\u00fccher.example"});
  EXPECT_TRUE(senders.covers("anybody", "shop.example"));
  EXPECT_TRUE(senders.covers("tIM", "EXAMPLE.com"));
  EXPECT_TRUE(senders.covers("sales-", "example.com"));
  EXPECT_TRUE(senders.covers("Sales-North", "example.com"));
  EXPECT_TRUE(senders.covers("", "xn--bcher-kva.example"));
  EXPECT_FALSE(senders.covers("timo", "example.com"));
  EXPECT_FALSE(senders.covers("sales", "example.com"));
  EXPECT_FALSE(senders.covers("tim", "example.org"));
  EXPECT_FALSE(senders.covers("tim", "sub.example.com"));
  EXPECT_TRUE(senders.covers_in("example.com"));
  EXPECT_TRUE(senders.covers_in("shop.example"));
  EXPECT_FALSE(senders.covers_in("example.org"));
  EXPECT_FALSE(SenderList().covers_in("example.com"));
}

TEST(SenderList, StarsStandForAnyText) {
  const SenderList senders = list({"a*b*c@example.com", "**x@example.net"});
  for (const std::string_view local : {"abc", "axxbxxc", "abbcc", "abcbc"})
    EXPECT_TRUE(senders.covers(local, "example.com")) << local;
  for (const std::string_view local : {"", "ac", "ab", "abcd", "xabc", "acb"})
    EXPECT_FALSE(senders.covers(local, "example.com")) << local;
  EXPECT_TRUE(senders.covers("x", "example.net"));
  EXPECT_FALSE(senders.covers("xy", "example.net"));
  // Its stars may stand for nearly anything, and it takes no time that grows with their power.
  const SenderList hostile = list({"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b@example.com"});
  EXPECT_FALSE(hostile.covers(std::string(100'000, 'a'), "example.com"));
}

TEST(CanonicalSenderEntry, IsADomainOrAnAddress) {
  EXPECT_EQ(canonical_sender_entry(".Example.com"), "*.example.com");
  EXPECT_EQ(canonical_sender_entry("Tim@B\u00dcCHER.example"), "tim@xn--bcher-kva.example");
  EXPECT_EQ(domain_of_entry("*.example.com"), "*.example.com");
  EXPECT_EQ(domain_of_entry("a@b@example.com"), "example.com");
  for (const std::string& text :
       {std::string("@example.com"), std::string("tim@"), std::string("tim@*.example.com"),
        std::string("tim@.example.com"), std::string("tim@com"), std::string("t\nm@example.com"),
        std::string("tim@[192.0.2.1]"), std::string("tim@exam ple.com"), std::string(65, 'a') + "@example.com",
        std::string("com"), std::string("\xff@example.com")})
    EXPECT_FALSE(canonical_sender_entry(text)) << ::testing::PrintToString(text);
}

TEST(Identity, SendsAsWhatItIsNarrowedTo) {
  Identity identity;
  identity.domains = std::make_shared<const DomainList>(std::vector<std::string>{"example.com"});
  identity.narrowed_to = std::make_shared<const SenderList>(list({"tim@example.com", "kurt@example.org"}));
  EXPECT_TRUE(identity.may_send_from("example.com"));
  EXPECT_TRUE(identity.may_send_as("Tim", "example.com"));
  EXPECT_FALSE(identity.may_send_as("boss", "example.com"));
  EXPECT_FALSE(identity.may_send_as("kurt", "example.org")) << "it is no domain of the customer's any more";
}

}  // namespace
}  // namespace sluice::auth
