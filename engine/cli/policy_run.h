// What sluicectl policy does: a replay of the log, or a message that is described.  The control program's only thread;
// blocking.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/cli/accounts.h"
#include "engine/cli/command_line.h"
#include "engine/cli/event_logs.h"
#include "policy/classes.h"

namespace sluice::cli {

// What is tried.
struct PolicyTrial {
  const policy::PolicyClasses& classes;
  std::function<std::string(const std::string& listener)> network_class;  // see policy::ReplayParts
  std::vector<LogFile> files;                                             // opened by who has called us
};

// The exit status.
int run_policy_command(const PolicyCommand& command, PolicyTrial trial, const AccountCommandWorld& world);

}  // namespace sluice::cli
