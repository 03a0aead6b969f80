// What was read of tables, as texts to compare.
#pragma once

#include <string>
#include <vector>

#include "engine/domain_keys/key_tables.h"

namespace sluice::domain_keys {

inline std::vector<std::string> table_keys(const KeysOfTables& tables) {
  std::vector<std::string> all;
  for (const TableKey& key : tables.keys) all.push_back(key.domain + " " + key.selector + " " + key.file);
  return all;
}

// Which table, which line, and why.
inline std::vector<std::string> table_refusals(const KeysOfTables& tables) {
  std::vector<std::string> all;
  for (const TableRefusal& refusal : tables.refusals)
    all.push_back(std::to_string(refusal.table) + " " + std::to_string(refusal.line) + " " + refusal.why);
  return all;
}

}  // namespace sluice::domain_keys
