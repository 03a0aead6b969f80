// Lines and words of Postfix's text files, as postconf(5) and postmap(1) have them.  Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::import_postfix {

// A line with those that continue it; without comments and empty lines.
struct LogicalLine {
  std::size_t number = 0;  // of its first line in the file, from 1 on
  std::string text;        // without blanks at its ends; blanks inside stay
  bool continues = false;  // begins with a blank, and there is no line before it
};

[[nodiscard]] std::vector<LogicalLine> logical_lines(std::string_view file);

// Without blanks at the ends: space, TAB, CR, LF, VT, FF.
[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] bool is_blank(char c);

// Words between blanks, and commas where `commas` says so.  "{ a, b }" is one word, with its braces.
enum class Commas { separate, stay };
[[nodiscard]] std::vector<std::string> words_of(std::string_view text, Commas commas);

// What stands within braces: "{ a }" is "a"; anything else is itself.
[[nodiscard]] std::string_view without_braces(std::string_view text);

}  // namespace sluice::import_postfix
