// A delivery attempt whose route is a Maildir: of several recipients some may have their mailbox here.
#include <utility>

#include "engine/relay/delivery_attempt.h"
#include "engine/relay/maildir_sink.h"
#include "engine/relay/words.h"
#include "engine/spool/stored_content.h"

namespace sluice::relay {
namespace {

constexpr smtp::EnhancedCode kMailboxFailure{4, 2, 0};  // RFC 3463: other or undefined mailbox status

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
  const std::uint16_t code = delivered ? 250 : 451;
  const smtp::EnhancedCode enhanced = delivered ? smtp::EnhancedCode{2, 0, 0} : kMailboxFailure;
  const std::string text = delivered ? "put into the mailbox" : bounded_words(outcome.detail, ' ');
  result_.response = response_text(code, enhanced, text);
  result_.next_hop = outcome.next_hop;
  record_for_all({.fate = delivered ? message::Fate::delivered : message::Fate::waiting,
                  .outcome = delivered ? DeliveryOutcome::delivered : DeliveryOutcome::deferred,
                  .code = code,
                  .enhanced = enhanced,
                  .text = text});
  result_.verdict = delivered ? schedule::Verdict::delivered : schedule::Verdict::deferred;
}

}  // namespace sluice::relay
