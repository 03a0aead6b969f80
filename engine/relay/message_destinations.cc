#include "engine/relay/message_destinations.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "engine/dsn/dsn.h"

namespace sluice::relay {
namespace {

std::string_view key_of(const MessageDestination& each) { return each.destination.key; }

// `from`, whose recipients come behind, is of the same destination.
void merge(MessageDestination& into, const MessageDestination& from) {
  into.recipients.insert(into.recipients.end(), from.recipients.begin(), from.recipients.end());
  into.due = std::min(into.due, from.due);
  into.tried = into.tried || from.tried;
}

}  // namespace

std::vector<MessageDestination> waiting_destinations(const message::Envelope& envelope,
                                                     const message::DeliveryStatus& status, FindDestination find) {
  std::vector<MessageDestination> found;
  for (std::uint32_t i = 0; i < status.recipients.size(); ++i) {
    const message::RecipientStatus& recipient = status.recipients[i];
    if (recipient.fate != message::Fate::waiting) continue;
    Destination destination = find(envelope.recipients[i]);
    // Neighbours share one mostly; a message may have as many as recipients, which are ten thousand at most.
    if (found.empty() || found.back().destination.key != destination.key)
      found.push_back({.destination = std::move(destination), .recipients = {}, .due = recipient.due, .tried = false});
    MessageDestination& at = found.back();
    at.recipients.push_back(i);
    at.due = std::min(at.due, recipient.due);
    at.tried = at.tried || recipient.tries > 0;
  }
  if (found.size() < 2) return found;
  std::ranges::sort(found, {},
                    [](const MessageDestination& each) { return std::pair(key_of(each), each.recipients.front()); });
  auto last = found.begin();
  for (auto at = std::next(last); at != found.end(); ++at) {
    if (at->destination.key == last->destination.key) {
      merge(*last, *at);
    } else if (++last != at) {
      *last = std::move(*at);
    }
  }
  found.erase(std::next(last), found.end());
  return found;
}

std::vector<MessageDestination>::iterator find_key(std::vector<MessageDestination>& sorted, std::string_view key) {
  const auto at = std::ranges::lower_bound(sorted, key, {}, key_of);
  return at != sorted.end() && key_of(*at) == key ? at : sorted.end();
}

std::vector<MessageDestination> destinations_of(const message::Envelope& envelope,
                                                const message::DeliveryStatus& status, FindDestination find) {
  std::vector<MessageDestination> all = waiting_destinations(envelope, status, find);
  if (all.empty() || dsn::reports_due(envelope, status, /*delay_reached=*/false).any())
    all.push_back({.destination = {.key = std::string(kDsnDestination)}, .recipients = {}, .due = 0, .tried = true});
  return all;
}

}  // namespace sluice::relay
