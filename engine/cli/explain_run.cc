#include "engine/cli/explain_run.h"

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/cli/accounts.h"
#include "engine/cli/explain_trace.h"
#include "engine/cli/logged_decision.h"
#include "engine/control/explain_request.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

void note_explain(const ExplainWorld& world, std::string_view note) {
  world.err << "sluicectl: " << text::printable(note) << "\n";
}

std::string explained(const ExplainCommand& command, std::span<const control::DecidedEvent> events) {
  return control::render_explanation({.json = command.json, .id = command.id}, events,
                                     [&command](WallMillis at) { return moment_text(at, command.time); });
}

// Whether it has the id, and that was printed.
bool print_what_trace_has(const ExplainCommand& command, const ExplainWorld& world) {
  if (!world.trace) return false;
  std::string shown;
  const auto faults = world.trace(command.id, [&](const trace::TracedMessage& message) {
    shown = explain_traced(message, command.json, command.time);
    return false;
  });
  if (!faults) {
    note_explain(world, faults.error() + "; asking the relay");
    return false;
  }
  for (const std::string& fault : *faults) note_explain(world, fault);
  const bool found = !shown.empty() && shown != control::render_explanation({.json = true}, {});
  if (found) world.out << shown;
  if (!found) note_explain(world, "the trace does not know it; asking the relay");
  return found;
}

// Whether it knew the id, and that was printed.
bool print_what_relay_knows(const ExplainCommand& command, const ExplainWorld& world) {
  const auto answer = world.ask(control::encode_explain_request({.json = true, .id = command.id}));
  if (!answer) {
    note_explain(world, answer.error() + "; looking into the log");
    return false;
  }
  if (answer->empty() || *answer == control::render_explanation({.json = true}, {})) {
    note_explain(world, "the relay does not know it any more; looking into the log");
    return false;
  }
  if (command.json) {
    world.out << *answer;
    return true;
  }
  const auto events = read_answered_decisions(*answer);
  if (events.empty()) {
    note_explain(world, "the relay's answer cannot be read: sluicectl is of another version; looking into the log");
    return false;
  }
  world.out << explained(command, events);
  return true;
}

// Where the log is, the oldest file first; none: it cannot be read, and why was said.
std::vector<std::string> log_files(const ExplainCommand& command, const ExplainWorld& world) {
  if (!command.log.empty()) return {command.log};
  if (world.log_file.empty()) {
    note_explain(world,
                 "there is neither a trace (trace.directory) nor a log (log.file) to look into: --config FILE names a "
                 "configuration that has them, --log FILE a log");
    return {};
  }
  if (world.log_file == "-") {
    note_explain(world,
                 "the relay writes its log to standard error (log.file), and keeps no trace of it (trace.directory); "
                 "where systemd has started it: journalctl -u "
                 "sluice -o cat | sluicectl explain " +
                     command.id + " --log -");
    return {};
  }
  return {world.log_file + ".1", world.log_file};
}

// False: a file could not be read, and why was said.
bool look_into(const std::vector<std::string>& files, const ExplainCommand& command, const ExplainWorld& world,
               LoggedDecisions& found) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto file = world.open_log(files[i]);
    if (!file) {
      note_explain(world, file.error());
      return false;
    }
    const bool is_old = i + 1 < files.size();
    if (*file != nullptr) {
      find_logged_decisions({.name = files[i], .lines = **file}, command.id, found);
    } else if (!is_old) {
      note_explain(world, files[i] + ": there is no such file");
      return false;
    }
  }
  return true;
}

}  // namespace

int run_explain_command(const ExplainCommand& command, const ExplainWorld& world) {
  if (command.log.empty() && print_what_trace_has(command, world)) return kCtlDone;
  if (command.log.empty() && print_what_relay_knows(command, world)) return kCtlDone;
  const std::vector<std::string> files = log_files(command, world);
  LoggedDecisions found;
  if (files.empty() || !look_into(files, command, world, found)) return kCtlFailed;
  std::string names;
  for (const std::string& file : files) names.append(names.empty() ? "" : " and ").append(file);
  if (found.more) note_explain(world, "there are more; these are the first " + std::to_string(kLoggedDecisionsMax));
  if (found.events.empty())
    note_explain(world, "nothing is known of it in " + names +
                            (found.whole ? "" : " (the last 1 GiB of each, of a pipe the first)") +
                            "; for older logs: zcat FILE | sluicectl explain " + command.id + " --log -");
  world.out << explained(command, found.events);
  return kCtlDone;
}

}  // namespace sluice::cli
