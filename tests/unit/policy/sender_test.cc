#include "policy/sender.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::policy {
namespace {

using namespace std::string_literals;

using auth::AccountStatus;
using auth::DomainList;
using auth::Identity;

std::shared_ptr<const DomainList> domains(std::vector<std::string> entries) {
  return std::make_shared<const DomainList>(std::move(entries));
}

std::shared_ptr<const auth::SenderList> senders(const std::vector<std::string>& entries) {
  return std::make_shared<const auth::SenderList>(entries);
}

class SenderTest : public ::testing::Test {
 protected:
  SenderTest() {
    tim_.account_name = "tim@example.com";
    tim_.domains = domains({"example.com", "*.shop.example"});
    scanners_.name = "scanners";
    scanners_.domains = domains({"office.example"});
    anywhere_.name = "anywhere";
    anywhere_.any_domain = true;
  }

  SenderVerdict path(std::string_view domain) const {
    return check_reverse_path(SenderRights(tim_), Mailbox{"any.one", domain}, "q1").verdict;
  }
  SenderVerdict from(std::vector<Mailbox> authors) const {
    return check_authors(SenderRights(tim_), authors, "q1").verdict;
  }

  Identity tim_;
  TrustedNetwork scanners_;
  TrustedNetwork anywhere_;
};

TEST_F(SenderTest, AnyLocalPartOfTheCustomersDomainsMaySend) {
  EXPECT_EQ(path("example.com"), SenderVerdict::allowed);
  EXPECT_EQ(path("EXAMPLE.Com"), SenderVerdict::allowed);
  EXPECT_EQ(path("berlin.shop.example"), SenderVerdict::allowed);
  EXPECT_EQ(from({{"kurt", "example.com"}}), SenderVerdict::allowed);
}

TEST_F(SenderTest, OtherDomainsMayNot) {
  for (const std::string_view other : {"example.org", "www.example.com", "shop.example", "xexample.com",
                                       "example.com.evil.example", "", "[192.0.2.1]", "example.com\r\n", "com"}) {
    EXPECT_EQ(path(other), SenderVerdict::reverse_path) << other;
    EXPECT_EQ(from({{"tim", other}}), SenderVerdict::author) << other;
  }
}

TEST_F(SenderTest, TheNullReversePathIsAllowedButItsAuthorIsChecked) {
  EXPECT_TRUE(check_reverse_path(SenderRights(tim_), std::nullopt, "q1").allowed());
  EXPECT_EQ(from({{"ceo", "bank.example"}}), SenderVerdict::author);
}

TEST_F(SenderTest, ThereIsExactlyOneAuthor) {
  EXPECT_EQ(from({}), SenderVerdict::no_author);
  EXPECT_EQ(from({{"tim", "example.com"}, {"kurt", "example.com"}}), SenderVerdict::several_authors);
  EXPECT_EQ(from({{"tim", "example.com"}, {"ceo", "bank.example"}}), SenderVerdict::several_authors);
}

TEST_F(SenderTest, NarrowingHolds) {
  tim_.narrowed_to = senders({"berlin.shop.example", "bank.example", "kurt@example.com"});
  EXPECT_EQ(path("berlin.shop.example"), SenderVerdict::allowed);
  EXPECT_EQ(path("example.com"), SenderVerdict::reverse_path);
  EXPECT_EQ(from({{"kurt", "example.com"}}), SenderVerdict::allowed);
  EXPECT_EQ(from({{"tim", "example.com"}}), SenderVerdict::author);
  EXPECT_EQ(path("bank.example"), SenderVerdict::reverse_path);
  tim_.narrowed_to = senders({});
  EXPECT_EQ(path("berlin.shop.example"), SenderVerdict::reverse_path);
}

TEST_F(SenderTest, WhoHasNoDomainsMaySendFromNone) {
  tim_.domains = nullptr;
  EXPECT_EQ(path("example.com"), SenderVerdict::reverse_path);
}

TEST_F(SenderTest, TheSuspendedMayNotSendAtAll) {
  tim_.customer_status = AccountStatus::suspended;
  EXPECT_EQ(path("example.com"), SenderVerdict::suspended);
  EXPECT_EQ(check_reverse_path(SenderRights(tim_), std::nullopt, "q1").verdict, SenderVerdict::suspended);
  EXPECT_EQ(from({{"tim", "example.com"}}), SenderVerdict::suspended);
}

TEST_F(SenderTest, TheHeldAreJudgedLikeOthers) {
  tim_.account_status = AccountStatus::held;
  tim_.reason = "odd traffic";
  EXPECT_TRUE(SenderRights(tim_).held());
  EXPECT_EQ(SenderRights(tim_).status_reason(), "odd traffic");
  EXPECT_TRUE(check_reverse_path(SenderRights(tim_), std::nullopt, "q1").allowed());
  EXPECT_EQ(from({{"tim", "example.com"}}), SenderVerdict::allowed);
  EXPECT_EQ(path("elsewhere.example"), SenderVerdict::reverse_path);
  tim_.customer_status = AccountStatus::suspended;
  EXPECT_EQ(path("example.com"), SenderVerdict::suspended);
}

TEST_F(SenderTest, ATrustedNetworkSendsFromItsList) {
  const SenderRights rights(scanners_);
  EXPECT_TRUE(check_reverse_path(rights, Mailbox{"scan", "office.example"}, "q1").allowed());
  EXPECT_TRUE(check_reverse_path(rights, std::nullopt, "q1").allowed());
  EXPECT_EQ(check_reverse_path(rights, Mailbox{"scan", "example.com"}, "q1").verdict, SenderVerdict::reverse_path);
  EXPECT_EQ(check_authors(rights, {}, "q1").verdict, SenderVerdict::no_author);
  scanners_.domains = nullptr;
  EXPECT_EQ(check_reverse_path(rights, Mailbox{"scan", "office.example"}, "q1").verdict, SenderVerdict::reverse_path);
}

TEST_F(SenderTest, ATrustedNetworkForAnyDomainIsAskedForNothing) {
  const SenderRights rights(anywhere_);
  EXPECT_TRUE(check_reverse_path(rights, Mailbox{"scan", "whatever.example"}, "q1").allowed());
  EXPECT_TRUE(check_authors(rights, {}, "q1").allowed());
  const std::vector<Mailbox> two{{"a", "a.example"}, {"b", "[192.0.2.1]"}};
  EXPECT_TRUE(check_authors(rights, two, "q1").allowed());
}

// Help says that mail programs show it; it was shown to no client.
TEST_F(SenderTest, WhyTheOperatorSuspendsTheAccountIsShown) {
  tim_.reason = "odd traffic, call 555-0100";
  const std::vector<Mailbox> author{{"tim", "example.com"}};
  tim_.account_status = AccountStatus::suspended;
  EXPECT_EQ(check_authors(SenderRights(tim_), author, "").reason,
            "this account may not send at present: odd traffic, call 555-0100");
  tim_.reason = std::string(300, 'r') + "\r\n";
  EXPECT_LE(check_authors(SenderRights(tim_), author, std::string(100, 'i')).reason.size(), kReasonBytesMax);
}

TEST_F(SenderTest, TheReasonNamesTheDomainAndTheId) {
  const SenderDecision path_refused = check_reverse_path(SenderRights(tim_), Mailbox{"a", "bank.example"}, "4f2a-17");
  EXPECT_EQ(path_refused.reason,
            "Sender address rejected: not owned by user; the domain bank.example is not one that you may send from (id "
            "4f2a-17)");
  const std::vector<Mailbox> author{{"a", "bank.example"}};
  EXPECT_EQ(check_authors(SenderRights(tim_), author, "4f2a-17").reason,
            "From domain bank.example is not one that you may send from (id 4f2a-17)");
  EXPECT_EQ(check_reverse_path(SenderRights(tim_), Mailbox{"postmaster", ""}, "").reason,
            "Sender address rejected: not owned by user; the domain (none) is not one that you may send from");
  EXPECT_EQ(check_reverse_path(SenderRights(tim_), Mailbox{"a", "example.com"}, "x").reason, "");
}

TEST_F(SenderTest, TheReasonIsOnePrintableLineWhateverCameIn) {
  const std::string hostile =
      "evil\r\n250 ok\x1b[2J\0\xff%n"
      "b\u00fccher.example"s +
      std::string(5000, 'x');
  const std::vector<Mailbox> author{{"a", hostile}};
  for (const std::string& reason : {check_reverse_path(SenderRights(tim_), Mailbox{"a", hostile}, hostile).reason,
                                    check_authors(SenderRights(tim_), author, hostile).reason}) {
    EXPECT_FALSE(reason.empty());
    EXPECT_LE(reason.size(), kReasonBytesMax);
    EXPECT_TRUE(std::ranges::all_of(reason, [](char c) { return c >= ' ' && c <= '~'; })) << reason;
  }
}

}  // namespace
}  // namespace sluice::policy
