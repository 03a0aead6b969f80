// Who may relay: lists of restrictions, and networks.  When in doubt nobody.
#include "tools/import_postfix/access.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/import_postfix/importing.h"

namespace sluice::import_postfix {
namespace {

std::string who(std::string_view main_cf) {
  const MainCf parsed = parse_main_cf(main_cf);
  const Access access = access_of(Parameters(parsed));
  return std::string(access.networks ? "networks " : "") + (access.logins ? "logins" : "");
}

TEST(AccessTest, PostfixsOwnListLetsInBoth) { EXPECT_EQ(who(""), "networks logins"); }

TEST(AccessTest, EachListHasToLetAClientPass) {
  EXPECT_EQ(who("smtpd_relay_restrictions = permit_sasl_authenticated, reject\n"), "logins");
  EXPECT_EQ(who("smtpd_relay_restrictions = permit_mynetworks reject\n"), "networks ");
  EXPECT_EQ(who("smtpd_client_restrictions = permit_sasl_authenticated, reject\n"), "logins");
  EXPECT_EQ(who("smtpd_recipient_restrictions = reject\n"), "");
  EXPECT_EQ(who("smtpd_sender_restrictions = PERMIT_MYNETWORKS, defer\n"), "networks ");
  EXPECT_EQ(who("smtpd_relay_restrictions = reject_unauth_destination, permit_mynetworks\n"), "");
  EXPECT_EQ(who("smtpd_relay_restrictions = permit_auth_destination reject\n"), "");
}

TEST(AccessTest, WithoutARelayListTheRecipientListHasToPermit) {
  EXPECT_EQ(who("smtpd_relay_restrictions =\n"), "");
  EXPECT_EQ(
      who("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n"),
      "networks ");
}

TEST(AccessTest, WhatMayRefuseBeforeAPermitKeepsNetworksOut) {
  EXPECT_EQ(who("smtpd_sender_restrictions = check_sender_access hash:/x, permit_mynetworks\n"), "logins");
  EXPECT_EQ(who("smtpd_sender_restrictions = permit_mynetworks, check_sender_access hash:/x\n"), "networks logins");
  EXPECT_EQ(who("smtpd_client_restrictions = { check_policy_service inet:127.0.0.1:1, timeout=1 } \n"), "logins");
  EXPECT_EQ(who("smtpd_sender_restrictions = reject_sender_login_mismatch\n"), "logins");
  EXPECT_EQ(who("smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch\n"), "networks logins");
  EXPECT_EQ(who("smtpd_recipient_restrictions = reject_non_fqdn_sender, permit_mynetworks, reject\n"), "networks ");
  EXPECT_EQ(who("smtpd_client_restrictions = my_class\n"), "logins");
  EXPECT_EQ(who("smtpd_client_restrictions = warn_if_reject check_client_access hash:/x, permit_mynetworks\n"),
            "networks logins");
}

TEST(AccessTest, AListThatIsNotUnderstoodLetsNobodyIn) {
  EXPECT_EQ(who("smtpd_relay_restrictions = ${broken\n"), "");
  EXPECT_EQ(who("smtpd_client_restrictions = $loop\nloop = $loop\n"), "");
}

TEST(AccessTest, APermitAsAnArgumentIsNone) {
  EXPECT_EQ(who("smtpd_relay_restrictions = check_client_access permit_mynetworks, reject\n"), "");
}

std::vector<std::string> networks(std::string_view main_cf) {
  const MainCf parsed = parse_main_cf(main_cf);
  return networks_of(Parameters(parsed)).networks;
}
using Texts = std::vector<std::string>;

TEST(NetworksTest, AreThoseThatAreWritten) {
  EXPECT_EQ(networks("mynetworks = 127.0.0.0/8 [::1]/128, [2001:db8::]/32 192.0.2.7\n"),
            (Texts{"127.0.0.0/8", "::1", "2001:db8::/32", "192.0.2.7"}));
  EXPECT_EQ(networks("mynetworks =\n"), Texts());
  EXPECT_EQ(networks("mynetworks_style = subnet\n"), (Texts{"127.0.0.0/8", "::1"}));
}

TEST(NetworksTest, AreNarrowerWhereOneIsNotUnderstood) {
  EXPECT_EQ(networks("mynetworks = 192.0.2.1/24 hash:/x host.example 10.0.0.0/8\n"), Texts{"10.0.0.0/8"});
  EXPECT_EQ(networks("mynetworks = 0.0.0.0/0 ::/0 10.0.0.0/8\n"), Texts{"10.0.0.0/8"});
  EXPECT_EQ(networks("mynetworks = !10.1.2.3, 10.0.0.0/8, 192.0.2.0/24\n"), Texts{"192.0.2.0/24"});
  EXPECT_EQ(networks("mynetworks = 10.1.0.0/16 !10.0.0.0/8\n"), Texts());
  EXPECT_EQ(networks("mynetworks = !bad.example, 10.0.0.0/8\n"), Texts());
  EXPECT_EQ(networks("mynetworks = $mynetworks 10.0.0.0/8\n"), Texts());
}

}  // namespace
}  // namespace sluice::import_postfix
