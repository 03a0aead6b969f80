// Which route a recipient takes, by itself and against a model that looks at one entry after the
// other.
#include "engine/route/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/smtp/ascii.h"

namespace sluice::route {
namespace {

constexpr std::string_view kHostname = "Relay.Example.Net";

using Query = RouteTable::Query;

RouteTable table(std::vector<RouteConditions> routes) {
  routes.emplace_back();
  return {routes, kHostname};
}

TEST(RouteTable, ARouteWithoutConditionsTakesAll) {
  const RouteTable alone = table({});
  EXPECT_EQ(alone.find({}), 0U);
  EXPECT_EQ(alone.find({.recipient_domain = "example.com", .null_sender = true}), 0U);
  EXPECT_EQ(alone.size(), 1U);
}

TEST(RouteTable, ADomainIsItselfAndAStarIsWhatLiesBelow) {
  const RouteTable routes = table({{.recipients = {"example.com", "*.Example.ORG", "[192.0.2.1]"}}});
  const std::pair<std::string_view, std::size_t> cases[] = {{"example.com", 0},
                                                            {"EXAMPLE.Com", 0},
                                                            {"www.example.com", 1},
                                                            {"example.org", 1},
                                                            {"www.example.org", 0},
                                                            {"A.B.example.org", 0},
                                                            {"notexample.org", 1},
                                                            {"example.org.uk", 1},
                                                            {"[192.0.2.1]", 0},
                                                            {"[192.0.2.10]", 1},
                                                            {"192.0.2.1", 1},
                                                            {"com", 1},
                                                            {"*.example.org", 0},
                                                            {"org", 1},
                                                            {"", 1}};
  for (const auto& [domain, route] : cases) EXPECT_EQ(routes.find({.recipient_domain = domain}), route) << domain;
}

TEST(RouteTable, AnAddressLiteralLiesBelowNoDomain) {
  const RouteTable routes = table({{.recipients = {"*.2.1]", "*.example.com]"}}});
  EXPECT_EQ(routes.find({.recipient_domain = "[192.0.2.1]"}), 1U);
  EXPECT_EQ(routes.find({.recipient_domain = "[x:mx.example.com]"}), 1U);
}

TEST(RouteTable, ADomainIsOneInAllItsSpellings) {
  const RouteTable routes =
      table({{.recipients = {"b\u00fccher.example", "*.xn--mller-kva.example"}}, {.senders = {"B\u00dcCHER.example"}}});
  for (const std::string_view domain : {"xn--bcher-kva.example", "XN--bcher-kva.example", "B\u00fccher.Example",
                                        "bu\u0308cher.example", "a.m\u00fcller.example"}) {
    EXPECT_EQ(routes.find({.recipient_domain = domain}), 0U) << domain;
  }
  EXPECT_EQ(routes.find({.recipient_domain = "bucher.example"}), 2U);
  EXPECT_EQ(routes.find({.recipient_domain = "x.example", .sender_domain = "xn--bcher-kva.example"}), 1U);
  Route mx{.name = "direct", .mx = true};
  EXPECT_EQ(routes.destination_key(mx, "B\u00fccher.example"), "direct/xn--bcher-kva.example");
}

TEST(RouteTable, ARecipientWithoutADomainIsAtThisHost) {
  EXPECT_EQ(table({{.recipients = {"relay.example.net"}}}).find({}), 0U);
  EXPECT_EQ(table({{.recipients = {"*.example.net"}}}).find({}), 0U);
  EXPECT_EQ(table({{.recipients = {"example.net"}}}).find({}), 1U);
}

TEST(RouteTable, AnEmptySenderIsNotThisHost) { EXPECT_EQ(table({{.senders = {"relay.example.net"}}}).find({}), 1U); }

TEST(RouteTable, TheNullSenderIsAmongTheSendersOnlyWhereItIsListed) {
  const RouteTable routes = table({{.senders = {"example.com"}}, {.senders = {"<>", "a.example"}}});
  EXPECT_EQ(routes.find({.sender_domain = "example.com"}), 0U);
  EXPECT_EQ(routes.find({.sender_domain = "a.example"}), 1U);
  EXPECT_EQ(routes.find({.null_sender = true}), 1U);
  EXPECT_EQ(routes.find({.sender_domain = "example.com", .null_sender = true}), 1U);
  EXPECT_EQ(routes.find({.sender_domain = "<>"}), 2U);
  EXPECT_EQ(table({{.recipients = {"x.example"}}}).find({.recipient_domain = "x.example", .null_sender = true}), 0U);
}

TEST(RouteTable, CustomersAreNamesWithoutCase) {
  const RouteTable routes = table({{.customers = {"Example Ltd", "*.example.com"}}});
  EXPECT_EQ(routes.find({.customer = "example LTD"}), 0U);
  EXPECT_EQ(routes.find({.customer = "example"}), 1U);
  EXPECT_EQ(routes.find({.customer = "a.example.com"}), 1U);
  EXPECT_EQ(routes.find({.customer = "*.example.com"}), 0U);
  EXPECT_EQ(routes.find({}), 1U);
}

TEST(RouteTable, AllConditionsOfARouteMustHold) {
  const RouteTable routes =
      table({{.recipients = {"r.example"}, .senders = {"s.example", "t.example"}, .customers = {"c"}}});
  EXPECT_EQ(routes.find({.recipient_domain = "r.example", .sender_domain = "t.example", .customer = "c"}), 0U);
  EXPECT_EQ(routes.find({.recipient_domain = "r.example", .sender_domain = "t.example", .customer = "d"}), 1U);
  EXPECT_EQ(routes.find({.recipient_domain = "r.example", .sender_domain = "u.example", .customer = "c"}), 1U);
  EXPECT_EQ(routes.find({.recipient_domain = "q.example", .sender_domain = "t.example", .customer = "c"}), 1U);
}

TEST(RouteTable, TheFirstThatFitsIsTakenHoweverExactTheOthersAre) {
  const RouteTable routes = table({{.recipients = {"*.example.com"}},
                                   {.recipients = {"www.example.com"}},
                                   {.recipients = {"www.example.com", "example.com"}}});
  EXPECT_EQ(routes.find({.recipient_domain = "www.example.com"}), 0U);
  EXPECT_EQ(routes.find({.recipient_domain = "example.com"}), 2U);
}

TEST(RouteTable, WhatIsTooLongForADomainIsInNoList) {
  const std::string longest = std::string(248, 'a') + ".b.test";
  const RouteTable routes = table({{.recipients = {longest, "*.b.test"}, .customers = {}}});
  EXPECT_EQ(routes.find({.recipient_domain = longest}), 0U);
  EXPECT_EQ(routes.find({.recipient_domain = "a" + longest}), 1U);
  EXPECT_EQ(routes.find({.customer = std::string(100'000, 'x')}), 1U);
}

TEST(RouteTable, HoldsAsManyRoutesAsItSays) {
  std::vector<RouteConditions> many;
  for (std::size_t i = 0; i + 1 < kRoutesMax; ++i)
    many.push_back({.recipients = {"d" + std::to_string(i) + ".example"}});
  const RouteTable routes = table(many);
  for (const std::size_t i : {0, 63, 64, 65, 500, 1022})
    EXPECT_EQ(routes.find({.recipient_domain = many[i].recipients[0]}), i);
  EXPECT_EQ(routes.find({.recipient_domain = "other.example"}), kRoutesMax - 1);
}

TEST(RouteTableDeathTest, NeedsALastRouteThatTakesAll) {
  const std::vector<RouteConditions> none;
  EXPECT_DEATH(RouteTable(none, kHostname), "");
  const std::vector<RouteConditions> some{{.customers = {"c"}}};
  EXPECT_DEATH(RouteTable(some, kHostname), "");
}

// ---------------------------------------------------------------------------- against the model

// As the words in route_table.h say it, entry by entry.
bool names(std::string_view entry, std::string_view domain) {
  if (entry.starts_with("*.") && !domain.starts_with('[')) {
    entry.remove_prefix(1);
    return domain.size() > entry.size() && smtp::equals_ignore_case(domain.substr(domain.size() - entry.size()), entry);
  }
  return !domain.empty() && smtp::equals_ignore_case(entry, domain);
}

std::size_t find_slowly(const std::vector<RouteConditions>& routes, const Query& query) {
  const std::string_view recipient = query.recipient_domain.empty() ? kHostname : query.recipient_domain;
  const auto holds = [&](const RouteConditions& route) {
    const auto is_recipient = [&](const std::string& entry) { return names(entry, recipient); };
    const auto is_sender = [&](const std::string& entry) {
      if (entry == kNullSender || query.null_sender) return entry == kNullSender && query.null_sender;
      return names(entry, query.sender_domain);
    };
    const auto is_customer = [&](const std::string& entry) { return smtp::equals_ignore_case(entry, query.customer); };
    return (route.recipients.empty() || std::ranges::any_of(route.recipients, is_recipient)) &&
           (route.senders.empty() || std::ranges::any_of(route.senders, is_sender)) &&
           (route.customers.empty() || std::ranges::any_of(route.customers, is_customer));
  };
  return static_cast<std::size_t>(std::ranges::find_if(routes, holds) - routes.begin());
}

class Chance {
 public:
  explicit Chance(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return engine_() % limit; }

  // From so few letters that entries and queries meet often.
  std::string domain() {
    static constexpr std::string_view kLabels[] = {"a", "b", "A", "bb", "example", "Net", "relay"};
    if (below(20) == 0) return below(2) == 0 ? "[192.0.2.1]" : "[a.b]";
    std::string name;
    for (std::size_t labels = 1 + below(4); labels > 0; --labels)
      name.append(name.empty() ? "" : ".").append(kLabels[below(std::size(kLabels))]);
    return name;
  }
  std::string entry() { return (below(3) == 0 ? "*." : "") + domain(); }
  std::string customer() { return std::string(1, "cdCD"[below(4)]) + std::to_string(below(3)); }

  RouteConditions conditions() {
    RouteConditions route;
    while (route.none()) {
      if (below(2) == 0)
        for (std::size_t n = below(6); n > 0; --n) route.recipients.push_back(entry());
      if (below(3) == 0)
        for (std::size_t n = below(4); n > 0; --n)
          route.senders.push_back(below(4) == 0 ? std::string(kNullSender) : entry());
      if (below(4) == 0)
        for (std::size_t n = below(3); n > 0; --n) route.customers.push_back(customer());
    }
    return route;
  }

 private:
  std::mt19937 engine_;
};

TEST(RouteTable, AgreesWithOneThatLooksAtEveryEntry) {
  std::set<std::size_t> found;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    Chance chance(seed);
    std::vector<RouteConditions> routes(chance.below(seed % 10 == 0 ? 200 : 12));
    for (RouteConditions& route : routes) route = chance.conditions();
    routes.emplace_back();
    const RouteTable fast(routes, kHostname);
    for (int i = 0; i < 100; ++i) {
      const std::string recipient = chance.below(10) == 0 ? "" : chance.domain();
      const std::string sender = chance.domain();
      const std::string customer = chance.below(4) == 0 ? "" : chance.customer();
      const Query query{.recipient_domain = recipient,
                        .sender_domain = sender,
                        .customer = customer,
                        .null_sender = chance.below(5) == 0};
      const std::size_t expected = find_slowly(routes, query);
      ASSERT_EQ(fast.find(query), expected) << "seed " << seed << ": " << recipient << " " << sender << " " << customer;
      found.insert(expected);
    }
  }
  EXPECT_GT(found.size(), 15U);  // or the queries would say little
}

// A hundred thousand look-ups among as many domains: looking at all of them would take minutes.
TEST(RouteTable, DoesNotSlowDownWithTheNumberOfDomains) {
  std::vector<RouteConditions> routes(3);
  for (int i = 0; i < 100'000; ++i) {
    routes[static_cast<std::size_t>(i % 2)].recipients.push_back((i % 3 == 0 ? "*.d" : "d") + std::to_string(i) +
                                                                 ".example");
  }
  const RouteTable fast(routes, kHostname);
  std::size_t sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string domain = "www.d" + std::to_string(i) + ".example";
    sum += fast.find({.recipient_domain = domain});
  }
  EXPECT_GT(sum, 0U);
  EXPECT_EQ(fast.find({.recipient_domain = "www.d99999.example"}), 1U);
  EXPECT_EQ(fast.find({.recipient_domain = "www.d99998.example"}), 2U);
  EXPECT_EQ(fast.find({.recipient_domain = "d99998.example"}), 0U);
}

// ------------------------------------------------------------------------------------ destinations

TEST(DestinationKey, IsTheRouteOrTheRouteAndTheDomain) {
  const RouteTable routes = table({});
  Route farm;
  farm.name = "farm";
  Route direct;
  direct.name = "direct";
  direct.mx = true;
  EXPECT_EQ(routes.destination_key(farm, "Example.COM"), "farm");
  EXPECT_EQ(routes.destination_key(direct, "Example.COM"), "direct/example.com");
  EXPECT_EQ(routes.destination_key(direct, "[192.0.2.1]"), "direct/[192.0.2.1]");
  EXPECT_EQ(routes.destination_key(direct, ""), "direct/relay.example.net");
}

TEST(DomainOf, IsWhatStandsBehindTheLastAtThatIsNotQuoted) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"user@Example.com", "Example.com"},
                                                                 {"\"a@b\"@example.com", "example.com"},
                                                                 {"user@[192.0.2.1]", "[192.0.2.1]"},
                                                                 {"user@[x:a@b.example]", "[x:a@b.example]"},
                                                                 {"u\xc3\xa4@b\xc3\xbc.example", "b\xc3\xbc.example"},
                                                                 {"Postmaster", ""},
                                                                 {"", ""},
                                                                 {"user@", ""}};
  for (const auto& [mailbox, domain] : cases) EXPECT_EQ(domain_of(mailbox), domain) << mailbox;
}

}  // namespace
}  // namespace sluice::route
