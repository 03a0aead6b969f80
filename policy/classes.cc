#include "policy/classes.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/check.h"

namespace sluice::policy {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kGiB = 1024 * kMiB;

Limit refusing(Quantity quantity, Span span, std::uint64_t amount) {
  return {.quantity = quantity, .span = span, .amount = amount, .action = Action::refuse};
}
Limit deferring(Quantity quantity, Span span, std::uint64_t amount) {
  return {.quantity = quantity, .span = span, .amount = amount, .action = Action::defer};
}

// A household: some dozens of messages a day, at times an invitation to all friends.  An hour takes one message of 100
// recipients, so that a stolen password reaches 100 before anybody looks; a day takes 500, as the large mail providers
// grant their own users.  A customer is a family: as much as two accounts of it at their limits.  The bytes are what
// 100 messages of holiday pictures come to.
PolicyClass home_class() {
  return {.name = "home",
          .account_limits = {refusing(Quantity::recipients, Span::hour, 100),
                             refusing(Quantity::recipients, Span::day, 500),
                             refusing(Quantity::bytes, Span::day, 2 * kGiB)},
          .customer_limits = {refusing(Quantity::recipients, Span::hour, 200),
                              refusing(Quantity::recipients, Span::day, 1000),
                              refusing(Quantity::bytes, Span::day, 4 * kGiB)}};
}

// Offices: invoices, offers, a circular to 300 in groups of 50 within an hour.  A customer is a company of many
// accounts, which are not all at their limits on the same day.
PolicyClass business_class() {
  return {.name = "business",
          .account_limits = {refusing(Quantity::recipients, Span::hour, 500),
                             refusing(Quantity::recipients, Span::day, 2000),
                             refusing(Quantity::bytes, Span::day, 10 * kGiB)},
          .customer_limits = {refusing(Quantity::recipients, Span::hour, 2500),
                              refusing(Quantity::recipients, Span::day, 10'000),
                              refusing(Quantity::bytes, Span::day, 50 * kGiB)}};
}

// A printer, scanner, camera or alarm: few recipients, always the same.  What floods is mostly a device in a loop,
// which the minute defers; a stolen device password is worth 200 recipients a day.  The customer's amounts are those of
// a company, as other accounts of it send, too.
PolicyClass device_class() {
  return {
      .name = "device",
      .recipients_per_message = 20,
      .account_limits = {deferring(Quantity::messages, Span::minute, 20),
                         refusing(Quantity::recipients, Span::hour, 60), refusing(Quantity::recipients, Span::day, 200),
                         refusing(Quantity::bytes, Span::day, 2 * kGiB)},
      .customer_limits = {refusing(Quantity::recipients, Span::hour, 2500),
                          refusing(Quantity::recipients, Span::day, 10'000),
                          refusing(Quantity::bytes, Span::day, 50 * kGiB)}};
}

// Mailing lists and newsletters, given by the operator to those that are known: a list of 10,000 with several mails a
// day.  The month is what a customer may grow to before the operator has a look.
PolicyClass list_server_class() {
  return {.name = "list_server",
          .account_limits = {refusing(Quantity::recipients, Span::hour, 20'000),
                             refusing(Quantity::recipients, Span::day, 50'000),
                             refusing(Quantity::bytes, Span::day, 50 * kGiB)},
          .customer_limits = {refusing(Quantity::recipients, Span::day, 100'000),
                              refusing(Quantity::recipients, Span::month, 1'000'000),
                              refusing(Quantity::bytes, Span::day, 100 * kGiB)}};
}

// Only recipients per message, and what is noticed is only told: for a relay that counts elsewhere, and for those that
// an operator trusts so far.
PolicyClass unlimited_class() {
  return {.name = "unlimited", .notice = noticing::Step::tell, .account_limits = {}, .customer_limits = {}};
}

// Each is watched for what is ordinary for its like.
std::vector<PolicyClass> watched(std::vector<PolicyClass> classes) {
  for (PolicyClass& each : classes) each.noticing = noticing::built_in_policy(each.name);
  return classes;
}

std::vector<Limit> with_overrides(std::vector<Limit> limits, std::span<const auth::LimitOverride> overrides) {
  for (const auth::LimitOverride& override_ : overrides) {
    const auto found = std::ranges::find_if(limits, [&](const Limit& limit) {
      return limit.quantity == override_.quantity && limit.span == override_.span;
    });
    if (found != limits.end()) {
      found->amount = override_.amount;
    } else {
      limits.push_back({.quantity = override_.quantity,
                        .span = override_.span,
                        .amount = override_.amount,
                        .action = default_action(override_.span)});
    }
  }
  return limits;
}

std::span<const auth::LimitOverride> listed(const std::shared_ptr<const auth::LimitOverrides>& overrides) {
  return overrides == nullptr ? std::span<const auth::LimitOverride>() : *overrides;
}

}  // namespace

std::vector<PolicyClass> built_in_classes() {
  return watched({home_class(), business_class(), device_class(), list_server_class(), unlimited_class()});
}

PolicyClasses::PolicyClasses() : PolicyClasses({}, kDefaultClassName) {}

PolicyClasses::PolicyClasses(std::vector<PolicyClass> classes, std::string_view default_class,
                             std::vector<Limit> relay_limits)
    : classes_(classes.empty() ? built_in_classes() : std::move(classes)), relay_limits_(std::move(relay_limits)) {
  const auto found = std::ranges::find(classes_, default_class, &PolicyClass::name);
  CHECK(found != classes_.end());
  default_ = static_cast<std::size_t>(found - classes_.begin());
  for (const PolicyClass& each : classes_)
    watched_.push_back({.name = each.name, .policy = each.noticing, .highest = each.notice, .shadow = each.shadow});
}

bool PolicyClasses::has_limits_of(const PolicyClasses& other) const {
  const auto same = [](const PolicyClass& one, const PolicyClass& two) {
    return one.name == two.name && one.shadow == two.shadow && one.account_limits == two.account_limits &&
           one.device_limits == two.device_limits && one.customer_limits == two.customer_limits &&
           one.network_limits == two.network_limits;
  };
  return default_class().name == other.default_class().name && relay_limits_ == other.relay_limits_ &&
         std::ranges::equal(classes_, other.classes_, same);
}

PolicyClasses::Chosen PolicyClasses::chosen(const PolicyClass& policy_class) const {
  return {.policy_class = &policy_class, .watched = &watched_[static_cast<std::size_t>(&policy_class - &classes_[0])]};
}

const PolicyClass* PolicyClasses::find(std::string_view name) const {
  const auto found = std::ranges::find(classes_, name, &PolicyClass::name);
  return found == classes_.end() ? nullptr : &*found;
}

const noticing::WatchedClass* PolicyClasses::watched_class(std::string_view name) const {
  const auto found = std::ranges::find(watched_, name, &noticing::WatchedClass::name);
  return found == watched_.end() || found->highest == noticing::Step::pass ? nullptr : &*found;
}

PolicyClasses::Chosen PolicyClasses::choose(const auth::Identity& identity) const {
  if (identity.policy_class.empty()) return chosen(default_class());
  if (const PolicyClass* const found = find(identity.policy_class)) return chosen(*found);
  Chosen in_its_place = chosen(default_class());
  in_its_place.unknown = true;
  return in_its_place;
}

ShareWeight PolicyClasses::share_weight(const auth::Identity& identity) const {
  const PolicyClass* const found =
      find(identity.customer_name.empty() ? identity.policy_class : identity.customer_class);
  const PolicyClass& policy_class = found != nullptr ? *found : default_class();
  return policy_class.weight;
}

EffectiveLimits effective_limits(const PolicyClass& policy_class, std::span<const auth::LimitOverride> account,
                                 std::span<const auth::LimitOverride> customer) {
  return {.device = {},
          .account = with_overrides(policy_class.account_limits, account),
          .customer = with_overrides(policy_class.customer_limits, customer)};
}

EffectiveLimits effective_limits(const PolicyClass& policy_class, const auth::Identity& identity) {
  EffectiveLimits limits =
      effective_limits(policy_class, listed(identity.account_overrides), listed(identity.customer_overrides));
  if (identity.device != nullptr) limits.device = policy_class.device_limits;
  return limits;
}

}  // namespace sluice::policy
