// Checks that what is taken for a path or for parameters is within its limits and clean, that a
// mailbox's canonical form is a mailbox with the same meaning, and that whatever is taken can be
// sent on by a client without a CHECK failing. Input: the argument of MAIL or RCPT, with "FROM:" or
// "TO:" or without.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/client.h"
#include "engine/smtp/command.h"
#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

bool clean(std::string_view text) { return is_clean_utf8(text) && std::ranges::none_of(text, is_control); }

void check_mailbox(const Mailbox& mailbox, bool utf8) {
  CHECK(mailbox.local_part.size() <= kLocalPartBytesMax && mailbox.domain.size() <= kDomainBytesMax);
  CHECK(clean(mailbox.local_part) && clean(mailbox.domain));
  CHECK(utf8 || !mailbox.eight_bit);
  CHECK(mailbox.eight_bit == has_eight_bit(mailbox.text()));
  if (mailbox.domain.empty()) return;
  Mailbox again;
  const std::string text = mailbox.text();
  CHECK(parse_mailbox(text, utf8, again) == PathFault::none);
  CHECK(again.local_part == mailbox.local_part && again.domain == mailbox.domain);
  const std::string canonical = mailbox.canonical();
  // The canonical form is never longer, but for A-labels in place of U-labels, which may be too long for a path; it
  // means the same, and is its own canonical form.
  const bool u_labels = has_eight_bit(mailbox.domain);
  CHECK(u_labels || canonical.size() <= text.size());
  const PathFault fault = parse_mailbox(canonical, utf8, again);
  if (u_labels && fault != PathFault::none) return;
  CHECK(fault == PathFault::none);
  CHECK(again.local_unquoted() == mailbox.local_unquoted() && same_domain(again.domain, mailbox.domain));
  CHECK(again.canonical() == canonical);
}

ClientMachine able_client() {
  ClientMachine client;
  client.next_reply("220 x\r\n");
  std::string out;
  client.append_ehlo("us.example", out);
  client.next_reply("250-x\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 AUTH PLAIN\r\n");
  return client;
}

// Without brackets nothing is taken that another reader could take for more than one address.
void check_bare(std::string_view text, PathKind kind) {
  const PathParse parsed = parse_bare_path(text, kind, true);
  CHECK(parsed.size <= text.size());
  if (parsed.fault != PathFault::none) return;
  CHECK(!parsed.path.null() && !parsed.path.had_route);
  CHECK(parsed.path.mailbox.text() == text.substr(0, parsed.size));
  CHECK(parsed.path.mailbox.text().find_first_of("<>, \t") == std::string::npos);
  check_mailbox(parsed.path.mailbox, true);
  const std::string bracketed = "<" + parsed.path.mailbox.text() + ">";
  const PathParse again = parse_path(bracketed, kind, true);
  CHECK(again.fault == PathFault::none && again.path.mailbox.text() == parsed.path.mailbox.text());
}

// What an ORCPT of type "utf-8" stands for has no control character and is UTF-8.
void check_utf8_addr(std::string_view text, bool smtputf8) {
  if (!is_utf8_addr(text, smtputf8)) return;
  CHECK(clean(text) && (smtputf8 || !has_eight_bit(text)));
  CHECK(text.find_first_of("= \t") == std::string_view::npos);
  for (std::size_t at = text.find('+'); at != std::string_view::npos; at = text.find('+', at + 1)) {
    const auto byte = decode_xtext(text.substr(at, 3));
    CHECK(byte && byte->size() == 1 && clean(*byte) && *byte != "\\");
  }
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at + 1)) {
    CHECK(text.substr(at).starts_with("\\x{"));
    const std::uint64_t code = std::stoull(std::string(text.substr(at + 3, text.find('}', at) - at - 3)), nullptr, 16);
    CHECK(code >= 0x20 && (code < 0x7f || code > 0x9f) && code <= 0x10ffff);
  }
}

void check_mail(std::string_view argument) {
  const Extensions on;
  MailCommand mail;
  if (parse_mail(argument, &on, mail) != nullptr) return;
  const MailParameters& given = mail.parameters;
  if (!mail.path.null()) check_mailbox(mail.path.mailbox, given.smtputf8);
  ClientMachine client = able_client();
  std::string out;
  client.append_mail(
      mail.path.mailbox.text(),
      {.size = given.size, .body = given.body, .smtputf8 = given.smtputf8, .ret = given.ret, .envid = given.envid},
      out);
  CHECK(std::ranges::count(out, '\n') == 1 && out.size() <= kCommandLineBytesMax);
  // What we send means what we were sent.
  MailCommand again;
  const std::string_view sent = std::string_view(out).substr(5, out.size() - 7);
  CHECK(parse_mail(sent, &on, again) == nullptr);
  CHECK(again.path.mailbox.text() == mail.path.mailbox.text() && again.parameters.size == given.size);
  CHECK(again.parameters.envid == given.envid && again.parameters.ret == given.ret);
  CHECK(again.parameters.smtputf8 == given.smtputf8 && again.parameters.body == given.body);
}

void check_rcpt(std::string_view argument, bool smtputf8) {
  const Extensions on;
  RecipientCommand rcpt;
  if (parse_rcpt(argument, &on, smtputf8, rcpt) != nullptr) return;
  check_mailbox(rcpt.path.mailbox, smtputf8);
  ClientMachine client = able_client();
  std::string out;
  client.append_recipient(rcpt.path.mailbox.text(), {.notify = rcpt.parameters.notify, .orcpt = rcpt.parameters.orcpt},
                          out);
  RecipientCommand again;
  const std::string_view sent = std::string_view(out).substr(5, out.size() - 7);
  CHECK(parse_rcpt(sent, &on, smtputf8, again) == nullptr);
  CHECK(again.path.mailbox.text() == rcpt.path.mailbox.text() && again.parameters.orcpt == rcpt.parameters.orcpt);
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::smtp;
  // A command line has no CR or LF in it; everything else may be.
  std::string text(data, data + std::min<std::size_t>(size, kCommandLineBytesMax - 7));
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
  check_mail(text);
  check_mail("FROM:" + text);
  check_rcpt(text, true);
  check_rcpt("TO:" + text, false);
  check_bare(text, PathKind::reverse);
  check_bare(text, PathKind::forward);
  check_utf8_addr(text, true);
  check_utf8_addr(text, false);
  return 0;
}
