// A delivery attempt whose route is a Maildir: of several recipients some may have their mailbox here.
#include <utility>

#include "engine/relay/delivery_attempt.h"
#include "engine/relay/maildir_sink.h"
#include "engine/relay/words.h"
#include "engine/spool/stored_content.h"

namespace sluice::relay {
namespace {

constexpr smtp::EnhancedCode kMailboxTrouble{4, 2, 0};  // RFC 3463: other or undefined mailbox status

}  // namespace

Task<void> DeliveryAttempt::put_into_maildir(std::string directory) {
  const spool::Stored& stored = message_.stored();
  message::Envelope envelope = stored.envelope;
  envelope.recipients.clear();
  for (const std::uint32_t i : to_.recipients) envelope.recipients.push_back(stored.envelope.recipients[i]);
  MaildirSink sink(parts_.loop, std::move(directory));
  std::vector<smtp::Reply> answers;
  co_await sink.add_recipients(envelope, 0, answers);
  co_await sink.begin(stored.form);
  for (spool::StoredContent content(parts_.spool, message_.id(), message_.message()); !content.at_end();) {
    auto part = co_await content.next();
    if (!part) {
      co_await sink.abort();
      result_.unreadable = std::move(part.error());
      co_return;
    }
    Chain bytes;
    bytes.append(*std::move(part));
    co_await sink.write(std::move(bytes));
  }
  const message::Outcome outcome = co_await sink.commit();
  const bool delivered = outcome.reply.positive();
  const WallMillis now = parts_.loop.platform().clock.wall();
  const auto count = static_cast<std::uint16_t>(to_.recipients.size());
  const std::uint16_t code = delivered ? 250 : 451;
  const smtp::EnhancedCode enhanced = delivered ? smtp::EnhancedCode{2, 0, 0} : kMailboxTrouble;
  const std::string text = delivered ? "put into the mailbox" : bounded_words(outcome.detail, ' ');
  result_.response = response_text(code, enhanced, text);
  result_.next_hop = outcome.next_hop;
  for (const std::uint32_t i : to_.recipients) {
    message::RecipientStatus& recipient = message_.status().recipients[i];
    recipient.fate = delivered ? message::Fate::delivered : message::Fate::waiting;
    recipient.code = code;
    recipient.enhanced = enhanced;
    recipient.text = text;
    recipient.next_hop.clear();
    recipient.at = now;
    ++recipient.tries;
    result_.outcomes.push_back({.recipient = i,
                                .outcome = delivered ? DeliveryOutcome::delivered : DeliveryOutcome::deferred,
                                .code = code,
                                .enhanced = enhanced,
                                .text = text});
  }
  message_.status().add({.at = now,
                         .next_hop = {},
                         .tls = {},
                         .recipients = count,
                         .taken = delivered ? count : std::uint16_t{0},
                         .code = code,
                         .text = text});
  result_.verdict = delivered ? schedule::Verdict::delivered : schedule::Verdict::deferred;
}

}  // namespace sluice::relay
