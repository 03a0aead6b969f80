#include "engine/relay/cut_through.h"

#include <algorithm>
#include <utility>

namespace sluice::relay {

using Kind = RecipientResult::Kind;

CutThrough::CutThrough(hop::Pool& pool, MemoryBudget& memory, OpenWriter open, message::Submitter submitter,
                       signing::Signer* signer)
    : pool_(pool),
      may_keep_(static_cast<bool>(open)),
      submitter_(std::move(submitter)),
      eager_(!may_keep_ || pool.route().dialog == route::RouteDialog::eager),
      signing_(signer),
      retained_(std::move(open), pool.route().retain_bytes_max, memory, message::share_of(submitter_)) {}

void CutThrough::make_transmission(std::vector<std::uint32_t> recipients) {
  if (signing_ != nullptr)
    signer_.emplace(
        MessageSigner::Parts{.signer = *signing_, .made = signatures_, .envelope = *envelope_, .from = submitter_});
  transmission_.emplace(pool_, Transmission::Request{.envelope = *envelope_,
                                                     .recipients = std::move(recipients),
                                                     .content_bytes = std::nullopt,
                                                     .who = xclient_values(submitter_),
                                                     .customer = message::share_name(submitter_),
                                                     .weight = submitter_.weight,
                                                     .may_be_kept = may_keep_,
                                                     .signer = signer_ ? &*signer_ : nullptr});
}

void CutThrough::leave_out(const std::vector<std::uint32_t>& recipients) {
  CHECK(eager_);
  left_out_ = recipients;
}

Task<void> CutThrough::add_recipients(const message::Envelope& envelope, std::size_t first,
                                      std::vector<smtp::Reply>& answers) {
  envelope_ = &envelope;
  promised_.resize(envelope.recipients.size(), true);
  if (!eager_) {
    answers.resize(answers.size() + envelope.recipients.size() - first, smtp::replies::kRecipientOk);
    co_return;
  }
  if (!transmission_) make_transmission({});
  std::vector<std::uint32_t> wanted;
  for (std::size_t i = first; i < envelope.recipients.size(); ++i)
    if (std::ranges::find(left_out_, i) == left_out_.end()) wanted.push_back(static_cast<std::uint32_t>(i));
  std::size_t next = transmission_->results().size();
  co_await transmission_->ask(wanted);
  for (std::size_t i = first; i < envelope.recipients.size(); ++i) {
    const bool asked = std::ranges::find(wanted, i) != wanted.end();
    answers.push_back(asked ? answer(transmission_->results()[next++]) : smtp::Reply(smtp::replies::kGoesElsewhere));
    promised_[i] = answers.back().positive();
  }
}

// What the next hop does not take now can be kept, where there is somewhere to keep it.
smtp::Reply CutThrough::answer(const RecipientResult& result) const {
  if (may_keep_ && result.kind != Kind::refused) return smtp::replies::kRecipientOk;
  return transmission_->reply_for(result);
}

Task<void> CutThrough::begin(message::BodyForm form) {
  CHECK(envelope_ != nullptr);
  if (!eager_) {
    std::vector<std::uint32_t> all(envelope_->recipients.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint32_t>(i);
    make_transmission(std::move(all));
  }
  retained_.begin(*envelope_, form);
  co_await transmission_->begin(form);
}

Task<void> CutThrough::write(Chain bytes) {
  co_await retained_.add(bytes);
  if (retained_.spilled()) transmission_->end_unheld();
  co_await transmission_->feed(std::move(bytes));
}

Task<message::Outcome> CutThrough::commit() {
  if (!envelope_->hold_reason.empty()) {
    message::Outcome held = co_await keep_on_hold();
    retained_.drop();
    co_return held;
  }
  co_await transmission_->finish();
  message::Outcome outcome = co_await decide();
  retained_.drop();
  co_return outcome;
}

Task<void> CutThrough::abort() {
  if (transmission_) co_await transmission_->abandon();
  retained_.drop();
}

message::Outcome CutThrough::asked() const {
  if (!transmission_) return {};
  return {.reply = {},
          .next_hop = transmission_->next_hop(),
          .next_hop_address = transmission_->next_hop_address(),
          .next_hop_tls = transmission_->tls().version,
          .detail = transmission_->detail()};
}

// ------------------------------------------------------------------------------------------ the last word

Task<message::Outcome> CutThrough::decide() {
  message::Outcome outcome = asked();
  const RecipientResult* taken = first(Kind::taken);
  const RecipientResult* refused = first(Kind::refused);
  const RecipientResult* waiting = first(Kind::deferred);
  if (waiting == nullptr) waiting = first(Kind::unasked);
  const bool all_taken = refused == nullptr && waiting == nullptr;
  const bool all_refused = taken == nullptr && waiting == nullptr;
  // What is left: mixed results, and a success to be reported by us.  Without a place to keep it all have the same
  // result, as the client had a reply to each RCPT that was refused.
  const bool for_keeping = may_keep_ && !all_refused && (!all_taken || wants_report());
  MessageWriter::Result kept;
  if (for_keeping) kept = co_await retained_.keep(status());
  // A client that gets 4xx sends it again to recipients that have it: where there is only to be reported, less will do.
  if (!kept && waiting == nullptr) kept = co_await retained_.keep_header(status());
  if (all_taken) {
    CHECK(taken != nullptr);  // begin() comes after a recipient was promised
    outcome.reply = transmission_->reply_for(*taken);
  } else if (all_refused) {
    outcome.reply = transmission_->reply_for(*refused);
  } else if (for_keeping && kept) {
    outcome.reply = smtp::Reply(250, {2, 0, 0}, "Queued as " + envelope_->id);
    outcome.detail.insert(0, "kept: ");
  } else {
    outcome.reply = waiting != nullptr ? transmission_->reply_for(*waiting) : smtp::Reply(smtp::replies::kNoSpace);
    if (!kept) outcome.detail += (outcome.detail.empty() ? "not kept: " : "; not kept: ") + kept.error();
  }
  co_return outcome;
}

Task<message::Outcome> CutThrough::keep_on_hold() {
  message::Outcome outcome = asked();
  // Without the end of the content the next hop has no message (RFC 5321 4.1.1.4).
  co_await transmission_->abandon();
  MessageWriter::Result kept = std::unexpected(std::string("there is no place to keep it"));
  if (may_keep_) {
    message::DeliveryStatus held;
    held.recipients.resize(envelope_->recipients.size());
    end_refused(held);
    held.held = true;
    held.hold_reason = envelope_->hold_reason;
    kept = co_await retained_.keep(std::move(held));
  }
  if (kept) {
    outcome.reply = smtp::Reply(250, {2, 0, 0}, "Queued as " + envelope_->id);
  } else {
    outcome.reply = may_keep_ ? smtp::replies::kNoSpace : smtp::replies::kCannotHold;
  }
  outcome.detail = (kept ? "on hold: " : "not kept: " + kept.error() + "; to be held: ") + envelope_->hold_reason;
  co_return outcome;
}

// The first such result among those whom the client was promised.
const RecipientResult* CutThrough::first(Kind kind) const {
  const auto results = transmission_->results();
  for (std::size_t i = 0; i < results.size(); ++i)
    if (promised_[transmission_->recipients()[i]] && results[i].kind == kind) return &results[i];
  return nullptr;
}

// RFC 3461 5.2.2: where the next hop does not know DSN, who passed the message on reports that.
bool CutThrough::wants_report() const {
  const auto wants = [](const message::Recipient& recipient) { return recipient.notify.success; };
  return !transmission_->dsn_offered() && std::ranges::any_of(envelope_->recipients, wants);
}

message::DeliveryStatus CutThrough::status() const {
  const WallMillis now = pool_.loop().platform().clock.wall();
  message::DeliveryStatus status;
  status.recipients.resize(envelope_->recipients.size());
  if (transmission_->attempted() && !transmission_->undecided()) {
    apply_results(*transmission_, now, status);
    status.add(attempt_of(*transmission_, now));
  }
  end_refused(status);
  return status;
}

// Recipients that were refused to the client: it had that reply itself.
void CutThrough::end_refused(message::DeliveryStatus& status) const {
  for (std::size_t i = 0; i < promised_.size(); ++i)
    if (!promised_[i]) {
      status.recipients[i].fate = message::Fate::failed;
      status.recipients[i].reported = true;
    }
}

}  // namespace sluice::relay
