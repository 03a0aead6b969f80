// Secrets are in files of their own, and nowhere in what is written; names and values are data.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/import_postfix/importing.h"

namespace sluice::import_postfix {
namespace {

constexpr std::string_view kRelay = "relayhost = [mail.example.net]:587\nsmtp_sasl_auth_enable = yes\n";

bool is_anywhere(const Read& read, std::string_view text) {
  return read.says(text) ||
         std::ranges::any_of(read.imported.decisions, [&](const std::string& each) { return each.contains(text); });
}

TEST(SecretTest, ALoginAtANextHopIsByFileAndInTls) {
  const Read read =
      import_and_read(std::string(kRelay) + "smtp_tls_security_level = may\nsmtp_sasl_password_maps = hash:/p\n", kSmtp,
                      {{"/p", "other.example  x:y\n[mail.example.net]:587  me@example.net:s3cret:with colon\n"}});
  const auto& route = read.config.routes.at(0);
  EXPECT_EQ(route.login, "me@example.net");
  EXPECT_EQ(route.password_file, "/etc/sluice/default.password");
  EXPECT_EQ(route.route.tls, route::RouteTls::required);
  EXPECT_FALSE(route.route.verify);
  ASSERT_EQ(read.imported.secrets.size(), 1U);
  EXPECT_EQ(read.imported.secrets[0].name, "default.password");
  EXPECT_EQ(read.imported.secrets[0].text, "s3cret:with colon\n");
  EXPECT_FALSE(is_anywhere(read, "s3cret"));
}

TEST(SecretTest, TheHostAloneIsAKeyToo) {
  const Read read = import_and_read(std::string(kRelay) + "smtp_sasl_password_maps = hash:/p\n", kSmtp,
                                    {{"/p", "MAIL.example.net me:s3cret\n"}});
  EXPECT_EQ(read.config.routes.at(0).login, "me");
}

TEST(SecretTest, OnThisMachineALoginNeedsNoTls) {
  const Read read =
      import_and_read("relayhost = [127.0.0.1]:2525\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/p\n",
                      kSmtp, {{"/p", "[127.0.0.1]:2525 me:s3cret\n"}});
  EXPECT_EQ(read.config.routes.at(0).login, "me");
  EXPECT_EQ(read.config.routes.at(0).route.tls, route::RouteTls::none);
}

TEST(SecretTest, WithoutALoginThereIsNone) {
  const Read off = import_and_read("relayhost = [mail.example.net]:587\nsmtp_sasl_password_maps = hash:/p\n", kSmtp,
                                   {{"/p", "[mail.example.net]:587 me:s3cret\n"}});
  EXPECT_TRUE(off.config.routes.at(0).login.empty() && off.imported.secrets.empty());
  const Read mx = import_and_read("smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/p\n", kSmtp,
                                  {{"/p", "example.net me:s3cret\n"}});
  EXPECT_TRUE(mx.config.routes.at(0).login.empty());
}

TEST(SecretTest, ValuesWithSecretsInThemAreCut) {
  for (const std::string_view line :
       {"smtp_sasl_password_maps = static:me:s3cret\n",
        "smtp_sasl_password_maps = inline:{ [mail.example.net]:587=me:s3cret }\n",
        "own = me:s3cret\nsmtp_sasl_password_maps = static:$own\n", "some_password = s3cret\n",
        "s = { x, static:me:s3cret }\n", "smtp_sasl_password_maps = hash:/p, static:s3cret\n",
        "lmtp_sasl_password_maps = s3cret\n"}) {
    const Read read = import_and_read(std::string(kRelay) + std::string(line),
                                      std::string(kSmtp) + "  -o own_secret=s3cret -o x=s3cret\n");
    EXPECT_FALSE(is_anywhere(read, "s3cret")) << line;
  }
}

TEST(SecretTest, PipesArgumentsAndOfCyrusOnlyNamesAreShown) {
  const Read read = import_and_read(
      "smtpd_sasl_auth_enable = yes\n", std::string(kSmtp) + "x unix - n n - - pipe user=u argv=/x --key s3cret\n",
      {{"/etc/postfix/sasl/smtpd.conf", "pwcheck_method: auxprop\nsql_passwd: s3cret\nsql_engine: mysql\n"}});
  EXPECT_FALSE(is_anywhere(read, "s3cret"));
  EXPECT_TRUE(read.says("sql_engine: mysql") && read.says("smtpd.conf:2: sql_passwd: ..."));
}

TEST(HostileTest, NamesAndValuesAreData) {
  const std::string hostile = "a\"]\\ \x1b[31m\xff \xe2\x80\xae = [[route]]";
  const Read read =
      import_and_read("myhostname = " + hostile + "\nrelayhost = " + hostile + "\nmynetworks = " + hostile + "\n" +
                          "smtpd_banner = x\r\x0b[[listener]]\nsmtpd_sasl_path = private/" + hostile + "\n" +
                          "smtpd_sasl_type = dovecot\ntransport_maps = hash:/t\nx\x1b" + "y = 1\n",
                      std::string(kSubmission) + "smtp inet n - y - - \x1b[2Jsmtpd\n",
                      {{"/t", hostile + "\n" + "b.example smtp:" + hostile + "\n"}});
  EXPECT_EQ(std::ranges::count(read.imported.toml, '\x1b'), 0);
  EXPECT_EQ(std::ranges::count(read.imported.toml, '\r'), 0);
  EXPECT_FALSE(read.says("\xe2\x80\xae"));
  EXPECT_EQ(read.config.listeners.size(), 1U);
}

// As U+FFFD each byte became three: the path was too long then, and never the one that was meant.
TEST(HostileTest, BytesThatAreNoUtf8AreNotWritten) {
  const std::string bytes(30, '\xff');
  const Read path = import_and_read("smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = /run/" +
                                    bytes + "\n");
  EXPECT_TRUE(path.config.backends.empty());
  EXPECT_TRUE(path.decides("smtpd_sasl_path is no server"));
  const Read login = import_and_read(std::string(kRelay) + "smtp_sasl_password_maps = hash:/p\n", kSmtp,
                                     {{"/p", "mail.example.net " + bytes + ":s3cret\n"}});
  EXPECT_TRUE(login.config.routes.at(0).login.empty() && login.imported.secrets.empty());
  const Read file = import_and_read("smtp_tls_security_level = verify\nsmtp_tls_CAfile = /" + bytes + "\n");
  EXPECT_EQ(file.config.routes.at(0).ca_file, "");
}

TEST(HostileTest, WhatHasToBeDecidedIsBounded) {
  std::string table;
  for (int i = 0; i < 5'000; ++i) table += "user" + std::to_string(i) + "@example.com smtp:[a.example]\n";
  const Read read = import_and_read("transport_maps = hash:/t\n", kSmtp, {{"/t", table}});
  EXPECT_EQ(read.imported.decisions.size(), 1001U);
  EXPECT_TRUE(read.decides("more than 1000 of these"));
  EXPECT_TRUE(read.says("user4999@example.com"));
}

TEST(HostileTest, LongValuesAreCutInComments) {
  const Read read = import_and_read("smtpd_banner = " + std::string(1'000'000, 'x') + "\n");
  EXPECT_LT(read.imported.toml.size(), 10'000U);
}

}  // namespace
}  // namespace sluice::import_postfix
