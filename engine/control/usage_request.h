// What sluicectl asks of the use of limits, as a value and as a line for the control socket:
//
//   usage [limit=N] [top=N] [account=V] [customer=V]
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

#include "engine/control/explain_request.h"

namespace sluice::control {

inline constexpr std::uint32_t kUsageRowsMax = 10'000;
inline constexpr std::uint32_t kUsageTopMax = 100;
inline constexpr std::size_t kUsageDecisionsMax = 10;

struct UsageRequest {
  std::uint32_t limit = kUsageRowsMax;  // of what is shown, in each table
  std::uint32_t top = 0;                // so many that have most, of each figure; 0: all
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
  std::uint64_t used_here = 0;         // of what is used: by this relay
  bool of_cluster = false;             // `used` is that of all relays that share the limit
  bool left_unknown = false;           // they share it, and what others have used is not known
};

// What an account, or all accounts of a customer together, did beside that; of the last 24 hours but for the answers.
struct SenderRow {
  std::string_view subject;  // "account", "customer"
  std::string name;
  std::string customer;
  std::optional<std::uint64_t> networks;  // distinct ones; of accounts alone
  std::uint64_t answered = 0;             // recipients that next hops took, or do not know; older ones count less
  std::uint64_t unknown = 0;              // of those: that they do not know
  std::uint64_t large_messages = 0;       // with more than 50 recipients
  std::uint64_t refused = 0;              // commands and messages that this relay did not take
  std::uint64_t held = 0;                 // messages
};

struct Usage {
  std::vector<UsageRow> windows;
  std::string
      cluster_fault;  // why of some windows the cluster's use is not known; empty: it is known, or there is none
  std::vector<SenderRow> senders;
  std::vector<DecidedEvent> decisions;  // the newest first
};

// Of the windows those next to their limit first, of senders those of whose recipients most are unknown; at most
// `request.limit` of each, and a note says what is left out.  JSON: an object of three arrays.  Sorts all of it: for a
// worker.
[[nodiscard]] std::string render_usage(const UsageRequest& request, Usage usage);

}  // namespace sluice::control
