// master.cf's services, as master(5) has them.  Values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/import_postfix/parameters.h"

namespace sluice::import_postfix {

struct Service {
  std::string name;                  // "smtp", "127.0.0.1:10025", "[::1]:587"
  std::string type;                  // "inet", "unix", ...
  std::string command;               // "smtpd"
  std::vector<Parameter> overrides;  // of -o, each with the service's place
  std::string place;                 // "master.cf:12"
};

struct MasterCf {
  std::vector<Service> services;
  std::vector<Problem> problems;

  // Of this type; null: there is none.
  [[nodiscard]] const Service* find(std::string_view name, std::string_view type) const;
};
[[nodiscard]] MasterCf parse_master_cf(std::string_view file);

}  // namespace sluice::import_postfix
