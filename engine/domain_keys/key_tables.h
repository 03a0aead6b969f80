// What other signers' tables say of keys: which file has a domain's.  Values; any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::domain_keys {

struct TableKey {
  std::size_t table = 0;  // in the order of the reader's parameters
  std::size_t line = 0;   // of that table
  std::string domain;     // as domain_key() has it
  std::string selector;
  std::string file;
};

struct TableRefusal {
  std::size_t table = 0;
  std::size_t line = 0;
  std::string why;
};

struct KeysOfTables {
  std::vector<TableKey> keys;  // each once
  std::vector<TableRefusal> refusals;
};

// A key, and behind blanks its value, of each line that has any; "#" begins a comment.
using OnTableEntry = std::function<void(std::size_t line, std::string_view key, std::string_view value)>;
void each_table_entry(std::string_view table, const OnTableEntry& on_entry);

}  // namespace sluice::domain_keys
