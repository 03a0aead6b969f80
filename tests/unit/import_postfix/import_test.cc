// The other sections, and what is said of what has no counterpart.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/import_postfix/importing.h"
#include "tools/import_postfix/options.h"
#include "tools/import_postfix/parameters.h"

namespace sluice::import_postfix {
namespace {

constexpr std::string_view kLogin = "smtpd_sasl_auth_enable = yes\nmynetworks = 10.0.0.0/8\n";

TEST(ImportTest, NothingAtAllIsAConfiguration) {
  const Read read = import_and_read("", "");
  EXPECT_EQ(read.config.routes.size(), 1U);
  EXPECT_TRUE(read.config.routes[0].route.mx);
}

TEST(ImportTest, NamesOfTheServer) {
  EXPECT_EQ(import_and_read("myhostname = Relay.Example.NET\n").config.server.hostname, "relay.example.net");
  EXPECT_EQ(import_and_read("myhostname = 192.0.2.1\n").config.server.hostname, "");
  EXPECT_TRUE(import_and_read("myhostname = relay.example.net # ours\n").decides("myhostname is no host name"));
}

TEST(ImportTest, VersionsOfTls) {
  const auto version = [](const std::string& main_cf) { return import_and_read(main_cf).config.tls.min_version; };
  EXPECT_EQ(version(""), TlsVersion::tls_1_2);
  EXPECT_EQ(version("smtpd_tls_mandatory_protocols = >=TLSv1.2\n"), TlsVersion::tls_1_2);
  EXPECT_EQ(version("smtpd_tls_mandatory_protocols = !SSLv3, !TLSv1, !TLSv1.1, !TLSv1.2\n"), TlsVersion::tls_1_3);
  EXPECT_EQ(version("smtpd_tls_protocols = >= TLSv1.3\n"), TlsVersion::tls_1_3);
}

TEST(ImportTest, CertificatesAreToBeCopied) {
  const Read read =
      import_and_read("myhostname = r.example.net\nsmtpd_tls_cert_file = /c.pem\nsmtpd_tls_key_file = /k.pem\n");
  EXPECT_TRUE(read.decides("copy the certificate /c.pem and the key /k.pem to /etc/sluice/tls/r.example.net/"));
}

TEST(ImportTest, DovecotIsABackEnd) {
  const auto backend = [](const std::string& path, const std::string& more = "") {
    return import_and_read(std::string(kLogin) + "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = " + path + "\n" + more)
        .config.backends;
  };
  EXPECT_EQ(backend("private/auth").at(0).servers.at(0).host, "/var/spool/postfix/private/auth");
  EXPECT_EQ(backend("private/auth", "queue_directory = /q\n").at(0).servers.at(0).host, "/q/private/auth");
  EXPECT_EQ(backend("unix:/run/auth").at(0).servers.at(0).host, "/run/auth");
  EXPECT_EQ(backend("inet:127.0.0.1:12345").at(0).tls, auth::BackendTls::none);
  EXPECT_EQ(backend("inet:192.0.2.1:12345").at(0).tls, auth::BackendTls::implicit);
  EXPECT_TRUE(backend("inet:nonsense:x:y").empty());
  EXPECT_TRUE(backend("/" + std::string(200, 'x')).empty());
}

TEST(ImportTest, CyrusIsTheStoreAlone) {
  const Read read = import_and_read(kLogin);
  EXPECT_TRUE(read.config.backends.empty());
  EXPECT_TRUE(read.decides("Cyrus SASL, which has no counterpart"));
}

TEST(ImportTest, SendersBecomeCommandsForTheStore) {
  const Read read = import_and_read(std::string(kLogin) + "smtpd_sender_login_maps = hash:/s, mysql:/m.cf\n", kSmtp,
                                    {{"/s",
                                      "a@example.com a@example.com\nb@example.com b@example.com, "
                                      "c@example.org\n@example.org c@example.org\n`x`@$(y) z\n"}});
  EXPECT_TRUE(read.says("\n# $ sluicectl domain add example.com --customer example.com\n"));
  EXPECT_TRUE(read.says("\n# $ sluicectl customer add example.org\n"));
  EXPECT_TRUE(read.decides("example.com: logins of other domains"));
  EXPECT_FALSE(read.decides("example.org: logins of other domains"));
  EXPECT_TRUE(read.decides("mysql:/m.cf"));
  EXPECT_FALSE(read.says("$(y)"));
}

TEST(ImportTest, Limits) {
  const Read read = import_and_read(
      "message_size_limit = 1000000\nheader_size_limit = 20480\nhopcount_limit = "
      "25\nsmtpd_client_connection_count_limit = 9\n"
      "smtpd_hard_error_limit = 5\nsmtpd_junk_command_limit = 6\nsmtpd_timeout = 2m\nsmtpd_starttls_timeout = 20s\n");
  const auto& limits = read.config.limits;
  EXPECT_EQ(limits.message_bytes, 1'000'000U);
  EXPECT_EQ(limits.header_bytes, 20'480U);
  EXPECT_EQ(limits.received_fields, 25U);
  EXPECT_EQ(limits.sessions_per_address, 9U);
  EXPECT_EQ(limits.bad_commands, 5U);
  EXPECT_EQ(limits.idle_commands, 6U);
  EXPECT_EQ(limits.idle, std::chrono::minutes(2));
  EXPECT_EQ(limits.handshake, std::chrono::seconds(20));
}

TEST(ImportTest, LimitsThatCannotBeAreTheNearest) {
  const auto bytes = [](const std::string& value) {
    return import_and_read("message_size_limit = " + value + "\n").config.limits.message_bytes;
  };
  EXPECT_EQ(bytes("1000"), 65'536U);
  EXPECT_EQ(bytes("99999999999999"), 10'737'418'240U);
  for (const char* const value : {"0", "10M", "x", "", "-1", "999999999999999999999"})
    EXPECT_EQ(bytes(value), 52'428'800U);
}

TEST(ImportTest, RatesNarrowTheBuiltInClass) {
  EXPECT_TRUE(import_and_read("smtpd_recipient_limit = 500\n").config.policy.classes.empty());
  const Read read = import_and_read(
      "smtpd_recipient_limit = 30\nsmtpd_client_message_rate_limit = 10\nsmtpd_client_recipient_rate_limit = "
      "40\nanvil_rate_time_unit = 1h\n");
  ASSERT_EQ(read.config.policy.classes.size(), 1U);
  const auto& made = read.config.policy.classes[0];
  EXPECT_EQ(made.name, policy::kDefaultClassName);
  EXPECT_EQ(made.recipients_per_message, 30U);
  EXPECT_EQ(read.config.limits.recipients_per_message, 30U);
  std::uint64_t recipients = 0;
  std::uint64_t messages = 0;
  for (const auto& limit : made.account_limits) {
    if (limit.span != policy::Span::hour) continue;
    if (limit.quantity == policy::Quantity::recipients) recipients = limit.amount;
    if (limit.quantity == policy::Quantity::messages) messages = limit.amount;
  }
  EXPECT_EQ(recipients, 40U);
  EXPECT_EQ(messages, 10U);
  EXPECT_TRUE(import_and_read("smtpd_client_message_rate_limit = 10\nanvil_rate_time_unit = 7s\n")
                  .decides("no minute, hour or day"));
  EXPECT_TRUE(import_and_read("smtpd_client_message_rate_limit = 0\n").config.policy.classes.empty());
}

TEST(ImportTest, TimesOfTheQueue) {
  const auto queue = [](const std::string& main_cf) { return import_and_read(main_cf).config.queue; };
  EXPECT_EQ(queue("maximal_queue_lifetime = 2\n").expire, std::chrono::hours(48));
  EXPECT_EQ(queue("maximal_queue_lifetime = 1h\ndelay_warning_time = 2\n").delay_report, std::chrono::seconds(0));
  EXPECT_EQ(queue("delay_warning_time = 2\n").delay_report, std::chrono::hours(2));
  using Waits = std::vector<Duration>;
  EXPECT_EQ(queue("minimal_backoff_time = 100\nmaximal_backoff_time = 500\n").retry,
            (Waits{std::chrono::seconds(100), std::chrono::seconds(200), std::chrono::seconds(400),
                   std::chrono::seconds(500)}));
  EXPECT_EQ(queue("minimal_backoff_time = 2h\n").retry, Waits{std::chrono::hours(2)});
}

TEST(ImportTest, EachLineIsSaid) {
  const std::string main_cf =
      "myhostname = a.example.net\nbiff = no\nmyhostname = b.example.net\nown_value = 1\nsmtpd_milters = "
      "inet:localhost:1\n"
      "alias_maps = hash:/etc/aliases\nmynetworks = 127.0.0.0/8\nrelayhost =\n";
  const std::string master_cf =
      std::string(kSmtp) + std::string(kSubmission) + "qmqp inet n - n - - qmqpd\nsmtp unix - - y - - smtp\n";
  const Read read = import_and_read(main_cf, master_cf);
  for (const Parameter& parameter : parse_main_cf(main_cf).parameters)
    EXPECT_TRUE(read.says("# " + parameter.place + ": " + parameter.name + " =")) << parameter.place;
  for (const char* const place : {"master.cf:1: ", "master.cf:2: ", "master.cf:6: ", "master.cf:7: "})
    EXPECT_TRUE(read.says(std::string("# ") + place)) << place;
  EXPECT_TRUE(read.says("a later line counts in its place"));
  EXPECT_TRUE(read.decides("no milter is asked") && read.decides("qmqpd listens there"));
  EXPECT_FALSE(read.decides("master.cf:7"));
}

ImportCommand command(std::vector<const char*> words) {
  words.insert(words.begin(), "program");
  return parse_import(static_cast<int>(words.size()), words.data());
}

TEST(ImportOptionsTest, CommandLines) {
  EXPECT_EQ(command({}).config_directory, "/etc/postfix");
  EXPECT_EQ(command({}).output, "");
  const ImportCommand given = command({"--config-dir=/p", "--output", "/o/s.toml", "--user", "relay"});
  EXPECT_EQ(given.kind, ImportCommand::Kind::run);
  EXPECT_EQ(given.config_directory + given.output + given.user, "/p/o/s.tomlrelay");
  EXPECT_EQ(command({"--help"}).kind, ImportCommand::Kind::print);
  for (const char* const wrong : {"--output=relative", "--output=/ends/", "--outptu=/x", "word", "--user"})
    EXPECT_EQ(command({wrong}).kind, ImportCommand::Kind::wrong) << wrong;
}

}  // namespace
}  // namespace sluice::import_postfix
