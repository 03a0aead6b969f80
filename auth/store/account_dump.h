// What other programs hold of accounts, as text that `sluicectl account import` reads: the accounts of it, and what of
// it is none.  Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"
#include "auth/scram.h"
#include "auth/secret.h"

namespace sluice::auth {

enum class DumpFormat : std::uint8_t {
  passwd_file,  // Dovecot's: passwd_file.h
  htpasswd,     // Apache's
  sasldb,       // Cyrus SASL's sasldb2, as db_dump writes it, with or without -p
  csv,          // RFC 4180, with a header line: name, password or hash, customer, status
};
// "passwd-file", "htpasswd", "sasldb" or "csv".
[[nodiscard]] std::optional<DumpFormat> dump_format(std::string_view name);

struct DumpedAccount {
  std::size_t line = 0;  // where it stands; the first is 1
  std::string name;
  std::string hash;                     // to be taken as it is: of a scheme and a cost that are checked; or
  std::optional<Secret> clear;          // to be hashed
  std::optional<ScramKeys> scram = {};  // made when `clear` was hashed
  std::string customer;                 // that it is of; empty: nothing is said
  AccountStatus status = AccountStatus::active;
};

struct DumpRefusal {
  std::size_t line = 0;
  std::string name;  // as far as it is known
  std::string why;   // has nothing of a secret or a hash
};

struct Dump {
  std::vector<DumpedAccount> accounts;
  std::vector<DumpRefusal> refusals;  // in the order of their lines
};

[[nodiscard]] Dump read_dump(DumpFormat format, std::string_view text);

}  // namespace sluice::auth
