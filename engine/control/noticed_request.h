// What sluicectl asks of what was noticed of an account, as a value and as a line for the control socket:
//
//   noticed [release] [json] account=V
//
// V as in words.h.  The answer ends as those about the queue do.  Pure; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::control {

struct NoticedRequest {
  bool release = false;  // all steps are lifted; else the account is shown
  bool json = false;
  std::string account;  // compared as login names are
  friend bool operator==(const NoticedRequest&, const NoticedRequest&) = default;
};

// What is wrong with a request, as a sentence for the operator; empty: nothing.
[[nodiscard]] std::string noticed_request_fault(const NoticedRequest& request);
// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_noticed_request(const NoticedRequest& request);
// From an untrusted peer.  What is decoded has no fault.  The error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<NoticedRequest, std::string> decode_noticed_request(std::string_view line);

// What is known of an account; counts are of the last 24 hours.
struct NoticedAccount {
  bool known = false;  // it has sent within a year
  std::string policy_class;
  std::string_view step = "pass";    // that its mail deserves
  std::string_view effect = "pass";  // that is taken
  std::uint64_t score = 0;
  std::uint64_t strikes = 0;
  std::uint64_t recipients = 0;
  std::uint64_t first_time_recipients = 0;
  std::uint64_t networks = 0;
  std::uint64_t answered = 0;  // recipients that next hops took or refused for good
  std::uint64_t unknown = 0;   // of those
  std::uint64_t spam_replies = 0;
  std::string reasons;
  WallMillis until = 0;  // when a timer lifts the hold or suspension that is taken; 0: none is
};

// JSON, whatever the request says: an object on a line.
[[nodiscard]] std::string render_noticed(const NoticedRequest& request, const NoticedAccount& account);
// `known`: there was something that could be lifted.
[[nodiscard]] std::string render_noticed_release(const NoticedRequest& request, bool known);

}  // namespace sluice::control
