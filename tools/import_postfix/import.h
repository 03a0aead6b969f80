// A configuration of Sluice from one of Postfix: never more open than that one, and where that is in doubt, narrower.
// Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "tools/import_postfix/lookup_table.h"

namespace sluice::import_postfix {

struct Sources {
  std::string main_cf;
  std::string master_cf;
  std::string config_directory = "/etc/postfix";
  std::string secrets_directory = "/etc/sluice";  // absolute: where password files are to be
  ReadFile read;                                  // of other files that these name
};

// The password of a login at a next hop.
struct SecretFile {
  std::string name;  // in secrets_directory
  std::string text;
};

struct Imported {
  std::string toml;  // config::load_config() takes it
  std::vector<SecretFile> secrets;
  std::vector<std::string> decisions;  // what the operator has to decide or to do; not yet fit for a terminal
};
[[nodiscard]] Imported import(const Sources& sources);

}  // namespace sluice::import_postfix
