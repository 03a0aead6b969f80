#include "engine/message/encoded_word.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "engine/smtp/ascii.h"

namespace sluice::message {
namespace {

using smtp::is_eight_bit;

constexpr char kOther = '\x80';  // a character that is not ASCII
constexpr std::size_t kCharsetBytesMax = 100;
constexpr char kEscape = '\x1b';

struct EncodedWord {
  std::string_view charset;
  char encoding = 0;  // 'b' or 'q'
  std::string_view text;
  std::size_t size = 0;  // bytes of all of it
};

bool is_token(char c) { return smtp::is_alnum(c) || std::string_view("-_.:+*()'").contains(c); }

// encoded-word = "=?" charset "?" encoding "?" encoded-text "?=" at the start of `text`; blanks in it are suffered, as
// many readers do.  In Q a "?" may stand in the text.
// `ends`: whether there may be a "?=" at all, which is not looked for twice.
std::optional<EncodedWord> first_word(std::string_view text, bool& ends) {
  if (!ends || !text.starts_with("=?")) return std::nullopt;
  const std::size_t charset_end = text.substr(0, kCharsetBytesMax).find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size() || text[charset_end + 2] != '?')
    return std::nullopt;
  EncodedWord word;
  word.charset = text.substr(2, charset_end - 2);
  word.encoding = smtp::to_lower(text[charset_end + 1]);
  if ((word.encoding != 'b' && word.encoding != 'q') || !std::ranges::all_of(word.charset, is_token)) return std::nullopt;
  const std::size_t begin = charset_end + 3;
  const std::size_t end = text.find("?=", begin);
  ends = end != std::string_view::npos;
  if (!ends) return std::nullopt;
  word.text = text.substr(begin, end - begin);
  word.size = end + 2;
  word.charset = word.charset.substr(0, word.charset.find('*'));  // RFC 2231 5: a language behind it
  return word;
}

std::string decode_q(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      out += ' ';
    } else if (text[i] == '=' && i + 2 < text.size() && smtp::hex_value(text[i + 1]) >= 0 &&
               smtp::hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(smtp::hex_value(text[i + 1]) * 16 + smtp::hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// What is not of the alphabet is passed over (RFC 2045 6.8).
std::string decode_b(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) continue;
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> static_cast<unsigned>(count));
  }
  return out;
}

bool is_any_of(std::string_view charset, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view each) { return smtp::starts_with_ignore_case(charset, each); });
}

// In these, the second byte of a character may look like ASCII.
std::string without_second_bytes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool lead = is_eight_bit(text[i]) && text[i] != '\x80' && text[i] != '\xff';
    out += lead ? kOther : text[i];
    if (lead && i + 1 < text.size()) ++i;
  }
  return out;
}

// ISO 2022: ESC "(" goes to a set of single bytes, ESC "$" to one of two bytes that look like ASCII.
std::string without_shifted(std::string_view text) {
  std::string out;
  bool shifted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != kEscape) {
      out += shifted ? kOther : text[i];
      continue;
    }
    if (i + 1 < text.size()) shifted = text[i + 1] == '$';
    while (i + 1 < text.size() && std::string_view("$()-,.").contains(text[i + 1])) ++i;
    if (i + 1 < text.size()) ++i;  // the set's letter
  }
  return out;
}

// RFC 2152: "+" base64 of UTF-16 "-".
std::string without_utf7(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t plus = std::min(text.find('+'), text.size());
    out += text.substr(0, plus);
    text.remove_prefix(plus);
    if (text.empty()) break;
    text.remove_prefix(1);
    const auto* const past = std::ranges::find_if_not(text, [](char c) { return smtp::is_alnum(c) || c == '+' || c == '/'; });
    const auto size = static_cast<std::size_t>(past - text.begin());
    out += size == 0 ? std::string("+") : decode_b(text.substr(0, size));
    text.remove_prefix(size);
    if (text.starts_with('-')) text.remove_prefix(1);
  }
  return out;
}

std::string decode(const EncodedWord& word) {
  std::string text = word.encoding == 'b' ? decode_b(word.text) : decode_q(word.text);
  if (is_any_of(word.charset, {"utf-7", "unicode-1-1-utf-7"})) text = without_utf7(text);
  if (is_any_of(word.charset, {"iso-2022"})) text = without_shifted(text);
  if (is_any_of(word.charset, {"shift", "sjis", "x-sjis", "ms_kanji", "windows-31j", "cp932", "big5", "gbk", "gb18030", "cp936",
                               "windows-936", "cp949", "windows-949", "ks_c_5601", "uhc", "johab", "cp950", "windows-950"}))
    text = without_second_bytes(text);
  // Of UTF-16 and UTF-32 what is left are the ASCII characters in them; elsewhere no reader shows a NUL.
  std::erase(text, '\0');
  return text;
}

bool is_white(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

std::string readable_words(std::string_view text) {
  std::string out;
  std::size_t after_word = std::string::npos;  // the size of `out` where a word ended and only white space followed
  bool ends = true;
  while (!text.empty()) {
    if (const auto word = first_word(text, ends)) {
      if (after_word != std::string::npos) out.resize(after_word);
      out += decode(*word);
      after_word = out.size();
      text.remove_prefix(word->size);
      continue;
    }
    if (!is_white(text.front())) after_word = std::string::npos;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace sluice::message
