// What sluicectl asks of a name, as a value and as a line for the control socket:
//
//   name account=V
//   name customer=V
//
// V as in words.h.  The answer ends as those about the queue do.  Pure; any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace sluice::control {

struct NameRequest {
  // One of the two; the other is empty.
  std::string account;   // compared as login names are
  std::string customer;  // its name, without case
  friend bool operator==(const NameRequest&, const NameRequest&) = default;
};

// What is wrong with a request, as a sentence for the operator; empty: nothing.
[[nodiscard]] std::string name_request_fault(const NameRequest& request);
// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_name_request(const NameRequest& request);
// From an untrusted peer.  What is decoded has no fault.  The error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<NameRequest, std::string> decode_name_request(std::string_view line);

// In JSON, an object on a line.  `unknown`: a sentence where there is no such name, with one that may be meant.
inline constexpr std::string_view kNameUnknown = "unknown";
[[nodiscard]] std::string render_name(const std::string& unknown);

}  // namespace sluice::control
