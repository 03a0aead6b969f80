// The identity of a login: what a back end answers, the credential cache keeps and policy asks.
// Immutable once it is made; shared by reference count across sessions and
// threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/domain_list.h"
#include "auth/limit_override.h"
#include "auth/sender_list.h"
#include "engine/base/network.h"

namespace sluice::auth {

// Of a customer, and of each of its accounts. In order of severity.
enum class AccountStatus : std::uint8_t {
  active,
  held,       // may log in; its mail is accepted, and held for review
  suspended,  // may not log in
};

[[nodiscard]] constexpr std::string_view status_name(AccountStatus status) {
  switch (status) {
    case AccountStatus::active:
      return "active";
    case AccountStatus::held:
      return "held";
    case AccountStatus::suspended:
      return "suspended";
  }
  return "unknown";
}

// What a device password is bound to; see device_password.h.
struct DeviceBounds {
  std::string name;
  std::vector<Network> networks;     // that it may be used from; none: from anywhere
  std::vector<std::string> senders;  // that it may send as, lower case; none: all that the account may
};

struct Identity {
  std::int64_t account_id = 0;
  std::string account_name;  // canonical: the back end's spelling, not the client's
  std::int64_t customer_id = 0;
  std::string customer_name;
  AccountStatus customer_status = AccountStatus::active;
  AccountStatus account_status = AccountStatus::active;
  // Why it is not active, in words for the customer: of the account, else of the customer; may be empty.
  std::string reason;
  // What the customer may send from. Null means none. Accounts of one customer share the list.
  std::shared_ptr<const DomainList> domains;
  // If set, the account may send only as what is in this list too. Set but empty: as nothing.
  std::shared_ptr<const SenderList> narrowed_to;
  // Where the login was with a device password.
  std::shared_ptr<const DeviceBounds> device;
  // The first that is set: of the device password, the account, the customer; empty: none is. See policy/classes.h.
  std::string policy_class;
  std::string customer_class;  // the customer's own; empty: none
  // Null: none.
  std::shared_ptr<const LimitOverrides> account_overrides;
  std::shared_ptr<const LimitOverrides> customer_overrides;
  // The number of the store's newest change when the login was looked at: what came before is known here. 0: not known.
  std::uint64_t known_change = 0;

  // The graver of the two.
  [[nodiscard]] AccountStatus status() const { return std::max(customer_status, account_status); }
  // Whether it may send as some address of `domain`.
  [[nodiscard]] bool may_send_from(std::string_view domain) const {
    return domains != nullptr && domains->covers(domain) && (narrowed_to == nullptr || narrowed_to->covers_in(domain));
  }
  [[nodiscard]] bool may_send_as(std::string_view local, std::string_view domain) const;
  // Whether the login may be used by a client at this address, as text.
  [[nodiscard]] bool admits(std::string_view client_ip) const;
};

using IdentityRef = std::shared_ptr<const Identity>;

}  // namespace sluice::auth
