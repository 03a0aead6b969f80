// sluicectl: asks a running relay, and keeps the accounts' file.
#include <filesystem>
#include <iostream>

#include "engine/core/command_line.h"
#include "engine/core/ctl_accounts.h"
#include "engine/core/server.h"
#include "engine/io/local_socket.h"

namespace {

using sluice::core::SluicectlCommand;

constexpr int kExitFailed = 1;

// The place named on the command line, else by the configuration, else the default.
bool find_places(const SluicectlCommand& command, std::string& control, std::string& store) {
  const sluice::core::Config defaults;
  control = command.control.empty() ? defaults.server.control : command.control;
  store = command.store.empty() ? defaults.store.accounts : command.store;
  const bool account = command.kind == SluicectlCommand::Kind::account;
  if (!(account ? command.store : command.control).empty()) return true;
  // Without a file of that name the defaults hold, unless somebody named it.
  if (!command.config_given && !std::filesystem::exists(command.config_file)) return true;
  const auto config = sluice::core::read_config(command.config_file);
  if (config) {
    control = config->server.control;
    store = config->store.accounts;
    return true;
  }
  for (const std::string& error : config.error()) std::cerr << "sluicectl: " << error << "\n";
  return false;
}

int ask(const SluicectlCommand& command, const std::string& control) {
  const auto answer = sluice::io::ask_local(control, command.request + "\n", command.timeout_s);
  if (!answer) {
    std::cerr << "sluicectl: " << answer.error() << "\n";
    return kExitFailed;
  }
  const bool failed = answer->starts_with("error:");
  (failed ? std::cerr : std::cout) << *answer;
  return failed ? kExitFailed : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const SluicectlCommand command = sluice::core::parse_sluicectl(argc, argv);
  if (command.kind == SluicectlCommand::Kind::print) {
    std::cout << command.text;
    return 0;
  }
  if (command.kind == SluicectlCommand::Kind::error) {
    std::cerr << command.text;
    return sluice::core::kExitUsage;
  }
  std::string control;
  std::string store;
  if (!find_places(command, control, store)) return kExitFailed;
  if (command.kind == SluicectlCommand::Kind::ask) return ask(command, control);
  return sluice::core::run_account_command(command.account_args, store, std::cin, std::cout, std::cerr);
}
