#include "engine/message/authserv_id.h"

#include <cstddef>

namespace sluice::message {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// RFC 5322 3.2.2: comments may be nested, and a backslash makes the byte behind it stand for itself.  False: one is not
// closed.
bool skip_comments(std::string_view& text) {
  std::size_t depth = 0;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (depth == 0 && c != '(' && !is_space(c)) break;
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (depth > 0 && c == '\\') ++at;
  }
  text.remove_prefix(at < text.size() ? at : text.size());
  return depth == 0;
}

}  // namespace

std::optional<std::string> authserv_id(std::string_view value) {
  if (!skip_comments(value) || value.empty()) return std::nullopt;
  std::string id;
  if (value.front() != '"') {
    for (const char c : value) {
      if (is_space(c) || c == ';' || c == '(') break;
      id += c;
    }
    return id;
  }
  for (std::size_t at = 1; at < value.size(); ++at) {
    if (value[at] == '"') return id;
    if (value[at] == '\\') ++at;
    if (at == value.size()) break;
    if (value[at] != '\r' && value[at] != '\n') id += value[at];
  }
  return std::nullopt;
}

}  // namespace sluice::message
