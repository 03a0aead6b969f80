// What of the original goes back with a report: RFC 6522 3, RFC 3461 4.3, RFC 6533 4.
#include <algorithm>
#include <optional>

#include "engine/dsn/parts.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"
#include "engine/smtp/scan.h"

namespace sluice::dsn::detail {
namespace {

constexpr std::size_t kMessageIdBytesMax = 512;

constexpr std::string_view kTooLarge =
    "Of your message, only the header comes back: all of it would be more than 64 KB.";
constexpr std::string_view kNotReturnable =
    "Of your message, only the header comes back: its text cannot pass on this way unchanged.";
constexpr std::string_view kHeaderCut = "The header of your message is cut: all of it would be more than 64 KB.";

bool is_fold(char c) { return c == ' ' || c == '\t'; }

std::string literal(std::string_view bytes, message::BodyForm form) {
  if (form == message::BodyForm::literal) return std::string(bytes);
  std::string out;
  smtp::DotUnstuffer unstuffer;
  while (!bytes.empty()) {
    const auto step = unstuffer.step(bytes);
    out += bytes.substr(0, step.copy);
    bytes.remove_prefix(step.copy + step.skip);
  }
  return out;
}

// Where the last field begins of which all that is before it is whole; else where the last line
// does.
std::size_t last_field(std::string_view text) {
  std::size_t at = text.size();
  std::size_t line = std::string_view::npos;
  while ((at = text.substr(0, at).rfind("\r\n")) != std::string_view::npos) {
    if (line == std::string_view::npos) line = at + 2;
    if (at + 2 < text.size() && !is_fold(text[at + 2])) return at + 2;
  }
  return std::min(line, text.size());
}

struct Header {
  std::string_view text;
  bool cut = false;
};

// The fields at the start of `text`, which is all there is of the message if `whole`.
Header take_header(std::string_view text, bool whole) {
  if (text.starts_with("\r\n")) return {};
  const std::size_t end = text.find("\r\n\r\n");
  if (end != std::string_view::npos) return {text.substr(0, end + 2)};
  if (whole) return {text};
  return {text.substr(0, last_field(text)), true};
}

// One line without its end, in pieces that are short enough.  Never cuts a UTF-8 sequence in two.
void append_line(std::string& out, std::string_view line) {
  std::size_t room = smtp::kTextLineBytesMax;
  while (line.size() > room) {
    std::size_t end = room;
    while (end > room - 4 && (static_cast<unsigned char>(line[end]) & 0xc0U) == 0x80U) --end;
    out += line.substr(0, end);
    out += "\r\n\t";
    line.remove_prefix(end);
    room = smtp::kTextLineBytesMax - 1;
  }
  out += line;
  out += "\r\n";
}

// Its lines, with nothing in them that ends one, and 8-bit bytes only where they are UTF-8 and
// allowed.
std::string clean_header(std::string_view header, bool utf8_allowed) {
  const bool eight_bit = utf8_allowed && smtp::is_clean_utf8(header);
  std::string out;
  std::string line;
  while (!header.empty()) {
    line = header.substr(0, header.find("\r\n"));
    header.remove_prefix(std::min(line.size() + 2, header.size()));
    for (char& c : line) {
      if ((smtp::is_control(c) && c != '\t') || (smtp::is_eight_bit(c) && !eight_bit)) c = '?';
    }
    append_line(out, line);
  }
  return out;
}

// RFC 5322 3.6.4, without its obsolete forms and comments: "<" bytes with one "@" ">".
bool is_message_id(std::string_view text) {
  if (text.size() > kMessageIdBytesMax || !text.starts_with('<') || !text.ends_with('>')) return false;
  text = text.substr(1, text.size() - 2);
  return std::ranges::count(text, '@') == 1 && !text.starts_with('@') && !text.ends_with('@') &&
         std::ranges::all_of(text,
                             [](char c) { return c > ' ' && c <= '~' && !std::string_view("<>()\\,;\"").contains(c); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_fold(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_fold(text.back())) text.remove_suffix(1);
  return text;
}

// The one Message-ID of a header; empty if there is none that can be written down as it is.
std::string_view find_message_id(std::string_view header) {
  constexpr std::string_view kName = "Message-ID:";
  std::optional<std::string_view> found;
  while (!header.empty()) {
    const std::string_view line = header.substr(0, header.find("\r\n"));
    header.remove_prefix(std::min(line.size() + 2, header.size()));
    if (!smtp::starts_with_ignore_case(line, kName)) continue;
    if (found) return {};
    found = trimmed(line.substr(kName.size()));
    if (found->empty() && !header.empty() && is_fold(header[0])) found = trimmed(header.substr(0, header.find("\r\n")));
  }
  return found && is_message_id(*found) ? *found : std::string_view();
}

Part header_part(std::string text, const Manner& manner) {
  if (text.empty()) return {};
  if (!smtp::has_eight_bit(text)) return {"text/rfc822-headers", "7bit", std::move(text)};
  if (manner.eight_bit) return {"message/global-headers", "8bit", std::move(text)};
  std::string quoted;
  append_quoted_printable(quoted, text);
  return {"message/global-headers", "quoted-printable", std::move(quoted)};
}

// All of it, unchanged; absent if it cannot pass so.
std::optional<Part> whole_part(std::string_view text, std::string_view header, bool smtputf8, bool eight_bit_allowed) {
  smtp::TextChecker checker;
  checker.check(text);
  checker.finish();
  const smtp::ContentFlags& flags = checker.flags();
  if (text.empty() || flags.bare() || flags.nul || flags.long_line) return std::nullopt;
  if (!flags.eight_bit) return Part{"message/rfc822", "7bit", std::string(text)};
  if (!eight_bit_allowed) return std::nullopt;
  const bool global = smtputf8 && smtp::has_eight_bit(header);
  return Part{global ? "message/global" : "message/rfc822", "8bit", std::string(text)};
}

}  // namespace

Original original_part(const ReportInput& input, const Manner& manner) {
  static_assert(kReturnedContentBytesMax <= kReturnedHeaderBytesMax, "one prefix serves both");
  const std::string_view given = input.header_or_content;
  const bool all_here = given.size() <= kReturnedHeaderBytesMax;
  const std::string text = literal(given.substr(0, kReturnedHeaderBytesMax), input.form);
  const Header header = take_header(text, all_here);
  std::string clean = clean_header(header.text, input.envelope.smtputf8);

  Original original;
  original.message_id = find_message_id(header.text);
  if (input.content_is_whole && returns_content(input.envelope, input.kind, given.size())) {
    auto whole = whole_part(text, header.text, input.envelope.smtputf8, manner.eight_bit || input.original_eight_bit);
    if (whole) {
      original.part = *std::move(whole);
      return original;
    }
    original.remark = kNotReturnable;
  } else if (input.kind == ReportKind::failure && input.envelope.ret == smtp::Ret::full) {
    original.remark = kTooLarge;
  }
  if (header.cut) original.remark = kHeaderCut;
  original.part = header_part(std::move(clean), manner);
  return original;
}

}  // namespace sluice::dsn::detail
