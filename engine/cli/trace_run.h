// What sluicectl trace does: it reads the trace's files and prints what it finds.  The control program's only thread;
// blocking.
#pragma once

#include <functional>
#include <ostream>
#include <string>

#include "engine/cli/command_line.h"
#include "engine/cli/moment.h"
#include "engine/event/privacy.h"
#include "engine/io/disk.h"
#include "engine/trace/search.h"

namespace sluice::cli {

struct TraceWorld {
  io::Disk& disk;
  std::string directory;
  WallMillis now = 0;
  event::PrivacyOptions privacy;  // what the trace has in the place of addresses
  // What the relay says against the name of an account or a customer that nothing was found of; empty: it has the name,
  // or does not answer.
  std::function<std::string(const trace::KeyCondition& name)> name_fault;
  // Waits a moment; false: no more is to be followed.
  std::function<bool()> wait;
  std::ostream& out;
  std::ostream& err;
};

// The exit status.
int run_trace_command(const TraceCommand& command, const TraceWorld& world);

// An object on a line, with its newline.
[[nodiscard]] std::string trace_json(const trace::TracedMessage& message, std::size_t from);
// For a reader.  Events before `from` were shown before.
[[nodiscard]] std::string trace_text(const trace::TracedMessage& message, std::size_t from, TimeForm form);

}  // namespace sluice::cli
