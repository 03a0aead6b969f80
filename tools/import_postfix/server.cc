// [server], [tls], and who logs in: [[backend]] and the commands for the accounts' store.
#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <set>

#include "auth/domain_list.h"
#include "engine/config/rules.h"
#include "engine/smtp/ascii.h"
#include "tools/import_postfix/logical_lines.h"
#include "tools/import_postfix/lookup_table.h"
#include "tools/import_postfix/sections.h"

namespace sluice::import_postfix {
namespace {

constexpr std::size_t kDomainsShownMax = 1000;

std::string server_path(const Parameters& parameters, const std::string& path) {
  return path.starts_with('/') ? path : parameters.value("queue_directory") + "/" + path;
}

// "private/auth", "inet:host:port", "unix:/run/auth"
void write_dovecot(const Parameters& parameters, Document& document) {
  std::string path = parameters.value("smtpd_sasl_path");
  const bool by_tcp = path.starts_with("inet:");
  if (path.starts_with("unix:") || by_tcp) path.erase(0, 5);
  const std::string server = by_tcp ? path : server_path(parameters, path);
  const auto hop = by_tcp ? config::parse_next_hop(server) : std::unexpected(std::string());
  const bool good =
      is_writable(server) && (by_tcp ? hop.has_value() : config::kSocketPathRule.check(server).has_value());
  if (!good) {
    document.decide("smtpd_sasl_path is no server that can be asked: nobody but the accounts of the store can log in");
    return;
  }
  const bool local = !by_tcp || config::is_loopback(*hop);
  if (!local)
    document.decide(
        "smtpd_sasl_path: Postfix sends passwords there in clear; here that has to be in TLS: open a "
        "listener of Dovecot's with ssl for it, or use its socket");
  document.section("[[backend]]");
  document.text("name", "dovecot");
  document.text("kind", "dovecot");
  document.list("server", {server});
  document.text("tls", local ? "none" : "implicit");
  if (!by_tcp)
    document.note(
        "The socket has to be one that server.user may open: see its mode and group in Dovecot's 10-master.conf.");
}

// Cyrus SASL's own file: only names of its settings are repeated, as there may be passwords among them.
void write_cyrus(const Postfix& postfix, const Parameters& parameters, Document& document) {
  const std::string name = parameters.value("smtpd_sasl_path") + ".conf";
  for (const std::string& directory :
       {postfix.sources->config_directory + "/sasl", std::string("/etc/sasl2"), std::string("/usr/lib/sasl2")}) {
    const auto text = name.contains('/') ? std::nullopt : postfix.sources->read(directory + "/" + name);
    if (!text) continue;
    for (const LogicalLine& line : logical_lines(*text)) {
      const std::string key = line.text.substr(0, line.text.find(':'));
      const bool shown =
          key == "pwcheck_method" || key == "auxprop_plugin" || key == "mech_list" || key == "sql_engine";
      document.from(directory + "/" + name + ":" + std::to_string(line.number), shown ? line.text : key + ": ...");
    }
    break;
  }
  document.decide(
      "logins were checked by Cyrus SASL, which has no counterpart: here they are checked in the store. Accounts of a "
      "sasldb come over with `sluicectl account import FILE --format sasldb`; what saslauthd, SQL or LDAP plugins "
      "asked "
      "is asked by a [[backend]] of the kind imap, pop3, ldap, mariadb, postgresql or sqlite");
}

// Postfix's map says which logins may use an address; here a customer's accounts may use the customer's domains.
void write_owners(const Postfix& postfix, const Parameters& parameters, Document& document) {
  if (!show(parameters, "smtpd_sender_login_maps", document)) {
    document.decide(
        "no login may send as any domain before that is a customer's: sluicectl customer add, sluicectl domain add");
    return;
  }
  const LookupTables tables = read_tables(parameters.value("smtpd_sender_login_maps"), postfix.sources->read);
  for (const std::string& table : tables.unread) document.decide("smtpd_sender_login_maps: " + table);
  std::map<std::string, std::size_t> addresses;          // domain, entries for it
  std::map<std::string, std::set<std::string>> foreign;  // domain, domains of logins that are another
  for (const TableEntry& entry : tables.entries) {
    const std::size_t at = entry.key.rfind('@');
    const auto domain = at == std::string::npos
                            ? std::nullopt
                            : auth::canonical_domain_entry(std::string_view(entry.key).substr(at + 1));
    if (!domain || domain->starts_with('*')) continue;
    ++addresses[*domain];
    for (const std::string& login : words_of(entry.value, Commas::separate)) {
      const std::size_t login_at = login.rfind('@');
      const std::string login_domain = login_at == std::string::npos ? "" : smtp::to_lower(login.substr(login_at + 1));
      if (login_domain != *domain) foreign[*domain].insert(login_domain);
    }
  }
  document.decide(
      "smtpd_sender_login_maps gives addresses to logins, and Sluice gives domains to customers: with the commands "
      "below "
      "each account of a domain may send as every address of it. Nobody can send until they, or others, have run");
  std::size_t shown = 0;
  for (const auto& [domain, count] : addresses) {
    if (++shown > kDomainsShownMax) {
      document.decide("more than " + std::to_string(kDomainsShownMax) + " domains: the rest is not shown");
      break;
    }
    document.note(domain + ": " + std::to_string(count) + (count == 1 ? " entry" : " entries"));
    document.note("$ sluicectl customer add " + domain);
    document.note("$ sluicectl domain add " + domain + " --customer " + domain);
    if (foreign.contains(domain))
      document.decide(domain +
                      ": logins of other domains or of none may use addresses of it; here only a customer's "
                      "own accounts may: put both domains under one customer, or leave these logins out");
  }
}

void write_key_hint(const Parameters& parameters, Document& document) {
  const auto name = parameters.set("myhostname") ? config::kHostNameRule.check(parameters.value("myhostname"))
                                                 : std::unexpected(std::string());
  const std::string host = name && !name->empty() ? *name : "HOST";
  const std::string chain = parameters.value("smtpd_tls_chain_files");
  const std::string certificate = chain.empty() ? parameters.value("smtpd_tls_cert_file") : chain;
  const std::string key = parameters.value("smtpd_tls_key_file");
  document.note(
      "A host's certificate and key are files of tls.certificates: " + host + "/fullchain.pem and " + host +
      "/privkey.pem, for server.user to read. Until they are there, one that no authority has signed is shown.");
  if (!certificate.empty())
    document.decide("copy the certificate " + certificate + (key.empty() ? "" : " and the key " + key) +
                    " to /etc/sluice/tls/" + host + "/fullchain.pem and privkey.pem, and have them renewed there");
}

}  // namespace

bool show(const Parameters& parameters, std::string_view name, Document& document) {
  const auto setting = parameters.set(name);
  if (setting) document.from(*setting);
  return setting.has_value();
}

void write_server(const Postfix& postfix, Document& document) {
  const Parameters parameters(postfix.main_cf);
  document.section("[server]");
  show(parameters, "mydomain", document);
  if (!show(parameters, "myhostname", document)) {
    document.note("myhostname is not set: the machine's own name, here as there.");
    return;
  }
  const auto host = config::kHostNameRule.check(parameters.value("myhostname"));
  if (host && !host->empty())
    document.text("hostname", *host);
  else
    document.decide("myhostname is no host name: the machine's own name is taken");
}

void write_tls(const Postfix& postfix, Document& document) {
  const Parameters parameters(postfix.main_cf);
  document.section("[tls]");
  bool any = false;
  for (const std::string_view name : {"smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_key_file",
                                      "smtpd_tls_eccert_file", "smtpd_tls_eckey_file"})
    any = show(parameters, name, document) || any;
  if (any) write_key_hint(parameters, document);
  bool both_1_3 = true;  // the narrower one of both only where both say so: Postfix takes each for another level
  bool either = false;
  for (const std::string_view name : {"smtpd_tls_protocols", "smtpd_tls_mandatory_protocols"}) {
    const bool set = show(parameters, name, document);
    const bool is_1_3 = set && min_version_of(parameters.value(name)) == "1.3";
    either = either || is_1_3;
    both_1_3 = both_1_3 && is_1_3;
  }
  if (either && !both_1_3) document.note("One of them excludes TLS 1.2: the narrower one counts for all.");
  document.text("min_version", either ? "1.3" : "1.2");
}

void write_logins(const Postfix& postfix, Document& document) {
  // Where any smtpd takes logins.
  const Parameters main(postfix.main_cf);
  const auto takes_logins = [&](const Service& service) {
    return is_listener(service) && Parameters(postfix.main_cf, &service.overrides).is_yes("smtpd_sasl_auth_enable");
  };
  const auto service = std::ranges::find_if(postfix.master_cf.services, takes_logins);
  const bool by_service = service != postfix.master_cf.services.end();
  document.section("# Logins");
  if (!by_service && !main.is_yes("smtpd_sasl_auth_enable")) {
    document.note("No service takes logins.");
    return;
  }
  const Parameters parameters(postfix.main_cf, by_service ? &service->overrides : nullptr);
  write_owners(postfix, parameters, document);
  show(parameters, "smtpd_sasl_type", document);
  show(parameters, "smtpd_sasl_path", document);
  if (show(parameters, "smtpd_sasl_local_domain", document) && !parameters.value("smtpd_sasl_local_domain").empty())
    document.decide("smtpd_sasl_local_domain: for names without a domain, see login.default_domain");
  if (parameters.value("smtpd_sasl_type") == "dovecot")
    write_dovecot(parameters, document);
  else
    write_cyrus(postfix, parameters, document);
}

}  // namespace sluice::import_postfix
