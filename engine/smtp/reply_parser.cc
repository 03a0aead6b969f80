#include "engine/smtp/reply_parser.h"

#include <algorithm>

#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"

namespace sluice::smtp {

void ReplyParser::begin() {
  complete_ = false;
  read_ = 0;
  reply_.lines = 0;
  reply_.code = 0;
  reply_.enhanced = {};
  reply_.text.clear();  // keeps its memory
}

ReplyParser::Step ReplyParser::step(std::string_view input) {
  if (complete_) begin();
  std::size_t at = 0;
  while (at < input.size()) {
    const std::size_t lf = input.find('\n', at);
    const std::size_t end = std::min(lf, input.size());
    read_ += end - at;
    const std::string_view piece = input.substr(at, std::min(end - at, kNextHopLineBytesMax - line_.size()));
    std::string_view line = piece;
    if (lf == std::string_view::npos || !line_.empty()) line = line_.append(piece);
    if (read_ > kNextHopReplyReadBytesMax) return {end, malformed(line)};
    if (lf == std::string_view::npos) return {input.size(), ReplyStatus::need_more};
    at = lf + 1;
    // A bare LF is taken for a line end here, as servers send it: in replies it separates nothing
    // that another reader would take otherwise.
    if (line.ends_with('\r')) line.remove_suffix(1);
    const ReplyStatus status = on_line(line);
    line_.clear();
    if (status != ReplyStatus::need_more) return {at, status};
  }
  return {at, ReplyStatus::need_more};
}

ReplyStatus ReplyParser::malformed(std::string_view line) {
  garbage_.clear();
  append_clean_text(line, kGarbageBytesShown, Charset::utf8, garbage_);
  return ReplyStatus::malformed;
}

// RFC 5321 4.2: Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ]
// CRLF; the code is "the same" on every line (4.2.1).
ReplyStatus ReplyParser::on_line(std::string_view line) {
  if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit)) return malformed(line);
  if (line[0] < '2' || line[0] > '5') return malformed(line);
  const auto code = static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
  const bool more = line.size() > 3 && line[3] == '-';
  if (line.size() > 3 && line[3] != ' ' && !more) return malformed(line);
  if (line.find('\0') != std::string_view::npos || line.find('\r') != std::string_view::npos) return malformed(line);
  if (reply_.lines > 0 && code != reply_.code) return malformed(line);
  std::string_view text = line.size() > 3 ? line.substr(4) : std::string_view{};
  std::string_view rest;
  const EnhancedCode enhanced = parse_enhanced_code(text, rest);
  // RFC 2034 4: of another class than the code it is no enhanced code.
  if (enhanced.cls == code / 100) {
    if (reply_.lines == 0) reply_.enhanced = enhanced;
    text = rest;
  }
  keep_text(text);
  reply_.code = code;
  ++reply_.lines;
  complete_ = !more;
  return more ? ReplyStatus::need_more : ReplyStatus::complete;
}

void ReplyParser::keep_text(std::string_view text) {
  if (reply_.lines >= kNextHopLinesMax || reply_.text.size() + 1 >= kNextHopReplyBytesMax) return;
  if (reply_.lines > 0) reply_.text.push_back('\n');
  append_clean_text(text, kNextHopReplyBytesMax - reply_.text.size(), Charset::utf8, reply_.text);
}

}  // namespace sluice::smtp
