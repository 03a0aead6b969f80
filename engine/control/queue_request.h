// What sluicectl asks of the queue, as a value and as a line for the control socket:
//
//   queue VERB [message] [json] [all] [held] [limit=N] [id=V] [customer=V] [sender=V] [recipient=V] [destination=V]
//       [account=V] [client=V] [subject=V] [like=V] [reason=V] [text=V] [status=V]
//
// The answer is text or JSON, perhaps of many pages, and ends in a line of its own: kAnswerEnd.  Before that, or
// instead of it where the answer could not be finished, there may be lines for the reader that begin with kAnswerNote
// or kAnswerError. The request's words are in this order, parted by one blank each.  In a value every byte but
// letters, digits and
// "-._@+*/:[]" is written "%XX", in capitals.  So a request has one line, and a line one request.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/contained.h"
#include "engine/smtp/reply.h"

namespace sluice::control {

enum class QueueVerb : std::uint8_t {
  list,
  show,
  flush,    // try now
  hold,     // try no more, until released
  release,  // undo hold
  remove,   // give up, without a DSN
  destinations,
  review,  // list what is on hold, with the beginning of its text
  reject,  // give up, with a DSN that says why
};

inline constexpr std::uint32_t kQueueLimitDefault = 100;
inline constexpr std::uint32_t kQueueLimitMax = 10'000;
inline constexpr std::size_t kQueueRequestBytesMax = 8192;
// Of the words why a message is held or rejected.
inline constexpr std::size_t kHoldReasonBytesMax = 200;
// Of what the sender of a rejected message is told.
inline constexpr std::size_t kRejectTextBytesMax = 400;
// The last line of every answer of the control socket but those to "reload" and "drain", which are of a few words.
inline constexpr std::string_view kAnswerEnd = "end";
inline constexpr std::string_view kAnswerNote = "note: ";
inline constexpr std::string_view kAnswerError = "error:";

struct QueueRequest {
  QueueVerb verb = QueueVerb::list;
  bool json = false;
  bool all = false;  // the whole queue is meant, not what filters leave of it
  // Of what is shown.  Not given: kQueueLimitDefault for a reader, and all there is where a program reads it.
  std::optional<std::uint32_t> limit;
  // Filters, all of which must hold; empty: not given.
  std::string id;
  std::string customer;     // its name
  std::string sender;       // see matches_address()
  std::string recipient;    // likewise
  std::string destination;  // "ROUTE" or "ROUTE/DOMAIN", see route::RouteTable::destination_key()
  std::string account;      // of the login that sent it, compared as login names are
  std::string client;       // address that it came from, or a network
  std::string subject;      // a part of its Subject field, see subject_contains()
  std::string like;         // id of a message; those with its text, but for words that vary, are meant, and itself
  std::string like_sketch;  // of that text; the relay's own, and in no line
  auth::Contained but;      // whose mail is not meant; likewise
  bool held = false;        // only what is on hold
  bool message = false;     // of show: the message itself, its content
  std::string reason;       // of hold and reject, where it may be empty, and of a message that is shown
  std::string text;         // of reject: what senders are told; empty: the reason
  std::string status;       // of reject: "5.X.Y", see parse_failure_status(); empty: 5.7.1
  friend bool operator==(const QueueRequest&, const QueueRequest&) = default;

  [[nodiscard]] bool unlimited() const { return json && !limit; }
  [[nodiscard]] bool has_filter() const { return !(id.empty() && destination.empty()) || has_other_filter(); }
  // Beside the message's ID and where it goes.
  [[nodiscard]] bool has_other_filter() const {
    return !(customer.empty() && sender.empty() && recipient.empty() && account.empty() && client.empty() &&
             subject.empty() && like.empty());
  }
};

// A filter, for code that reads and writes filters by name.
struct QueueFilter {
  std::string_view name;   // "sender"
  std::string_view value;  // what its value stands for
  std::string QueueRequest::* text;
  std::size_t bytes_max;
};
extern const std::span<const QueueFilter> kQueueFilters;

struct QueueVerbName {
  std::string_view name;
  QueueVerb verb;
};
extern const std::span<const QueueVerbName> kQueueVerbs;

// "5.X.Y" (RFC 3463), as a report of a failure may have it (RFC 3464 2.3.4); nothing for any other text.
[[nodiscard]] std::optional<smtp::EnhancedCode> parse_failure_status(std::string_view text);

// Whether messages may be another way afterwards: flush, hold, release, remove, reject.
[[nodiscard]] bool changes_queue(QueueVerb verb);

// What is wrong with a request, as a sentence for the operator ("needs an ID"); empty: nothing.
[[nodiscard]] std::string queue_request_fault(const QueueRequest& request);

// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_queue_request(const QueueRequest& request);
// From an untrusted peer: at most kQueueRequestBytesMax are looked at.  What is decoded has no fault.  The
// error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<QueueRequest, std::string> decode_queue_request(std::string_view line);

// Whether a mailbox, as envelopes keep it, is one that a filter means: "user@example.com" is that
// mailbox, its domain in any case; "@example.com" is every mailbox there; "<>" is the null
// reverse-path; "postmaster" is the recipient without a domain.
[[nodiscard]] bool matches_address(std::string_view filter, std::string_view mailbox);

}  // namespace sluice::control
