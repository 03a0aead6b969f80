// What the trace has of a message in plain words: where each recipient's copy is, what it waits for or why it was
// refused, expired or returned, and what would change that.  Pure; any thread.
#pragma once

#include <string>

#include "engine/cli/moment.h"
#include "engine/trace/search.h"

namespace sluice::cli {

// Paragraphs, or a JSON array on one line, which has moments as RFC 3339.  Recipients of which the same is to be said
// share one.
[[nodiscard]] std::string explain_traced(const trace::TracedMessage& message, bool json, TimeForm form);

}  // namespace sluice::cli
