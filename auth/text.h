// What text may enter the credentials of a login: the one filter in front of every back end.
// Pure functions, no state: any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::auth {

// True if `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most
// U+10FFFF) without NUL, control characters (U+0000-001F, U+007F-009F) or line and paragraph
// separators (U+2028, U+2029). So no back end's protocol line can be ended or added to by it.
[[nodiscard]] bool is_clean_text(std::string_view text);
// Likewise, and without what shows a reader something else than what is there (engine/base/unicode.h).
[[nodiscard]] bool shows_as_it_is(std::string_view text);

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
// ASCII letters in lower case, every other byte as it is.
[[nodiscard]] std::string ascii_lower(std::string_view text);

// What login names are compared by: ASCII letters in lower case, and what stands behind the last "@" as one domain
// however it is spelled (domain_key), so that "Ann@Bücher.example" and "ann@xn--bcher-kva.example" are one account.
[[nodiscard]] std::string login_key(std::string_view name);

// What stands behind the last "@" of a login_key(); empty: there is none.
[[nodiscard]] std::string_view login_domain(std::string_view key);

// Appends `mark` and the byte in two hexadecimal digits, in capitals.
void append_escaped(std::string& text, char mark, char byte);

// `text` with each byte so escaped that is neither an ASCII letter or digit nor one of `plain`.  Allocated once, at the
// most it may need, so that no copy of a secret stays behind in freed memory.
[[nodiscard]] std::string hex_escaped(std::string_view text, std::string_view plain, char mark);

// Without the blanks (spaces) at its ends.
[[nodiscard]] constexpr std::string_view without_blanks_around(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace sluice::auth
