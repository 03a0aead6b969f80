// The keys of the configuration as `sluice keys` prints them: all of them, those within lists too, from what they are
// declared with.  Pure; any thread.
#pragma once

#include <string>

namespace sluice::cli {

[[nodiscard]] std::string keys_text();
// An array of {"table", "listed", "about", "keys": [{"key", "about", "default", "restart"}]} (RFC 8259), a table on a
// line; a key also has "example", where that is shown in place of its default, "needed", where it has to be set, and of
// a number "min" and "max".  Without "about": that of the key before it holds for it, too.
[[nodiscard]] std::string keys_json();

}  // namespace sluice::cli
