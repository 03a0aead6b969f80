#include "engine/message/encoded_word.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/smtp/ascii.h"

namespace sluice::message {
namespace {

using smtp::is_eight_bit;

constexpr char kOther = '\x80';  // a character that is not ASCII
constexpr std::size_t kCharsetBytesMax = 1000;  // with a language behind it
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
  while (word.charset.ends_with(' ')) word.charset.remove_suffix(1);  // as some readers do
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

// The signs of an address in double width, as they are in a charset of two bytes.
struct WideSign {
  unsigned char lead;
  unsigned char second;
  char as;
};
constexpr WideSign kGbSigns[] = {{0xa3, 0xc0, '@'}, {0xa3, 0xae, '.'}, {0xa1, 0xa3, '.'}};  // of KS X 1001, too
constexpr WideSign kEucJpSigns[] = {{0xa1, 0xf7, '@'}, {0xa1, 0xa5, '.'}, {0xa1, 0xa3, '.'}};
constexpr WideSign kShiftJisSigns[] = {{0x81, 0x97, '@'}, {0x81, 0x44, '.'}, {0x81, 0x42, '.'}};
constexpr WideSign kBig5Signs[] = {{0xa2, 0x49, '@'}, {0xa1, 0x44, '.'}, {0xa1, 0x43, '.'}};

char wide_sign(char lead, char second, std::span<const WideSign> signs) {
  const auto is = [&](const WideSign& sign) {
    return sign.lead == static_cast<unsigned char>(lead) && sign.second == static_cast<unsigned char>(second);
  };
  const auto found = std::ranges::find_if(signs, is);
  return found == signs.end() ? kOther : found->as;
}

// In these, the second byte of a character may look like ASCII.
std::string without_second_bytes(std::string_view text, std::span<const WideSign> signs) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool lead = is_eight_bit(text[i]) && text[i] != '\x80' && text[i] != '\xff';
    const bool pair = lead && i + 1 < text.size();
    out += pair ? wide_sign(text[i], text[i + 1], signs) : lead ? kOther : text[i];
    if (pair) ++i;
  }
  return out;
}

// ISO 2022: ESC "(" goes to a set of single bytes, ESC "$" to one of two bytes that look like ASCII: Japanese or Chinese.
// ESC "$" ")" only names one, Korean or Chinese, which is then between SO and SI.
std::string without_shifted(std::string_view text) {
  constexpr char kShiftOut = '\x0e';
  constexpr char kShiftIn = '\x0f';
  std::string out;
  bool shifted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == kShiftOut || text[i] == kShiftIn) {
      shifted = text[i] == kShiftOut;
    } else if (text[i] == kEscape) {
      const bool names_only = i + 2 < text.size() && std::string_view(")*+").contains(text[i + 2]);
      if (!names_only) shifted = next == '$';
      while (i + 1 < text.size() && std::string_view("$()*+-,.").contains(text[i + 1])) ++i;
      if (i + 1 < text.size()) ++i;  // the set's letter
    } else if (shifted && next != '\0' && next != kEscape && next != kShiftIn) {
      const auto high = [](char c) { return static_cast<char>(static_cast<unsigned char>(c) | 0x80U); };
      char sign = wide_sign(high(text[i]), high(next), kEucJpSigns);
      if (sign == kOther) sign = wide_sign(high(text[i]), high(next), kGbSigns);
      out += sign;
      ++i;
    } else {
      out += shifted ? kOther : text[i];
    }
  }
  return out;
}

// UTF-16 and UTF-32, as far as it matters: ASCII, and signs in double width.
std::string from_wide(std::string_view text, std::size_t size, bool big_endian) {
  std::string out;
  for (; text.size() >= size; text.remove_prefix(size)) {
    std::uint32_t unit = 0;
    for (std::size_t i = 0; i < size; ++i) unit = unit << 8U | static_cast<unsigned char>(text[big_endian ? i : size - 1 - i]);
    switch (unit) {
      case 0xfeff: break;
      case 0xff20:
      case 0xfe6b: out += '@'; break;
      case 0x3002:
      case 0xff0e:
      case 0xff61:
      case 0xfe52:
      case 0x2024: out += '.'; break;
      default: out += unit < 0x80 ? static_cast<char>(unit) : kOther;
    }
  }
  return out;
}

// In both orders, unless the charset's name says which.
std::string from_wide(std::string_view text, std::size_t size, std::string_view charset) {
  const bool little = charset.size() > 2 && smtp::equals_ignore_case(charset.substr(charset.size() - 2), "le");
  const bool big = charset.size() > 2 && smtp::equals_ignore_case(charset.substr(charset.size() - 2), "be");
  std::string out;
  if (!little) out += from_wide(text, size, /*big_endian=*/true);
  if (!big) out += from_wide(text, size, /*big_endian=*/false);
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
  if (is_any_of(word.charset, {"utf-7", "utf7", "utf_7", "unicode-1-1-utf-7", "csunicode11utf7"})) text = without_utf7(text);
  if (is_any_of(word.charset, {"utf-16", "utf16", "ucs-2", "iso-10646-ucs-2"})) text = from_wide(text, 2, word.charset);
  if (is_any_of(word.charset, {"utf-32", "utf32", "ucs-4", "iso-10646-ucs-4"})) text = from_wide(text, 4, word.charset);
  if (is_any_of(word.charset, {"iso-2022"})) text = without_shifted(text);
  if (is_any_of(word.charset, {"shift", "sjis", "x-sjis", "ms_kanji", "windows-31j", "cp932"}))
    text = without_second_bytes(text, kShiftJisSigns);
  if (is_any_of(word.charset, {"big5", "cp950", "windows-950"})) text = without_second_bytes(text, kBig5Signs);
  if (is_any_of(word.charset, {"euc-jp", "x-euc-jp", "eucjp"})) text = without_second_bytes(text, kEucJpSigns);
  if (is_any_of(word.charset, {"gb", "cp936", "windows-936", "x-gb", "cp949", "windows-949", "ks_c_5601", "euc-kr", "uhc", "johab"}))
    text = without_second_bytes(text, kGbSigns);
  // No reader shows a NUL.
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
