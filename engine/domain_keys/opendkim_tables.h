// OpenDKIM's tables (opendkim.conf(5), KeyTable and SigningTable, as files): which key signs whose mail.  Pure.  Any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::domain_keys {

struct TableKey {
  std::size_t line = 0;  // of the KeyTable
  std::string domain;    // as domain_key() has it
  std::string selector;
  std::string file;
};

struct TableRefusal {
  std::string table;  // "KeyTable" or "SigningTable"
  std::size_t line = 0;
  std::string why;
};

struct OpendkimTables {
  std::vector<TableKey> keys;  // each once
  std::vector<TableRefusal> refusals;
};

// The keys with which the mail of a whole domain is signed in that domain's name: what a domain's keys are here. Others
// (of one sender, of all that lies below a domain, in the name of another domain, with the key in the table itself) are
// refusals.
[[nodiscard]] OpendkimTables read_opendkim_tables(std::string_view key_table, std::string_view signing_table);

}  // namespace sluice::domain_keys
