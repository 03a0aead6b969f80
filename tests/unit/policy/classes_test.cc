// Which class a login has, and which limits.
#include "policy/classes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <tuple>

namespace sluice::policy {
namespace {

using auth::LimitOverrides;

PolicyClass school() {
  return {.name = "school",
          .account_limits = {{Quantity::recipients, Span::hour, 300, Action::hold},
                             {Quantity::recipients, Span::day, 1000, Action::refuse}},
          .customer_limits = {{Quantity::recipients, Span::day, 5000, Action::refuse}}};
}

// Without its customer's and the default class's limits a login would have none.
TEST(PolicyClasses, EachBuiltInOneBindsAccountAndCustomer) {
  const PolicyClasses classes;
  std::set<std::string> names;
  for (const PolicyClass& each : classes.all()) {
    names.insert(each.name);
    EXPECT_TRUE(auth::is_class_name(each.name));
    EXPECT_FALSE(each.shadow) << each.name;
    if (each.name == "unlimited") {
      EXPECT_TRUE(each.account_limits.empty() && each.customer_limits.empty());
      continue;
    }
    for (const auto* limits : {&each.account_limits, &each.customer_limits}) {
      EXPECT_TRUE(std::ranges::any_of(*limits, [](const Limit& limit) {
        return limit.quantity == Quantity::recipients && limit.span == Span::day && limit.action == Action::refuse;
      })) << each.name;
      std::set<std::tuple<Quantity, Span>> seen;
      for (const Limit& limit : *limits) {
        EXPECT_TRUE(limit.amount >= 1 && limit.amount <= kLimitAmountMax) << each.name;
        EXPECT_TRUE(seen.emplace(limit.quantity, limit.span).second) << each.name;
        // A message that the class takes fits into every window.
        if (limit.quantity == Quantity::recipients) EXPECT_GE(limit.amount, each.recipients_per_message) << each.name;
      }
    }
  }
  EXPECT_EQ(names, (std::set<std::string>{"home", "business", "device", "list_server", "unlimited"}));
  EXPECT_EQ(classes.default_class().name, "business");
}

// A customer could not use what an account of it may.
TEST(PolicyClasses, NoBuiltInAccountMayMoreThanItsCustomer) {
  const PolicyClasses classes;
  for (const PolicyClass& each : classes.all())
    for (const Limit& account : each.account_limits)
      for (const Limit& customer : each.customer_limits)
        if (account.quantity == customer.quantity && account.span == customer.span)
          EXPECT_LE(account.amount, customer.amount) << each.name;
}

TEST(PolicyClasses, AreFoundByNameAndUnknownOnesAreTheDefault) {
  const PolicyClasses classes({school(), {.name = "other"}}, "other");
  EXPECT_EQ(classes.find("school")->name, "school");
  EXPECT_EQ(classes.find("School"), nullptr);
  auth::Identity identity;
  EXPECT_EQ(classes.choose(identity).policy_class->name, "other");
  EXPECT_FALSE(classes.choose(identity).unknown);
  identity.policy_class = "school";
  EXPECT_EQ(classes.choose(identity).policy_class->name, "school");
  EXPECT_FALSE(classes.choose(identity).unknown);
  identity.policy_class = "schoool";
  EXPECT_EQ(classes.choose(identity).policy_class->name, "other");
  EXPECT_TRUE(classes.choose(identity).unknown);
}

// A device of a business has a class of its own; its messages are the customer's all the same.
TEST(PolicyClasses, TheWeightIsThatOfTheCustomersOwnClass) {
  const PolicyClasses classes({{.name = "plain", .weight = 2}, {.name = "wide", .weight = 5}, {.name = "device"}},
                              "plain");
  auth::Identity identity;
  EXPECT_EQ(classes.share_weight(identity), 2);
  identity.policy_class = "device";
  EXPECT_EQ(classes.share_weight(identity), 1) << "without a customer";
  identity.customer_name = "acme";
  EXPECT_EQ(classes.share_weight(identity), 2);
  identity.customer_class = "wide";
  EXPECT_EQ(classes.share_weight(identity), 5);
  identity.customer_class = "gone";
  EXPECT_EQ(classes.share_weight(identity), 2);
}

TEST(PolicyClasses, SayWhetherAReloadChangesALimit) {
  const PolicyClass home{.name = "home", .account_limits = {{.amount = 5}}};
  const PolicyClasses before({home}, "home");
  PolicyClass same = home;
  same.recipients_per_message = 7;
  EXPECT_TRUE(PolicyClasses({same}, "home").has_limits_of(before));
  PolicyClass other = home;
  other.account_limits[0].action = Action::hold;
  EXPECT_FALSE(PolicyClasses({other}, "home").has_limits_of(before));
  other = home;
  other.shadow = true;
  EXPECT_FALSE(PolicyClasses({other}, "home").has_limits_of(before));
  EXPECT_FALSE(PolicyClasses({home}, "home", {{.amount = 9}}).has_limits_of(before));
}

TEST(EffectiveLimits, AreTheClassesWhereNothingIsOverridden) {
  const EffectiveLimits limits = effective_limits(school(), {}, {});
  EXPECT_EQ(limits.account, school().account_limits);
  EXPECT_EQ(limits.customer, school().customer_limits);
}

TEST(EffectiveLimits, AnOverrideTakesThePlaceOfTheAmountAndLeavesTheAction) {
  const LimitOverrides account{{Quantity::recipients, Span::hour, 20}};
  const LimitOverrides customer{{Quantity::recipients, Span::day, 90'000}};
  const EffectiveLimits limits = effective_limits(school(), account, customer);
  EXPECT_EQ(limits.account, (std::vector<Limit>{{Quantity::recipients, Span::hour, 20, Action::hold},
                                                {Quantity::recipients, Span::day, 1000, Action::refuse}}));
  EXPECT_EQ(limits.customer, (std::vector<Limit>{{Quantity::recipients, Span::day, 90'000, Action::refuse}}));
}

// The customer's is the customer's: an account that has the same quantity and window keeps its own.
TEST(EffectiveLimits, OneOfTheCustomerIsNoneOfTheAccount) {
  const LimitOverrides customer{{Quantity::recipients, Span::day, 7}};
  EXPECT_EQ(effective_limits(school(), {}, customer).account, school().account_limits);
}

TEST(EffectiveLimits, AnOverrideThatTheClassHasNotIsOneMore) {
  const LimitOverrides account{{Quantity::messages, Span::minute, 5}, {Quantity::bytes, Span::month, 6}};
  const EffectiveLimits limits = effective_limits(school(), account, {});
  ASSERT_EQ(limits.account.size(), 4U);
  EXPECT_EQ(limits.account[2], (Limit{Quantity::messages, Span::minute, 5, Action::defer}));
  EXPECT_EQ(limits.account[3], (Limit{Quantity::bytes, Span::month, 6, Action::refuse}));
}

TEST(EffectiveLimits, AreReadFromAnIdentity) {
  auth::Identity identity;
  EXPECT_EQ(effective_limits(school(), identity).account, school().account_limits);
  identity.account_overrides =
      std::make_shared<const LimitOverrides>(LimitOverrides{{Quantity::recipients, Span::day, 1}});
  identity.customer_overrides =
      std::make_shared<const LimitOverrides>(LimitOverrides{{Quantity::recipients, Span::day, 2}});
  EXPECT_EQ(effective_limits(school(), identity).account[1].amount, 1U);
  EXPECT_EQ(effective_limits(school(), identity).customer[0].amount, 2U);
}

}  // namespace
}  // namespace sluice::policy
