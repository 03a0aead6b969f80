// What Shield tells the shields of other relays, and takes from them.
#include <algorithm>

#include "auth/shield.h"

namespace sluice::auth {
namespace {

using ItemKind = ShieldItem::Kind;

}  // namespace

void Shield::tell(const LoginAttempt& attempt, bool pair) {
  outbox_.add(ItemKind::overall, "", now_);
  outbox_.add(ItemKind::address, attempt.address_text, now_);
  outbox_.add(ItemKind::account, attempt.account, now_);
  outbox_.add(ItemKind::secret, attempt.secret, now_);
  if (pair) outbox_.add(ItemKind::pair_failure, attempt.pair, now_);
}

void Shield::tell_release(std::string_view subject) {
  if (shared_) outbox_.add(ItemKind::released, subject, now_);
}

ShieldNews Shield::take_news(std::size_t bytes_max, Instant now) {
  return outbox_.take(bytes_max, advance(now), limits_.window);
}

void Shield::merge_count(Table& table, std::string_view key, ShieldRule rule, const Network& network,
                         const ShieldItem& item, std::vector<ShieldEntry>& reached) {
  Entry& entry = entry_of(table, key, network, now_);
  entry.failures.merge(now_ - item.age, item.count, limit_of(rule));
  entry.last = std::max(entry.last, now_ - item.age);
  report(entry, rule, key, now_, reached);
}

void Shield::merge_address(const ShieldItem& item, std::vector<ShieldEntry>& reached) {
  const auto ip = address_of(item.subject);
  if (!ip || exempt(*ip)) return;
  const LoginAttempt from = attempt_from(*ip, ipv6_bits_);
  merge_count(addresses_, from.address_text, ShieldRule::address, from.address, item, reached);
  merge_count(networks_, from.network_text, ShieldRule::network, from.network, item, reached);
}

void Shield::merge_release(const std::string& subject) {
  if (subject.empty()) {
    release_all();
  } else if (const auto network = Network::parse(subject)) {
    release(*network);
  } else {
    release_account(subject);
  }
}

std::vector<ShieldEntry> Shield::merge(const ShieldNews& news, Instant now) {
  now = advance(now);
  std::vector<ShieldEntry> reached;
  if (!limits_.enabled) return reached;
  for (const ShieldItem& item : news) {
    if (item.age < Duration::zero() || (item.age >= limits_.window && item.kind != ItemKind::released)) continue;
    switch (item.kind) {
      case ItemKind::released:
        merge_release(item.subject);
        break;
      case ItemKind::overall:
        overall_.failures.merge(now - item.age, item.count, limits_.overall_failures);
        report(overall_, ShieldRule::overall, "", now, reached);
        break;
      case ItemKind::address:
        merge_address(item, reached);
        break;
      case ItemKind::account:
        merge_count(accounts_, item.subject, ShieldRule::account, {}, item, reached);
        break;
      case ItemKind::pair_failure:
        if (FailureWindow* const pair = pairs_.find(item.subject))
          pair->merge(now - item.age, item.count, limits_.account_failures);
        break;
      case ItemKind::secret:
        if (secrets_.find(item.subject) != nullptr) break;
        secrets_.make_room(limits_.entries);
        secrets_.insert(item.subject, now - item.age);
        break;
      case ItemKind::pair:
        if (pairs_.find(item.subject) != nullptr) break;
        pairs_.make_room(limits_.entries);
        pairs_.insert(item.subject, {});
        break;
    }
  }
  return reached;
}

}  // namespace sluice::auth
