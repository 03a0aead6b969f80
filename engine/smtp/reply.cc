#include "engine/smtp/reply.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/cut_text.h"
#include "engine/base/unicode.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/base64.h"
#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

void append_number(std::uint32_t number, std::string& out) {
  std::array<char, 10> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end.ptr);
}

// Whether a code of the next hop's means the same when we give it for RCPT, DATA or the message.
// The others are about the next hop's dialog with us, and our client would take them to be about
// its own with us: 421 that we close, 530 that it must log in.
bool may_be_relayed(std::uint16_t code) {
  constexpr std::array<std::uint16_t, 13> kCodes{250, 251, 252, 354, 450, 451, 452, 550, 551, 552, 553, 554, 556};
  return std::ranges::find(kCodes, code) != kCodes.end();
}

std::uint16_t plain_code(std::uint16_t code) {
  switch (code / 100) {
    case 2:
      return 250;
    case 3:
      return 354;
    case 4:
      return 451;
    default:
      return 554;
  }
}

// A number of up to three digits at the start of `text`, without leading zeros; taken off it.
bool take_number(std::string_view& text, std::uint16_t& number) {
  std::size_t size = 0;
  unsigned value = 0;
  while (size < text.size() && size < 4 && is_digit(text[size])) {
    value = value * 10 + static_cast<unsigned>(text[size] - '0');
    ++size;
  }
  if (size == 0 || size > 3 || (size > 1 && text[0] == '0')) return false;
  number = static_cast<std::uint16_t>(value);
  text.remove_prefix(size);
  return true;
}

bool take_dot(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

// "\x{202E}"
std::string escaped(char32_t character) {
  std::array<char, 8> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<std::uint32_t>(character), 16);
  std::string out("\\x{");
  for (const char c : std::string_view(digits.data(), end.ptr)) out.push_back(to_upper(c));
  return out += '}';
}

bool is_plain(char c) { return (c >= ' ' && c <= '~') || c == '\t'; }

// What is not plain: one character of UTF-8, or one byte that is none.
std::string cleaned(std::string_view piece, Charset charset) {
  if (piece.size() == 1 || !is_clean_utf8(piece)) return "?";
  const char32_t character = utf8_character(piece);
  const bool as_it_is = charset == Charset::utf8 && !is_misleading(character);
  return as_it_is ? std::string(piece) : escaped(character);
}

// More than a character becomes when it is cleaned, so that it is seen that there was more.
constexpr std::size_t kBeyondRoom = 16;

// Of another line: its end, and the mark.
constexpr std::size_t kLineRoom = 1 + kCutMark.size();

// The line that begins at `begin` ends in the mark, in at most `room` bytes, which are enough for that.
void mark_cut(std::string& text, std::size_t begin, std::size_t room) {
  text.resize(begin + cut_text(std::string_view(text).substr(begin), room - kCutMark.size()).size());
  text.append(kCutMark);
}

}  // namespace

std::string enhanced_text(const EnhancedCode& code) {
  if (!code.present()) return {};
  return std::to_string(code.cls) + "." + std::to_string(code.subject) + "." + std::to_string(code.detail);
}

// Never cuts a character, or what stands for it, in two.
void append_clean_text(std::string_view text, std::size_t bytes_max, Charset charset, std::string& out) {
  const std::size_t end = out.size() + bytes_max;
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
    if (plain > 0) {
      out.append(text.substr(0, std::min(plain, end - out.size())));
      text.remove_prefix(plain);
      continue;
    }
    const std::string_view piece = text.substr(0, std::max<std::size_t>(utf8_sequence(text), 1));
    const std::string clean = cleaned(piece, charset);
    if (out.size() + clean.size() > end) return;
    out.append(clean);
    text.remove_prefix(piece.size());
  }
}

Reply::Reply(std::uint16_t code, EnhancedCode enhanced, std::string text)
    : code_(code), enhanced_(enhanced), owned_(std::move(text)) {
  CHECK(code >= 200 && code <= 599);
}

Reply Reply::relayed(std::uint16_t code, EnhancedCode enhanced, std::string_view text) {
  const std::uint16_t shown = may_be_relayed(code) ? code : plain_code(code);
  const auto cls = static_cast<std::uint8_t>(shown / 100);
  if (cls == 3) {
    enhanced = {};
  } else if (enhanced.cls != cls) {
    enhanced = {cls, 0, 0};
  }
  std::string clean;
  for (std::size_t lines = 1;; ++lines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::size_t begin = clean.size();
    const std::size_t room = std::min(kReplyTextBytesMax, kRelayedBytesMax - begin);
    append_clean_text(text.substr(0, end), room + kBeyondRoom, Charset::utf8, clean);
    const bool last = end == text.size();
    const bool full = !last && (lines == kRelayedLinesMax || clean.size() + kLineRoom >= kRelayedBytesMax);
    if (full || clean.size() - begin > room) mark_cut(clean, begin, room);
    if (last || full) break;
    clean.push_back('\n');
    text.remove_prefix(end + 1);
  }
  return {shown, enhanced, std::move(clean)};
}

void ReplyWriter::line(std::uint16_t code, EnhancedCode enhanced, std::string_view text, std::string_view suffix,
                       bool last, Charset charset) {
  const std::size_t start = out_.size();
  append_number(code, out_);
  out_.push_back(last ? ' ' : '-');
  if (enhanced.present()) {
    append_number(enhanced.cls, out_);
    out_.push_back('.');
    append_number(enhanced.subject, out_);
    out_.push_back('.');
    append_number(enhanced.detail, out_);
    out_.push_back(' ');
  }
  append_clean_text(text, kReplyTextBytesMax, charset, out_);
  if (!suffix.empty()) {
    const std::size_t used = out_.size() - start;
    std::string clean;
    append_clean_text(suffix, kReplyLineBytesMax, charset, clean);
    if (used + 1 + clean.size() + 2 <= kReplyLineBytesMax) out_.append(" ").append(clean);
  }
  out_.append("\r\n");
  CHECK(out_.size() - start <= kReplyLineBytesMax);
}

void ReplyWriter::write(const Reply& reply, std::string_view suffix, Charset charset) {
  // RFC 2034 4: the class of the enhanced code must be the first digit of the reply code; 3xx
  // replies have none.
  const auto cls = static_cast<std::uint8_t>(reply.code() / 100);
  CHECK(cls >= 2 && cls <= 5);
  CHECK(reply.enhanced().cls == (cls == 3 ? 0 : cls));
  CHECK(reply.enhanced().subject <= 999 && reply.enhanced().detail <= 999);
  std::string_view text = reply.text();
  for (;;) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const bool last = end == text.size();
    line(reply.code(), reply.enhanced(), text.substr(0, end), last ? suffix : std::string_view{}, last, charset);
    if (last) break;
    text.remove_prefix(end + 1);
  }
  ++count_;
}

void ReplyWriter::write_plain(std::uint16_t code, std::string_view text) { write_plain_line(code, text, true); }

void ReplyWriter::write_plain_line(std::uint16_t code, std::string_view text, bool last) {
  CHECK(code >= 200 && code <= 599);
  line(code, {}, text, {}, last, Charset::ascii);
  if (last) ++count_;
}

void ReplyWriter::write_challenge(std::string_view bytes) {
  CHECK(base64_encoded_bytes(bytes.size()) <= kAuthResponseBytesMax);
  out_.append("334 ");
  append_base64(bytes, out_);
  out_.append("\r\n");
  ++count_;
}

void Reply::add_id(std::string_view id) {
  if (id.empty() || text().find(id) != std::string_view::npos) return;
  std::string text_with_id(text());
  owned_ = text_with_id.append(" (id ").append(id).append(")");
}

std::string reason_name(std::string_view constant) {
  if (!constant.starts_with('k')) return std::string(constant);
  std::string name;
  for (const char c : constant.substr(1)) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !name.empty()) name.push_back('_');
    name.push_back(upper ? to_lower(c) : c);
  }
  return name;
}

EnhancedCode parse_enhanced_code(std::string_view text, std::string_view& rest) {
  rest = text;
  EnhancedCode code;
  std::uint16_t cls = 0;
  if (!take_number(text, cls) || !take_dot(text) || !take_number(text, code.subject) || !take_dot(text) ||
      !take_number(text, code.detail)) {
    return {};
  }
  if (cls != 2 && cls != 4 && cls != 5) return {};
  if (!text.empty() && text[0] != ' ') return {};
  if (!text.empty()) text.remove_prefix(1);
  code.cls = static_cast<std::uint8_t>(cls);
  rest = text;
  return code;
}

}  // namespace sluice::smtp
