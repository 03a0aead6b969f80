// What sluicectl explain asks: why a message or a command was refused, held or slowed, by the id in the reply, as a
// value and as a line for the control socket:
//
//   explain [json] id=V
//
// The answer ends as those about the queue do; it is empty, or "[]", where nothing is known of the id.  Pure; any
// thread.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/base/time.h"
#include "engine/text/time_text.h"

namespace sluice::control {

inline constexpr std::size_t kExplainIdBytesMax = 64;

struct ExplainRequest {
  bool json = false;
  std::string id;
  friend bool operator==(const ExplainRequest&, const ExplainRequest&) = default;
};

// What is wrong with a request, as a sentence for the operator; empty: nothing.
[[nodiscard]] std::string explain_request_fault(const ExplainRequest& request);
// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_explain_request(const ExplainRequest& request);
// From an untrusted peer.  What is decoded has no fault.  The error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<ExplainRequest, std::string> decode_explain_request(std::string_view line);

// An event that decided something; keys as in the log.
struct DecidedEvent {
  WallMillis at = 0;
  std::string_view event;  // static storage, as the keys are
  std::string id;
  std::vector<std::pair<std::string_view, std::string>> values;

  // Empty: it has no such key.
  [[nodiscard]] std::string_view value(std::string_view key) const;
};

// Whether an event of that name decides something.  `verdict`: its key of that name; messages that were taken, of which
// nothing else is to be said, are most of all events.
[[nodiscard]] bool decides(std::string_view event, std::string_view verdict);

// The rule behind a refusal, by the name of its reason, and what would have let it pass.
struct Rule {
  std::string_view reason;
  std::string_view rule;
  std::string_view remedy;
};
[[nodiscard]] std::span<const Rule> rules();
// Null: the reply says all that there is.
[[nodiscard]] const Rule* rule_of(std::string_view reason);

// For each event what was decided, by which rule with which figures, and what would have let it pass.  `moment`: how
// text has moments; JSON has them as RFC 3339.
using MomentText = absl::FunctionRef<std::string(WallMillis wall)>;
[[nodiscard]] std::string render_explanation(const ExplainRequest& request, std::span<const DecidedEvent> events,
                                             MomentText moment = text::time_string);

}  // namespace sluice::control
