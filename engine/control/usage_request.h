// What sluicectl asks of the use of limits, as a value and as a line for the control socket:
//
//   usage [json] [limit=N] [account=V] [customer=V]
//
// The words are in this order, parted by one blank each; V as in words.h.  The answer ends as those about the queue do.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::control {

inline constexpr std::uint32_t kUsageRowsMax = 10'000;

struct UsageRequest {
  bool json = false;
  std::uint32_t limit = kUsageRowsMax;  // of what is shown
  std::string account;                  // compared as login names are
  std::string customer;                 // its name, without case
  friend bool operator==(const UsageRequest&, const UsageRequest&) = default;
};

// What is wrong with a request, as a sentence for the operator; empty: nothing.
[[nodiscard]] std::string usage_request_fault(const UsageRequest& request);
// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_usage_request(const UsageRequest& request);
// From an untrusted peer.  What is decoded has no fault.  The error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<UsageRequest, std::string> decode_usage_request(std::string_view line);

// One window of one limit.
struct UsageRow {
  std::string_view subject;  // "account", "customer"
  std::string name;
  std::string_view quantity;
  std::string_view window;
  std::uint64_t used = 0;              // with what is reserved for messages under way; of bytes in KiB
  std::optional<std::uint64_t> limit;  // as of the last time that it was asked; none: nobody has since the start
};

// Those next to their limit first; at most `request.limit`, and a note says what is left out.
[[nodiscard]] std::string render_usage(const UsageRequest& request, std::vector<UsageRow> rows);

}  // namespace sluice::control
