#include "engine/relay/queue_first.h"

#include <utility>

namespace sluice::relay {

Task<void> QueueFirst::add_recipients(const message::Envelope& envelope, std::size_t first,
                                      std::vector<smtp::Reply>& answers) {
  envelope_ = &envelope;
  for (std::size_t i = first; i < envelope.recipients.size(); ++i) answers.emplace_back(smtp::replies::kRecipientOk);
  co_return;
}

Task<void> QueueFirst::begin(message::BodyForm form) {
  writer_ = open_(*envelope_, form);
  co_return;
}

Task<void> QueueFirst::write(Chain bytes) {
  if (kept_) kept_ = co_await writer_->append(std::move(bytes));
  if (!kept_ || memory_.cover(writer_->in_memory())) co_return;
  kept_ = co_await writer_->write_out();
  static_cast<void>(memory_.cover(writer_->in_memory()));
}

Task<message::Outcome> QueueFirst::commit() {
  if (kept_) {
    message::DeliveryStatus status;
    status.recipients.resize(envelope_->recipients.size());
    status.held = !envelope_->hold_reason.empty();
    status.hold_reason = envelope_->hold_reason;
    kept_ = co_await writer_->commit(std::move(status));
  }
  message::Outcome outcome;
  if (kept_) {
    outcome.reply = smtp::Reply(250, {2, 0, 0}, "Queued as " + envelope_->id);
    outcome.detail =
        envelope_->hold_reason.empty() ? "kept, to be delivered from the spool" : "on hold: " + envelope_->hold_reason;
  } else {
    outcome.reply = smtp::replies::kNoSpace;
    outcome.detail = "the spool did not take it: " + kept_.error();
  }
  co_return outcome;
}

Task<void> QueueFirst::abort() {
  writer_ = nullptr;
  co_return;
}

}  // namespace sluice::relay
