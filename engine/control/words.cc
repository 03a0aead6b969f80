#include "engine/control/words.h"

#include <algorithm>

#include "engine/smtp/ascii.h"

namespace sluice::control {
namespace {

constexpr std::string_view kPlain = "-._@+*/:[]";

}  // namespace

std::unexpected<std::string> not_as_written() {
  return std::unexpected(std::string("the request is not written as sluicectl writes it"));
}

void append_escaped(std::string& line, std::string_view value) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : value) {
    if (smtp::is_alnum(c) || kPlain.contains(c)) {
      line += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      (line += '%').append({kHex[byte >> 4U], kHex[byte & 15U]});
    }
  }
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string value;
  while (!text.empty()) {
    if (text.front() != '%') {
      value += text.front();
      text.remove_prefix(1);
      continue;
    }
    const int high = text.size() < 3 ? -1 : smtp::hex_value(text[1]);
    const int low = text.size() < 3 ? -1 : smtp::hex_value(text[2]);
    if (high < 0 || low < 0) return std::nullopt;
    value += static_cast<char>(high * 16 + low);
    text.remove_prefix(3);
  }
  return value;
}

bool take_text(std::string_view& rest, std::string_view text) {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  return true;
}

bool take_value(std::string_view& rest, std::string_view name, std::string& value) {
  if (!take_text(rest, name)) return false;
  const std::size_t size = std::min(rest.find(' '), rest.size());
  auto text = unescaped(rest.substr(0, size));
  if (!text) return false;
  value = *std::move(text);
  rest.remove_prefix(size);
  return true;
}

}  // namespace sluice::control
