// Writes a value from anywhere so that it can stand in one line of the log.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::text {

// Of what one byte can become.
inline constexpr std::size_t kEscapeExpansionMax = 6;

// The inside of a JSON string (RFC 8259 section 7): quote, backslash and controls escaped.  So are,
// beyond what JSON asks, DEL, the C1 controls, and the separators and direction marks of Unicode
// that make a line look like something else; what is not UTF-8 becomes U+FFFD, byte by byte.  The
// size written, or nothing if `out` is too small.
[[nodiscard]] std::optional<std::size_t> escape_json(std::string_view value, std::span<char> out);

// The same, as a string.
[[nodiscard]] std::string escaped_json(std::string_view value);

// For one line of a terminal: as above, but for quotes and backslashes, which stay as they are.
[[nodiscard]] std::string escaped_line(std::string_view value);

// For a cell of a table: each character that is escaped above, and each byte that is not UTF-8, is "?".
[[nodiscard]] std::string with_question_marks(std::string_view value);
// How many characters valid UTF-8 has, and so columns of a terminal, but for scripts with wide ones.
[[nodiscard]] std::size_t characters_in(std::string_view text);

// Whether logfmt can take it without quotes.
[[nodiscard]] bool is_bare_logfmt(std::string_view value);

}  // namespace sluice::text
