// `sluicectl domain check`: whether the DNS records of customers' domains fit the mail that is sent for them.
// Blocking; the control program's only thread, but for those that wait for the DNS.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "auth/store/domain_state_admin.h"
#include "auth/store/signing_key.h"
#include "engine/cli/accounts.h"
#include "engine/io/dns.h"
#include "engine/sender_dns/finding.h"

namespace sluice::cli {

// `request`: of that command.  The exit status.
[[nodiscard]] int run_domain_check(const AccountRequest& request, const AccountCommandWorld& world);
// The same with another name service.
[[nodiscard]] int run_domain_check(const AccountRequest& request, const AccountCommandWorld& world, io::Dns& dns);

// Whether the DNS has the records of those of a domain's keys that are published and do not sign yet.  Refused, with
// what is there and what to do, at the first that it has not.
[[nodiscard]] auth::StoreResult<> check_published_keys(const std::string& domain,
                                                       std::span<const auth::SigningKeyRecord> keys,
                                                       const AccountCommandWorld& world);

// The proofs of claims to one domain, looked for in the DNS: a finding for each.
[[nodiscard]] std::vector<sender_dns::Finding> look_for_proofs(std::span<const auth::DomainClaim> claims,
                                                               const AccountCommandWorld& world, io::Dns& dns);

}  // namespace sluice::cli
