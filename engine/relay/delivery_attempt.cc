#include "engine/relay/delivery_attempt.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/spool/stored_content.h"

namespace sluice::relay {

using Kind = RecipientResult::Kind;

using message::Fate;
using message::RecipientStatus;

DeliveryAttempt::DeliveryAttempt(const Parts& parts, ActiveMessage& message, MessageDestination to)
    : parts_(parts), message_(message), to_(std::move(to)), began_(parts.loop.now()) {}

Task<void> DeliveryAttempt::run() {
  Router& router = parts_.router;
  if (const std::string& maildir = router.route(to_.destination.route).maildir; !maildir.empty()) {
    co_await put_into_maildir(maildir);
    co_return;
  }
  const auto lease = co_await router.lease(to_.destination);
  if (lease) {
    if (const auto* const order = lease->pool().suspended()) {
      result_.suspended_until = order->until;
      result_.response = order->words;
      not_attempted();
      co_return;
    }
    co_await transmit(lease->pool());
  } else {
    fail(lease.error());
  }
}

Task<void> DeliveryAttempt::transmit(hop::Pool& pool) {
  const spool::Stored& stored = message_.stored();
  std::optional<MessageSigner> signer;
  if (signing::Signer* const signing = parts_.router.signer_for(to_.destination.route); signing != nullptr)
    signer.emplace(MessageSigner::Parts{.signer = *signing,
                                        .made = message_.signatures(),
                                        .envelope = stored.envelope,
                                        .from = stored.submitter,
                                        .spool = &parts_.spool,
                                        .id = message_.id(),
                                        .stored = &message_.message()});
  Transmission transmission(pool, {.envelope = stored.envelope,
                                   .recipients = to_.recipients,
                                   .content_bytes = stored.content_bytes,
                                   .who = xclient_values(stored.submitter),
                                   .customer = message::share_name(stored.submitter),
                                   .weight = stored.submitter.weight,
                                   .signer = signer ? &*signer : nullptr});
  co_await transmission.begin(stored.form);
  for (spool::StoredContent content(parts_.spool, message_.id(), message_.message()); !content.at_end();) {
    auto part = co_await content.next();
    if (!part) {
      co_await transmission.abandon();
      result_.unreadable = std::move(part.error());
      co_return;
    }
    Chain bytes;
    bytes.append(*std::move(part));
    co_await transmission.feed(std::move(bytes));
  }
  co_await transmission.finish();
  result_.next_hop = transmission.next_hop();
  result_.next_hop_address = transmission.next_hop_address();
  result_.tls = transmission.tls();
  result_.response = transmission.detail();
  result_.verdict = verdict_of(transmission);
  if (result_.verdict == schedule::Verdict::not_tried) {
    not_attempted();
    co_return;
  }
  const WallMillis now = parts_.loop.platform().clock.wall();
  apply_results(transmission, now, message_.status());
  message_.status().add(attempt_of(transmission, now));
  result_.attempt = message_.status().tries;
  result_.outcomes = outcomes_of(transmission);
  result_.more_now =
      takes_more_now(transmission.results(), transmission.recipients(), message_.status(), result_.verdict);
}

// There are no connections to be had.
void DeliveryAttempt::fail(const RoutingFailure& why) {
  result_.response = response_text(why.code, why.enhanced, why.text);
  if (parts_.stopping) {
    not_attempted();
    return;
  }
  record_for_all({.fate = why.permanent ? Fate::failed : Fate::waiting,
                  .outcome = why.permanent ? DeliveryOutcome::refused : DeliveryOutcome::deferred,
                  .code = why.code,
                  .enhanced = why.enhanced,
                  .text = why.text});
  result_.verdict = why.permanent ? schedule::Verdict::refused : schedule::Verdict::unreachable;
}

void DeliveryAttempt::record_for_all(const CommonOutcome& common) {
  const WallMillis now = parts_.loop.platform().clock.wall();
  for (const std::uint32_t i : to_.recipients) {
    RecipientStatus& recipient = message_.status().recipients[i];
    recipient.fate = common.fate;
    recipient.code = common.code;
    recipient.enhanced = common.enhanced;
    recipient.text = common.text;
    recipient.next_hop.clear();
    recipient.at = now;
    ++recipient.tries;
    result_.outcomes.push_back({.recipient = i,
                                .outcome = common.outcome,
                                .code = common.code,
                                .enhanced = common.enhanced,
                                .text = common.text});
  }
  const auto count = static_cast<std::uint16_t>(to_.recipients.size());
  message_.status().add({.at = now,
                         .next_hop = {},
                         .tls = {},
                         .recipients = count,
                         .taken = common.fate == Fate::delivered ? count : std::uint16_t{0},
                         .code = common.code,
                         .text = common.text});
  result_.attempt = message_.status().tries;
}

// Nothing was said to a next hop about any of them, for reasons of our own: an attempt that was none.
void DeliveryAttempt::not_attempted() {
  for (const std::uint32_t i : to_.recipients)
    result_.outcomes.push_back({.recipient = i, .outcome = DeliveryOutcome::not_attempted, .text = result_.response});
}

// ------------------------------------------------------------------------------------------ what follows from it

schedule::Verdict verdict_of(const Transmission& transmission) {
  const auto any = [&](Kind kind) {
    return std::ranges::any_of(transmission.results(),
                               [kind](const RecipientResult& result) { return result.kind == kind; });
  };
  if (any(Kind::taken)) return schedule::Verdict::delivered;
  if (transmission.unreachable()) return schedule::Verdict::unreachable;
  if (!transmission.attempted()) return schedule::Verdict::not_tried;
  const auto of_destination = [](const RecipientResult& result) {
    return result.kind == Kind::deferred && !result.of_recipient;
  };
  if (std::ranges::any_of(transmission.results(), of_destination))
    return transmission.code() == 0 ? schedule::Verdict::unreachable : schedule::Verdict::deferred;
  return any(Kind::refused) || any(Kind::deferred) ? schedule::Verdict::refused : schedule::Verdict::not_tried;
}

void sort_by_tries(std::vector<std::uint32_t>& recipients, const message::DeliveryStatus& status) {
  std::ranges::sort(recipients, {}, [&](std::uint32_t i) { return std::pair(status.recipients[i].tries, i); });
}

bool takes_more_now(std::span<const RecipientResult> results, std::span<const std::uint32_t> recipients,
                    const message::DeliveryStatus& status, schedule::Verdict verdict) {
  CHECK(results.size() == recipients.size());
  std::uint32_t tries = 0;
  for (const std::uint32_t i : recipients) tries = std::max(tries, status.recipients[i].tries);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const bool unasked = results[i].kind == RecipientResult::Kind::unasked;
    if (unasked && status.recipients[recipients[i]].tries < tries) return true;
    if (results[i].code == 452 && verdict == schedule::Verdict::delivered) return true;
  }
  return false;
}

std::optional<WallMillis> next_try_after(const EndedAttempt& attempt, const schedule::RetryCurve& curve,
                                         Duration expire, WallMillis now, absl::FunctionRef<std::uint64_t()> random) {
  const auto& recipients = attempt.status.recipients;
  const auto waits = [&](std::uint32_t i) { return recipients[i].fate == Fate::waiting; };
  if (std::ranges::none_of(attempt.recipients, waits)) return std::nullopt;
  if (attempt.more_now) return now;
  if (attempt.verdict == schedule::Verdict::not_tried) return now + kTryAgainSoon / std::chrono::milliseconds(1);
  const Duration for_tries = expire - schedule::last_try_before(expire);
  const WallMillis last = attempt.arrived + for_tries / std::chrono::milliseconds(1);
  // A destination walks the curve by its own attempts: a message may have as many destinations as recipients.
  std::uint32_t tries = 1;
  for (const std::uint32_t i : attempt.recipients) tries = std::max(tries, recipients[i].tries);
  const auto wait = curve.wait_within(std::chrono::milliseconds(std::max<WallMillis>(last - now, 0)), tries, random());
  if (!wait) return std::nullopt;
  return now + *wait / std::chrono::milliseconds(1);
}

}  // namespace sluice::relay
