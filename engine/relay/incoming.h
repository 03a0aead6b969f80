// The sink that a session gives every message to: finds out where the recipients' copies go, and hands the message
// to the one that takes it there.
//
// Where all recipients share one destination and its route says `through`, that is CutThrough (with the spool behind it
// unless the route says otherwise, or the spool takes nothing now).  Everything else is kept first, and delivered from
// the spool (QueueFirst); where that takes nothing, its recipients are answered 452.  Where a route is eager the
// destination of the first recipient is that of the message: the others are answered 452, so that the client sends the
// message again for them.  Where the operator has ordered something about the destination, the message is kept first,
// too.  One per message; core thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/relay/cut_through.h"
#include "engine/relay/queue.h"
#include "engine/signing/running_hash.h"

namespace sluice::relay {

class MaildirSink;

class Incoming final : public message::MessageSink {
 public:
  // What is referred to outlives the sink.
  struct Parts {
    io::Loop& loop;
    Router& router;
    spool::Spool& spool;
    Queue& queue;
    MemoryBudget& memory;
    bool may_keep = true;  // false: the spool takes nothing now, and only what goes through without it is taken
  };
  Incoming(const Parts& parts, message::Submitter submitter);
  ~Incoming() override;

  Task<void> add_recipients(const message::Envelope& envelope, std::size_t first,
                            std::vector<smtp::Reply>& answers) override;
  Task<void> begin(message::BodyForm form) override;
  Task<void> write(Chain bytes) override;
  Task<message::Outcome> commit() override;
  Task<void> abort() override;
  [[nodiscard]] message::Outcome asked() const override;

 private:
  [[nodiscard]] const route::Route& route() const { return parts_.router.route(destination_->route); }
  [[nodiscard]] bool falls_back() const { return route().fallback && parts_.may_keep; }
  [[nodiscard]] bool eager() const;
  [[nodiscard]] OpenWriter open_writer();
  Task<void> take_through();
  Task<void> choose();
  Task<void> refuse_unsigned();
  void end_hash();
  Task<void> queue_first();
  Task<void> hold_for_maildir();

  Parts parts_;
  message::Submitter submitter_;
  const message::Envelope* envelope_ = nullptr;
  std::optional<Destination> destination_;  // of the first recipient
  bool one_destination_ = true;
  bool keep_first_ = false;                     // by the operator's order nothing goes there at once
  Instant began_;                               // begin()
  std::uint64_t bytes_ = 0;                     // of content
  std::optional<Router::Lease> lease_;          // outlives the inner sink
  signing::Signer* signing_ = nullptr;          // of a route that a recipient's copy takes
  std::optional<smtp::StandardReply> refusal_;  // it may not go on unsigned
  std::unique_ptr<signing::RunningHash> hash_;  // of content on its way that may be signed
  std::optional<signing::HashedBody> body_;     // and what came of it; outlives the inner sink
  std::unique_ptr<message::MessageSink> inner_;
  CutThrough* through_ = nullptr;                  // the inner one, if it is that
  MaildirSink* maildir_ = nullptr;                 // likewise
  std::optional<RoutingFailure> routing_failure_;  // why there was none
};

}  // namespace sluice::relay
