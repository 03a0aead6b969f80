// db_dump's text of sasldb2 (db_dump(1)): a header that ends with HEADER=END, then a line for each key and one for its
// value, each with a blank in front, then DATA=END.  A key is name NUL realm NUL property, and the property
// userPassword has the password in clear.  Bytes are in hex (format=bytevalue), or printed with "\5c" for those that
// cannot be (format=print, "\\" for a backslash).
#include <optional>
#include <string>
#include <utility>

#include "auth/store/dump_reader.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kProperty = "userPassword";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<char> hex_byte(std::string_view text) {
  if (text.size() < 2 || hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0) return std::nullopt;
  return static_cast<char>(hex_digit(text[0]) * 16 + hex_digit(text[1]));
}

// Bytes of a line, wiped when they go.
struct Bytes {
  std::string text;
  Bytes() = default;
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() { wipe_bytes(text.data(), text.size()); }

  bool decode(std::string_view line, bool printed) {
    text.reserve(line.size());
    if (line.size() > kDumpLineBytesMax || !line.starts_with(' ')) return false;
    line.remove_prefix(1);
    while (!line.empty()) {
      const bool escaped = printed && line.front() == '\\';
      if (printed && (!escaped || line.starts_with("\\\\"))) {
        text += line.front();
        line.remove_prefix(escaped ? 2 : 1);
        continue;
      }
      if (escaped) line.remove_prefix(1);
      const auto byte = hex_byte(line);
      if (!byte) return false;
      text += *byte;
      line.remove_prefix(2);
    }
    return true;
  }
};

struct Key {
  std::string_view name;
  std::string_view realm;
  std::string_view property;
};

std::optional<Key> split(std::string_view key) {
  const std::size_t first = key.find('\0');
  const std::size_t second = first == std::string_view::npos ? first : key.find('\0', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Key{.name = key.substr(0, first),
             .realm = key.substr(first + 1, second - first - 1),
             .property = key.substr(second + 1)};
}

// Whether the header is one, and how bytes are written.
std::optional<bool> read_header(std::string_view& text, std::size_t& number) {
  bool printed = false;
  while (!text.empty()) {
    const std::string_view line = take_dump_line(text);
    ++number;
    if (line == "format=print") printed = true;
    if (line == "HEADER=END") return printed;
  }
  return std::nullopt;
}

void add_pair(Dump& dump, std::size_t number, std::string_view key_line, std::string_view value_line, bool printed) {
  Bytes key;
  Bytes value;
  const auto parts = key.decode(key_line, printed) ? split(key.text) : std::nullopt;
  if (!parts) {
    refuse(dump, number, "", "it is no key of a sasldb");
    return;
  }
  if (parts->property != kProperty) return;  // what a mechanism keeps for itself
  DumpedAccount account{.line = number, .name = std::string(parts->name)};
  if (!parts->realm.empty() && parts->name.find('@') == std::string_view::npos)
    account.name += "@" + std::string(parts->realm);
  if (value.decode(value_line, printed)) {
    add_clear(dump, std::move(account), value.text);
  } else {
    refuse(dump, number + 1, account.name, "its value is not written as the header says");
  }
}

}  // namespace

void read_sasldb(Dump& dump, std::string_view text) {
  std::size_t number = 0;
  const auto printed = read_header(text, number);
  if (!printed) {
    refuse(dump, number, "", "there is no HEADER=END: this is not what db_dump writes");
    return;
  }
  while (!text.empty()) {
    const std::string_view key = take_dump_line(text);
    ++number;
    if (key == "DATA=END") return;
    const std::string_view value = take_dump_line(text);
    if (value == "DATA=END") break;
    add_pair(dump, number, key, value, *printed);
    ++number;
  }
  refuse(dump, number, "", "there is no DATA=END: the dump is not all there");
}

}  // namespace sluice::auth
