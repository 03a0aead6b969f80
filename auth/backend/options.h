// What the operator has set of a back end ([[backend]]).  Values, filled by the configuration; which of them mean
// something for which kind stands in kinds.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/store/claim.h"
#include "engine/base/time.h"

namespace sluice::auth {

enum class BackendTls : std::uint8_t {
  implicit,  // from the first byte on
  starttls,  // asked for; without it nothing else is said
  none,      // only to loopback addresses and UNIX sockets
};

// "pop.example.net:995", or the path of a UNIX socket.
struct BackendServer {
  std::string host;  // a name or an address without brackets; or a path, which begins with "/"
  std::uint16_t port = 0;
  [[nodiscard]] bool is_path() const { return host.starts_with('/'); }
  [[nodiscard]] std::string to_string() const;
};

// The kind of back end that is our own store; and the name of the only one where none is configured.
inline constexpr const char* kStoreBackend = "store";

struct BackendOptions {
  std::string name;
  std::string kind;                  // a row of kinds.h
  std::vector<std::string> domains;  // of the logins that it is asked about; empty: all
  Duration timeout = std::chrono::seconds(10);
  std::uint32_t connections = 4;  // on each core; threads in all where a client library blocks

  CustomerFrom customer_from = CustomerFrom::domain;
  std::string customer;  // fixed
  UnknownCustomer unknown_customer = UnknownCustomer::refuse;
  std::uint32_t failures = 5;  // in a row, until it is left alone
  bool bearer = false;         // asked about access tokens alone; others never are

  std::vector<BackendServer> servers;  // tried in order
  BackendTls tls = BackendTls::implicit;
  std::string ca_file;      // empty: the system's
  std::string server_name;  // that the certificate must be for; empty: the server's host

  std::string path;              // of a file or an HTTP resource
  bool plain_passwords = false;  // a file's may be in clear
  std::string mechanism;         // how to log in, where the protocol has several ways
  std::string database;          // SQL
  std::string query;             // SQL; LDAP's filter
  std::string user;              // that we log in as ourselves: SQL; LDAP's bind DN
  std::string password_file;     // its password
  std::string base;              // LDAP
  std::string userdb_socket;     // Dovecot: where it tells whether a mailbox exists

  // What the server's answer calls an account's own name, its customer and its domains; empty: as is usual for the
  // kind.
  std::string account_field;  // the name's own spelling
  std::string customer_field;
  std::string domains_field;
};

// Whether a back end is asked about logins of this domain.
[[nodiscard]] bool is_for_domain(const BackendOptions& options, std::string_view domain);

}  // namespace sluice::auth
