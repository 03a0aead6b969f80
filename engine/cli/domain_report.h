// How sluicectl prints a domain's records and keys.  Pure; any thread.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "auth/store/account_admin.h"
#include "auth/store/signing_key.h"
#include "engine/cli/account_grammar.h"
#include "engine/domain_keys/dns_records.h"
#include "engine/domain_keys/key_life.h"

namespace sluice::cli {

// Whether the records are all that is printed, for another program.
[[nodiscard]] bool prints_records_alone(const AccountRequest& request);
// As the request wants them: as a table, as --json or as --zone.
void print_records(std::ostream& out, std::span<const domain_keys::PublishedRecord> records,
                   const AccountRequest& request);

// The domain, and behind it its keys with what comes next for each.
void print_domain(std::ostream& out, const auth::DomainRecord& domain, std::span<const auth::SigningKeyRecord> keys,
                  const domain_keys::LifeRules& rules, WallMillis now, const AccountRequest& request);

}  // namespace sluice::cli
