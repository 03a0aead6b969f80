// sluice-load: sends mail, and accounts for it.
#include <iostream>

#include "engine/io/files.h"
#include "engine/io/process.h"
#include "engine/io/real_platform.h"
#include "tools/load/load_run.h"

namespace {

using sluice::load::LoadCommand;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr std::size_t kAccountsBytesMax = std::size_t{256} * 1024 * 1024;

int complain(const std::string& error) {
  std::cerr << "sluice-load: " << error << "\n";
  return kExitFailed;
}

int run(LoadCommand& command) {
  if (!command.accounts_file.empty()) {
    const auto text = sluice::io::read_file(command.accounts_file, kAccountsBytesMax);
    if (!text) return complain(text.error());
    auto logins = sluice::load::parse_logins(*text);
    if (!logins) return complain(command.accounts_file + ": " + logins.error());
    const std::string fault = sluice::load::use_logins(*std::move(logins), command);
    if (!fault.empty()) return complain(command.accounts_file + ": " + fault);
  }
  while (command.options.run == 0) command.options.run = sluice::io::make_real_random()->number();
  sluice::io::take_signals();
  const auto result = sluice::load::run_load(command);
  if (!result) return complain(result.error());
  std::cout << (command.json ? sluice::load::load_results_json(*result, command.options)
                             : sluice::load::load_results_text(*result, command.options));
  return result->good() ? 0 : kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  LoadCommand command = sluice::load::parse_load(argc, argv);
  if (command.kind == LoadCommand::Kind::run) {
    const int status = run(command);
    return std::cout.flush() ? status : complain("standard output: cannot write all of it; is the disk full?");
  }
  const bool help = command.kind == LoadCommand::Kind::print;
  (help ? std::cout : std::cerr) << command.text << std::flush;
  return help ? 0 : kExitUsage;
}
