// Where mail goes on to, and in which order routes stand.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/route/table.h"
#include "tests/unit/import_postfix/importing.h"

namespace sluice::import_postfix {
namespace {

using route::RouteTls;

// The host that mail takes, "mx" where the recipient's own servers are asked.
std::string way(const config::Config& config, std::string_view recipient, std::string_view sender = "a.example") {
  std::vector<route::RouteConditions> conditions;
  for (const auto& each : config.routes) conditions.push_back(each.conditions);
  const route::RouteTable table(conditions, "relay.example");
  const auto& route = config.routes.at(table.find({.recipient_domain = recipient,
                                                   .sender_domain = sender,
                                                   .customer = {},
                                                   .null_sender = false,
                                                   .own_dsn = false}));
  return route.route.mx ? "mx" : route.route.hosts.at(0).label();
}
std::string relayhost(const std::string& main_cf) { return way(import_and_read(main_cf).config, "b.example"); }

TEST(RouteTest, RelayhostInItsForms) {
  EXPECT_EQ(relayhost(""), "mx");
  EXPECT_EQ(relayhost("relayhost =\n"), "mx");
  EXPECT_EQ(relayhost("relayhost = [mail.example.net]\n"), "mail.example.net:25");
  EXPECT_EQ(relayhost("relayhost = [mail.example.net]:submission\n"), "mail.example.net:587");
  EXPECT_EQ(relayhost("relayhost = [192.0.2.1]:2525\n"), "192.0.2.1:2525");
  EXPECT_EQ(relayhost("relayhost = [ipv6:2001:db8::1]\n"), "[2001:db8::1]:25");
  EXPECT_EQ(relayhost("relayhost = mail.$mydomain:26\nmyhostname = a.example.org\n"), "mail.example.org:26");
  EXPECT_EQ(relayhost("default_transport = smtp:[mail.example.net]\nrelayhost = [other.example]\n"),
            "mail.example.net:25");
}

TEST(RouteTest, ProtocolsOfTheNetworkCountForMxHostsToo) {
  EXPECT_TRUE(import_and_read("").config.routes.at(0).route.ipv6);
  EXPECT_TRUE(import_and_read("inet_protocols = ipv4, ipv6\n").config.routes.at(0).route.ipv6);
  EXPECT_FALSE(import_and_read("inet_protocols = ipv4\n").config.routes.at(0).route.ipv6);
}

TEST(RouteTest, WhatIsNotUnderstoodGoesNowhere) {
  for (const char* const main_cf :
       {"relayhost = [broken\n", "relayhost = mail.example.net:nonsense\n", "relayhost = ${x\n",
        "default_transport = uucp:x\n", "default_transport = error:no mail\n", "relayhost = a_b c\n"})
    EXPECT_EQ(relayhost(main_cf), "no-counterpart.invalid:25") << main_cf;
}

TEST(RouteTest, MxOfADomainIsToBeDecided) {
  EXPECT_TRUE(import_and_read("relayhost = example.net\n").decides("Postfix looks up the MX hosts of example.net"));
}

constexpr std::string_view kTransport =
    "transport_maps = hash:/t\nsender_dependent_relayhost_maps = hash:/s\nrelayhost = [default.example]\n";

TEST(RouteTest, TheNearestEntryOfTransportMapsCounts) {
  const Read read = import_and_read(kTransport, std::string(kSmtp) + "slow unix - - y - - smtp\n",
                                    {{"/t",
                                      ".example.com  smtp:[wide.example]\n.deep.example.com  "
                                      "smtp:[deep.example]\nhost.deep.example.com  slow:[exact.example]:26\n"
                                      "example.com  :[own.example]\ndirect.example  smtp:\nfailing.example  error:no "
                                      "such\nuser@x.example  smtp:[u.example]\n"
                                      "bad,domain  smtp:[u.example]\nexample.com  smtp:[second.example]\n"},
                                     {"/s", "@b.example  [sender.example]:587\nuser@c.example  [u.example]\n"}});
  EXPECT_EQ(way(read.config, "x.example.com"), "wide.example:25");
  EXPECT_EQ(way(read.config, "x.deep.example.com"), "deep.example:25");
  EXPECT_EQ(way(read.config, "host.deep.example.com"), "exact.example:26");
  EXPECT_EQ(way(read.config, "example.com"), "own.example:25");
  EXPECT_EQ(way(read.config, "direct.example"), "mx");
  EXPECT_EQ(way(read.config, "failing.example"), "no-counterpart.invalid:25");
  EXPECT_EQ(way(read.config, "other.example"), "default.example:25");
  EXPECT_EQ(way(read.config, "other.example", "b.example"), "sender.example:587");
  EXPECT_EQ(way(read.config, "example.com", "b.example"), "own.example:25");
  EXPECT_TRUE(read.decides("user@x.example") && read.decides("user@c.example") && read.decides("bad,domain"));
}

TEST(RouteTest, AnEntryForAllIsTheLastRoute) {
  const Read read = import_and_read(kTransport, kSmtp, {{"/t", "* smtp:[all.example]\n"}});
  EXPECT_EQ(way(read.config, "x.example"), "all.example:25");
}

TEST(RouteTest, AServicesOwnTlsCounts) {
  const Read read = import_and_read("transport_maps = hash:/t\nsmtp_tls_security_level = may\n",
                                    std::string(kSmtp) + "safe unix - - y - - smtp -o smtp_tls_security_level=secure\n",
                                    {{"/t", "a.example safe:[a.example]\n"}});
  ASSERT_EQ(read.config.routes.size(), 2U);
  EXPECT_EQ(read.config.routes[0].route.tls, RouteTls::required);
  EXPECT_TRUE(read.config.routes[0].route.verify);
  EXPECT_EQ(read.config.routes[1].route.tls, RouteTls::opportunistic);
}

struct TlsRow {
  const char* main_cf;
  RouteTls tls;
  bool verify;
};

TEST(RouteTest, TlsOfEachLevel) {
  constexpr TlsRow kRows[] = {{"", RouteTls::none, true},
                              {"smtp_use_tls = yes\n", RouteTls::opportunistic, true},
                              {"smtp_enforce_tls = yes\n", RouteTls::required, true},
                              {"smtp_tls_security_level = may\n", RouteTls::opportunistic, true},
                              {"smtp_tls_security_level = encrypt\n", RouteTls::required, false},
                              {"smtp_tls_security_level = dane\n", RouteTls::opportunistic, true},
                              {"smtp_tls_security_level = dane-only\n", RouteTls::required, true},
                              {"smtp_tls_security_level = fingerprint\n", RouteTls::required, true},
                              {"smtp_tls_security_level = unknown\n", RouteTls::required, true},
                              {"smtp_tls_security_level = dane\nrelayhost = [a.example]\n", RouteTls::required, false}};
  for (const TlsRow& row : kRows) {
    const auto route = import_and_read(row.main_cf).config.routes.at(0).route;
    EXPECT_EQ(route.tls, row.tls) << row.main_cf;
    if (row.tls == RouteTls::required) EXPECT_EQ(route.verify, row.verify) << row.main_cf;
  }
}

TEST(RouteTest, VersionsAndAuthorities) {
  const auto route = import_and_read(
                         "smtp_tls_security_level = verify\nsmtp_tls_CAfile = "
                         "/etc/ssl/ca.pem\nsmtp_tls_mandatory_protocols = >=TLSv1.3\n")
                         .config.routes.at(0);
  EXPECT_EQ(route.ca_file, "/etc/ssl/ca.pem");
  EXPECT_EQ(route.route.tls_min_version, TlsVersion::tls_1_3);
  EXPECT_EQ(import_and_read("smtp_tls_security_level = may\nsmtp_tls_protocols = !SSLv2, !TLSv1\n")
                .config.routes[0]
                .route.tls_min_version,
            TlsVersion::tls_1_2);
}

TEST(RouteTest, Numbers) {
  const Read read = import_and_read(
      "default_destination_concurrency_limit = 7\nsmtp_destination_concurrency_limit = 3\nsmtp_connect_timeout = 2m\n"
      "smtp_mail_timeout = 90\nsmtp_data_init_timeout = 1h\nsmtp_data_xfer_timeout = 5\nsmtp_data_done_timeout = 1d\n"
      "smtp_connection_reuse_count_limit = 0\n");
  const auto route = read.config.routes.at(0).route;
  EXPECT_EQ(route.concurrency, 3U);
  EXPECT_EQ(route.connect_timeout, std::chrono::minutes(2));
  EXPECT_EQ(route.command_timeout, std::chrono::seconds(90));
  EXPECT_EQ(route.data_timeout, std::chrono::hours(1));
  EXPECT_EQ(route.block_timeout, std::chrono::seconds(5));
  EXPECT_EQ(route.final_timeout, std::chrono::hours(1));
  EXPECT_EQ(route.messages_per_connection_max, 10U);
}

}  // namespace
}  // namespace sluice::import_postfix
