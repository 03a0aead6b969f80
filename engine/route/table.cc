#include "engine/route/table.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/domain_name.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"
#include "engine/smtp/path.h"

namespace sluice::route {
namespace {

constexpr std::size_t kWordBits = 64;
constexpr std::string_view kBelow = "*.";

// In lower case, without an allocation.  Nothing that a route lists is longer than a domain may be.
class LowerCase {
 public:
  explicit LowerCase(std::string_view text) : size_(text.size()) {
    if (!fits()) return;
    std::ranges::transform(text, bytes_.begin(), [](char c) { return smtp::to_lower(c); });
  }
  [[nodiscard]] bool fits() const { return size_ <= bytes_.size(); }
  [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, smtp::kDomainBytesMax> bytes_;
  std::size_t size_;
};

// What a domain is found by.
class DomainKey {
 public:
  explicit DomainKey(std::string_view domain) : lower_(domain) {
    if (is_international(domain)) international_ = domain_key(domain);
  }
  [[nodiscard]] bool fits() const { return lower_.fits(); }
  [[nodiscard]] std::string_view text() const {
    return international_.empty() ? lower_.text() : std::string_view(international_);
  }

 private:
  LowerCase lower_;
  std::string international_;
};

}  // namespace

void RouteTable::Routes::add(std::size_t route) {
  words.at(route / kWordBits) |= std::uint64_t{1} << (route % kWordBits);
}

RouteTable::Routes& RouteTable::Routes::operator|=(const Routes& other) {
  for (std::size_t i = 0; i < words.size(); ++i) words[i] |= other.words[i];
  return *this;
}

RouteTable::Routes& RouteTable::Routes::operator&=(const Routes& other) {
  for (std::size_t i = 0; i < words.size(); ++i) words[i] &= other.words[i];
  return *this;
}

std::size_t RouteTable::Routes::first() const {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != 0) return i * kWordBits + static_cast<std::size_t>(std::countr_zero(words[i]));
  }
  return kRoutesMax;
}

// Notes which route lists what, so that each set of routes is kept once.
class RouteTable::Builder {
 public:
  explicit Builder(std::vector<Routes>& sets) : sets_(sets) {}

  void domains(Condition& condition, const std::vector<std::string>& entries, std::size_t route) {
    if (entries.empty()) condition.open.add(route);
    for (const std::string_view entry : entries) {
      if (entry == kNullSender) {
        condition.null_sender.add(route);
      } else if (entry.starts_with(kBelow)) {
        note(condition.below, domain_key(entry.substr(kBelow.size())), route);
      } else {
        note(condition.exact, domain_key(entry), route);
      }
    }
  }

  void names(Condition& condition, const std::vector<std::string>& entries, std::size_t route) {
    if (entries.empty()) condition.open.add(route);
    for (const std::string_view entry : entries) note(condition.exact, smtp::to_lower(entry), route);
  }

 private:
  void note(Sets& sets, std::string key, std::size_t route) {
    const auto [place, fresh] = sets.try_emplace(std::move(key), 0);
    Routes routes;
    if (!fresh) routes = sets_[place->second];
    routes.add(route);
    const auto [known, is_new] = numbers_.try_emplace(routes, static_cast<std::uint32_t>(sets_.size()));
    if (is_new) sets_.push_back(routes);
    place->second = known->second;
  }

  std::vector<Routes>& sets_;
  std::map<Routes, std::uint32_t> numbers_;
};

RouteTable::RouteTable(std::span<const RouteConditions> routes, std::string_view hostname,
                       std::optional<std::size_t> dsn_route)
    : size_(routes.size()), hostname_(domain_key(hostname)), dsn_route_(dsn_route) {
  CHECK(!dsn_route || *dsn_route < routes.size());
  CHECK(!routes.empty() && routes.size() <= kRoutesMax && routes.back().none());
  Builder builder(sets_);
  for (std::size_t i = 0; i < routes.size(); ++i) {
    builder.domains(recipients_, routes[i].recipients, i);
    builder.domains(senders_, routes[i].senders, i);
    builder.names(customers_, routes[i].customers, i);
  }
}

void RouteTable::add(const Sets& from, std::string_view key, Routes& routes) const {
  if (const auto found = from.find(key); found != from.end()) routes |= sets_[found->second];
}

RouteTable::Routes RouteTable::of_domain(const Condition& condition, std::string_view domain) const {
  Routes routes = condition.open;
  const DomainKey key(domain);
  if (domain.empty() || !key.fits()) return routes;
  add(condition.exact, key.text(), routes);
  // The dots of an address literal part no labels.
  if (condition.below.empty() || domain.front() == '[') return routes;
  std::string_view rest = key.text();
  for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
    rest.remove_prefix(dot + 1);
    add(condition.below, rest, routes);
  }
  return routes;
}

RouteTable::Routes RouteTable::of_customer(std::string_view customer) const {
  Routes routes = customers_.open;
  const LowerCase lower(customer);
  if (!customer.empty() && lower.fits()) add(customers_.exact, lower.text(), routes);
  return routes;
}

std::size_t RouteTable::find(const Query& query) const {
  if (size_ == 1) return 0;
  if (query.own_dsn && dsn_route_) return *dsn_route_;
  Routes routes = of_domain(recipients_, query.recipient_domain.empty() ? hostname_ : query.recipient_domain);
  if (query.null_sender) {
    Routes of_null = senders_.open;
    routes &= of_null |= senders_.null_sender;
  } else {
    routes &= of_domain(senders_, query.sender_domain);
  }
  routes &= of_customer(query.customer);
  const std::size_t found = routes.first();
  CHECK(found < size_);  // the last one has no conditions
  return found;
}

std::string RouteTable::destination_key(const Route& route, std::string_view recipient_domain) const {
  if (!route.mx) return route.name;
  return route.name + "/" + (recipient_domain.empty() ? hostname_ : domain_key(recipient_domain));
}

std::string_view matching_entry(std::span<const std::string> entries, std::string_view value, bool names) {
  const std::string key = names ? std::string(value) : domain_key(value);
  for (const std::string& entry : entries) {
    if (names && smtp::equals_ignore_case(entry, key)) return entry;
    if (names) continue;
    if (entry == key || domain_key(entry) == key) return entry;
    if (entry.starts_with(kBelow) && key.ends_with("." + domain_key(entry.substr(kBelow.size())))) return entry;
  }
  return {};
}

std::string destination_key_of(std::string_view text) {
  const std::string_view route = route_of_destination(text);
  if (route.size() == text.size()) return std::string(text);
  return std::string(route) + "/" + domain_key(text.substr(route.size() + 1));
}

std::string_view domain_of(std::string_view mailbox) {
  smtp::Mailbox parsed;
  if (smtp::parse_mailbox(mailbox, true, parsed) != smtp::PathFault::none) return {};
  return parsed.domain;
}

}  // namespace sluice::route
