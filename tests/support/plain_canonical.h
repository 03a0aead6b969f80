// RFC 6376 3.4 written as it is read, for texts in one piece: what engine/dkim's canonicalizers are compared with. Slow
// and obvious.  Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::testing {

inline bool plain_blank(char c) { return c == ' ' || c == '\t'; }

// The lines of a text, without the CRLF that ends each; the last one may have had none.
inline std::vector<std::string> plain_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return lines;
}

// "Ignore all whitespace at the end of lines", "Reduce all sequences of WSP within a line to a single SP character".
inline std::string plain_reduced(const std::string& line) {
  std::string reduced;
  for (const char c : line) {
    if (!plain_blank(c))
      reduced += c;
    else if (reduced.empty() || reduced.back() != ' ')
      reduced += ' ';
  }
  if (reduced.ends_with(' ')) reduced.pop_back();
  return reduced;
}

inline std::string plain_body(std::string_view body, bool relaxed) {
  std::vector<std::string> lines = plain_lines(body);
  if (relaxed)
    for (std::string& line : lines) line = plain_reduced(line);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.empty()) return relaxed ? "" : "\r\n";
  std::string canonical;
  for (const std::string& line : lines) canonical += line + "\r\n";
  return canonical;
}

// The fields of a header, each with its folds, without the CRLF at its end; those without a name are left out.
inline std::vector<std::string> plain_fields(std::string_view header) {
  std::vector<std::string> fields;
  for (const std::string& line : plain_lines(header)) {
    if (line.empty()) break;
    if (plain_blank(line.front()) && !fields.empty())
      fields.back() += "\r\n" + line;
    else
      fields.push_back(line);
  }
  std::erase_if(fields, [](std::string_view field) {
    const std::size_t size = field.find_first_not_of(
        "!\"#$%&'()*+,-./0123456789;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~");
    if (size == 0 || size == std::string_view::npos) return true;
    const std::size_t colon = field.find_first_not_of(" \t", size);
    return colon == std::string_view::npos || field[colon] != ':';
  });
  return fields;
}

// `field`: with its folds, without the CRLF at its end; it has a colon.
inline std::string plain_relaxed_field(std::string_view field) {
  const std::size_t colon = field.find(':');
  std::string name;
  for (const char c : field.substr(0, colon))
    if (!plain_blank(c)) name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  std::string value;
  for (const std::string& line : plain_lines(field.substr(colon + 1))) value += line;
  value = plain_reduced(value);
  if (value.starts_with(' ')) value.erase(0, 1);
  return name + ":" + value;
}

}  // namespace sluice::testing
