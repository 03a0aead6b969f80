#include "auth/shield.h"

#include <algorithm>
#include <utility>

#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr unsigned kNetworkIpv4Bits = 24;
constexpr unsigned kNetworkIpv6Bits = 56;
// Entries that are over go by and by: so many at each failure.
constexpr std::size_t kSweptMax = 4;

}  // namespace

std::string_view rule_name(ShieldRule rule) {
  switch (rule) {
    case ShieldRule::none:
      break;
    case ShieldRule::address:
      return "address";
    case ShieldRule::network:
      return "network";
    case ShieldRule::account:
      return "account";
    case ShieldRule::overall:
      return "overall";
  }
  return "none";
}

// ------------------------------------------------------------------------------------------ windows

void FailureWindow::add(Instant now, std::uint32_t limit) {
  if (times_.size() < limit) {
    if (times_.size() == times_.capacity()) times_.reserve(std::min<std::size_t>(2 * times_.size() + 1, limit));
    times_.push_back(now);
    return;
  }
  times_[next_] = now;
  next_ = (next_ + 1) % limit;
}

void FailureWindow::merge(Instant at, std::uint32_t count, std::uint32_t limit) {
  std::ranges::rotate(times_, times_.begin() + next_);
  next_ = 0;
  times_.insert(std::ranges::upper_bound(times_, at), std::min(count, limit), at);
  if (times_.size() > limit) times_.erase(times_.begin(), times_.end() - limit);
}

bool FailureWindow::full(Instant now, Duration window, std::uint32_t limit) const {
  return times_.size() >= limit && now - times_[next_] < window;
}

std::uint32_t FailureWindow::count(Instant now, Duration window) const {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(times_, [&](Instant failed) { return now - failed < window; }));
}

void FailureWindow::set_limit(std::uint32_t limit) {
  std::ranges::rotate(times_, times_.begin() + next_);
  next_ = 0;
  if (times_.size() > limit) times_.erase(times_.begin(), times_.end() - limit);
}

// ------------------------------------------------------------------------------------------ attempts

LoginAttempt attempt_from(const IpBytes& ip, unsigned ipv6_bits) {
  LoginAttempt attempt;
  attempt.ip = ip;
  attempt.address = client_block(ip.span(), ipv6_bits);
  attempt.network = client_network(ip.span(), kNetworkIpv4Bits, std::min(kNetworkIpv6Bits, ipv6_bits));
  attempt.address_text = attempt.address.to_string();
  attempt.network_text = attempt.network.to_string();
  return attempt;
}

LoginAttempt login_attempt(const IpBytes& ip, unsigned ipv6_bits, const Name& name, const CredentialKey& key) {
  LoginAttempt attempt = attempt_from(ip, ipv6_bits);
  attempt.account = login_key(name.text());
  attempt.pair = attempt.network_text;
  attempt.secret = attempt.pair;
  (attempt.pair += ' ') += attempt.account;
  attempt.secret.append(1, ' ').append(reinterpret_cast<const char*>(key.pair.data()), key.pair.size());
  return attempt;
}

// ------------------------------------------------------------------------------------------ decisions

Shield::Shield(ShieldLimits limits) : limits_(std::move(limits)) {}

Instant Shield::advance(Instant now) { return now_ = std::max(now_, now); }

bool Shield::exempt(const IpBytes& ip) const {
  return !limits_.enabled ||
         std::ranges::any_of(limits_.trusted, [&](const Network& trusted) { return trusted.contains(ip.span()); });
}

std::uint32_t Shield::limit_of(ShieldRule rule) const {
  switch (rule) {
    case ShieldRule::address:
      return limits_.address_failures;
    case ShieldRule::network:
      return limits_.network_failures;
    case ShieldRule::account:
      return limits_.account_failures;
    case ShieldRule::overall:
    case ShieldRule::none:
      break;
  }
  return limits_.overall_failures;
}

bool Shield::is_full(Table& table, std::string_view key, std::uint32_t limit, Instant now) {
  const Entry* entry = table.find(key);
  return entry != nullptr && entry->failures.full(now, limits_.window, limit);
}

ShieldRule Shield::refusal(const LoginAttempt& attempt, Instant now) {
  if (is_full(addresses_, attempt.address_text, limits_.address_failures, now)) return ShieldRule::address;
  if (is_full(networks_, attempt.network_text, limits_.network_failures, now)) return ShieldRule::network;
  return ShieldRule::none;
}

Shield::Decision Shield::admit(const LoginAttempt& attempt, Instant now) {
  now = advance(now);
  if (exempt(attempt.ip)) return {};
  if (const FailureWindow* pair = pairs_.find(attempt.pair)) {
    if (!pair->full(now, limits_.window, limits_.account_failures)) return {};
    return {.rule = ShieldRule::account, .delay = limits_.slow};
  }
  if (const ShieldRule rule = refusal(attempt, now); rule != ShieldRule::none) return {.rule = rule};
  const Entry* const account = accounts_.find(attempt.account);
  Decision decision;
  if (account != nullptr) decision.account_failures = account->failures.count(now, limits_.window);
  if (account != nullptr && account->failures.full(now, limits_.window, limits_.account_failures)) {
    decision.rule = ShieldRule::account;
  } else if (overall_.failures.full(now, limits_.window, limits_.overall_failures)) {
    decision.rule = ShieldRule::overall;
  }
  if (decision.rule != ShieldRule::none) decision.delay = limits_.slow;
  return decision;
}

ShieldRule Shield::granted(const LoginAttempt& attempt, Instant now) {
  now = advance(now);
  if (exempt(attempt.ip) || pairs_.find(attempt.pair) != nullptr) return ShieldRule::none;
  if (const ShieldRule rule = refusal(attempt, now); rule != ShieldRule::none) return rule;
  pairs_.make_room(limits_.entries);
  pairs_.insert(attempt.pair, {});
  if (shared_) outbox_.add(ShieldItem::Kind::pair, attempt.pair, now);
  return ShieldRule::none;
}

Shield::Counted Shield::failed(const LoginAttempt& attempt, Instant now) {
  now = advance(now);
  Counted counted;
  if (exempt(attempt.ip)) return counted;
  FailureWindow* const pair = pairs_.find(attempt.pair);
  if (pair == nullptr) {
    counted.refused = refusal(attempt, now);
    if (counted.refused != ShieldRule::none) return counted;
  }
  if (repeated(attempt, now)) return counted;
  if (pair != nullptr) pair->add(now, limits_.account_failures);
  count(addresses_, attempt.address_text, ShieldRule::address, attempt.address, now, counted.reached);
  count(networks_, attempt.network_text, ShieldRule::network, attempt.network, now, counted.reached);
  count(accounts_, attempt.account, ShieldRule::account, {}, now, counted.reached);
  overall_.failures.add(now, limits_.overall_failures);
  report(overall_, ShieldRule::overall, "", now, counted.reached);
  if (shared_) tell(attempt, pair != nullptr);
  return counted;
}

bool Shield::repeated(const LoginAttempt& attempt, Instant now) {
  secrets_.drop_unused(kSweptMax, [&](Instant last) { return now - last >= limits_.window; });
  if (Instant* last = secrets_.find(attempt.secret)) return now - std::exchange(*last, now) < limits_.window;
  secrets_.make_room(limits_.entries);
  secrets_.insert(attempt.secret, now);
  return false;
}

void Shield::count(Table& table, std::string_view key, ShieldRule rule, const Network& network, Instant now,
                   std::vector<ShieldEntry>& reached) {
  Entry& entry = entry_of(table, key, network, now);
  entry.failures.add(now, limit_of(rule));
  entry.last = now;
  report(entry, rule, key, now, reached);
}

Shield::Entry& Shield::entry_of(Table& table, std::string_view key, const Network& network, Instant now) {
  table.drop_unused(kSweptMax, [&](const Entry& each) { return now - each.last >= limits_.window; });
  if (Entry* entry = table.find(key)) return *entry;
  table.make_room(limits_.entries);
  return table.insert(key, {.failures = {}, .reported = {}, .last = now, .network = network});
}

// What is slowed goes on failing, and is at its limit again and again.
void Shield::report(Entry& entry, ShieldRule rule, std::string_view subject, Instant now,
                    std::vector<ShieldEntry>& reached) {
  const std::uint32_t limit = limit_of(rule);
  if (!entry.failures.full(now, limits_.window, limit)) return;
  if (entry.reported && now - *entry.reported < limits_.window) return;
  entry.reported = now;
  reached.push_back({.rule = rule,
                     .subject = std::string(subject),
                     .failures = limit,
                     .left = entry.failures.full_until(limits_.window) - now});
}

// ------------------------------------------------------------------------------------------ operators

void Shield::set_limits(ShieldLimits limits) {
  limits_ = std::move(limits);
  if (!limits_.enabled) {
    release_all();
    return;
  }
  for (const auto& [table, rule] :
       {std::pair(&addresses_, ShieldRule::address), std::pair(&networks_, ShieldRule::network),
        std::pair(&accounts_, ShieldRule::account)}) {
    const std::uint32_t limit = limit_of(rule);
    table->make_room(limits_.entries + 1);
    table->for_each([limit](std::string_view /*key*/, Entry& entry) { entry.failures.set_limit(limit); });
  }
  overall_.failures.set_limit(limits_.overall_failures);
  pairs_.make_room(limits_.entries + 1);
  pairs_.for_each([this](std::string_view /*key*/, FailureWindow& pair) { pair.set_limit(limits_.account_failures); });
  secrets_.make_room(limits_.entries + 1);
}

void Shield::list_table(Table& table, ShieldRule rule, Instant now, std::size_t most, std::vector<ShieldEntry>& all) {
  const std::uint32_t limit = limit_of(rule);
  std::size_t found = 0;
  table.for_each([&](std::string_view key, const Entry& entry) {
    if (found == most || !entry.failures.full(now, limits_.window, limit)) return;
    ++found;
    all.push_back({.rule = rule,
                   .subject = std::string(key),
                   .failures = entry.failures.count(now, limits_.window),
                   .left = entry.failures.full_until(limits_.window) - now});
  });
}

std::vector<ShieldEntry> Shield::list(Instant now, std::size_t most) {
  now = advance(now);
  std::vector<ShieldEntry> all;
  list_table(addresses_, ShieldRule::address, now, most, all);
  list_table(networks_, ShieldRule::network, now, most, all);
  list_table(accounts_, ShieldRule::account, now, most, all);
  if (overall_.failures.full(now, limits_.window, limits_.overall_failures))
    all.push_back({.rule = ShieldRule::overall,
                   .subject = {},
                   .failures = overall_.failures.count(now, limits_.window),
                   .left = overall_.failures.full_until(limits_.window) - now});
  return all;
}

std::size_t Shield::release(const Network& network) {
  outbox_.forget(network);
  const auto inside = [&network](std::string_view /*key*/, const Entry& entry) {
    return network.covers(entry.network);
  };
  return addresses_.erase_if(inside) + networks_.erase_if(inside);
}

std::size_t Shield::release_account(std::string_view name) {
  const std::string key = login_key(name);
  outbox_.forget_account(key);
  const std::string at_end = " " + key;
  pairs_.for_each([&at_end](std::string_view pair, FailureWindow& failures) {
    if (pair.ends_with(at_end)) failures = {};
  });
  return accounts_.erase_if([&key](std::string_view each, const Entry& /*entry*/) { return each == key; });
}

std::size_t Shield::release_all() {
  const std::size_t entries = addresses_.size() + networks_.size() + accounts_.size();
  addresses_.clear();
  networks_.clear();
  accounts_.clear();
  overall_ = {};
  outbox_.forget_all();
  pairs_.for_each([](std::string_view /*pair*/, FailureWindow& failures) { failures = {}; });
  return entries;
}

std::size_t Shield::size() const {
  return addresses_.size() + networks_.size() + accounts_.size() + pairs_.size() + secrets_.size();
}

}  // namespace sluice::auth
