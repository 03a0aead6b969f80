#include "engine/server/delivery_observer.h"

#include <optional>
#include <string>
#include <vector>

#include "engine/base/address_list.h"
#include "policy/noticing/reply_words.h"

namespace sluice::server {
namespace {

// What a next hop's last word says of the sender; nothing: it was not its last, or not a next hop's.
std::optional<noticing::OutcomeKind> outcome_kind(const relay::DeliveryRecord& record) {
  using relay::DeliveryOutcome;
  switch (record.outcome) {
    case DeliveryOutcome::relayed:
    case DeliveryOutcome::delivered:
      return noticing::OutcomeKind::accepted;
    case DeliveryOutcome::refused:
      return noticing::outcome_of_reply(record.code,
                                        smtp::enhanced_text(record.enhanced).append(" ").append(record.text));
    case DeliveryOutcome::deferred:
    case DeliveryOutcome::not_attempted:
    case DeliveryOutcome::expired:
    case DeliveryOutcome::removed:
      break;
  }
  return std::nullopt;
}

}  // namespace

void DeliveryObserver::delivery(const relay::DeliveryRecord& record) {
  events_.delivery(record);
  const auto kind = outcome_kind(record);
  if (!kind || record.account.empty()) return;
  if (*kind == noticing::OutcomeKind::spam) events_.refused_as_spam(record);
  std::vector<noticing::Outcome> outcomes;
  for (std::string_view rest = record.recipients; !rest.empty();)
    outcomes.push_back({.kind = *kind, .recipient = watch_.hash_of_recipient(take_address(rest))});
  if (const auto notice = watch_.outcomes(record.account, outcomes, loop_.now()))
    events_.noticed({.notice = *notice, .id = record.id, .customer = record.customer, .client = {}});
}

}  // namespace sluice::server
