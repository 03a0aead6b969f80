#include "tests/support/noticing_account.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace sluice::noticing {
namespace {

// Until the queue's first attempt has had its answer.
constexpr Duration kAnsweredAfter = std::chrono::seconds(20);

}  // namespace

void SimulatedAccount::note(const Verdict& verdict) {
  worst_ = std::max(worst_, verdict.step);
  if (verdict.score <= highest_score_) return;
  highest_score_ = verdict.score;
  highest_ = verdict;
}

void SimulatedAccount::hear(Instant now) {
  for (; !pending_.empty() && pending_.front().at <= now; pending_.pop_front())
    note(noticer_.outcome(state_, pending_.front().outcome, pending_.front().at));
}

Turn SimulatedAccount::begin(const SentMessage& message, Instant now) {
  hear(now);
  const Turn turn = noticer_.wait(state_, static_cast<std::uint32_t>(message.recipients.size()), now);
  if (turn.wait > Duration()) ++messages_slowed_;
  return turn;
}

Verdict SimulatedAccount::finish(const SentMessage& message, Instant now) {
  hear(now);
  std::uint32_t first_time = 0;
  for (const Correspondent& each : message.recipients) first_time += noticer_.recipient(state_, each.hash, now) ? 1 : 0;
  const MessageFacts facts{.recipients = static_cast<std::uint32_t>(message.recipients.size()),
                           .first_time = first_time,
                           .network = message.network,
                           .country = message.country,
                           .text = message.text,
                           .list_unsubscribe = message.list_unsubscribe,
                           .failed_logins = message.failed_logins};
  const Verdict verdict = noticer_.message(state_, facts, now);
  note(verdict);
  if (verdict.step >= Step::hold) return verdict;
  recipients_out_ += facts.recipients;
  for (const Correspondent& each : message.recipients) {
    OutcomeKind kind = each.dead && route_ == Route::mx ? OutcomeKind::unknown : OutcomeKind::accepted;
    // Spread evenly, so that no more randomness is needed.
    if (kind == OutcomeKind::accepted && static_cast<double>(++sent_ * 7919 % 1000) < message.spam_share * 1000)
      kind = OutcomeKind::spam;
    pending_.push_back({.at = now + kAnsweredAfter, .outcome = {.kind = kind, .recipient = each.hash}});
  }
  return verdict;
}

std::string SimulatedAccount::reasons() const {
  std::string text;
  for (const Reason& reason : highest_.reasons()) {
    if (!text.empty()) text += "; ";
    text += reason_text(reason) + " (" + std::to_string(std::lround(reason.points)) + " points)";
  }
  return text;
}

void SimulatedAccount::begin_anew() {
  worst_ = Step::pass;
  highest_score_ = 0;
  highest_ = {};
  recipients_out_ = 0;
  messages_slowed_ = 0;
}

}  // namespace sluice::noticing
