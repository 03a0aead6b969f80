// MAIL and RCPT as a client writes them: RFC 5321 4.1.1.2 and 4.1.1.3 with their parameters.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/client.h"
#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

// Nothing but a mailbox can be between the brackets, so that nothing can close them early and add
// parameters.
void append_path(std::string_view mailbox, std::string& out) {
  Mailbox parsed;
  CHECK(mailbox.empty() || equals_ignore_case(mailbox, "postmaster") ||
        parse_mailbox(mailbox, true, parsed) == PathFault::none);
  out.append("<").append(mailbox).append(">");
}

std::string_view body_name(Body body) { return body == Body::seven_bit ? " BODY=7BIT" : " BODY=8BITMIME"; }

void append_dsn(const MailOptions& options, std::string& out) {
  if (options.ret != Ret::unstated) out.append(options.ret == Ret::full ? " RET=FULL" : " RET=HDRS");
  if (options.envid.empty()) return;
  CHECK(is_xtext(options.envid) && options.envid.size() <= kEnvidBytesMax);
  out.append(" ENVID=").append(options.envid);
}

void append_notify(const Notify& notify, std::string& out) {
  if (!notify.stated()) return;
  CHECK(!notify.never || (!notify.success && !notify.failure && !notify.delay));
  std::string_view separator = " NOTIFY=";
  const auto word = [&out, &separator](bool on, std::string_view name) {
    if (!on) return;
    out.append(separator).append(name);
    separator = ",";
  };
  word(notify.never, "NEVER");
  word(notify.success, "SUCCESS");
  word(notify.failure, "FAILURE");
  word(notify.delay, "DELAY");
}

// A parameter's value goes on as it came; it cannot hold what would end it.
void check_value(std::string_view value, std::size_t bytes_max) {
  CHECK(!value.empty() && value.size() <= bytes_max);
  CHECK(std::ranges::none_of(value, [](char c) { return is_control(c) || c == ' '; }));
}

}  // namespace

void ClientMachine::append_mail(std::string_view mailbox, const MailOptions& options, std::string& out) {
  CHECK(!options.smtputf8 || capabilities_.smtputf8);
  const std::size_t start = out.size();
  out.append("MAIL FROM:");
  append_path(mailbox, out);
  if (options.size && capabilities_.size) out.append(" SIZE=").append(std::to_string(*options.size));
  if (options.body != Body::unstated && capabilities_.eight_bit_mime) out.append(body_name(options.body));
  if (options.smtputf8) out.append(" SMTPUTF8");
  if (capabilities_.dsn) append_dsn(options, out);
  if (options.auth && capabilities_.auth) {
    check_value(*options.auth, kAuthParameterBytesMax);
    out.append(" AUTH=").append(*options.auth);
  }
  end_line(Expect::mail, start, out);
}

void ClientMachine::append_recipient(std::string_view mailbox, const RcptOptions& options, std::string& out) {
  CHECK(!mailbox.empty());
  const std::size_t start = out.size();
  out.append("RCPT TO:");
  append_path(mailbox, out);
  if (capabilities_.dsn) {
    append_notify(options.notify, out);
    if (!options.orcpt.empty()) {
      check_value(options.orcpt, kOrcptBytesMax);
      out.append(" ORCPT=").append(options.orcpt);
    }
  }
  end_line(Expect::recipient, start, out);
}

}  // namespace sluice::smtp
