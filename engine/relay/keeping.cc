#include "engine/relay/keeping.h"

#include <utility>

namespace sluice::relay {

// ------------------------------------------------------------------------------------------ SpoolKeeper

SpoolKeeper::~SpoolKeeper() = default;

Task<bool> SpoolKeeper::begin(const message::Envelope& envelope, message::BodyForm form) {
  envelope_ = &envelope;
  form_ = form;
  const auto id = message::parse_queue_id(envelope.id);
  CHECK(id.has_value());
  id_ = *id;
  draft_.emplace(spool_, id_, spool::share_number(submitter_));
  co_return true;
}

Task<bool> SpoolKeeper::append(Chain bytes) {
  if (co_await draft_->append(std::move(bytes))) co_return true;
  draft_->abandon();
  co_return false;
}

Task<bool> SpoolKeeper::commit(message::DeliveryStatus status) {
  const spool::Stored stored{.envelope = *envelope_,
                             .submitter = submitter_,
                             .form = form_,
                             .arrived = queue_.wall(),
                             .content_bytes = draft_->bytes(),
                             .pieces = {}};
  // Whom the next hop was asked about waits; who is left over from a limit of its own, and what is decided, does not.
  const WallMillis later = queue_.first_retry();
  for (message::RecipientStatus& recipient : status.recipients)
    if (recipient.fate == message::Fate::waiting && recipient.tries > 0) recipient.due = later;
  status.update_due();
  if (!co_await draft_->commit(stored, status)) co_return false;
  queue_.add(id_, stored, status);
  co_return true;
}

Task<void> SpoolKeeper::abandon() {
  if (draft_) draft_->abandon();
  co_return;
}

// ------------------------------------------------------------------------------------------ Store

Task<void> Store::offer(const message::Envelope& envelope, std::size_t first, std::vector<smtp::Reply>& answers) {
  envelope_ = &envelope;
  for (std::size_t i = first; i < envelope.recipients.size(); ++i) answers.emplace_back(smtp::replies::kRecipientOk);
  co_return;
}

Task<void> Store::begin(message::BodyForm form) { failed_ = !co_await keeper_->begin(*envelope_, form); }

Task<void> Store::feed(Chain bytes) {
  if (!failed_) failed_ = !co_await keeper_->append(std::move(bytes));
}

Task<message::Outcome> Store::finish() {
  message::Outcome outcome;
  if (!failed_) {
    message::DeliveryStatus status;
    status.recipients.resize(envelope_->recipients.size());
    failed_ = !co_await keeper_->commit(std::move(status));
  }
  if (failed_) {
    outcome.reply = smtp::replies::kNoSpace;
    outcome.detail = "the spool did not take it";
  } else {
    outcome.reply = smtp::Reply(250, {2, 0, 0}, "Queued as " + envelope_->id);
    outcome.detail = "kept, to be delivered from the spool";
  }
  co_return outcome;
}

Task<void> Store::abandon() {
  if (!failed_) co_await keeper_->abandon();
}

}  // namespace sluice::relay
