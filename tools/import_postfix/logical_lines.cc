#include "tools/import_postfix/logical_lines.h"

namespace sluice::import_postfix {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<LogicalLine> logical_lines(std::string_view file) {
  std::vector<LogicalLine> lines;
  for (std::size_t number = 1; !file.empty(); ++number) {
    const std::size_t end = file.find('\n');
    const std::string_view line = file.substr(0, end);
    file.remove_prefix(end == std::string_view::npos ? file.size() : end + 1);
    const std::string_view text = trimmed(line);
    // A comment or an empty line ends no line that goes on behind it.
    if (text.empty() || text.front() == '#') continue;
    const bool continues = is_blank(line.front());
    if (continues && !lines.empty()) {
      lines.back().text.append(" ").append(text);
    } else {
      lines.push_back({.number = number, .text = std::string(text), .continues = continues});
    }
  }
  return lines;
}

std::vector<std::string> words_of(std::string_view text, Commas commas) {
  const auto separates = [commas](char c) { return is_blank(c) || (c == ',' && commas == Commas::separate); };
  std::vector<std::string> words;
  std::string word;
  std::size_t depth = 0;
  for (const char c : text) {
    if (depth == 0 && separates(c)) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
      continue;
    }
    word += c;
    if (c == '{') ++depth;
    if (c == '}' && depth > 0) --depth;
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::string_view without_braces(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return text;
  return trimmed(text.substr(1, text.size() - 2));
}

}  // namespace sluice::import_postfix
