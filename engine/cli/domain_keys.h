// The commands of sluicectl about domains: with their signing keys, added, shown, their records, their next keys; the
// others are in domain_claims.h, domain_check.h, domain_zone.h and domain_import.h.  They are account commands
// (accounts.h).  Blocking; the control program's only thread.
#pragma once

#include <optional>
#include <string>

#include "engine/cli/account_grammar.h"
#include "engine/cli/accounts.h"
#include "engine/cli/domain_work.h"
#include "engine/domain_keys/dns_records.h"

namespace sluice::cli {

// Whether it is one of them, but for the check.
[[nodiscard]] bool is_domain_key_command(const AccountCommand& command);
// Of a domain that was just added, one of each algorithm.
[[nodiscard]] auth::StoreResult<> make_first_keys(const std::string& domain, const KeyStore& store,
                                                  const AccountCommandWorld& world);
// What the customer publishes for a domain, an entry of the store; `proof` first, where it is proven.
[[nodiscard]] auth::StoreResult<> print_domain_records(const std::string& domain,
                                                       const std::optional<domain_keys::PublishedRecord>& proof,
                                                       const auth::StoreAddress& store, const AccountRequest& request,
                                                       const AccountCommandWorld& world);
// Returns the exit status.
[[nodiscard]] int run_domain_key_command(const AccountRequest& request, const AccountCommandWorld& world);

}  // namespace sluice::cli
