// The accounts of recorded or described mail as the relay would know them: from the store, where there is one.
// The control program's only thread; blocking.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "auth/identity.h"
#include "auth/store/account_admin.h"

namespace sluice::cli {

class PolicyAccounts {
 public:
  enum class GivenClass : bool { of_others, of_all };
  // `store`: null, there is none.  `given_class`: of accounts that have none there, or of all; empty: none is given.
  PolicyAccounts(auth::AccountAdmin* store, std::string given_class, GivenClass whose)
      : store_(store), given_class_(std::move(given_class)), whose_(whose) {}

  // Never null.  `customer` is that of an account which the store does not have.
  [[nodiscard]] auth::IdentityRef identify(const std::string& account, const std::string& customer);
  // Where the class of the identity made last comes from.
  [[nodiscard]] const std::string& class_source() const { return class_source_; }
  // Whether the store was asked for that account, and has none of the name.
  [[nodiscard]] bool is_unknown() const { return is_unknown_; }
  // Why the store could not be asked; empty: it could.
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  struct Customer {
    std::shared_ptr<const auth::DomainList> domains;
    std::string policy_class;
    std::shared_ptr<const auth::LimitOverrides> overrides;
  };
  const Customer& customer_of(const std::string& name);
  template <typename Value>
  bool found(const auth::StoreResult<Value>& asked);

  auth::AccountAdmin* store_;
  std::string given_class_;
  GivenClass whose_;
  std::string class_source_;
  std::string fault_;
  bool is_unknown_ = false;
  std::map<std::string, Customer> customers_;
};

}  // namespace sluice::cli
