// What sluicectl asks of the open sessions, as a value and as a line for the control socket:
//
//   sessions [json] [limit=N] [account=V] [customer=V] [address=V]
//   sessions end [json] [account=V] [customer=V] [address=V]
//
// The words are in this order, parted by one blank each; V as in words.h.  Of the filters all that are given must hold;
// the second form needs one.  The answer ends as those about the queue do; what is listed is JSON, with the word or
// without. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::control {

inline constexpr std::uint32_t kSessionsLimitMax = 1'000'000;
// So many of a core's sessions are looked at in one turn, and shown in one page.
inline constexpr std::size_t kSessionsPage = 256;

struct SessionsRequest {
  enum class Verb : std::uint8_t { list, end };
  Verb verb = Verb::list;
  bool json = false;
  std::optional<std::uint32_t> limit;  // of what is shown; not given: all there is
  std::string account;                 // compared as login names are
  std::string customer;                // its name, without case
  std::string address;                 // of the client, or a network
  friend bool operator==(const SessionsRequest&, const SessionsRequest&) = default;

  [[nodiscard]] bool has_filter() const { return !(account.empty() && customer.empty() && address.empty()); }
};

// A filter, for code that reads and writes filters by name.
struct SessionFilter {
  std::string_view name;   // "account"
  std::string_view value;  // what its value stands for
  std::string SessionsRequest::* text;
  std::size_t bytes_max;
};
extern const std::span<const SessionFilter> kSessionFilters;

// What is wrong with a request, as a sentence for the operator; empty: nothing.
[[nodiscard]] std::string sessions_request_fault(const SessionsRequest& request);
// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_sessions_request(const SessionsRequest& request);
// From an untrusted peer.  What is decoded has no fault.  The error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<SessionsRequest, std::string> decode_sessions_request(std::string_view line);

struct SessionStatus {
  std::uint64_t id = 0;
  std::string client;
  std::string listener;
  std::string customer;
  std::string account;
  std::string tls;
  std::string waits_for;
  std::uint64_t seconds = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t messages = 0;  // taken
  bool in_transaction = false;
};

// What one core says.
struct CoreSessions {
  std::uint32_t core = 0;
  std::uint64_t met = 0;                // sessions that pass the filters; of `end`: that were asked to end
  std::vector<SessionStatus> sessions;  // of `list`, a page of them
  bool over = false;                    // of `list`: there are no more pages
};

// A page of the list, as JSON: the first so many of its sessions.  `first`: nothing of the list is written yet.
[[nodiscard]] std::string render_sessions_page(const CoreSessions& page, std::size_t most, bool first);
// What comes behind the last page; `left_out`: so many more there are.
[[nodiscard]] std::string render_sessions_end(bool first, std::uint64_t left_out);
[[nodiscard]] std::string render_sessions_ended(const SessionsRequest& request, std::span<const CoreSessions> cores);

}  // namespace sluice::control
