#include "auth/backend/kinds.h"

#include <algorithm>

#include "auth/backend/dovecot.h"
#include "auth/backend/file_backend.h"
#include "auth/backend/http.h"
#include "auth/backend/imap.h"
#include "auth/backend/ldap.h"
#include "auth/backend/mariadb.h"
#include "auth/backend/oauth.h"
#include "auth/backend/pop3.h"
#include "auth/backend/postgresql.h"
#include "auth/backend/sqlite_query.h"
#include "auth/backend/store_backend.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

OpenedBackend open_store(const BackendOptions& /*options*/) { return make_store_source(); }

bool always(const BackendOptions& /*options*/) { return true; }
bool where_it_has_a_userdb(const BackendOptions& options) { return !options.userdb_socket.empty(); }
bool where_it_searches(const BackendOptions& options) { return !options.query.empty(); }
// A database that compares the password itself does not tell an unknown name from a wrong password.
bool where_it_finds_a_hash(const BackendOptions& options) { return !options.query.contains("%{password}"); }

constexpr BackendKind kKinds[] = {
    {.name = "dovecot",
     .keys = "server tls ca_file server_name customer_field domains_field userdb_socket",
     .open = &open_dovecot,
     .tells_mailboxes = &where_it_has_a_userdb},
    {.name = "http",
     .keys = "server tls ca_file server_name path customer_field domains_field",
     .port = 80,
     .tls_port = 443,
     .open = &open_http},
    {.name = "store", .keys = "", .open = &open_store, .tells_mailboxes = &always},
    {.name = "file", .keys = "path plain_passwords", .open = &make_file_source, .tells_mailboxes = &always},
    {.name = "ldap",
     .keys = "server tls ca_file query base user password_file account_field customer_field domains_field",
     .port = 389,
     .tls_port = 636,
     .open = &open_ldap,
     .tells_mailboxes = &where_it_searches},
    {.name = "postgresql",
     .keys = "server tls ca_file database query user password_file",
     .port = 5432,
     .tls_port = 5432,
     .open = &open_postgresql,
     .tells_mailboxes = &where_it_finds_a_hash},
    {.name = "mariadb",
     .keys = "server tls ca_file database query user password_file",
     .port = 3306,
     .tls_port = 3306,
     .open = &open_mariadb,
     .tells_mailboxes = &where_it_finds_a_hash},
    {.name = "sqlite", .keys = "path query", .open = &open_sqlite_query, .tells_mailboxes = &where_it_finds_a_hash},
    {.name = "pop3",
     .keys = "server tls ca_file server_name mechanism",
     .port = 110,
     .tls_port = 995,
     .open = &open_pop3},
    {.name = "imap",
     .keys = "server tls ca_file server_name mechanism",
     .port = 143,
     .tls_port = 993,
     .open = &open_imap},
};

}  // namespace

std::span<const BackendKind> backend_kinds() { return kKinds; }

const BackendKind* find_backend_kind(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &BackendKind::name);
  return found == std::ranges::end(kKinds) ? nullptr : found;
}

bool tells_mailboxes(std::span<const BackendOptions> options, std::string_view domain) {
  bool elsewhere = false;
  for (const BackendOptions& each : options) {
    if (!is_for_domain(each, domain)) continue;
    const BackendKind* const kind = find_backend_kind(each.kind);
    if (kind == nullptr || kind->tells_mailboxes == nullptr || !kind->tells_mailboxes(each)) return false;
    elsewhere = elsewhere || each.kind != kStoreBackend;
  }
  return elsewhere;
}

bool tells_some_mailboxes(std::span<const BackendOptions> options) {
  if (tells_mailboxes(options, "")) return true;
  return std::ranges::any_of(options, [options](const BackendOptions& each) {
    return std::ranges::any_of(each.domains,
                               [options](const std::string& domain) { return tells_mailboxes(options, domain); });
  });
}

std::expected<std::vector<ConfiguredBackend>, std::vector<std::string>> open_backends(
    const std::vector<BackendOptions>& options, const std::optional<OauthBackendOptions>& oauth) {
  std::vector<ConfiguredBackend> backends;
  if (options.empty()) backends = store_alone();
  std::vector<std::string> errors;
  for (const BackendOptions& each : options) {
    const BackendKind* const kind = find_backend_kind(each.kind);
    CHECK(kind != nullptr);  // the configuration takes no other
    if (auto opened = kind->open(each)) {
      backends.push_back({.options = each, .source = *std::move(opened)});
    } else {
      errors.push_back("backend " + each.name + ": " + opened.error());
    }
  }
  if (oauth) {
    if (auto opened = open_oauth(*oauth)) {
      backends.push_back({.options = oauth->backend, .source = *std::move(opened)});
    } else {
      errors.push_back("oauth." + opened.error());
    }
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return backends;
}

}  // namespace sluice::auth
