// Maps of rspamd's module dkim_signing (selector_map and path_map, as files): which key signs whose mail.  Pure.  Any
// thread.
#pragma once

#include <string_view>

#include "engine/domain_keys/key_tables.h"

namespace sluice::domain_keys {

// Of domains that are in one of them; what the other does not say is rspamd's default: the selector "dkim", the file
// /var/lib/rspamd/dkim/$domain.$selector.key.  In a file's path "$domain" and "$selector" stand for the domain and its
// selector.
[[nodiscard]] KeysOfTables read_rspamd_maps(std::string_view selector_map, std::string_view path_map);

}  // namespace sluice::domain_keys
