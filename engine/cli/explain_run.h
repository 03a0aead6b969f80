// What sluicectl explain does: it asks the relay, and where that does not know the id, reads its log.  The control
// program's only thread; blocking.
#pragma once

#include <expected>
#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>

#include "engine/cli/command_line.h"

namespace sluice::cli {

struct ExplainWorld {
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
