// What a transmission found out, written into what is kept of the message.
#include <algorithm>

#include "engine/relay/transmission.h"
#include "engine/relay/words.h"

namespace sluice::relay {
namespace {

message::Fate fate_of(RecipientResult::Kind kind) {
  switch (kind) {
    case RecipientResult::Kind::taken:
      return message::Fate::relayed;
    case RecipientResult::Kind::refused:
      return message::Fate::failed;
    case RecipientResult::Kind::unasked:
    case RecipientResult::Kind::accepted:
    case RecipientResult::Kind::deferred:
      break;
  }
  return message::Fate::waiting;
}

}  // namespace

void apply_results(const Transmission& transmission, WallMillis now, message::DeliveryStatus& status) {
  const auto results = transmission.results();
  const bool any_taken =
      std::ranges::find(results, RecipientResult::Kind::taken, &RecipientResult::kind) != results.end();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const RecipientResult& result = results[i];
    if (result.kind == RecipientResult::Kind::unasked) continue;
    message::RecipientStatus& recipient = status.recipients.at(transmission.recipients()[i]);
    recipient.fate = fate_of(result.kind);
    recipient.passed_on_dsn = recipient.fate == message::Fate::relayed && transmission.dsn_offered();
    recipient.code = result.code;
    recipient.enhanced = result.enhanced;
    recipient.text = bounded_words(result.text, ' ');
    recipient.next_hop = result.ours ? std::string() : transmission.next_hop();
    recipient.at = now;
    // RFC 5321 4.5.3.1.10: "452 Too many recipients" where others were taken: its turn comes in another transaction.
    if (result.code != 452 || !any_taken) ++recipient.tries;
  }
}

message::Attempt attempt_of(const Transmission& transmission, WallMillis now) {
  const auto results = transmission.results();
  const auto count = [&results](RecipientResult::Kind kind) {
    return static_cast<std::uint16_t>(std::ranges::count(results, kind, &RecipientResult::kind));
  };
  return {.at = now,
          .next_hop = transmission.next_hop(),
          .tls = transmission.tls().version,
          .recipients = static_cast<std::uint16_t>(results.size() - count(RecipientResult::Kind::unasked)),
          .taken = count(RecipientResult::Kind::taken),
          .code = transmission.code(),
          .text = bounded_words(transmission.detail(), ' ')};
}

}  // namespace sluice::relay
