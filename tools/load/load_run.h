// A run as a whole: its threads, progress, settling with the sink, and the results.
// From the main thread, once a process: it waits for the process' signals.
#pragma once

#include <array>
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "tools/load/load_options.h"
#include "tools/load/sender.h"
#include "tools/load/settle.h"

namespace sluice::load {

struct LoadResult {
  std::uint64_t run = 0;
  std::uint64_t messages = 0;  // begun
  Duration took{};             // of the thread that took longest
  Duration settling{};         // from the last outcome to the end of the settling
  SenderCounters counters;
  std::array<Histogram, kStages> stages;
  std::map<std::string, std::uint64_t> errors;
  std::string gave_up;
  std::string ledger_fault;  // why the sink could not be asked; empty: it was, or was not to be
  Account account;
  Histogram arrival;  // at the sink, from when each was due

  // As the exit status has it.
  [[nodiscard]] bool good() const { return account.good() && gave_up.empty() && ledger_fault.empty(); }
};

// Does what the command says. The error is a sentence: nothing was sent.
[[nodiscard]] std::expected<LoadResult, std::string> run_load(const LoadCommand& command);

[[nodiscard]] std::string load_results_text(const LoadResult& result, const LoadOptions& options);
[[nodiscard]] std::string load_results_json(const LoadResult& result, const LoadOptions& options);

}  // namespace sluice::load
