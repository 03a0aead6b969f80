// What sluicectl explain does: it reads the trace; where there is none, or it does not know the id, it asks the relay,
// and then reads its log.  The control program's only thread; blocking.
#pragma once

#include <expected>
#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "engine/cli/command_line.h"
#include "engine/trace/search.h"

namespace sluice::cli {

struct ExplainWorld {
  // Looks for an id in the trace, and says what could not be read; null: there is no trace.  The error is a sentence.
  std::function<std::expected<std::vector<std::string>, std::string>(const std::string& id, const trace::Found& found)>
      trace;
  // What the relay answers, without its end.  The error is a sentence.
  std::function<std::expected<std::string, std::string>(const std::string& request)> ask;
  // Null: there is no such file.  "-" is standard input.
  std::function<std::expected<std::unique_ptr<std::istream>, std::string>(const std::string& name)> open_log;
  std::string log_file;  // as log.file of the configuration; empty: no configuration was read
  std::ostream& out;
  std::ostream& err;
};

// The exit status.
int run_explain_command(const ExplainCommand& command, const ExplainWorld& world);

}  // namespace sluice::cli
