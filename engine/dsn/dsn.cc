#include "engine/dsn/dsn.h"

#include <algorithm>
#include <array>

#include "engine/base/check.h"
#include "engine/base/domain_name.h"
#include "engine/dsn/parts.h"
#include "engine/message/trace.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/path.h"

namespace sluice::dsn {
namespace {

using detail::append_field;
using detail::append_folded;
using detail::Charset;
using detail::Manner;
using detail::Original;
using detail::Part;

bool is_mailbox(std::string_view text, bool utf8_allowed) {
  smtp::Mailbox mailbox;
  return smtp::parse_mailbox(text, utf8_allowed, mailbox) == smtp::PathFault::none;
}

// The address that the report goes to: where its domain alone is not ASCII, in A-labels (RFC 5890), which need no
// SMTPUTF8. Empty: it is no mailbox.
std::string address_to_tell(const std::string& reverse_path) {
  smtp::Mailbox mailbox;
  if (smtp::parse_mailbox(reverse_path, true, mailbox) != smtp::PathFault::none) return {};
  const auto domain = is_international(mailbox.domain) && !smtp::has_eight_bit(mailbox.local_part)
                          ? ascii_domain(mailbox.domain)
                          : std::nullopt;
  return domain ? std::string(mailbox.local_part) + "@" + *domain : reverse_path;
}

std::string_view subject(ReportKind kind) {
  switch (kind) {
    case ReportKind::failure:
      return "Your message could not be delivered";
    case ReportKind::delay:
      return "Your message is delayed";
    case ReportKind::success:
      break;
  }
  return "Your message was passed on";
}

std::string from(const ReportInput& input) {
  if (is_mailbox(input.postmaster, false)) return std::string(input.postmaster);
  const bool named = smtp::check_domain(input.reporting_mta, false) == smtp::PathFault::none;
  return "MAILER-DAEMON@" + (named ? std::string(input.reporting_mta) : "unknown.invalid");
}

// RFC 2046 5.1.1: boundary delimiters "must not appear within the encapsulated material".  No sender
// can guess `random`, but one may know it from an earlier DSN: so it is made sure.
std::string choose_boundary(std::span<const Part> parts, std::uint64_t random) {
  for (std::uint64_t number = random;; ++number) {
    std::string boundary = "report.";
    for (std::uint64_t rest = number; rest != 0; rest /= 36)
      boundary += "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
    boundary += ".end";
    const bool occurs =
        std::ranges::any_of(parts, [&](const Part& part) { return part.text.contains("--" + boundary); });
    if (!occurs) return boundary;
  }
}

// RFC 5322 3.6, RFC 3834 5 (Auto-Submitted), RFC 6522 3.
// Returns the Message-ID.
std::string append_header(std::string& out, const ReportInput& input, const std::string& sender,
                          const Original& original, std::string_view boundary, bool eight_bit) {
  append_field(out, "From", "Mail Delivery System <" + from(input) + ">");
  append_field(out, "To", "<" + sender + ">");
  append_field(out, "Subject", subject(input.kind));
  message::append_date(out, input.now);
  std::string id = message::append_message_id(
      out, {.time = input.now, .random = input.random, .queue_id = input.queue_id, .host = input.reporting_mta});
  if (!original.message_id.empty()) {
    append_field(out, "In-Reply-To", original.message_id);
    append_field(out, "References", original.message_id);
  }
  append_field(out, "Auto-Submitted", "auto-replied");
  append_field(out, "MIME-Version", "1.0");
  append_folded(out, "Content-Type",
                "multipart/report; report-type=delivery-status; boundary=\"" + std::string(boundary) + "\"");
  append_field(out, "Content-Transfer-Encoding", eight_bit ? "8bit" : "7bit");
  return id;
}

// The line end before a delimiter belongs to the delimiter.
void append_parts(std::string& out, std::span<const Part> parts, std::string_view boundary) {
  for (const Part& part : parts) {
    if (part.text.empty()) continue;
    out += "\r\n--";
    out += boundary;
    out += "\r\n";
    append_field(out, "Content-Type", part.type);
    append_field(out, "Content-Transfer-Encoding", part.encoding);
    out += "\r\n";
    out += part.text;
  }
  out += "\r\n--";
  out += boundary;
  out += "--\r\n";
}

message::Envelope envelope_of(const ReportInput& input, const std::string& sender, bool eight_bit, std::size_t size) {
  message::Envelope envelope;
  envelope.id = input.queue_id;
  envelope.smtputf8 = smtp::has_eight_bit(sender);
  if (eight_bit || envelope.smtputf8) envelope.body = smtp::Body::eight_bit_mime;
  envelope.size = size;
  envelope.recipients.push_back({.forward_path = sender});
  return envelope;
}

}  // namespace

std::optional<Report> build_report(const ReportInput& input) {
  CHECK(input.status.recipients.size() == input.envelope.recipients.size());
  for (const std::size_t index : input.recipients) CHECK(index < input.envelope.recipients.size());
  const std::string sender = address_to_tell(input.envelope.reverse_path);
  if (input.recipients.empty() || sender.empty()) return std::nullopt;

  // RFC 6531 3.1: a server that takes SMTPUTF8, without which no DSN gets to such a sender, takes
  // 8BITMIME.
  Manner manner{.eight_bit = input.eight_bit || smtp::has_eight_bit(sender)};
  if (manner.eight_bit && input.envelope.smtputf8) manner.status_charset = Charset::utf8;
  Original original = detail::original_part(input, manner);
  const std::array<Part, 3> parts{detail::words_part(input, original.remark), detail::status_part(input, manner),
                                  std::move(original.part)};
  const bool eight_bit = std::ranges::any_of(parts, [](const Part& part) { return part.encoding == "8bit"; });
  const std::string boundary = choose_boundary(parts, input.random);

  Report report;
  std::string id = append_header(report.content, input, sender, original, boundary, eight_bit);
  append_parts(report.content, parts, boundary);
  report.envelope = envelope_of(input, sender, eight_bit, report.content.size());
  report.envelope.message_id = std::move(id);
  report.envelope.content = {
      .header_eight_bit = report.envelope.smtputf8, .eight_bit = smtp::has_eight_bit(report.content), .whole = true};
  return report;
}

}  // namespace sluice::dsn
