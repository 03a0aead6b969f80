#include "engine/session/sending_watch.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "engine/base/client_block.h"
#include "engine/session/sender_refusal.h"
#include "policy/noticing/reply_words.h"

namespace sluice::session {
namespace {

constexpr unsigned kNoticedIpv4Bits = 24;
constexpr unsigned kNoticedIpv6Bits = 56;

}  // namespace

// What a next hop takes from this account would cost all others their good name.
smtp::Reply suspended_as_bulk(std::string_view policy_url) {
  smtp::Reply reply(
      550, {5, 7, 1},
      with_policy_url("Sending of this account is suspended: its mail looks like unsolicited bulk mail", policy_url));
  reply.set_name("sending_suspended_as_bulk");
  return reply;
}

std::string noticed_network(std::span<const std::uint8_t> client_ip) {
  return client_network(client_ip, kNoticedIpv4Bits, kNoticedIpv6Bits).to_string();
}

bool WatchedLogin::inside(std::string_view forward_path) const {
  const std::size_t at = forward_path.rfind('@');
  return at != std::string_view::npos && identity->domains != nullptr &&
         identity->domains->covers(forward_path.substr(at + 1));
}

std::vector<bool> SendingWatch::first_time(std::span<const message::Recipient> recipients) const {
  if (login_ == nullptr) return std::vector<bool>(recipients.size(), true);
  std::vector<std::uint64_t> hashes;
  hashes.reserve(recipients.size());
  for (const message::Recipient& each : recipients)
    hashes.push_back(login_->watch->hash_of_recipient(each.forward_path));
  std::vector<bool> first_time = login_->watch->knows(login_->identity->account_name, hashes);
  first_time.flip();
  for (std::size_t i = 0; i < recipients.size(); ++i)
    if (first_time[i]) first_time[i] = !login_->inside(recipients[i].forward_path);
  return first_time;
}

noticing::Turn SendingWatch::turn(std::uint32_t recipients, Instant now) const {
  if (login_ == nullptr || step_ < noticing::Step::slow) return {};
  return login_->watch->wait(login_->identity->account_name, *login_->by, recipients, now);
}

void SendingWatch::refused(std::string_view forward_path, const smtp::Reply& reply, std::string_view id, Instant now,
                           Observer& observer) const {
  const std::string said = smtp::enhanced_text(reply.enhanced()).append(" ").append(reply.text());
  const noticing::Outcome outcome{.kind = noticing::outcome_of_reply(reply.code(), said),
                                  .recipient = login_->watch->hash_of_recipient(forward_path)};
  const auto notice = login_->watch->outcomes(login_->identity->account_name, std::array{outcome}, now);
  if (notice) tell(*notice, id, observer);
}

void SendingWatch::content(const Chain& bytes, std::size_t skipped) {
  if (login_ == nullptr) return;
  if (sketcher_ == nullptr) sketcher_ = std::make_unique<noticing::TextSketcher>();
  for (std::size_t i = 0; i < bytes.extents(); ++i) {
    std::string_view piece = bytes[i].view();
    const std::size_t skip = std::min(skipped, piece.size());
    skipped -= skip;
    piece.remove_prefix(skip);
    sketcher_->feed(piece);
  }
}

SendingWatch::Decision SendingWatch::decide(const message::Envelope& envelope, const std::vector<bool>& accepted,
                                            bool list_unsubscribe, Instant now, Observer& observer) {
  if (login_ == nullptr) return {};
  noticing::AccountWatch& watch = *login_->watch;
  noticing::MessageFacts facts{.network = watch.hash(login_->network),
                               .country = login_->country,
                               .list_unsubscribe = list_unsubscribe,
                               .failed_logins = login_->failures_before,
                               .inside = true};
  std::vector<std::uint64_t> hashes;
  hashes.reserve(envelope.recipients.size());
  std::vector<std::string_view> texts;
  for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
    if (!accepted[i]) continue;
    const std::string& recipient = envelope.recipients[i].forward_path;
    hashes.push_back(watch.hash_of_recipient(recipient));
    if (watch.shares()) texts.push_back(recipient);
    facts.inside = facts.inside && login_->inside(recipient);
  }
  facts.recipients = static_cast<std::uint32_t>(hashes.size());
  if (sketcher_ != nullptr) facts.text = sketcher_->finish();
  const std::string& account = login_->identity->account_name;
  const noticing::Verdict verdict =
      watch.message(account, *login_->by, facts, hashes, now, {.network = login_->network, .recipients = texts});
  Decision decision{.step = login_->by->taken(verdict.step)};
  if (decision.step >= noticing::Step::hold) {
    decision.reason = noticing::reasons_text(verdict);
    if (const auto imposed = watch.imposed(account, now))
      decision.reason.append(decision.reason.empty() ? "" : "; ").append(imposed->reason);
  }
  if (verdict.raised)
    tell({.account = account,
          .policy_class = login_->by->name,
          .verdict = verdict,
          .taken = decision.step,
          .lasts = login_->by->lasts(decision.step)},
         envelope.id, observer);
  return decision;
}

void SendingWatch::tell(const noticing::Notice& notice, std::string_view id, Observer& observer) const {
  observer.noticed({.notice = notice, .id = id, .customer = login_->identity->customer_name, .client = login_->client});
}

}  // namespace sluice::session
