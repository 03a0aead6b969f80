#include "engine/relay/delivery_record.h"

#include <algorithm>
#include <tuple>

namespace sluice::relay {
namespace {

constexpr std::string_view kNoMoreNow = "the next hop takes no more recipients at a time";

DeliveryOutcome outcome_of(RecipientResult::Kind kind) {
  switch (kind) {
    case RecipientResult::Kind::taken:
      return DeliveryOutcome::relayed;
    case RecipientResult::Kind::refused:
      return DeliveryOutcome::refused;
    case RecipientResult::Kind::deferred:
      return DeliveryOutcome::deferred;
    case RecipientResult::Kind::unasked:
    case RecipientResult::Kind::accepted:
      break;
  }
  return DeliveryOutcome::not_attempted;
}

auto order_of(const RecipientOutcome& each) {
  return std::tie(each.outcome, each.code, each.enhanced.cls, each.enhanced.subject, each.enhanced.detail, each.text,
                  each.recipient);
}

}  // namespace

std::string_view outcome_text(DeliveryOutcome outcome) {
  switch (outcome) {
    case DeliveryOutcome::relayed:
      return "relayed";
    case DeliveryOutcome::delivered:
      return "delivered";
    case DeliveryOutcome::deferred:
      return "deferred";
    case DeliveryOutcome::refused:
      return "refused";
    case DeliveryOutcome::not_attempted:
      return "not_attempted";
    case DeliveryOutcome::expired:
      return "expired";
    case DeliveryOutcome::removed:
      return "removed";
  }
  return "?";
}

std::vector<RecipientOutcome> outcomes_of(const Transmission& transmission) {
  std::vector<RecipientOutcome> outcomes;
  const auto results = transmission.results();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const RecipientResult& result = results[i];
    const bool unasked = result.kind == RecipientResult::Kind::unasked;
    outcomes.push_back({.recipient = transmission.recipients()[i],
                        .outcome = outcome_of(result.kind),
                        .code = result.code,
                        .enhanced = result.enhanced,
                        .text = unasked ? std::string(kNoMoreNow) : result.text});
  }
  return outcomes;
}

void observe_deliveries(QueueObserver& observer, DeliveryRecord record, const message::Envelope& envelope,
                        std::vector<RecipientOutcome> outcomes) {
  record.message_id = envelope.message_id;
  record.sender = envelope.reverse_path;
  std::ranges::sort(outcomes, {}, order_of);
  for (std::size_t at = 0; at < outcomes.size();) {
    const RecipientOutcome& first = outcomes[at];
    std::string recipients;
    record.count = 0;
    for (; at < outcomes.size() && outcomes[at].same_but_for_recipient(first); ++at) {
      const std::string& next = envelope.recipients[outcomes[at].recipient].forward_path;
      if (record.count > 0 && recipients.size() + 2 + next.size() > kRecordRecipientsBytesMax) break;
      recipients.append(record.count > 0 ? ", " : "").append(next);
      ++record.count;
    }
    record.outcome = first.outcome;
    record.code = first.code;
    record.enhanced = first.enhanced;
    record.text = first.text;
    record.recipients = recipients;
    observer.delivery(record);
  }
}

std::string response_text(std::uint16_t code, const smtp::EnhancedCode& enhanced, std::string_view text) {
  std::string response;
  if (code != 0) response += std::to_string(code);
  if (enhanced.present()) response.append(response.empty() ? "" : " ").append(smtp::enhanced_text(enhanced));
  if (!text.empty()) response.append(response.empty() ? "" : " ").append(text);
  return response;
}

}  // namespace sluice::relay
