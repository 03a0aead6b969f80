// The part of a DSN that people read: the recipients, what the next server said, what happens next.
#include <algorithm>

#include "engine/dsn/parts.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"

namespace sluice::dsn::detail {
namespace {

using message::Fate;
using message::RecipientStatus;

constexpr std::size_t kUrlBytesMax = 512;

void append_paragraph(std::string& out, std::string_view words) {
  append_wrapped(out, "", "", words);
  out += "\r\n";
}

std::string opening(const ReportInput& input) {
  const std::string arrived = date_text(input.arrived);
  switch (input.kind) {
    case ReportKind::failure:
      return "Your message of " + arrived + " could not be delivered to the following, and is not tried any more:";
    case ReportKind::delay:
      return "Your message of " + arrived + " has not been delivered yet to the following:";
    case ReportKind::success:
      break;
  }
  return "Your message of " + arrived + " has been passed on, as far as this server can tell:";
}

std::string closing(const ReportInput& input) {
  switch (input.kind) {
    case ReportKind::failure:
      return "What to do: check the address, and read what was said about it. A message that was "
             "refused will be refused again if it is sent again unchanged.";
    case ReportKind::delay:
      return input.retry_until == 0 ? "Delivery is still being tried. There is no need to send the message again."
                                    : "Delivery is tried until " + date_text(input.retry_until) +
                                          ". There is no need to send the message again; you will be told if it "
                                          "fails in the end.";
    case ReportKind::success:
      break;
  }
  return "You asked to be told of this.";
}

// What became of one recipient, in a sentence or two.
std::string story(const RecipientStatus& status, ReportKind kind) {
  const std::string known = host_of(status.next_hop);
  const std::string host = known.empty() ? "the next server" : known;
  std::string said = last_response(status, Charset::utf8);
  if (kind == ReportKind::success) {
    if (status.fate == Fate::delivered) return "delivered into the mailbox";
    return "passed on to " + host + ", which does not report whether it is delivered";
  }
  if (status.code != 0)
    said.insert(0, host + " said: ");
  else if (!said.empty() && !known.empty())
    said.insert(0, host + ": ");
  if (kind == ReportKind::failure && status.fate == Fate::expired)
    return "not delivered in the time allowed" + (said.empty() ? said : "; at the last try, " + said);
  return said.empty() ? "no reason is known" : said;
}

void append_recipients(std::string& out, const ReportInput& input) {
  const std::size_t named = std::min(input.recipients.size(), kRecipientsInWordsMax);
  for (const std::size_t index : input.recipients.first(named)) {
    const std::string address = clean_address(input.envelope.recipients[index].forward_path, Charset::utf8);
    out += "  " + address + "\r\n";
    append_wrapped(out, "      ", "      ", story(input.status.recipients[index], input.kind));
    out += "\r\n";
  }
  const std::size_t others = input.recipients.size() - named;
  if (others > 0) {
    append_paragraph(out, "And " + std::to_string(others) + " more. The second part of this report names them all.");
  }
}

}  // namespace

Part words_part(const ReportInput& input, std::string_view remark) {
  std::string text;
  append_paragraph(
      text, "This is the mail server " + clean_words(input.reporting_mta, smtp::kDomainBytesMax, Charset::ascii) + ".");
  append_paragraph(text, opening(input));
  append_recipients(text, input);
  append_paragraph(text, closing(input));
  append_paragraph(text, "Recipients who are not named here are not concerned.");
  if (!remark.empty()) append_paragraph(text, remark);
  if (!input.policy_url.empty()) {
    append_paragraph(text,
                     "The rules for sending are at " + clean_words(input.policy_url, kUrlBytesMax, Charset::ascii));
  }
  const std::string id = clean_words(input.envelope.id, kWordsShownMax, Charset::ascii);
  append_wrapped(text, "", "",
                 id.empty() ? "This message was written by a program."
                            : "If you ask about this message, name its queue id: " + id);
  if (!smtp::has_eight_bit(text)) return {"text/plain; charset=us-ascii", "7bit", std::move(text)};
  // So encoded whatever may pass: one server on the way that takes ASCII only is enough.
  std::string quoted;
  append_quoted_printable(quoted, text);
  return {"text/plain; charset=utf-8", "quoted-printable", std::move(quoted)};
}

}  // namespace sluice::dsn::detail
