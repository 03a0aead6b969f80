// What is wrong in a configuration file is shown, all of it, with its place and what may be there
// instead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/text/did_you_mean.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<std::string> errors_of(const std::string& text) {
  const auto config = load_config(text, "sluice.toml");
  std::vector<std::string> errors;
  if (config) return errors;
  for (const ConfigError& error : config.error()) errors.push_back(error.to_string());
  return errors;
}

struct BadFile {
  std::string text;      // a route is added behind it where it has none
  std::string expected;  // the beginning of the one message
};

class BadConfig : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadConfig, IsShownWithItsPlace) {
  const BadFile& bad = GetParam();
  const bool has_route = bad.text.find("route") != std::string::npos;
  const auto errors = errors_of(bad.text + "\n" + (has_route ? "" : std::string(kRoute)));
  ASSERT_EQ(errors.size(), 1U) << ::testing::PrintToString(errors);
  EXPECT_THAT(errors[0], StartsWith("sluice.toml:" + bad.expected));
}

INSTANTIATE_TEST_SUITE_P(Syntax, BadConfig,
                         ::testing::Values(BadFile{"[server\n", "1:8: "}, BadFile{"[server]\ncores =\n", "2:8: "},
                                           BadFile{"[server]\ncores = 1\ncores = 2\n", "3:"},
                                           BadFile{"a = \"\xff\"", "1:"}, BadFile{"[server]\nuser = \"abc\n", "2:"}));

INSTANTIATE_TEST_SUITE_P(
    Keys, BadConfig,
    ::testing::Values(
        BadFile{"[limits]\nidel_s = 5",
                "2:1: limits.idel_s: there is no such key; did you mean idle_s?; allowed: "
                "message_bytes, "},
        BadFile{"[limits]\n  idle = 5", "2:3: limits.idle: there is no such key; did you mean idle_s?"},
        BadFile{"[limits]\ndrain_s = 5",
                "2:1: limits.drain_s: there is no such key here; it belongs to server; allowed: "
                "message"},
        BadFile{"[tls]\npolicy_url = \"\"", "2:1: tls.policy_url: there is no such key here; it belongs to server;"},
        BadFile{"[store]\ndatabase = \"mail\"", "2:1: store.database: means nothing without server"},
        BadFile{"[store]\nserver = \"db.example.net\"\nuser = \"relay\"", "1:1: store.database: is missing"},
        BadFile{"[store]\nserver = \"db.example.net\"\ndatabase = \"mail\"", "1:1: store.user: is missing"},
        BadFile{"[store]\nserver = \"192.0.2.1\"\ndatabase = \"mail\"\nuser = \"relay\"\ntls = \"none\"",
                "5:1: store.tls: is \"none\", and a server is at no loopback address"},
        BadFile{"[store]\nserver = \"db.example.net\"\ndatabase = \"mail\"\nuser = \"relay\"\naccounts = \"/x.db\"",
                "5:1: store.accounts: is a file, and server is set, too"},
        BadFile{"[tls]\nwhatever_else = 1", "2:1: tls.whatever_else: there is no such key; allowed: certificates, "},
        BadFile{"hostname = \"a.example\"", "1:1: hostname: there is no such section here; it belongs to server;"},
        BadFile{"[limit]\n", "1:2: limit: there is no such section; did you mean limits?; allowed: server, store, "},
        BadFile{"[server]\n\"a\\nb\\u001b[1m\" = 1", "2:1: server.a\\nb\\u001b[1m: there is no such key;"},
        BadFile{"limits = 5", "1:1: limits: is a whole number; allowed: [limits], once"},
        BadFile{"[[limits]]\nidle_s = 5", "1:3: limits: is a list; allowed: [limits], once"},
        BadFile{"[listener]\naddress = []", "1:2: listener: is a table; allowed: [[listener]], once for each"},
        BadFile{"listener = [5]", "1:1: listener: is a list; allowed: [[listener]], once for each"}));

INSTANTIATE_TEST_SUITE_P(
    BackEndsOfListeners, BadConfig,
    ::testing::Values(
        BadFile{
            "[[backend]]\nname = \"mailboxes\"\nkind = \"store\"\n[[listener]]\naddress = \"127.0.0.1:25\"\n"
            "back_ends = [\"mailboxs\"]",
            "6:1: listener[1].back_ends: \"mailboxs\" is no back end, did you mean \"mailboxes\"?; allowed: names of "
            "[[backend]], each once"},
        BadFile{"[[listener]]\naddress = \"127.0.0.1:25\"\nback_ends = [\"store\", \"store\"]",
                "3:1: listener[1].back_ends: \"store\" is there twice"},
        BadFile{"[[listener]]\naddress = \"127.0.0.1:25\"\nback_ends = [\"mailboxes\"]",
                "3:1: listener[1].back_ends: \"mailboxes\" is no back end; allowed"}));

INSTANTIATE_TEST_SUITE_P(
    Values, BadConfig,
    ::testing::Values(
        BadFile{"[server]\ncores = \"4\"", "2:9: server.cores: is a text; allowed: a whole number from 0 to 1024"},
        BadFile{"[server]\nsupport_control = \"/run/sluice/desk.sock\"\nsupport_group = \"desk\"",
                "2:1: server.support_control: is in the directory of the other socket"},
        BadFile{"[server]\nsupport_group = \"desk\"",
                "2:1: server.support_group: has no support_control to go with it"},
        BadFile{"[server]\ncores = 1.5", "2:9: server.cores: is a number with a fraction; allowed: a whole"},
        BadFile{"[server]\ncores = -1",
                "2:9: server.cores: -1 is out of range; allowed: a whole number from 0 to 1024"},
        BadFile{"[limits]\nmessage_bytes = 65535",
                "2:17: limits.message_bytes: 65535 is out of range; allowed: a whole number from "
                "65536 to 10737418240"},
        BadFile{"[limits]\nmessage_bytes = 9223372036854775807",
                "2:17: limits.message_bytes: 9223372036854775807 is out"},
        BadFile{"[limits]\nrecipients_per_message = 0", "2:26: limits.recipients_per_message: 0 is out of range"},
        BadFile{"[tls]\ntickets = 1", "2:11: tls.tickets: is a whole number; allowed: true or false"},
        BadFile{"[limits]\nsessions_per_address = 10\nhandshakes_per_address = 10",
                "3:1: limits.handshakes_per_address: is not below sessions_per_address; allowed: 1 to 9"},
        BadFile{"[tls]\nmin_version = \"1.1\"",
                "2:15: tls.min_version: \"1.1\" is none of the choices; did you mean \"1.2\"?; "
                "allowed: \"1.2\", \"1.3\""},
        BadFile{"[log]\nformat = \"xml\"",
                "2:10: log.format: \"xml\" is none of the choices; allowed: \"json\", \"logfmt\""},
        BadFile{"[log]\nfile = \"sluice.log\"",
                "2:8: log.file: \"sluice.log\" is not an absolute path; allowed: a path"},
        BadFile{"[server]\nhostname = \"re lay\"", "2:12: server.hostname: \"re lay\" is not a host name; allowed: "},
        BadFile{"[server]\nhostname = \"a..b\"", "2:12: server.hostname: "},
        BadFile{"[server]\nhostname = \"192.0.2.1\"", "2:12: server.hostname: "},
        BadFile{"[server]\nhostname = \"a_b.example\"", "2:12: server.hostname: "},
        BadFile{"[server]\nhostname = \"x\\r\\n250 y\"", "2:12: server.hostname: \"x\\r\\n250 y\" is not a host name"},
        BadFile{"[server]\nuser = \"-u\"", "2:8: server.user: \"-u\" is not the name of a user or group"},
        BadFile{"[server]\nstate_dir = \"\"", "2:13: server.state_dir: \"\" is not an absolute path"},
        BadFile{"[server]\nstate_dir = \"/a\\u0000b\"", "2:13: server.state_dir: \"/a\\u0000b\" has a NUL in it"},
        BadFile{"[server]\ncontrol = \"/" + std::string(107, 'x') + "\"", "2:11: server.control: \"/xxx"},
        BadFile{"[server]\npolicy_url = \"www.example.net\"", "2:14: server.policy_url: "},
        BadFile{"[server]\npolicy_url = \"https://x/\\r\\ny\"", "2:14: server.policy_url: "},
        BadFile{"[server]\nhostname = 2026-01-01", "2:12: server.hostname: is a date or time; allowed: a host name"}));

const std::string kListener = "[[listener]]\naddress = \"0.0.0.0:25\"\n";

INSTANTIATE_TEST_SUITE_P(
    Listeners, BadConfig,
    ::testing::Values(
        BadFile{"[[listener]]\ntls = \"none\"\nauth = \"clear\"", "1:1: listener[1].address: is missing: where do"},
        BadFile{kListener + "mechanisms = []", "3:1: listener[1].mechanisms: is empty: how would clients log in?"},
        BadFile{kListener + "mechanisms = [\"PLAIN\", \"DIGEST-MD5\"]",
                "3:24: listener[1].mechanisms[2]: \"DIGEST-MD5\" is no mechanism; allowed: \"PLAIN\", "},
        BadFile{kListener + "mechanisms = \"SCRAM-SHA-256\"\ndevice_only = true",
                "3:1: listener[1].mechanisms: device passwords have no keys for SCRAM"},
        BadFile{"[[backend]]\nname = \"x\"\nkind = \"file\"\npath = \"/x\"\n" + kListener +
                    "mechanisms = \"scram-sha-256\"",
                "7:1: listener[1].mechanisms: SCRAM works with the store's own accounts alone, and the back end \"x\""},
        BadFile{kListener + "mechanisms = \"EXTERNAL\"", "3:1: listener[1].mechanisms: EXTERNAL needs client_ca"},
        BadFile{kListener + "mechanisms = \"EXTERNAL\"\nclient_ca = \"/x\"\ndevice_only = true",
                "3:1: listener[1].mechanisms: EXTERNAL shows no device password"},
        BadFile{kListener + "mechanisms = \"EXTERNAL\"\nclient_ca = \"/x\"\ntls = \"none\"\nauth = \"clear\"",
                "4:1: listener[1].client_ca: is set where tls = \"none\""},
        BadFile{kListener + "client_ca = \"/x\"", "3:1: listener[1].client_ca: is set, and EXTERNAL is not among"},
        BadFile{kListener + "mechanisms = \"EXTERNAL\"\nclient_ca = \"/x\"\nauth = \"off\"\ntrusted = [\"192.0.2.1\"]",
                "4:1: listener[1].client_ca: is set where no client can log in"},
        BadFile{kListener + "client_san = true", "3:1: listener[1].client_san: is true where no client_ca is set"},
        BadFile{"[[backend]]\nname = \"x\"\nkind = \"file\"\npath = \"/x\"\n" + kListener +
                    "mechanisms = \"EXTERNAL\"\nclient_ca = \"/x\"",
                "7:1: listener[1].mechanisms: EXTERNAL works with the store's own accounts alone"},
        BadFile{"[[listener]]\naddress = \"0.0.0.0:25\"\nmechanisms = [\"XOAUTH2\"]",
                "3:1: listener[1].mechanisms: nobody can log in: XOAUTH2 takes access tokens, and there is no [oauth]"},
        BadFile{kListener + "tls = \"none\"\nauth = \"clear\"\nmechanisms = \"SCRAM-SHA-256-PLUS\"",
                "5:1: listener[1].mechanisms: nobody can log in: SCRAM-SHA-256-PLUS needs TLS 1.3, and tls is "
                "\"none\""},
        BadFile{kListener + "tls = \"none\"\nauth = \"clear\"\nmechanisms = [\"XOAUTH2\", \"SCRAM-SHA-256-PLUS\"]",
                "5:1: listener[1].mechanisms: nobody can log in: XOAUTH2 takes access tokens, and there is no [oauth]; "
                "SCRAM-SHA-256-PLUS needs"},
        BadFile{"[login]\nscram_iterations = 4095", "2:20: login.scram_iterations: "},
        BadFile{"[login]\nscram_iterations = 600001", "2:20: login.scram_iterations: "},
        BadFile{"[[listener]]\naddress = []",
                "2:1: listener[1].address: is missing: where do clients come in?; allowed: IP:PORT"},
        BadFile{"[[listener]]\naddress = 25",
                "2:11: listener[1].address: is a whole number; allowed: a list of IP:PORT"},
        BadFile{"[[listener]]\naddress = [25]", "2:12: listener[1].address[1]: is a whole number; allowed: IP:PORT"},
        BadFile{"[[listener]]\naddress = \"0.0.0.0\"", "2:11: listener[1].address: \"0.0.0.0\" has no port; allowed: "},
        BadFile{"[[listener]]\naddress = [\n  \"0.0.0.0:25\",\n  \"localhost:25\"]",
                "4:3: listener[1].address[2]: \"localhost:25\" does not begin with an IP address"},
        BadFile{"[[listener]]\naddress = \"::1:25\"",
                "2:11: listener[1].address: \"::1:25\" has an IPv6 address without"},
        BadFile{"[[listener]]\naddress = \"[0.0.0.0]:25\"", "2:11: listener[1].address: "},
        BadFile{"[[listener]]\naddress = \"0.0.0.0:65536\"",
                "2:11: listener[1].address: \"0.0.0.0:65536\" has a port that"},
        BadFile{"[[listener]]\naddress = \"0.0.0.0:0\"", "2:11: listener[1].address: "},
        BadFile{"[[listener]]\naddress = \"0.0.0.0:+25\"", "2:11: listener[1].address: "},
        BadFile{"[[listener]]\naddress = \"[::ffff:192.0.2.1]:25\"",
                "2:11: listener[1].address: \"[::ffff:192.0.2.1]:25\" is an IPv4 address written "
                "as IPv6: write 192.0.2.1:25"},
        BadFile{kListener + kListener,
                "4:1: listener[2].address: 0.0.0.0:25 is there twice; the first is in listener[1]; "
                "allowed: each"},
        BadFile{"[[listener]]\naddress = [\"[::1]:25\", \"[0::1]:25\"]",
                "2:1: listener[1].address: [::1]:25 is there twice; the first is in listener[1]"},
        BadFile{kListener + "tls = \"starttsl\"",
                "3:7: listener[1].tls: \"starttsl\" is none of the choices; did you mean "
                "\"starttls\"?; allowed: \"starttls\", \"implicit\", \"none\""},
        BadFile{kListener + "tls = \"none\"",
                "1:1: listener[1].auth: \"tls\" lets nobody log in where tls = \"none\"; "},
        BadFile{kListener + "tls = \"none\"\nauth = \"clear\"\nrequire_tls = true",
                "5:1: listener[1].require_tls: is true"},
        BadFile{kListener + "trusted = [\"192.0.2.1/24\"]",
                "3:12: listener[1].trusted[1]: \"192.0.2.1/24\" has bits set behind the prefix: "
                "for the network write "
                "192.0.2.0/24, for the one address 192.0.2.1; allowed: networks such as"},
        BadFile{kListener + "proxy = [\"lb.example\"]",
                "3:10: listener[1].proxy[1]: \"lb.example\" is not an IP address"},
        BadFile{kListener + "trusted = \"::1\"\ntrusted_domains = [\"example.com\", \"com\"]",
                "4:35: listener[1].trusted_domains[2]: \"com\" is not a domain; allowed: "
                "\"example.com\", which"},
        BadFile{kListener + "trusted_domains = [\"example.com\"]",
                "3:1: listener[1].trusted_domains: there is no trusted"},
        BadFile{kListener + "greet_delay_ms = 60001", "3:18: listener[1].greet_delay_ms: 60001 is out of range"}));

// What must not happen: an open relay, by a slip.
INSTANTIATE_TEST_SUITE_P(
    OpenRelays, BadConfig,
    ::testing::Values(BadFile{kListener + "require_auth = false",
                              "3:1: listener[1].require_auth: nobody has to log in and no network is "
                              "trusted: an open relay; allowed: true, or false with networks in trusted"},
                      BadFile{kListener + "auth = \"off\"\nrequire_auth = false",
                              "4:1: listener[1].require_auth: nobody has to log in"},
                      BadFile{kListener + "auth = \"off\"\nrequire_auth = false\ntrusted = []",
                              "4:1: listener[1].require_auth: nobody"},
                      BadFile{kListener + "auth = \"off\"",
                              "3:1: listener[1].auth: nobody can log in and no network is trusted: nobody"},
                      BadFile{kListener + "trusted = [\"0.0.0.0/0\"]",
                              "3:1: listener[1].trusted: 0.0.0.0/0 is everybody: an open relay"},
                      BadFile{kListener + "trusted = [\"::1\", \"::/0\"]",
                              "3:1: listener[1].trusted: ::/0 is everybody: an open relay"},
                      BadFile{kListener + "trusted = [\"::ffff:0:0/96\"]",
                              "3:1: listener[1].trusted: 0.0.0.0/0 is everybody"}));

const std::string kHosts = "[[route]]\nhosts = \"mx.example\"\n";

INSTANTIATE_TEST_SUITE_P(
    Routes, BadConfig,
    ::testing::Values(
        BadFile{"# route",
                "1:1: route: is missing: where does mail go on to?; allowed: a [[route]] with "
                "hosts, or"},
        BadFile{"[route]\nhosts = \"a.example\"", "1:2: route: is a table; allowed: [[route]], once for each"},
        BadFile{"[[route]]\nname = \"farm\"",
                "1:1: route[1].hosts: is missing: where does mail go on to?; allowed: HOST"},
        BadFile{"[[route]]\nhosts = []", "2:1: route[1].hosts: is missing: where does mail"},
        BadFile{"[[route]]\nhosts = [\"mx.example:\"]",
                "2:10: route[1].hosts[1]: \"mx.example:\" has a port that is not"},
        BadFile{"[[route]]\nhosts = [\"mx.example:smtp\"]", "2:10: route[1].hosts[1]: \"mx.example:smtp\" has a port"},
        BadFile{"[[route]]\nhosts = [\"mx.example:25:26\"]", "2:10: route[1].hosts[1]: "},
        BadFile{"[[route]]\nhosts = [\"2001:db8::1\"]",
                "2:10: route[1].hosts[1]: \"2001:db8::1\" has an IPv6 address without"},
        BadFile{"[[route]]\nhosts = [\"[192.0.2.1]:25\"]", "2:10: route[1].hosts[1]: "},
        BadFile{"[[route]]\nhosts = [\"[::1\"]", "2:10: route[1].hosts[1]: \"[::1\" has no \"]\""},
        BadFile{"[[route]]\nhosts = [\"[::1]25\"]", "2:10: route[1].hosts[1]: "},
        BadFile{"[[route]]\nhosts = [\"300.1.1.1\"]",
                "2:10: route[1].hosts[1]: \"300.1.1.1\" is neither a host name nor"},
        BadFile{"[[route]]\nhosts = [\"\"]", "2:10: route[1].hosts[1]: \"\" is neither a host name nor an address"},
        BadFile{"[[route]]\nhosts = [\"mx example\"]", "2:10: route[1].hosts[1]: "},
        BadFile{kHosts + "name = \"\"", "3:8: route[1].name: \"\" is not a name"},
        BadFile{kHosts + "login = \"relay\"\ntls = \"required\"",
                "3:1: route[1].login: has no password_file to go with it"},
        BadFile{kHosts + "password_file = \"/x\"", "3:1: route[1].password_file: has no login to go with it"},
        BadFile{"[[webhook]]\nurl = \"https://h.example/\"\nsecret_file = \"credential:../x\"",
                "3:15: webhook[1].secret_file: \"credential:../x\" is no name of a credential"},
        BadFile{"[[webhook]]\nurl = \"https://h.example/\"\nsecret_file = \"credential:..\"",
                "3:15: webhook[1].secret_file: \"credential:..\" is no name of a credential"},
        BadFile{"[[webhook]]\nurl = \"https://h.example/\"\nsecret_file = \"credential:.x\"",
                "3:15: webhook[1].secret_file: \"credential:.x\" is no name of a credential"},
        BadFile{"[[webhook]]\nurl = \"https://h.example/\"\nsecret_file = \"credential:\"",
                "3:15: webhook[1].secret_file: \"credential:\" is no name of a credential"},
        BadFile{"[[webhook]]\nurl = \"https://h.example/\"\nsecret_file = \"x\"",
                "3:15: webhook[1].secret_file: \"x\" is not an absolute path"},
        BadFile{kHosts + "login = \"relay\"\npassword_file = \"/x\"",
                "3:1: route[1].login: would be sent in clear where"},
        BadFile{kHosts + "ca_file = \"/x\"", "3:1: route[1].ca_file: has no effect: certificates are only checked"},
        BadFile{kHosts + "verify = \"yes\"", "3:10: route[1].verify: is a text; allowed: true or false"}));

const std::string kConditional = "[[route]]\nname = \"a\"\nhosts = \"mx.example\"\ncustomers = \"c\"\n";

INSTANTIATE_TEST_SUITE_P(
    RouteOrder, BadConfig,
    ::testing::Values(BadFile{kHosts + kHosts,
                              "3:1: route[2]: can never match: route[1] has no conditions, so that all mail takes "
                              "it; allowed: the one [[route]] without recipients, senders and customers last"},
                      BadFile{kHosts + kConditional, "3:1: route[2]: can never match: route[1] has no cond"},
                      BadFile{kConditional,
                              "1:1: route[1]: has conditions, as all routes have: where does other mail go on "
                              "to?; allowed: a last [[route]] without"},
                      BadFile{kConditional + kHosts + "name = \"a\"",
                              "7:1: route[2].name: \"a\" is there twice; the first is in route[1]; allowed: a "
                              "name of its own for each route"},
                      BadFile{"[[route]]\nhosts = \"a.example\"\nsenders = \"<>\"\n" + kHosts,
                              "4:1: route[2].name: \"default\" is there twice; the first is in route[1]"},
                      // An entry that is wrong is shown, and does not make a default of the route.
                      BadFile{"[[route]]\nname = \"a\"\nhosts = \"a.example\"\nrecipients = \"a..b\"\n" + kHosts,
                              "4:14: route[1].recipients: \"a..b\" is not a domain; allowed: \"example.com\""}));

INSTANTIATE_TEST_SUITE_P(
    RouteConditions, BadConfig,
    ::testing::Values(BadFile{kConditional + "recipients = []\n" + kHosts,
                              "5:1: route[1].recipients: is empty, so that no mail would take this route; "
                              "allowed: at least one, or no such key"},
                      BadFile{kConditional + "recipients = [\"192.0.2.1\"]\n" + kHosts,
                              "5:15: route[1].recipients[1]: \"192.0.2.1\" is an address without brackets; "},
                      BadFile{kConditional + "recipients = [\"*.[192.0.2.1]\"]\n" + kHosts,
                              "5:15: route[1].recipients[1]: \"*.[192.0.2.1]\" is not a domain; "},
                      BadFile{kConditional + "recipients = [\"[192.0.2.256]\"]\n" + kHosts,
                              "5:15: route[1].recipients[1]: \"[192.0.2.256]\" is not an address literal"},
                      BadFile{kConditional + "recipients = [\"<>\"]\n" + kHosts,
                              "5:15: route[1].recipients[1]: \"<>\" is not a domain"},
                      BadFile{kConditional + "recipients = [\"user@a.example\"]\n" + kHosts,
                              "5:15: route[1].recipients[1]: \"user@a.example\" is not a domain"},
                      BadFile{kConditional + "recipients = [\"*\"]\n" + kHosts,
                              "5:15: route[1].recipients[1]: \"*\" is not a domain"},
                      BadFile{kConditional + "senders = [\"a.example\", \"\"]\n" + kHosts,
                              "5:25: route[1].senders[2]: \"\" is not a domain"},
                      BadFile{kConditional + "senders = 5\n" + kHosts,
                              "5:11: route[1].senders: is a whole number; allowed: a list of \"example.com\""},
                      BadFile{"[[route]]\nname = \"b\"\nmx = true\ncustomers = [\"c\", \" d\"]\n" + kHosts,
                              "4:19: route[1].customers[2]: \" d\" cannot be a customer's name; allowed: 1 to"}));

INSTANTIATE_TEST_SUITE_P(
    RouteKinds, BadConfig,
    ::testing::Values(BadFile{kHosts + "maildir = \"/x\"", "3:1: route[1].maildir: keeps the mail here"},
                      BadFile{"[[route]]\nmx = true\nmaildir = \"/x\"",
                              "3:1: route[1].maildir: keeps the mail here, so that nobody is asked; allowed: one "
                              "of hosts, mx = true and maildir"},
                      BadFile{kHosts + "mx = true",
                              "3:1: route[1].mx: finds the recipients' own servers, so that hosts are never "
                              "asked; allowed: one of hosts,"},
                      BadFile{"[[route]]\nmx = false", "1:1: route[1].hosts: is missing: where does mail go on"},
                      BadFile{kHosts + "port = 26", "3:1: route[1].port: has no effect: it is for the recip"},
                      BadFile{kHosts + "ipv6 = false", "3:1: route[1].ipv6: has no effect: it is for the rec"},
                      BadFile{"[[route]]\nmx = true\nport = 65536", "3:8: route[1].port: 65536 is out of"},
                      BadFile{"[[route]]\nmx = true\nidentify = \"auth\"",
                              "3:1: route[1].identify: would tell the servers of strangers who logs in here"},
                      BadFile{"[[route]]\nmx = true\ntls = \"required\"\nlogin = \"l\"\npassword_file = \"/x\"",
                              "4:1: route[1].login: would be sent to the servers of strangers; allowed: with"},
                      BadFile{kHosts + "mode = \"store\"\ndialog = \"eager\"",
                              "4:1: route[1].dialog: has no effect: with mode = \"store\" the client is gone"},
                      BadFile{kHosts + "mode = \"store\"\nfallback = false",
                              "4:1: route[1].fallback: cannot be false: with mode = \"store\" all mail is in"},
                      BadFile{kHosts + "mode = \"trough\"",
                              "3:8: route[1].mode: \"trough\" is none of the choices; did you mean \"through\"?"},
                      BadFile{kHosts + "concurrency = 0", "3:15: route[1].concurrency: 0 is out of range"},
                      BadFile{kHosts + "name = \"a/b\"", "3:8: route[1].name: \"a/b\" is not a name"},
                      BadFile{"[[route]]\nhosts = [\"a.example\", {host = \"b.example\", weight = 0}]",
                              "2:53: route[1].hosts[2].weight: 0 is out of range; allowed: a whole number from 1 "
                              "to 1000"},
                      BadFile{"[[route]]\nhosts = [{weight = 2}]",
                              "2:10: route[1].hosts[1].host: is missing: where does mail go on to?; allowed: HOST"},
                      BadFile{"[[route]]\nhosts = [{host = \"a.example:\"}]",
                              "2:18: route[1].hosts[1].host: \"a.example:\" has a port that is not"},
                      BadFile{"[[route]]\nhosts = {host = \"a.example\", wieght = 2}",
                              "2:30: route[1].hosts.wieght: there is no such key; did you mean weight?; allowed: "
                              "host, weight"},
                      BadFile{"[[route]]\nhosts = [5]",
                              "2:10: route[1].hosts[1]: is a whole number; allowed: HOST or"}));

INSTANTIATE_TEST_SUITE_P(
    SpoolAndQueue, BadConfig,
    ::testing::Values(
        BadFile{"[spool]\ndirectory = \"spool\"", "2:13: spool.directory: \"spool\" is not an absolute path"},
        BadFile{"[spool]\ndurability = \"snyced\"",
                "2:14: spool.durability: \"snyced\" is none of the choices; did you mean "
                "\"synced\"?; allowed: \"synced\", \"unsynced\""},
        BadFile{"[spool]\nsegment_bytes = 8388609",
                "2:1: spool.segment_bytes: 8388609 is not whole blocks; allowed: a multiple of "
                "4096"},
        BadFile{"[spool]\nsegment_bytes = 4096",
                "2:17: spool.segment_bytes: 4096 is out of range; allowed: a whole number from "
                "8388608 to 1073741824"},
        BadFile{"[spool]\nmemory_bytes = 0", "2:16: spool.memory_bytes: 0 is out of range"},
        BadFile{"[queue]\nretry_s = []", "2:1: queue.retry_s: is empty; allowed: 1 to 100 elements"},
        BadFile{"[queue]\nretry_s = [60, 0]",
                "2:16: queue.retry_s[2]: 0 is out of range; allowed: a whole number from 1 to 86400"},
        BadFile{"[queue]\nretry_s = [\"5m\"]", "2:12: queue.retry_s[1]: is a text; allowed: a whole number from 1"},
        BadFile{"[queue]\nretry_s = \"5m\"",
                "2:11: queue.retry_s: is a text; allowed: a list of a whole number from 1"},
        BadFile{"[queue]\njitter_percent = 51", "2:18: queue.jitter_percent: 51 is out of"},
        BadFile{"[queue]\nexpire_s = 3600\ndelay_report_s = 3600",
                "3:1: queue.delay_report_s: is never reached: a message expires before; allowed: "
                "less than expire_s, or 0 for none"},
        BadFile{"[queue]\nsuspend_max_s = 59",
                "2:1: queue.suspend_max_s: suspend_first_s is more than suspend_max_s; allowed"},
        BadFile{"[queue]\nsuspend_first_s = 3601",
                "2:1: queue.suspend_first_s: suspend_first_s is more than suspend_max_s"},
        BadFile{"[reports]\nfrom = \"postmaster\"",
                "2:8: reports.from: \"postmaster\" is not an address; allowed: an address such as"},
        BadFile{"[reports]\nroute = \"typo\"\n[[route]]\nhosts = \"farm.example\"",
                "2:1: reports.route: \"typo\" is no route; allowed: the name of"},
        BadFile{"[reports]\nper_customer_hour = 0", "2:21: reports.per_customer_hour: 0 is out"},
        BadFile{"[dns]\nservers = \"ns.example\"", "2:11: dns.servers: \"ns.example\" has no port"},
        BadFile{"[dns]\nservers = [\"192.0.2.53:0\"]", "2:12: dns.servers[1]: \"192.0.2.53:0\" has"},
        BadFile{"[dns]\ntimeout_ms = 5", "2:14: dns.timeout_ms: 5 is out of range"},
        BadFile{"[dns]\nspool = 5", "2:1: dns.spool: there is no such key"}));

TEST(Config, TellsAllThatIsWrongInTheOrderOfTheFile) {
  EXPECT_THAT(
      errors_of("[log]\nformat = \"xml\"\n[limits]\nidle_s = 0\nbogus = "
                "1\n[[route]]\nhosts = [\"a:b\"]\n[tls]\ntickets = 3"),
      ElementsAre(StartsWith("sluice.toml:2:10: log.format: "), StartsWith("sluice.toml:4:10: limits.idle_s: "),
                  StartsWith("sluice.toml:5:1: limits.bogus: "), StartsWith("sluice.toml:7:10: route[1].hosts[1]: "),
                  StartsWith("sluice.toml:9:11: tls.tickets: ")));
}

TEST(Config, TakesRoutesUpToALimit) {
  const auto routes = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 1; i < count; ++i) {
      const std::string name = "\"r" + std::to_string(i) + "\"";
      text += "[[route]]\nmx = true\nname = " + name + "\ncustomers = " + name + "\n";
    }
    return text + std::string(kRoute);
  };
  EXPECT_THAT(errors_of(routes(route::kRoutesMax)), ::testing::IsEmpty());
  EXPECT_THAT(errors_of(routes(route::kRoutesMax + 1)),
              ElementsAre(HasSubstr(": route[1025]: is one too many; allowed: up to 1024 routes")));
}

TEST(Config, LongValuesAreShownInPart) {
  const auto errors = errors_of("[log]\nfile = \"" + std::string(10'000, 'x') + "\"\n" + std::string(kRoute));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(errors[0], HasSubstr("xxx...\" is not an absolute path"));
  EXPECT_LT(errors[0].size(), 300U);
}

TEST(DidYouMean, FindsWhatIsNear) {
  const std::string_view known[] = {"message_bytes", "idle_s", "data_s", "address", "tls", "recipients_per_message"};
  EXPECT_EQ(text::did_you_mean("idel_s", known), "idle_s");
  EXPECT_EQ(text::did_you_mean("Idle-S", known), "idle_s");
  EXPECT_EQ(text::did_you_mean("adress", known), "address");
  EXPECT_EQ(text::did_you_mean("addresses", known), "address");
  EXPECT_EQ(text::did_you_mean("tsl", known), "tls");
  EXPECT_EQ(text::did_you_mean("recipients", known), "recipients_per_message");
  EXPECT_EQ(text::did_you_mean("xyzzy", known), "");
  EXPECT_EQ(text::did_you_mean("", known), "");
  EXPECT_EQ(text::did_you_mean(std::string(1000, 'a'), known), "");
}

}  // namespace
}  // namespace sluice::config
