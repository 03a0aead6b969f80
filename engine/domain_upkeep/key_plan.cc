#include "engine/domain_upkeep/key_plan.h"

#include <algorithm>
#include <chrono>

namespace sluice::domain_upkeep {
namespace {

using auth::KeyState;
using auth::SigningKeyRecord;
using dkim::Algorithm;

// A customer has as long to publish the first records.
constexpr WallMillis kTimeToPublish = std::chrono::milliseconds(std::chrono::days(1)).count();

bool is_in(const std::vector<std::string>& selectors, const std::string& selector) {
  return std::ranges::find(selectors, selector) != selectors.end();
}

// Made, and not used by now.
bool is_to_come(const SigningKeyRecord& key, WallMillis now) {
  return key.state == KeyState::published || (key.state == KeyState::active && key.since > now);
}

void append_next(domain_keys::Keys keys, Algorithm algorithm, const domain_keys::LifeRules& rules, WallMillis now,
                 KeyPlan& plan) {
  auto selector = domain_keys::next_selector(keys, algorithm, rules, now);
  if (selector) plan.next.push_back({.selector = *std::move(selector), .algorithm = algorithm});
}

}  // namespace

KeyPlan plan_keys(domain_keys::Keys keys, const std::vector<std::string>& right, const domain_keys::LifeRules& rules,
                  WallMillis now) {
  KeyPlan plan{.states = domain_keys::due_changes(keys, rules, now), .next = {}};
  std::ranges::copy(domain_keys::activation(keys, right, rules, now), std::back_inserter(plan.states));
  const auto after = domain_keys::changed(keys, plan.states);
  if (rules.rotate_after == 0) return plan;
  if (std::ranges::any_of(after, [now](const SigningKeyRecord& key) { return is_to_come(key, now); })) return plan;
  for (const Algorithm algorithm : dkim::kAlgorithms) {
    const auto is_due = [&](const SigningKeyRecord& key) {
      return key.state == KeyState::active && key.algorithm == dkim::name(algorithm) &&
             key.since + rules.rotate_after <= now && is_in(right, key.selector);
    };
    if (std::ranges::any_of(after, is_due)) append_next(after, algorithm, rules, now, plan);
    if (!plan.next.empty()) break;
  }
  return plan;
}

KeyPlan plan_first_keys(domain_keys::Keys keys, const domain_keys::LifeRules& rules, WallMillis now) {
  KeyPlan plan;
  if (!keys.empty()) return plan;
  for (const Algorithm algorithm : dkim::kAlgorithms) append_next(keys, algorithm, rules, now, plan);
  return plan;
}

bool needs_record(const SigningKeyRecord& key, domain_keys::Keys keys, WallMillis now) {
  switch (key.state) {
    case KeyState::active:
    case KeyState::retired:
      return true;
    case KeyState::revoked:
      return false;
    case KeyState::published:
      break;
  }
  const auto has_signed = [](const SigningKeyRecord& each) {
    return each.state == KeyState::active || each.state == KeyState::retired;
  };
  return key.created + kTimeToPublish <= now && std::ranges::none_of(keys, has_signed);
}

}  // namespace sluice::domain_upkeep
