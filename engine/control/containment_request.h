// What sluicectl asks of the running relay once an account, a customer or a network is contained in the store, or no
// more, as a value and as a line for the control socket:
//
//   containment VERB [json] [mail] id=N KIND=V [reason=V]
//
// VERB is contain, suspend, hold or release, KIND is account, customer or network.  The words are in this order, parted
// by one blank each; V as in words.h.  The answer ends as those about the queue do.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engine/control/queue_request.h"
#include "engine/control/sessions_request.h"

namespace sluice::control {

struct ContainmentRequest {
  enum class Verb : std::uint8_t {
    contain,  // sessions end, queued mail is held
    suspend,  // sessions end
    hold,     // queued mail is held, and what comes, as the store says
    release,  // logins are as the store says again
  };
  enum class Kind : std::uint8_t { account, customer, network };
  Verb verb = Verb::contain;
  bool json = false;
  bool mail = false;  // of release: held mail of it is released, too
  std::uint64_t id = 0;
  Kind kind = Kind::account;
  std::string subject;
  std::string reason;
  friend bool operator==(const ContainmentRequest&, const ContainmentRequest&) = default;

  [[nodiscard]] bool ends_sessions() const { return verb == Verb::contain || verb == Verb::suspend; }
  [[nodiscard]] bool holds_mail() const { return verb == Verb::contain || verb == Verb::hold; }
};

[[nodiscard]] std::string_view verb_name(ContainmentRequest::Verb verb);
[[nodiscard]] std::string_view kind_name(ContainmentRequest::Kind kind);

// What is wrong with a request, as a sentence for the operator; empty: nothing.
[[nodiscard]] std::string containment_request_fault(const ContainmentRequest& request);
// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_containment_request(const ContainmentRequest& request);
// From an untrusted peer.  What is decoded has no fault.  The error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<ContainmentRequest, std::string> decode_containment_request(std::string_view line);

// Its sessions.
[[nodiscard]] SessionsRequest sessions_of(const ContainmentRequest& request);
// Its queued mail, to be held or released.  `by`: who has ordered it.
[[nodiscard]] QueueRequest mail_of(const ContainmentRequest& request, std::string_view by);

// What the relay has done.
struct Containment {
  std::uint64_t sessions = 0;       // ended
  std::uint64_t sessions_left = 0;  // that wait for a next hop's reply to their message
  std::uint64_t messages = 0;       // held or released
  std::uint64_t under_way = 0;      // of those that were held: in a delivery attempt
  std::string fault;                // a sentence: what else was not done; empty: nothing
  [[nodiscard]] bool whole() const { return sessions_left == 0 && fault.empty(); }
};
// What of it is left to be done, in a sentence; empty: nothing.
[[nodiscard]] std::string left_undone(const Containment& done);
[[nodiscard]] std::string render_containment(const ContainmentRequest& request, const Containment& done);

}  // namespace sluice::control
