// A try to put a queued message into a Maildir: of several recipients some may have their mailbox here.
#include "engine/relay/maildir_sink.h"
#include "engine/relay/queue_active.h"
#include "engine/relay/words.h"

namespace sluice::relay {
namespace {

using message::Fate;

constexpr smtp::EnhancedCode kMailboxTrouble{4, 2, 0};  // RFC 3463: other or undefined mailbox status

}  // namespace

Task<schedule::Verdict> Queue::put_into_mailbox(Course& course, std::string directory) {
  Active& active = course.active;
  const spool::Stored& stored = active.message->stored;
  message::Envelope envelope = stored.envelope;
  envelope.recipients.clear();
  for (const std::uint32_t i : course.recipients) envelope.recipients.push_back(stored.envelope.recipients[i]);
  MaildirSink sink(parts_.loop, std::move(directory));
  std::vector<smtp::Reply> answers;
  co_await sink.add_recipients(envelope, 0, answers);
  co_await sink.begin(stored.form);
  for (const spool::Location& piece : stored.pieces) {
    auto bytes = co_await parts_.spool.read_piece(active.id, piece);
    if (!bytes) {
      co_await sink.abort();
      course.unreadable = std::move(bytes.error());
      co_return schedule::Verdict::not_tried;
    }
    Chain content;
    content.append(*std::move(bytes));
    co_await sink.write(std::move(content));
  }
  Chain content;
  content.append(active.message->content);
  co_await sink.write(std::move(content));
  const message::Outcome outcome = co_await sink.commit();
  const bool delivered = outcome.reply.positive();
  const WallMillis now = parts_.loop.platform().clock.wall();
  const auto count = static_cast<std::uint16_t>(course.recipients.size());
  const std::uint16_t code = delivered ? 250 : 451;
  const smtp::EnhancedCode enhanced = delivered ? smtp::EnhancedCode{2, 0, 0} : kMailboxTrouble;
  const std::string text = delivered ? "put into the mailbox" : bounded_words(outcome.detail, ' ');
  course.response = response_text(code, enhanced, text);
  course.next_hop = outcome.next_hop;
  for (const std::uint32_t i : course.recipients) {
    message::RecipientStatus& recipient = active.status().recipients[i];
    recipient.fate = delivered ? Fate::delivered : Fate::waiting;
    recipient.code = code;
    recipient.enhanced = enhanced;
    recipient.text = text;
    recipient.next_hop.clear();
    recipient.at = now;
    ++recipient.tries;
    course.outcomes.push_back({.recipient = i,
                               .outcome = delivered ? DeliveryOutcome::delivered : DeliveryOutcome::deferred,
                               .code = code,
                               .enhanced = enhanced,
                               .text = text});
  }
  active.status().add({.at = now,
                       .next_hop = {},
                       .tls = {},
                       .recipients = count,
                       .taken = delivered ? count : std::uint16_t{0},
                       .code = code,
                       .text = text});
  co_return delivered ? schedule::Verdict::delivered : schedule::Verdict::deferred;
}

}  // namespace sluice::relay
