// The hand-over: a session gives a message to a sink.  A sink is asked for recipients, is given the content, and
// says at the end whether it has the message.  A client's 250 follows the sink's reply and nothing else.
//
// Calls come from one session task, one at a time, in this order:
//   add_recipients()+  begin()  write()*  commit()      or abort() anywhere before commit() has returned.
// After commit() or abort() the sink is done and is destroyed.  Core thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/base/share.h"
#include "engine/base/task.h"
#include "engine/message/envelope.h"
#include "engine/smtp/reply.h"

namespace sluice::message {

// The end of a message, for the log.
struct Outcome {
  smtp::Reply reply;             // for the client
  std::string next_hop;          // that took or refused it; empty: no host was asked
  std::string next_hop_address;  // "192.0.2.25:25", as it was dialled
  std::string next_hop_tls;      // protocol version; empty: none
  std::string detail;            // its own words, or what went wrong
};

class MessageSink {
 public:
  MessageSink() = default;
  virtual ~MessageSink() = default;
  MessageSink(const MessageSink&) = delete;
  MessageSink& operator=(const MessageSink&) = delete;

  // Asks for envelope.recipients[first..]; appends one reply for each to `answers`.
  virtual Task<void> add_recipients(const Envelope& envelope, std::size_t first, std::vector<smtp::Reply>& answers) = 0;
  // The header is complete and the sender may send it: the body follows.  At least one recipient was taken.
  virtual Task<void> begin(BodyForm form) = 0;
  // The next bytes.  Returns when more may come: this is what slows the client down.
  // A sink that has failed already drops them.
  virtual Task<void> write(Chain bytes) = 0;
  // The body is complete.  A 2xx reply means that the sink has the message.
  virtual Task<Outcome> commit() = 0;
  // There will be no message after all.
  virtual Task<void> abort() = 0;
  // Before abort(), for the log: the next hop that was asked so far, and its words; without a reply.
  [[nodiscard]] virtual Outcome asked() const { return {}; }
};

// The submitter, for sinks that choose by it or pass it on.
struct Submitter {
  std::string customer;
  std::string account;
  // Of the session; empty for a message of our own.
  std::string address;  // "192.0.2.1"
  std::string helo;
  std::string protocol;  // "SMTP" or "ESMTP"
  // Of the customer's share: that of its class when the message was accepted.
  ShareWeight weight = 1;
};

// In whose turn, and of whose share, the message goes: the customer's; a host's own, where none has logged in.
[[nodiscard]] inline std::string_view share_name(const Submitter& from) {
  return from.customer.empty() ? std::string_view(from.address) : std::string_view(from.customer);
}

[[nodiscard]] inline CustomerShare share_of(const Submitter& from) {
  return customer_share(share_name(from), from.weight);
}

// Whether a message is a DSN of our own: no client has submitted it.
[[nodiscard]] inline bool is_own_dsn(const Envelope& envelope, const Submitter& from) {
  return envelope.reverse_path.empty() && from.protocol.empty();
}

class MessageSinkFactory {
 public:
  virtual ~MessageSinkFactory() = default;
  virtual std::unique_ptr<MessageSink> make(const Submitter& submitter) = 0;
  // Why no message can be taken now, before anything of one is accepted; null: it can.
  [[nodiscard]] virtual const smtp::StandardReply* refusal() const { return nullptr; }
};

}  // namespace sluice::message
