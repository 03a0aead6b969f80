// Services of master.cf as listeners.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/import_postfix/importing.h"

namespace sluice::import_postfix {
namespace {

using config::ListenerAuth;
using config::ListenerTls;
using Texts = std::vector<std::string>;

Texts addresses(const config::ListenerConfig& listener) {
  Texts texts;
  for (const auto& each : listener.addresses) texts.push_back(each.to_string());
  return texts;
}
Texts trusted(const config::ListenerConfig& listener) {
  Texts texts;
  for (const auto& each : listener.trusted) texts.push_back(each.to_string());
  return texts;
}

TEST(ListenerTest, DebiansOwnTakesOnlyThisMachinesMail) {
  const Read read = import_and_read("biff = no\n");
  ASSERT_EQ(read.config.listeners.size(), 1U);
  const auto& listener = read.config.listeners[0];
  EXPECT_EQ(addresses(listener), (Texts{"0.0.0.0:25", "[::]:25"}));
  EXPECT_EQ(trusted(listener), (Texts{"127.0.0.0/8", "::1"}));
  EXPECT_EQ(listener.tls, ListenerTls::none);
  EXPECT_EQ(listener.auth, ListenerAuth::off);
  EXPECT_FALSE(listener.require_auth);
}

TEST(ListenerTest, SubmissionTakesLoginsAlone) {
  const Read read = import_and_read(
      "mynetworks = 10.0.0.0/8\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n", kSubmission);
  ASSERT_EQ(read.config.listeners.size(), 1U);
  const auto& listener = read.config.listeners[0];
  EXPECT_EQ(addresses(listener), (Texts{"0.0.0.0:587", "[::]:587"}));
  EXPECT_TRUE(listener.require_tls && listener.require_auth && listener.trusted.empty());
  EXPECT_EQ(listener.auth, ListenerAuth::tls);
  EXPECT_EQ(listener.mechanisms, (Texts{"PLAIN", "LOGIN"}));
}

TEST(ListenerTest, TlsOfEachLevel) {
  const auto tls = [](const std::string& main_cf) { return import_and_read(main_cf).config.listeners.at(0); };
  EXPECT_EQ(tls("smtpd_tls_security_level = may\n").tls, ListenerTls::starttls);
  EXPECT_TRUE(tls("smtpd_tls_security_level = encrypt\n").require_tls);
  EXPECT_TRUE(tls("smtpd_enforce_tls = yes\n").require_tls);
  EXPECT_FALSE(tls("smtpd_use_tls = yes\n").require_tls);
  EXPECT_EQ(tls("smtpd_use_tls = yes\n").tls, ListenerTls::starttls);
  EXPECT_EQ(tls("smtpd_tls_wrappermode = yes\nsmtpd_tls_security_level = encrypt\n").tls, ListenerTls::implicit);
}

TEST(ListenerTest, LoginsWithoutTlsAreInTlsHere) {
  const Read read = import_and_read("smtpd_sasl_auth_enable = yes\nmynetworks =\n");
  EXPECT_EQ(read.config.listeners.at(0).tls, ListenerTls::starttls);
  EXPECT_EQ(read.config.listeners.at(0).auth, ListenerAuth::tls);
  EXPECT_TRUE(read.config.listeners.at(0).require_auth);
}

TEST(ListenerTest, MechanismsAreThoseThatPostfixAllows) {
  const std::string login = "smtpd_sasl_auth_enable = yes\nmynetworks = 10.0.0.0/8\n";
  const auto mechanisms = [&](const std::string& more) { return import_and_read(login + more).config.listeners.at(0); };
  EXPECT_EQ(mechanisms("smtpd_sasl_mechanism_filter = plain\n").mechanisms, Texts{"PLAIN"});
  EXPECT_EQ(mechanisms("smtpd_sasl_mechanism_filter = !login, static:rest\n").mechanisms, Texts{"PLAIN"});
  EXPECT_EQ(mechanisms("smtpd_sasl_mechanism_filter = gssapi\n").auth, ListenerAuth::off);
  EXPECT_EQ(mechanisms("smtpd_sasl_security_options = noanonymous, noplaintext\n").auth, ListenerAuth::off);
  EXPECT_EQ(
      mechanisms("smtpd_sasl_security_options = noplaintext\nsmtpd_sasl_tls_security_options = noanonymous\n").auth,
      ListenerAuth::tls);
}

TEST(ListenerTest, AddressesAreThoseOfTheInterfaces) {
  const auto of = [](const std::string& main_cf, std::string_view master_cf = kSmtp) {
    return addresses(import_and_read(main_cf, master_cf).config.listeners.at(0));
  };
  EXPECT_EQ(of("inet_interfaces = loopback-only\n"), (Texts{"127.0.0.1:25", "[::1]:25"}));
  EXPECT_EQ(of("inet_interfaces = 192.0.2.1, [2001:db8::1], $myhostname\nmyhostname = a.example\n"),
            (Texts{"192.0.2.1:25", "[2001:db8::1]:25"}));
  EXPECT_EQ(of("inet_protocols = ipv4\n"), Texts{"0.0.0.0:25"});
  EXPECT_EQ(of("inet_protocols = ipv6\n"), Texts{"[::]:25"});
  EXPECT_EQ(of("", "127.0.0.1:10025 inet n - n - - smtpd\n"), Texts{"127.0.0.1:10025"});
  EXPECT_EQ(of("", "[::1]:submission inet n - n - - smtpd\n"), Texts{"[::1]:587"});
}

TEST(ListenerTest, WhereNobodyMayRelayThereIsNone) {
  const Read read = import_and_read("mynetworks =\n", std::string(kSmtp) + std::string(kSubmission));
  ASSERT_EQ(read.config.listeners.size(), 1U);
  EXPECT_EQ(addresses(read.config.listeners[0])[0], "0.0.0.0:587");
}

TEST(ListenerTest, WithoutAnyTheUsualPortsAreNotOpen) {
  for (const std::string_view master_cf : {"", "smtp unix - - y - - smtp\n", "nonsense inet n - y - - smtpd\n"}) {
    const Read read = import_and_read("", master_cf);
    ASSERT_EQ(read.config.listeners.size(), 1U);
    EXPECT_EQ(addresses(read.config.listeners[0]), Texts{"127.0.0.1:587"});
    EXPECT_TRUE(read.config.listeners[0].require_auth);
  }
}

TEST(ListenerTest, BehindALoadBalancerThereIsNone) {
  const Read read = import_and_read("mynetworks = 10.0.0.0/8\nsmtpd_upstream_proxy_protocol = haproxy\n");
  EXPECT_EQ(addresses(read.config.listeners.at(0)), Texts{"127.0.0.1:587"});
  EXPECT_TRUE(read.decides("its load balancer would count as the client"));
}

TEST(ListenerTest, BehindPostscreenCountWhatItsSmtpdSays) {
  const Read read = import_and_read("mynetworks = 10.0.0.0/8\n",
                                    "smtp inet n - y - 1 postscreen\n"
                                    "smtpd pass - - y - - smtpd\n"
                                    "  -o mynetworks=192.0.2.0/24\n");
  EXPECT_EQ(trusted(read.config.listeners.at(0)), Texts{"192.0.2.0/24"});
}

TEST(ListenerTest, AnAddressThatIsThereTwiceIsWrittenOnce) {
  const Read read =
      import_and_read("inet_interfaces = all, 0.0.0.0\n", std::string(kSmtp) + "25 inet n - y - - smtpd\n");
  EXPECT_EQ(read.config.listeners.size(), 1U);
}

}  // namespace
}  // namespace sluice::import_postfix
