#include <algorithm>
#include <set>
#include <sstream>

#include "auth/backend/kinds.h"
#include "engine/config/sections.h"
#include "engine/text/figures.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

constexpr std::size_t kBackendsMax = 64;

constexpr std::string_view kServerAllowed = "HOST, HOST:PORT or the path of a UNIX socket";

// Keys that mean something for each kind.
constexpr std::string_view kCommonKeys =
    "name kind domains timeout_s connections failures customer_from customer unknown_customer";

bool has_word(std::string_view words, std::string_view word) {
  std::istringstream all{std::string(words)};
  for (std::string each; all >> each;)
    if (each == word) return true;
  return false;
}

std::expected<std::string, std::string> check_kind(std::string_view text) {
  if (auth::find_backend_kind(text) != nullptr) return std::string(text);
  return std::unexpected("is no kind of back end");
}

std::string kinds_text() { return text::list_in_quotes(auth::backend_kinds(), &auth::BackendKind::name); }

std::expected<std::string, std::string> check_line(std::string_view text) {
  constexpr std::size_t kBytesMax = 4096;
  if (text.size() > kBytesMax) return std::unexpected("is longer than " + std::to_string(kBytesMax) + " bytes");
  if (std::ranges::any_of(text, [](char c) { return c >= 0 && c < ' ' && c != '\n' && c != '\t'; }))
    return std::unexpected("has a control character");
  return std::string(text);
}
constexpr TextRule kTextRule{check_line, "text without control characters"};

// What both a Dovecot and a header of HTTP can call a field.
std::expected<std::string, std::string> check_field(std::string_view text) {
  constexpr std::size_t kBytesMax = 64;
  if (text.size() > kBytesMax) return std::unexpected("is longer than " + std::to_string(kBytesMax) + " bytes");
  if (!std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
      }))
    return std::unexpected("is no name of a field");
  return std::string(text);
}
constexpr TextRule kFieldRule{check_field, "letters, digits, \"-\" and \"_\""};

bool is_public(const auth::BackendServer& server) {
  return !server.is_path() && !is_loopback(route::NextHopHost{.name = server.host});
}

// Passwords would go there in clear; a name is looked up later.
void check_clear(const ConfigSection& section, const auth::BackendOptions& backend, std::string_view allowed) {
  if (backend.tls == auth::BackendTls::none && std::ranges::any_of(backend.servers, is_public) &&
      std::ranges::all_of(backend.servers, [](const auth::BackendServer& server) {
        return server.is_path() || io::Address::from_ip(server.host, 0).has_value();
      }))
    section.error("tls", "is \"none\", and a server is at no loopback address: passwords would go there in clear",
                  allowed);
}

void read_servers(ConfigSection& section, auth::BackendOptions& backend) {
  using Tls = ConfigSection::Choice<auth::BackendTls>;
  section.about(
      "Where it is: \"HOST:PORT\", or the path of a UNIX socket. Several are tried in order. Without a port, the "
      "protocol's own. The certificate is checked, by the system's authorities or those in ca_file, for server_name or "
      "else the host; in clear (tls = \"none\") it is only reached at loopback addresses and UNIX sockets.",
      Change::restart);
  section.example(R"(["pop.example.net:995"])");
  section.list("server", backend.servers, kServerAllowed, parse_server<auth::BackendServer>);
  section.choice("tls", backend.tls,
                 {Tls{"implicit", auth::BackendTls::implicit}, Tls{"starttls", auth::BackendTls::starttls},
                  Tls{"none", auth::BackendTls::none}});
  section.text("ca_file", backend.ca_file, kAnyPathRule);
  section.text("server_name", backend.server_name, kHostNameRule);
}

void read_particulars(ConfigSection& section, auth::BackendOptions& backend) {
  section.about(
      "A file of accounts (Dovecot's passwd-file or Apache's htpasswd, read again when it changes); with \"http\", the "
      "path that is "
      "asked for.",
      Change::restart);
  section.text("path", backend.path, kTextRule);
  section.about(
      "Whether passwords in clear ({PLAIN}) are taken from a file; else each account that has one is refused with an "
      "error in the log.",
      Change::restart);
  section.boolean("plain_passwords", backend.plain_passwords);
  section.about(
      "How we log in there, where the protocol has several ways; empty: the best that is offered. \"pop3\": \"plain\", "
      "\"user\" or \"apop\"; \"imap\": \"plain\" or \"login\".",
      Change::restart);
  section.text("mechanism", backend.mechanism, kTextRule);
  section.about(
      "Databases and LDAP: what is asked, with the parameters %{user}, %{local} and %{domain}; who we are ourselves, "
      "and the file that our password is in. A database's query returns a row with a column password (a hash), and "
      "account, customer, domains, status, enabled as there are; account is the name as limits count it, which may be "
      "written in several ways where letters are compared without case. With %{password} in it the database compares "
      "the password, and a row is a right one. LDAP binds as base with the parameters in it, or as the one entry below "
      "base that the filter in query finds.",
      Change::restart);
  section.text("database", backend.database, kTextRule);
  section.text("query", backend.query, kTextRule);
  section.text("base", backend.base, kTextRule);
  section.text("user", backend.user, kTextRule);
  section.text("password_file", backend.password_file, kAnySecretRule);
  section.about(
      "What the answer calls the account's own name, its customer, and the domains that it may send from, between "
      "commas: "
      "attributes of LDAP, fields of Dovecot's passdb (customer, domains) or of the response's header (X-Customer, "
      "X-Domains).",
      Change::restart);
  section.text("account_field", backend.account_field, kFieldRule);
  section.text("customer_field", backend.customer_field, kFieldRule);
  section.text("domains_field", backend.domains_field, kFieldRule);
  section.about(
      "Whether mailboxes still exist that have device passwords is asked daily: a file, a database that does not "
      "compare "
      "passwords itself, LDAP with a query, and Dovecot at this socket, its auth-userdb, with a mode that lets the "
      "relay "
      "ask for all (not 0666). Elsewhere device passwords "
      "have "
      "to expire within 366 days.",
      Change::restart);
  section.example("\"/run/dovecot/auth-userdb\"");
  section.text("userdb_socket", backend.userdb_socket, kAnyPathRule);
}

// What a kind has no use for is a mistake; without a server most have nobody to ask.
void check_kind_keys(const ConfigSection& section, auth::BackendOptions& backend) {
  const auth::BackendKind* const kind = auth::find_backend_kind(backend.kind);
  if (kind == nullptr) return;
  for (const std::string_view key :
       {"server", "tls", "ca_file", "server_name", "path", "plain_passwords", "mechanism", "database", "query", "base",
        "user", "password_file", "account_field", "customer_field", "domains_field", "userdb_socket"})
    if (section.has(key) && !has_word(kind->keys, key))
      section.error(key, "means nothing for the kind \"" + backend.kind + "\"",
                    std::string(kCommonKeys) + " " + std::string(kind->keys));
  for (auth::BackendServer& server : backend.servers)
    if (!server.is_path() && server.port == 0)
      server.port = backend.tls == auth::BackendTls::implicit ? kind->tls_port : kind->port;
  if (has_word(kind->keys, "server") && backend.servers.empty() && !section.fills("server"))
    section.error("server", "is missing", std::string(kServerAllowed));
  check_clear(section, backend, "\"implicit\" or \"starttls\"");
}

}  // namespace

void read_store_server(ConfigSection& section, auth::BackendOptions& store) {
  using Tls = ConfigSection::Choice<auth::BackendTls>;
  constexpr std::int64_t kTimeoutMaxS = 120;
  constexpr std::int64_t kConnectionsMax = 256;
  constexpr std::uint16_t kPort = 5432;
  section.about(
      "Or a PostgreSQL database, which several relays share: a change reaches each within a second. \"HOST:PORT\", or "
      "the path of a UNIX socket; several are tried in order, and one that takes no changes is passed by. sluicectl "
      "makes the tables, in a schema \"sluice\". `tls` is \"implicit\", which checks the certificate for the host by "
      "the "
      "system's authorities or those in ca_file, or \"none\", at loopback addresses and UNIX sockets only. A pooler in "
      "front of it, such as PgBouncer, has to be in session mode: in transaction mode no notice of a change (LISTEN) "
      "comes through, which the relay finds out and then looks once a second.",
      Change::restart);
  section.example(R"(["db.example.net:5432"])");
  section.list("server", store.servers, kServerAllowed, parse_server<auth::BackendServer>);
  section.choice("tls", store.tls, {Tls{"implicit", auth::BackendTls::implicit}, Tls{"none", auth::BackendTls::none}});
  section.text("ca_file", store.ca_file, kAnyPathRule);
  section.text("database", store.database, kTextRule);
  section.text("user", store.user, kTextRule);
  section.text("password_file", store.password_file, kAnySecretRule);
  section.about("Its connections, each with a thread of its own, and how long each question to it may take.",
                Change::restart);
  section.integer("connections", store.connections, 1, kConnectionsMax);
  section.seconds("timeout_s", store.timeout, 1, kTimeoutMaxS);
  for (auth::BackendServer& server : store.servers)
    if (!server.is_path() && server.port == 0) server.port = kPort;
  check_clear(section, store, "\"implicit\"");
  if (section.fills("server")) {
    if (store.database.empty()) section.error("database", "is missing", "the name of a database");
    if (store.user.empty()) section.error("user", "is missing", "the name of a role of the database");
    if (section.has("accounts")) section.error("accounts", "is a file, and server is set, too", "one of the two");
    return;
  }
  if (!store.database.empty()) section.error("database", "means nothing without server", "no such key");
}

void read_owner(ConfigSection& section, auth::BackendOptions& backend) {
  using From = ConfigSection::Choice<auth::CustomerFrom>;
  using Unknown = ConfigSection::Choice<auth::UnknownCustomer>;
  section.about(
      "Whose customer's a mailbox is: \"domain\": that customer's which has the domain of the login in the store; "
      "\"answer\": the back end names the customer; \"fixed\": all are of `customer`.",
      Change::restart);
  section.choice("customer_from", backend.customer_from,
                 {From{"domain", auth::CustomerFrom::domain}, From{"answer", auth::CustomerFrom::answer},
                  From{"fixed", auth::CustomerFrom::fixed}});
  section.text("customer", backend.customer, kCustomerOrNoneRule);
  section.about(
      "A customer that the store does not have: \"refuse\" the login, or \"create\" it, with the domain of the login "
      "unless another customer has that. What is created may send from that domain.",
      Change::restart);
  section.choice("unknown_customer", backend.unknown_customer,
                 {Unknown{"refuse", auth::UnknownCustomer::refuse}, Unknown{"create", auth::UnknownCustomer::create}});
  const bool fixed = backend.customer_from == auth::CustomerFrom::fixed;
  if (fixed == backend.customer.empty())
    section.error("customer", fixed ? "is missing" : "is only for customer_from = \"fixed\"",
                  fixed ? "the customer that all accounts are of" : "no such key");
}

void read_backend(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics,
                  auth::BackendOptions& backend) {
  constexpr std::int64_t kTimeoutMaxS = 120;
  constexpr std::int64_t kConnectionsMax = 1000;
  constexpr std::int64_t kFailuresMax = 1000;
  ConfigSection section(table, "backend", std::move(path), diagnostics);
  section.heading(
      "Where passwords are checked. Without any [[backend]]: in the store alone. Several are asked in their order: the "
      "next "
      "one where a name is unknown, never where a password is wrong.",
      TableForm::listed);
  section.about("For the log. The kinds: " + kinds_text() + ".", Change::restart);
  section.example("\"mailboxes\"", Shown::in_force);
  section.text("name", backend.name, kNameRule);
  section.example("\"store\"", Shown::in_force);
  section.text("kind", backend.kind, {check_kind, "one of the kinds"});
  section.about("Only logins of these domains; none: all.", Change::restart);
  section.example(R"(["example.com"])");
  section.list("domains", backend.domains, kDomainRule.allowed, kDomainRule.check);
  section.about(
      "How long a login waits for it; connections at one time on each core, or threads in all where a library blocks; "
      "and "
      "after how many failures in a row it is left alone for a while.",
      Change::restart);
  section.seconds("timeout_s", backend.timeout, 1, kTimeoutMaxS);
  section.integer("connections", backend.connections, 1, kConnectionsMax);
  section.integer("failures", backend.failures, 1, kFailuresMax);
  read_owner(section, backend);
  read_servers(section, backend);
  read_particulars(section, backend);
  if (table == nullptr) return;
  if (backend.name.empty() && !section.has("name")) section.error("name", "is missing", kNameRule.allowed);
  if (backend.kind.empty() && !section.has("kind")) section.error("kind", "is missing", kinds_text());
  check_kind_keys(section, backend);
}

void read_backends(const std::vector<const ConfigNode*>& tables, ConfigDiagnostics& diagnostics,
                   std::vector<auth::BackendOptions>& backends) {
  if (tables.empty()) {
    auth::BackendOptions ignored;
    read_backend(nullptr, "backend", diagnostics, ignored);
    return;
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::string path = "backend[" + std::to_string(i + 1) + "]";
    read_backend(tables[i], path, diagnostics, backends.emplace_back());
    if (!names.insert(backends.back().name).second)
      diagnostics.error(tables[i]->place, path + ".name", "is the name of another back end, too", "a name of its own");
  }
  if (tables.size() > kBackendsMax)
    diagnostics.error(tables[kBackendsMax]->place, "backend", "is one too many",
                      "up to " + std::to_string(kBackendsMax) + " back ends");
}

}  // namespace sluice::config
