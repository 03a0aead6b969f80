// Which route a recipient takes: the first in the order of the configuration whose conditions all
// hold.  The cost of a look-up grows with the labels of the domains asked for and not with the
// number of domains that the routes list.
// Made once from a configuration, never changed, shared by all cores.  Pure; any thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/route/route.h"

namespace sluice::route {

inline constexpr std::size_t kRoutesMax = 1024;
// As an entry of RouteConditions::senders: the null reverse-path.
inline constexpr std::string_view kNullSender = "<>";

// What must hold for a route to be taken: of each list that is not empty, one entry.  A domain is
// "example.com", which is that domain alone, "*.example.com", which is every name below it at any
// depth, or an address literal, "[192.0.2.1]", which is compared as it is written.  All spellings of
// a domain are one: they compare by domain_key().
struct RouteConditions {
  std::vector<std::string> recipients;  // domains of the recipient
  std::vector<std::string> senders;     // domains of the reverse-path, or "<>"
  std::vector<std::string> customers;   // names
  [[nodiscard]] bool none() const { return recipients.empty() && senders.empty() && customers.empty(); }
};

class RouteTable {
 public:
  // In the order in which they are tried; the last one has no conditions.  `hostname` is the domain
  // of a recipient that has none: <Postmaster>.  `dsn_route`: which one our own DSNs take; absent:
  // they take one by its conditions, as other mail does.
  RouteTable(std::span<const RouteConditions> routes, std::string_view hostname,
             std::optional<std::size_t> dsn_route = std::nullopt);

  // Domains as they stand in the envelope, address literals with their brackets.
  struct Query {
    std::string_view recipient_domain;  // empty: <Postmaster>
    std::string_view sender_domain;
    std::string_view customer;  // empty: no login
    bool null_sender = false;
    bool own_dsn = false;
  };
  // The number of the route.
  [[nodiscard]] std::size_t find(const Query& query) const;

  // What a recipient's copy is bound for, as text that no other destination has: the name of the
  // route or, where the recipients' own servers are asked, "ROUTE/DOMAIN" with the domain as
  // domain_key() gives it.  Names of routes have no "/".
  [[nodiscard]] std::string destination_key(const Route& route, std::string_view recipient_domain) const;

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  // A set of numbers of routes.
  struct Routes {
    std::array<std::uint64_t, kRoutesMax / 64> words{};
    void add(std::size_t route);
    Routes& operator|=(const Routes& other);
    Routes& operator&=(const Routes& other);
    [[nodiscard]] std::size_t first() const;  // kRoutesMax: it is empty
    friend auto operator<=>(const Routes&, const Routes&) = default;
  };
  static_assert(kRoutesMax % 64 == 0);
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  // Entry, which one of `sets_`.
  using Sets = std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>>;

  // One kind of condition: for each entry the routes that list it.
  struct Condition {
    Routes open;         // those that list nothing
    Routes null_sender;  // those that list "<>"
    Sets exact;          // "example.com", "[192.0.2.1]", a customer's name
    Sets below;          // "example.com" for "*.example.com"
  };
  class Builder;

  // Adds to `routes` those that list `key`, a domain_key() or a customer's name in lower case.
  void add(const Sets& from, std::string_view key, Routes& routes) const;
  [[nodiscard]] Routes of_domain(const Condition& condition, std::string_view domain) const;
  [[nodiscard]] Routes of_customer(std::string_view customer) const;

  std::size_t size_;
  std::string hostname_;  // as domain_key() gives it
  std::optional<std::size_t> dsn_route_;
  std::vector<Routes> sets_;  // each once: many entries share one
  Condition recipients_;
  Condition senders_;
  Condition customers_;
};

// The entry of a list of RouteConditions by which this domain, or customer where `names`, is meant; empty: none is.
[[nodiscard]] std::string_view matching_entry(std::span<const std::string> entries, std::string_view value, bool names);

// The name of the route of a destination key.
[[nodiscard]] inline std::string_view route_of_destination(std::string_view key) {
  return key.substr(0, key.find('/'));
}

// The key of a destination that is given as text: "mx/Bücher.example" is "mx/xn--bcher-kva.example".
[[nodiscard]] std::string destination_key_of(std::string_view text);

// The domain of a mailbox as envelopes keep it; empty where it has none: "Postmaster", the null
// reverse-path.
[[nodiscard]] std::string_view domain_of(std::string_view mailbox);

}  // namespace sluice::route
