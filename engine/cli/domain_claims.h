// The commands of sluicectl about whose domains are: a domain that a customer wants to prove (a claim, see
// auth/store/domain_state_admin.h), its proof, and domains listed and removed, claims among them.  Blocking; the
// control program's only thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "auth/store/account_admin.h"
#include "auth/store/domain_state_admin.h"
#include "auth/store/store_error.h"
#include "engine/cli/account_grammar.h"
#include "engine/cli/accounts.h"
#include "engine/domain_keys/dns_records.h"
#include "engine/io/dns.h"

namespace sluice::cli {

// The store, for whose domains are.
struct DomainAdmins {
  std::unique_ptr<auth::AccountAdmin> accounts;
  std::unique_ptr<auth::DomainStateAdmin> states;
};
[[nodiscard]] auth::StoreResult<DomainAdmins> open_domain_admins(const auth::StoreAddress& address,
                                                                 const AccountCommandWorld& world);

// What the DOMAIN of a command line stands for.
struct DomainMeant {
  std::optional<auth::DomainRecord> domain;
  std::vector<auth::DomainClaim> claims;  // where it is no domain; at least one
};
// With --customer, what that customer has of it: the domain, or a claim.  Not found: neither; with a name that is like
// the one that was given.
[[nodiscard]] auth::StoreResult<DomainMeant> domain_meant(const AccountRequest& request, const DomainAdmins& admins);
// The claim that it stands for; refused where there are several.
[[nodiscard]] auth::StoreResult<auth::DomainClaim> claim_meant(const DomainMeant& meant);
// As it is listed among domains.
[[nodiscard]] auth::DomainRecord record_of_claim(const auth::DomainClaim& claim);
// Lists claims among domains.
void add_claims(std::span<const auth::DomainClaim> claims, std::vector<auth::DomainRecord>& domains);

// The record that proves a domain.  Refused where its name would be too long.
[[nodiscard]] auth::StoreResult<domain_keys::PublishedRecord> proof_record(const std::string& domain,
                                                                           const std::string& token,
                                                                           const AccountCommandWorld& world);
// What the customer publishes for a claim, the proof first.
[[nodiscard]] auth::StoreResult<> print_claim_records(const auth::DomainClaim& claim, const AccountRequest& request,
                                                      const AccountCommandWorld& world);

// domain add --prove, list, remove, prove.
[[nodiscard]] auth::StoreResult<> add_claim(const AccountRequest& request, const AccountCommandWorld& world);
[[nodiscard]] auth::StoreResult<> list_domains(const AccountRequest& request, const AccountCommandWorld& world);
[[nodiscard]] auth::StoreResult<> remove_domain(const AccountRequest& request, const AccountCommandWorld& world);
[[nodiscard]] auth::StoreResult<> prove_domain(const AccountRequest& request, const AccountCommandWorld& world);
// The same with another name service.
[[nodiscard]] auth::StoreResult<> prove_domain(const AccountRequest& request, const AccountCommandWorld& world,
                                               io::Dns& dns);

}  // namespace sluice::cli
