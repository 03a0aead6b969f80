// What a configuration means at run time: its routes, and which of them mail takes.
#include "engine/server/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "engine/server/certificates_of.h"
#include "tests/support/country_file.h"

namespace sluice::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const Plan> plan_of(const std::string& text) {
  auto config = config::load_config("[server]\nhostname = \"relay.example.net\"\n" + text, "sluice.toml");
  if (!config) {
    for (const config::ConfigError& error : config.error()) ADD_FAILURE() << error.to_string();
    return nullptr;
  }
  auto plan = make_plan(*std::move(config));
  if (plan) return *plan;
  for (const std::string& error : plan.error()) ADD_FAILURE() << error;
  return nullptr;
}

TEST(Plan, OffersTokensWhereTheyCanBeChecked) {
  const std::string listeners = R"(
[[listener]]
address = "127.0.0.1:587"
[[listener]]
address = "127.0.0.1:588"
device_only = true
[[route]]
hosts = ["127.0.0.1"]
)";
  const auto without = plan_of(listeners);
  EXPECT_THAT(without->listeners[0].rules.profile.mechanisms, ElementsAre("PLAIN", "LOGIN"));
  const auto with = plan_of("[oauth]\nissuer = \"i\"\naudience = \"a\"\njwks_file = \"/keys\"\n" + listeners);
  EXPECT_THAT(with->listeners[0].rules.profile.mechanisms, ElementsAre("PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"));
  EXPECT_THAT(with->listeners[1].rules.profile.mechanisms, ElementsAre("PLAIN", "LOGIN"));
}

TEST(Plan, KnowsTheBackEndsOfAListenerByTheirNumbers) {
  constexpr const char* kListeners =
      "[[listener]]\naddress = \"127.0.0.1:25\"\nback_ends = [\"b\", \"a\"]\n"
      "[[listener]]\naddress = \"127.0.0.1:26\"\n[[route]]\nhosts = [\"mx.example\"]\n";
  const auto plan = plan_of(std::string("[[backend]]\nname = \"a\"\nkind = \"store\"\n"
                                        "[[backend]]\nname = \"b\"\nkind = \"store\"\n") +
                            kListeners);
  ASSERT_NE(plan, nullptr);
  EXPECT_THAT(plan->listeners[0].rules.backends, ElementsAre(1, 0));
  EXPECT_TRUE(plan->listeners[1].rules.backends.empty());
  const auto store = plan_of(
      "[[listener]]\naddress = \"127.0.0.1:25\"\nback_ends = [\"store\"]\n[[route]]\nhosts = [\"mx.example\"]\n");
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(store->listeners[0].rules.backends, ElementsAre(0));
}

TEST(Plan, ReadsTheDatabaseOfCountriesOrSaysWhatIsWrongWithIt) {
  constexpr const char* kRoute = "[[route]]\nhosts = [\"mx.example\"]\n";
  EXPECT_EQ(plan_of(kRoute)->countries, nullptr);
  const testing::CountryFile whole(testing::country_file_bytes({{"192.0.2.0/24", "DE"}}));
  const auto plan = plan_of("[policy]\ncountries = \"" + whole.path() + "\"\n" + kRoute);
  ASSERT_NE(plan, nullptr);
  ASSERT_NE(plan->countries, nullptr);
  EXPECT_EQ(plan->countries->country(*io::Address::from_ip("192.0.2.1", 0)), (io::CountryDatabase::Code{'D', 'E'}));
  const testing::CountryFile corrupt("no such database");
  auto config = config::load_config(
      "[server]\nhostname = \"relay.example.net\"\n[policy]\ncountries = \"" + corrupt.path() + "\"\n" + kRoute,
      "sluice.toml");
  ASSERT_TRUE(config);
  const auto refused = make_plan(*std::move(config));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(),
              ElementsAre(AllOf(HasSubstr("policy.countries: " + corrupt.path() + ": is no file of MaxMind's format"),
                                HasSubstr("put a whole database of countries there"))));
}

TEST(Plan, HoldsARouteForEachInTheirOrder) {
  const auto plan = plan_of(R"(
[[route]]
name = "direct"
recipients = "*.example.com"
mx = true
port = 2525
ipv6 = false
mode = "store"
concurrency = 3
rate_per_s = 4
[[route]]
name = "kept"
customers = "Example Ltd"
maildir = "/srv/mail"
[[route]]
name = "farm"
hosts = [{host = "mx1.farm.example", weight = 5}]
dialog = "eager"
identify = "auth"
fallback = false
)");
  ASSERT_NE(plan, nullptr);
  ASSERT_EQ(plan->routes.size(), 3U);
  const route::Route& direct = plan->routes[0];
  EXPECT_EQ(direct.name, "direct");
  EXPECT_TRUE(direct.mx);
  EXPECT_EQ(direct.port, 2525U);
  EXPECT_FALSE(direct.ipv6);
  EXPECT_EQ(direct.mode, route::RouteMode::store);
  EXPECT_EQ(direct.concurrency, 3U);
  EXPECT_EQ(direct.rate_per_s, 4U);
  EXPECT_TRUE(direct.fallback);
  EXPECT_EQ(plan->routes[1].maildir, "/srv/mail");
  const route::Route& farm = plan->routes[2];
  EXPECT_FALSE(farm.mx);
  EXPECT_EQ(farm.hosts.at(0).weight, 5U);
  EXPECT_EQ(farm.dialog, route::RouteDialog::eager);
  EXPECT_EQ(farm.identify, route::RouteIdentify::auth);
  EXPECT_FALSE(farm.fallback);
}

// Where nobody has to log in, nobody can.
TEST(Plan, RequireAuthDecidesWhetherALoginIsOffered) {
  for (const bool required : {true, false}) {
    const auto plan =
        plan_of("[[listener]]\naddress = \"127.0.0.1:2525\"\ntrusted = \"192.0.2.0/24\"\nrequire_auth = " +
                std::string(required ? "true" : "false") + "\n[[route]]\nhosts = [\"mx1.farm.example\"]\n");
    ASSERT_NE(plan, nullptr);
    EXPECT_EQ(plan->listeners.at(0).rules.profile.extensions.auth, required);
  }
}

TEST(Plan, HandsTheLimitsOfTimeToItsSessions) {
  const auto plan = plan_of(
      "[limits]\ncommand_s = 7\ndata_bytes_per_s = 8\nmessage_bytes = 65536\n[[route]]\nhosts = "
      "[\"mx1.farm.example\"]\ntls_min_version = \"1.3\"\n");
  ASSERT_NE(plan, nullptr);
  const session::ListenerRules& rules = plan->listeners.at(0).rules;
  EXPECT_EQ(rules.command_timeout, std::chrono::seconds(7));
  EXPECT_EQ(rules.data_bytes_per_s, 8U);
  EXPECT_EQ(rules.profile.chunk_discard_bytes_max, 65536 + smtp::kContentSurplusBytesMax);
  EXPECT_EQ(plan->routes.at(0).tls_min_version, TlsVersion::tls_1_3);
}

TEST(Plan, FindsTheRouteByItsNumber) {
  const auto plan = plan_of(R"(
[[route]]
name = "here"
recipients = "relay.example.net"
maildir = "/srv/mail"
[[route]]
name = "bulk"
senders = ["<>", "News.example"]
mx = true
[[route]]
name = "theirs"
customers = "Example Ltd"
hosts = "mx.theirs.example"
[[route]]
hosts = "mx.farm.example"
)");
  ASSERT_NE(plan, nullptr);
  const route::RouteTable& table = *plan->route_table;
  EXPECT_EQ(table.size(), plan->routes.size());
  EXPECT_EQ(table.find({}), 0U);  // <Postmaster>
  EXPECT_EQ(table.find({.recipient_domain = "x.example", .null_sender = true}), 1U);
  EXPECT_EQ(table.find({.recipient_domain = "x.example", .sender_domain = "news.example"}), 1U);
  EXPECT_EQ(table.find({.recipient_domain = "x.example", .customer = "example ltd"}), 2U);
  EXPECT_EQ(table.find({.recipient_domain = "x.example"}), 3U);
  EXPECT_EQ(table.destination_key(plan->routes[1], "X.example"), "bulk/x.example");
  EXPECT_EQ(table.destination_key(plan->routes[3], "X.example"), "default");
}

TEST(Plan, ReportsComeFromThisHostUnlessSomethingElseIsSaid) {
  const std::string route = "[[route]]\nhosts = \"mx.farm.example\"\n";
  EXPECT_EQ(plan_of(route)->config.reports.from, "MAILER-DAEMON@relay.example.net");
  EXPECT_EQ(plan_of("[reports]\nfrom = \"x@y.example\"\n" + route)->config.reports.from, "x@y.example");
}

// An MX at 127.0.0.2 brought mail back to this relay, until its header had too many Received fields.
TEST(Plan, LoopbackIsOursWhereAListenerIsOnAllAddresses) {
  const auto takes = [](const std::string& listener, const std::string& port) {
    const auto plan = plan_of("[dns]\nunwanted = []\n[[listener]]\naddress = \"" + listener +
                              "\"\n[[route]]\nmx = true\nport = " + port + "\n");
    return !mx::in_networks(io::Address::from_ip("127.0.0.2", 25)->ip_bytes(), mx_rules(plan->config).unwanted);
  };
  EXPECT_FALSE(takes("0.0.0.0:25", "25"));
  EXPECT_FALSE(takes("[::]:25", "25"));
  EXPECT_TRUE(takes("0.0.0.0:587", "25"));
  EXPECT_TRUE(takes("127.0.0.1:25", "25"));
}

// By its place it was another one after a reload that has put one in front.
TEST(Plan, LimitsOfARouteAreByItsName) {
  const std::string farm = "[[route]]\nname = \"farm\"\nhosts = \"mx.farm.example\"\nconcurrency = 7\n";
  const std::string first = "[[route]]\nname = \"a\"\nsenders = \"a.example\"\nmx = true\nconcurrency = 3\n";
  for (const std::string& text : {farm, first + farm}) {
    const auto plan = plan_of(text);
    ASSERT_NE(plan, nullptr);
    const schedule::RouteThrottles& throttles = queue_options(*plan, 0).schedule.throttles;
    EXPECT_EQ(throttles.size(), plan->routes.size());
    EXPECT_EQ(throttles.at("farm").concurrency_max, 7U);
  }
}

TEST(Plan, ReportsTakeTheRouteThatIsNamed) {
  const std::string routes =
      "[[route]]\nname = \"back\"\ncustomers = \"nobody\"\nhosts = \"back.example\"\n"
      "[[route]]\nmx = true\n";
  const route::RouteTable::Query dsn{
      .recipient_domain = "x.example", .customer = "acme", .null_sender = true, .own_dsn = true};
  const auto named = plan_of("[reports]\nroute = \"back\"\n" + routes);
  ASSERT_NE(named, nullptr);
  EXPECT_EQ(named->route_table->find(dsn), 0U);
  EXPECT_EQ(named->route_table->find({.recipient_domain = "x.example", .customer = "acme", .null_sender = true}), 1U);
  EXPECT_EQ(plan_of(routes)->route_table->find(dsn), 1U);
}

TEST(Plan, TellsWhichRouteCannotBeMade) {
  auto config = config::load_config(
      "[server]\nhostname = \"relay.example.net\"\n"
      "[[route]]\nname = \"a\"\ncustomers = \"c\"\nhosts = \"localhost\"\nlogin = \"l\"\n"
      "password_file = \"/nowhere/a\"\n"
      "[[route]]\nhosts = \"b.example\"\ntls = \"required\"\nca_file = \"/nowhere/b\"\n",
      "sluice.toml");
  ASSERT_TRUE(config.has_value());
  const auto plan = make_plan(*std::move(config));
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error(), ElementsAre(HasSubstr("route a: password_file: "), HasSubstr("route default: ca_file: ")));
}

// A setting that is only read could be dropped on its way here, or be taken for its neighbour.
TEST(Plan, CarriesEachSettingToWhereItActs) {
  const auto plan = plan_of(R"(
[limits]
recipients_per_message = 11
received_fields = 12
bad_commands = 13
idle_commands = 14
auth_failures = 15
recipients_over = 16
[policy]
default_class = "wide"
[[class]]
name = "wide"
recipients_per_message = 18
[spool]
durability = "unsynced"
[tls]
hosts_loaded = 17
[[listener]]
address = "127.0.0.1:2525"
foreign_sender = "drop"
foreign_name = "mark"
trusted = ["192.0.2.0/24"]
require_auth = false
[[route]]
name = "farm"
hosts = ["127.0.0.1"]
connect_s = 21
idle_s = 22
reply_s = 23
data_s = 24
block_s = 25
final_s = 26
)");
  ASSERT_NE(plan, nullptr);
  const session::ListenerRules& rules = plan->listeners.at(0).rules;
  for (const smtp::ServerProfile* profile : {&rules.profile, &rules.trusted_profile}) {
    EXPECT_EQ(profile->recipients_max, 11U);
    EXPECT_EQ(profile->recipients_outstanding_max, 11U);
    EXPECT_EQ(profile->errors_max, 13U);
    EXPECT_EQ(profile->idle_commands_max, 14U);
    EXPECT_EQ(profile->auth_failures_max, 15U);
    EXPECT_EQ(profile->recipients_refused_max, 16U);
  }
  EXPECT_EQ(rules.received_max, 12U);
  ASSERT_NE(rules.classes, nullptr);
  EXPECT_EQ(rules.classes->default_class().name, "wide");
  EXPECT_EQ(rules.classes->default_class().recipients_per_message, 18U);
  EXPECT_EQ(rules.foreign_sender, policy::ForeignSender::drop);
  EXPECT_EQ(rules.foreign_name, policy::ForeignName::mark);
  EXPECT_FALSE(spool_options(plan->config.spool).log.synced);
  EXPECT_EQ(certificate_options(plan->config).hosts_max, 17U);
  const route::Route& route = plan->routes.at(0);
  using std::chrono::seconds;
  EXPECT_EQ(route.connect_timeout, seconds(21));
  EXPECT_EQ(route.idle_timeout, seconds(22));
  EXPECT_EQ(route.command_timeout, seconds(23));
  EXPECT_EQ(route.data_timeout, seconds(24));
  EXPECT_EQ(route.block_timeout, seconds(25));
  EXPECT_EQ(route.final_timeout, seconds(26));
}

}  // namespace
}  // namespace sluice::server
