// Checks of a log for sluicectl explain, whatever is in it:
//   - what is read has keys of its event alone, and has been decided about something;
//   - a decision is found by its id, as often as it is there.
// Input: lines.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/cli/logged_decision.h"
#include "engine/event/rows.h"

namespace {

using namespace sluice;

void check_decision(const control::DecidedEvent& decision) {
  const auto row = std::ranges::find(event::rows(), decision.event, &event::Row::name);
  CHECK(row != event::rows().end() && !decision.id.empty() && decision.at >= 0);
  CHECK(control::decides(decision.event, decision.value("verdict")));
  for (const auto& [key, value] : decision.values)
    CHECK(!value.empty() && std::ranges::find(row->keys, key, &event::Key::name) != row->keys.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::istringstream lines(text);
  std::string id;
  for (std::string line; std::getline(lines, line);) {
    const auto decision = cli::read_logged_decision(line);
    if (!decision) continue;
    check_decision(*decision);
    id = decision->id;
  }
  if (id.empty()) return 0;
  std::istringstream log(text);
  cli::LoggedDecisions found;
  cli::find_logged_decisions({.name = "log", .lines = log}, id, found);
  CHECK(found.whole && found.events.size() <= cli::kLoggedDecisionsMax);
  for (const control::DecidedEvent& decision : found.events) CHECK(decision.id == id);
  return 0;
}
