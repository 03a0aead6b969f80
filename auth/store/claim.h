// An account that a back end has granted, and how it is found out whose it is.  Values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/time.h"

namespace sluice::auth {

// Whose the accounts are that a back end grants.
enum class CustomerFrom : std::uint8_t {
  answer,  // the back end names the customer
  domain,  // the customer in the store that has the domain of the login
  fixed,   // all of one customer
};
enum class UnknownCustomer : std::uint8_t { refuse, create };

// An account that another back end has granted, and how it is found out whose it is.
struct Claim {
  std::string account;               // as the back end spells it
  std::string customer;              // CustomerFrom::answer: that the back end names; fixed: the one that is set
  std::vector<std::string> domains;  // that the back end names; empty: those that the customer has in the store
  CustomerFrom customer_from = CustomerFrom::domain;
  UnknownCustomer unknown_customer = UnknownCustomer::refuse;
  WallMillis now = 0;  // when a customer is made, if one is
};

}  // namespace sluice::auth
