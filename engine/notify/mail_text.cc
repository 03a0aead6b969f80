#include "engine/notify/mail_text.h"

#include <algorithm>

#include "engine/base/cut_text.h"
#include "engine/base/domain_name.h"
#include "engine/message/date.h"
#include "engine/message/trace.h"
#include "engine/message/transfer_encoding.h"
#include "engine/smtp/path.h"
#include "engine/text/escape.h"

namespace sluice::notify {
namespace {

constexpr std::size_t kSubjectBytesMax = 200;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// RFC 2047: in encoded words of at most 75 bytes where it is not ASCII, no character divided; `text` is clean UTF-8.
std::string encoded_subject(std::string_view text) {
  constexpr std::string_view kBegin = "=?utf-8?q?";
  constexpr std::string_view kEnd = "?=";
  constexpr std::size_t kWordBytesMax = 75;
  // What looks like an encoded word is one to readers, and a name may look like one.
  if (is_ascii(text) && !text.contains("=?")) return std::string(text);
  std::string words(kBegin);
  std::size_t begin = 0;
  while (!text.empty()) {
    std::size_t size = 1;
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80) ++size;
    std::string character;
    for (const char c : text.substr(0, size)) {
      if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        character += c;
      else
        message::append_escaped_byte(c, character);
    }
    text.remove_prefix(size);
    if (words.size() - begin + character.size() + kEnd.size() > kWordBytesMax) {
      words.append(kEnd).append("\r\n ");
      begin = words.size();
      words.append(kBegin);
    }
    words += character;
  }
  return words.append(kEnd);
}

std::string list_of(const std::vector<std::string>& addresses) {
  std::string list;
  for (const std::string& address : addresses) list.append(list.empty() ? "<" : ",\r\n <").append(address).append(">");
  return list;
}

std::string about(const DueMail& mail) {
  const Notification& notification = *mail.notification;
  const std::string title(words_of(notification.cause).title);
  return mail.all_subjects ? title + ": further ones" : title + ": " + notification.subject();
}

// The text, lines ended by "\n".
std::string plain_text(const DueMail& mail, std::string_view host) {
  const Notification& notification = *mail.notification;
  const bool to_owner = !mail.owner.empty();
  std::string time;
  message::append_date_time(time, notification.at / 1000);
  std::string text = about(mail) + "\n\n";
  if (to_owner) text.append(advice_for_owner(notification)).append("\n\n");
  if (mail.further > 0)
    text += "Further ones since the last such mail: " + std::to_string(mail.further) + ". The last of them:\n\n";
  text.append("  at: ").append(time).append("\n");
  if (!to_owner) text.append("  event: ").append(notification.event).append("\n");
  for (const Figure& figure : notification.figures)
    if (!to_owner || figure.for_owner)
      text.append("  ").append(figure.key).append(": ").append(figure.value).append("\n");
  if (!to_owner)
    if (const std::string advice = advice_for_operator(notification); !advice.empty())
      text.append("\n").append(advice).append("\n");
  return text.append("\n-- \nThe mail relay ")
      .append(host)
      .append(". Of one cause and subject comes one mail an hour at most.\n");
}

void append_body(std::string& out, std::string_view text, bool quoted) {
  message::QuotedPrintable encoder;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (quoted) {
      encoder.text(line, out);
      encoder.line_end(out);
    } else {
      out.append(line).append("\r\n");
    }
  }
  if (quoted) encoder.finish(out);
}

}  // namespace

std::string mail_text(const DueMail& mail, const MailFrame& frame) {
  std::string subject = "[" + frame.host + "] " + about(mail);
  if (subject.size() > kSubjectBytesMax) subject = std::string(cut_text(subject, kSubjectBytesMax)) + "...";
  const std::string text = plain_text(mail, frame.host);
  // A line of 998 bytes (RFC 5322 2.1.1) has room for any figure that is ASCII, unless nearly all of it was escaped.
  constexpr std::size_t kLineBytesMax = 900;
  bool long_line = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    long_line |= end - begin > kLineBytesMax;
    begin = end + 1;
  }
  const bool quoted = long_line || !is_ascii(text);
  std::string out;
  message::append_date(out, frame.now);
  out.append("From: Sluice <").append(frame.from).append(">\r\n");
  out.append("To: ").append(list_of(frame.to)).append("\r\n");
  out.append("Subject: ").append(encoded_subject(subject)).append("\r\n");
  message::append_message_id(out,
                             {.time = frame.now, .random = frame.random, .queue_id = "notify", .host = frame.host});
  out += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
  out.append("Content-Transfer-Encoding: ").append(quoted ? "quoted-printable" : "7bit").append("\r\n\r\n");
  append_body(out, text, quoted);
  return out;
}

std::optional<std::string> mailbox_of(std::string_view account) {
  auto address = ascii_address(account);
  smtp::Mailbox mailbox;
  if (!address || !address->contains('@') || smtp::parse_mailbox(*address, false, mailbox) != smtp::PathFault::none)
    return std::nullopt;
  return address;
}

}  // namespace sluice::notify
