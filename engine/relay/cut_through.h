// Cut-through delivery: the message sink that passes a message on while the client still waits: its bytes go on from
// the buffers that they arrived in, and what the next hop says decides what reply the client gets.  Nothing touches a
// disk when all goes well.
//
// Which reply clients get.  Eager (or without a place to keep it, as then there is no report to the sender): a
// recipient that the next hop refuses is refused to the client at once.  Late: all are answered 250 at first.  In the
// end
//   all taken                    the next hop's 250
//   all refused for good         the next hop's 5xx; nothing is kept
//   the message is to be held    250 once the whole message is safely kept on hold; the next hop, where it was asked
//                                already, never hears the content's end
//   anything else                250 once the whole message is safely kept with what became of each recipient; else 4xx
// A message that is to be signed goes on when it is whole (message_signer.h); one that cannot be held in memory until
// then is kept, and delivered from the spool.
// A connection that is lost after the content's end is "anything else": a possible duplicate is better than a loss.
// Without a place to keep it "anything else" is a 451: the client still has the message.
// One per message; core thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/hop/pool.h"
#include "engine/message/message_sink.h"
#include "engine/relay/message_writer.h"
#include "engine/relay/retained.h"
#include "engine/relay/transmission.h"

namespace sluice::relay {

class CutThrough final : public message::MessageSink {
 public:
  static constexpr std::size_t kWindowBytes = Transmission::kWindowBytes;
  static constexpr std::size_t kChunkBytes = Transmission::kChunkBytes;

  // `open`: empty where there is no place to keep a message; `signer`: null: it is not signed. `pool`, `memory` and
  // `signer` outlive the sink.
  CutThrough(hop::Pool& pool, MemoryBudget& memory, OpenWriter open = {}, message::Submitter submitter = {},
             signing::Signer* signer = nullptr);

  // These are not for this next hop: when they are offered they are answered 452, and left out.  Eager only.
  void leave_out(const std::vector<std::uint32_t>& recipients);
  Task<void> add_recipients(const message::Envelope& envelope, std::size_t first,
                            std::vector<smtp::Reply>& answers) override;
  Task<void> begin(message::BodyForm form) override;
  Task<void> write(Chain bytes) override;
  Task<message::Outcome> commit() override;
  Task<void> abort() override;
  [[nodiscard]] message::Outcome asked() const override;

  // Before commit(): the hashes of the message's body, made while it came.
  void set_body(const dkim::BodyDigests& body) { signatures_.set_body(body); }

  // For tests: what it holds.
  [[nodiscard]] const Retained& retained() const { return retained_; }
  // After begin(): with results after commit().
  [[nodiscard]] const Transmission& transmission() const { return *transmission_; }

 private:
  void make_transmission(std::vector<std::uint32_t> recipients);
  [[nodiscard]] smtp::Reply answer(const RecipientResult& result) const;
  [[nodiscard]] const RecipientResult* first(RecipientResult::Kind kind) const;
  [[nodiscard]] bool wants_report() const;
  [[nodiscard]] message::DeliveryStatus status() const;
  void end_refused(message::DeliveryStatus& status) const;
  Task<message::Outcome> decide();
  Task<message::Outcome> keep_on_hold();

  hop::Pool& pool_;
  bool may_keep_;
  message::Submitter submitter_;
  bool eager_;
  signing::Signer* signing_;
  const message::Envelope* envelope_ = nullptr;
  MessageSignatures signatures_;
  std::optional<MessageSigner> signer_;
  std::optional<Transmission> transmission_;
  std::vector<bool> promised_;  // for each recipient: the client was answered 250
  std::vector<std::uint32_t> left_out_;
  Retained retained_;
};

}  // namespace sluice::relay
