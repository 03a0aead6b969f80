// What the readers of the formats of account_dump.h share.  Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "auth/store/account_dump.h"

namespace sluice::auth {

inline constexpr std::size_t kDumpLineBytesMax = 65'536;

// Without its end, LF or CRLF; takes it from the text.
[[nodiscard]] std::string_view take_dump_line(std::string_view& text);
void refuse(Dump& dump, std::size_t line, std::string_view name, std::string_view why);
// With what a table holds: a hash, or {PLAIN} and a password.
void add_stored(Dump& dump, DumpedAccount account, std::string_view stored);
// With a password in clear.
void add_clear(Dump& dump, DumpedAccount account, std::string_view secret);

// dump_sasldb.cc, dump_csv.cc
void read_sasldb(Dump& dump, std::string_view text);
void read_csv(Dump& dump, std::string_view text);

}  // namespace sluice::auth
