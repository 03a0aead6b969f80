// A sink as a whole: its threads, what it answers about its ledger, and the results.
// From the main thread, once a process: it waits for the process' signals.
#pragma once

#include <expected>
#include <string>

#include "tools/load/sink.h"
#include "tools/load/sink_options.h"

namespace sluice::load {

// Runs until SIGINT or SIGTERM. The error is a sentence: nothing was received.
[[nodiscard]] std::expected<SinkState, std::string> run_sink(const SinkCommand& command);

[[nodiscard]] std::string sink_results_text(const SinkState& state);
[[nodiscard]] std::string sink_results_json(const SinkState& state);

}  // namespace sluice::load
