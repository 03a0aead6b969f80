// sluice-sink: receives mail, checks it and throws it away.
#include <iostream>

#include "engine/io/process.h"
#include "tools/load/sink_run.h"

namespace {

using sluice::load::SinkCommand;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int complain(const std::string& error) {
  std::cerr << "sluice-sink: " << error << "\n";
  return kExitFailed;
}

int run(const SinkCommand& command) {
  sluice::io::take_signals();
  const auto state = sluice::load::run_sink(command);
  if (!state) return complain(state.error());
  std::cout << (command.json ? sluice::load::sink_results_json(*state) : sluice::load::sink_results_text(*state));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const SinkCommand command = sluice::load::parse_sink(argc, argv);
  if (command.kind == SinkCommand::Kind::run) {
    const int status = run(command);
    return std::cout.flush() ? status : complain("standard output: cannot write all of it; is the disk full?");
  }
  const bool help = command.kind == SinkCommand::Kind::print;
  (help ? std::cout : std::cerr) << command.text << std::flush;
  return help ? 0 : kExitUsage;
}
