// OpenDKIM's tables (opendkim.conf(5), KeyTable and SigningTable, as files): which key signs whose mail.  Pure.  Any
// thread.
#pragma once

#include <string_view>

#include "engine/domain_keys/key_tables.h"

namespace sluice::domain_keys {

// The keys with which the mail of a whole domain is signed in that domain's name: what a domain's keys are here. Others
// (of one sender, of all that lies below a domain, in the name of another domain, with the key in the table itself) are
// refusals.
[[nodiscard]] KeysOfTables read_opendkim_tables(std::string_view key_table, std::string_view signing_table);

}  // namespace sluice::domain_keys
