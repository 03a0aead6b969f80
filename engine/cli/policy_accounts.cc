#include "engine/cli/policy_accounts.h"

#include <utility>
#include <vector>

namespace sluice::cli {
namespace {

std::shared_ptr<const auth::LimitOverrides> shared_overrides(const auth::LimitOverrides& overrides) {
  return overrides.empty() ? nullptr : std::make_shared<const auth::LimitOverrides>(overrides);
}

}  // namespace

// What cannot be a name in the store is not there either.
template <typename Value>
bool PolicyAccounts::found(const auth::StoreResult<Value>& asked) {
  using Kind = auth::StoreError::Kind;
  if (asked) return true;
  if (asked.error().kind != Kind::not_found && asked.error().kind != Kind::invalid && fault_.empty())
    fault_ = asked.error().what;
  return false;
}

const PolicyAccounts::Customer& PolicyAccounts::customer_of(const std::string& name) {
  const auto [at, is_new] = customers_.try_emplace(name);
  if (!is_new || store_ == nullptr || name.empty()) return at->second;
  const auto record = store_->customer(name);
  if (!found(record)) return at->second;
  at->second.policy_class = record->policy_class;
  at->second.overrides = shared_overrides(record->overrides);
  const auto domains = store_->domains(name);
  if (!found(domains)) return at->second;
  std::vector<std::string> entries;
  entries.reserve(domains->size());
  for (const auth::DomainRecord& each : *domains) entries.push_back(each.name);
  at->second.domains = std::make_shared<const auth::DomainList>(std::move(entries));
  return at->second;
}

auth::IdentityRef PolicyAccounts::identify(const std::string& account, const std::string& customer) {
  auto identity = std::make_shared<auth::Identity>();
  identity->account_name = account;
  identity->customer_name = customer;
  class_source_ = "of the account";
  is_unknown_ = false;
  if (store_ != nullptr && fault_.empty()) {
    const auto record = store_->account(account);
    is_unknown_ = !found(record);
    if (record) {
      identity->customer_name = record->customer;
      identity->policy_class = record->policy_class;
      identity->account_overrides = shared_overrides(record->overrides);
    }
  }
  const Customer& its = customer_of(identity->customer_name);
  identity->domains = its.domains;
  identity->customer_overrides = its.overrides;
  if (identity->policy_class.empty()) {
    identity->policy_class = its.policy_class;
    class_source_ = "of the customer";
  }
  if (identity->policy_class.empty()) class_source_ = "policy.default_class";
  if (!given_class_.empty() && (whose_ == GivenClass::of_all || identity->policy_class.empty())) {
    identity->policy_class = given_class_;
    class_source_ = "--class";
  }
  return identity;
}

}  // namespace sluice::cli
