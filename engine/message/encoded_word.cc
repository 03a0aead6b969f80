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
constexpr char kEscape = '\x1b';

struct EncodedWord {
  std::string_view charset;
  char encoding = 0;  // 'b' or 'q'
  std::string_view text;
  std::size_t size = 0;  // bytes of all of it
};

// Where the encoded text of the word that may begin at `at` begins; npos: no word begins there.
std::size_t encoded_text_at(std::string_view text, std::size_t at) {
  const std::size_t charset_end = text.find('?', at + 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size() || text[charset_end + 2] != '?')
    return std::string_view::npos;
  const char encoding = smtp::to_lower(text[charset_end + 1]);
  return encoding == 'b' || encoding == 'q' ? charset_end + 3 : std::string_view::npos;
}

// encoded-word = "=?" charset "?" encoding "?" encoded-text "?=" at the start of `text`.  What readers suffer is
// suffered here: anything for a charset, blanks in the text, and in Q a "?".
// `ends`: whether there may be a "?=" at all, which is not looked for twice.
std::optional<EncodedWord> first_word(std::string_view text, bool& ends) {
  if (!ends || !text.starts_with("=?")) return std::nullopt;
  const std::size_t begin = encoded_text_at(text, 0);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = text.find("?=", begin);
  ends = end != std::string_view::npos;
  if (!ends) return std::nullopt;
  EncodedWord word;
  word.charset = text.substr(2, begin - 5);
  word.charset = word.charset.substr(0, word.charset.find('*'));  // RFC 2231 5: a language behind it
  word.encoding = smtp::to_lower(text[begin - 2]);
  word.text = text.substr(begin, end - begin);
  word.size = end + 2;
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

// Letters and digits of a charset's name, in lower case: many readers compare by these alone.
std::string charset_key(std::string_view charset) {
  std::string key;
  for (const char c : charset)
    if (smtp::is_alnum(c)) key += smtp::to_lower(c);
  return key;
}

// What stands behind "=" readers leave out, take in step, or take out of step.
bool goes_on_behind_padding(std::string_view base64) {
  const std::size_t padding = base64.find('=');
  if (padding == std::string_view::npos) return false;
  return std::ranges::any_of(base64.substr(padding), [](char c) { return smtp::is_alnum(c) || c == '+' || c == '/'; });
}

bool is_any_of(std::string_view charset, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(beginnings,
                             [&](std::string_view each) { return smtp::starts_with_ignore_case(charset, each); });
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

// ISO 2022: ESC "(" goes to a set of single bytes, ESC "$" to one of two bytes that look like ASCII: Japanese or
// Chinese. ESC "$" ")" only names one, Korean or Chinese, which is then between SO and SI.
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
    for (std::size_t i = 0; i < size; ++i)
      unit = unit << 8U | static_cast<unsigned char>(text[big_endian ? i : size - 1 - i]);
    switch (unit) {
      case 0xfeff:
        break;
      case 0xff20:
      case 0xfe6b:
        out += '@';
        break;
      case 0x3002:
      case 0xff0e:
      case 0xff61:
      case 0xfe52:
      case 0x2024:
        out += '.';
        break;
      default:
        out += unit < 0x80 ? static_cast<char>(unit) : kOther;
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
    const auto* const past =
        std::ranges::find_if_not(text, [](char c) { return smtp::is_alnum(c) || c == '+' || c == '/'; });
    const auto size = static_cast<std::size_t>(past - text.begin());
    out += size == 0 ? std::string("+") : decode_b(text.substr(0, size));
    text.remove_prefix(size);
    if (text.starts_with('-')) text.remove_prefix(1);
  }
  return out;
}

// Charsets in which a byte of ASCII is that letter, by charset_key(), up to where names of one family differ.
constexpr std::initializer_list<std::string_view> kAsciiBased = {
    "utf8", "usascii", "ascii", "ansix34", "iso646us", "iso88", "latin", "windows125", "xwindows125", "cp125", "win125",
    "koi8", "xkoi8", "macintosh", "mac", "xmac", "tis620", "windows874", "cp874", "viscii", "armscii", "georgian",
    "unknown8bit", "xunknown", "8bit",
    // The code pages of DOS; others of IBM's are EBCDIC.
    "ibm437", "cp437", "ibm737", "cp737", "ibm775", "cp775", "ibm850", "cp850", "ibm852", "cp852", "ibm855", "cp855",
    "ibm857", "cp857", "ibm858", "cp858", "ibm86", "cp86"};

std::string decode(const EncodedWord& word, bool& known) {
  std::string text = word.encoding == 'b' ? decode_b(word.text) : decode_q(word.text);
  const std::string charset = charset_key(word.charset);
  if (is_any_of(charset, {"utf7", "unicode11utf7", "csunicode11utf7"})) {
    text = without_utf7(text);
  } else if (is_any_of(charset, {"utf16", "ucs2", "iso10646ucs2"})) {
    text = from_wide(text, 2, charset);
  } else if (is_any_of(charset, {"utf32", "ucs4", "iso10646ucs4"})) {
    text = from_wide(text, 4, charset);
  } else if (is_any_of(charset, {"iso2022", "csiso2022"})) {
    text = without_shifted(text);
  } else if (is_any_of(charset, {"shift", "sjis", "xsjis", "csshiftjis", "mskanji", "windows31j", "cswindows31j",
                                 "cp932", "ms932"})) {
    text = without_second_bytes(text, kShiftJisSigns);
  } else if (is_any_of(charset, {"big5", "csbig5", "cp950", "windows950"})) {
    text = without_second_bytes(text, kBig5Signs);
  } else if (is_any_of(charset, {"eucjp", "xeucjp", "cseucpkdfmtjapanese"})) {
    text = without_second_bytes(text, kEucJpSigns);
  } else if (is_any_of(charset, {"gb", "csgb", "xgb", "euccn", "cp936", "windows936", "cp949", "windows949", "ksc5601",
                                 "euckr", "xeuckr", "cseuckr", "uhc", "johab"})) {
    text = without_second_bytes(text, kGbSigns);
  } else if (!is_any_of(charset, kAsciiBased)) {
    known = false;
  }
  if (word.encoding == 'b' && goes_on_behind_padding(word.text)) known = false;
  // No reader shows a NUL.
  std::erase(text, '\0');
  return text;
}

}  // namespace

ReadableWords readable_words(std::string_view text) {
  ReadableWords words;
  std::string& out = words.text;
  std::size_t after_word = std::string::npos;  // the size of `out` where a word ended and only white space followed
  bool ends = true;
  while (!text.empty()) {
    if (const auto word = first_word(text, ends)) {
      if (after_word != std::string::npos) out.resize(after_word);
      bool known = true;
      out += decode(*word, known);
      if (!known && words.unreadable.empty()) words.unreadable = word->charset.empty() ? "?" : word->charset;
      after_word = out.size();
      text.remove_prefix(word->size);
      continue;
    }
    if (!smtp::is_folding_space(text.front())) after_word = std::string::npos;
    out += text.front();
    text.remove_prefix(1);
  }
  return words;
}

// A comment in a word may stay, as in `=?utf-8?q?Ann (Sales)?=`: outside of quotes and inside of them, both ways of
// reading go on alike behind it.  A word in a word may be the one that a reader sees, so there no comment may.
bool encoded_words_are_whole(std::string_view field) {
  std::size_t close = 0;  // the "?=" of the word before
  for (std::size_t at = field.find("=?"); at != std::string_view::npos; at = field.find("=?", at + 1)) {
    const std::size_t begin = encoded_text_at(field, at);
    if (begin == std::string_view::npos || begin <= close) continue;
    close = field.find("?=", begin);
    if (close == std::string_view::npos) break;
    const std::string_view word = field.substr(at, close - at);
    std::size_t depth = 0;
    for (const char c : word) {
      if (std::string_view("\"\\<>").contains(c)) return false;
      if (c == '(') ++depth;
      if (c == ')' && depth-- == 0) return false;
    }
    if (depth != 0 || (word.contains('(') && word.find("=?", 1) != std::string_view::npos)) return false;
  }
  return true;
}

}  // namespace sluice::message
