// The policy classes of one configuration, and which limits a login has.  Pure values; any thread.
//
// The rule of precedence, which is the only one:
//   1. The class is that of the device password; where it has none, of the account; else of the customer; else the
//      default class.  The first of these that is set counts alone: classes are not mixed.  One that the configuration
//      does not have counts as the default class.
//   2. An override of the account takes the place of the amount that the class has for each account, and an override of
//      the customer that of the amount for each customer, where quantity and span are the same.  The class's action
//      stays.  Where the class has no such limit, the override is one more, with default_action().
//   3. Every limit of the device password, of the account, of the customer and of the whole relay applies: all of them
//      must have room.
// Hosts in a listener's trusted networks have no login: the class that the listener names counts for all of them
// together, and the whole relay's limits.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "auth/identity.h"
#include "policy/limit.h"
#include "policy/noticing/watched_class.h"

namespace sluice::policy {

// Where the operator has said nothing: no office notices it, and a stolen password does not empty the relay.
inline constexpr std::string_view kDefaultClassName = "business";

// In force where the configuration has no class of its own.
[[nodiscard]] std::vector<PolicyClass> built_in_classes();

// Immutable; shared by all who read the configuration that it was made from.
class PolicyClasses {
 public:
  // The built-in ones.
  PolicyClasses();
  // Without any: the built-in ones.  `default_class` is the name of one of them, and no two have the same name.
  PolicyClasses(std::vector<PolicyClass> classes, std::string_view default_class, std::vector<Limit> relay_limits = {});

  // Null: there is none of this name.
  [[nodiscard]] const PolicyClass* find(std::string_view name) const;
  [[nodiscard]] const PolicyClass& default_class() const { return classes_[default_]; }
  [[nodiscard]] std::span<const PolicyClass> all() const { return classes_; }
  // How the accounts of each are watched.
  [[nodiscard]] std::span<const noticing::WatchedClass> watched() const { return watched_; }
  // Null: there is no such class, or its accounts are not watched.
  [[nodiscard]] const noticing::WatchedClass* watched_class(std::string_view name) const;
  // Of all mail together.
  [[nodiscard]] std::span<const Limit> relay_limits() const { return relay_limits_; }
  // Whether nobody has another limit by the other ones.
  [[nodiscard]] bool has_limits_of(const PolicyClasses& other) const;

  struct Chosen {
    const PolicyClass* policy_class = nullptr;  // never null in an answer, as is the next
    const noticing::WatchedClass* watched = nullptr;
    bool unknown = false;  // the name that the identity has is of no class here, and the default class counts for it
  };
  [[nodiscard]] Chosen choose(const auth::Identity& identity) const;
  // Of the share of the login's customer: all its accounts and devices have one share, so it is that of the customer's
  // own class, and of the account's where there is no customer.  By rule 1 in all else.
  [[nodiscard]] ShareWeight share_weight(const auth::Identity& identity) const;

 private:
  [[nodiscard]] Chosen chosen(const PolicyClass& policy_class) const;

  std::vector<PolicyClass> classes_;
  std::vector<noticing::WatchedClass> watched_;  // of each
  std::size_t default_ = 0;
  std::vector<Limit> relay_limits_;
};

// Of a login.
struct EffectiveLimits {
  std::vector<Limit> device;  // empty also where the login was not with a device password
  std::vector<Limit> account;
  std::vector<Limit> customer;
};

// In the order of the class, and behind these the overrides that the class has no limit for.
[[nodiscard]] EffectiveLimits effective_limits(const PolicyClass& policy_class,
                                               std::span<const auth::LimitOverride> account,
                                               std::span<const auth::LimitOverride> customer);
[[nodiscard]] EffectiveLimits effective_limits(const PolicyClass& policy_class, const auth::Identity& identity);

}  // namespace sluice::policy
