// The machine's part of a report: RFC 3464 2, RFC 6533 4.
#include "engine/dsn/parts.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"

namespace sluice::dsn::detail {
namespace {

using message::Fate;
using message::RecipientStatus;

std::string code_text(smtp::EnhancedCode code) {
  return std::to_string(code.cls) + "." + std::to_string(code.subject) + "." + std::to_string(code.detail);
}

// Where a next hop gave no enhanced code: what its basic one means for sure (RFC 5321 4.2.3, and
// the basic codes that RFC 5248's registry names); 550 and 554 are given for anything.
smtp::EnhancedCode derived(std::uint16_t code, std::uint8_t cls) {
  switch (code) {
    case 421:
    case 521:
      return {cls, 3, 2};  // the system does not take messages
    case 450:
      return {cls, 2, 0};  // the mailbox is not available
    case 451:
      return {cls, 3, 0};  // an error of the system
    case 452:
      return {cls, 3, 1};  // the system is full
    case 500:
    case 501:
    case 502:
    case 503:
    case 504:
    case 555:
      return {cls, 5, 0};  // the protocol
    case 530:
    case 535:
      return {cls, 7, 0};  // not allowed
    case 551:
      return {cls, 1, 6};  // moved
    case 552:
      return {cls, 2, 2};  // the mailbox is full
    case 553:
      return {cls, 1, 3};  // bad syntax of the mailbox
    case 556:
      return {cls, 1, 10};  // null MX
    default:
      return {cls, 0, 0};
  }
}

std::string_view action(const RecipientStatus& recipient, ReportKind kind) {
  switch (kind) {
    case ReportKind::failure:
      return "failed";
    case ReportKind::delay:
      return "delayed";
    case ReportKind::success:
      break;
  }
  return recipient.fate == Fate::delivered ? "delivered" : "relayed";
}

// RFC 3464 2.2.  ENVID "MUST be" given back as it was before it was made xtext (2.2.1).
void append_message_fields(std::string& out, const ReportInput& input) {
  const auto envid = smtp::decode_xtext(input.envelope.envid);
  if (envid && !envid->empty()) append_field(out, "Original-Envelope-Id", clean_address(*envid, Charset::ascii));
  append_field(out, "Reporting-MTA",
               "dns; " + clean_address(input.reporting_mta.substr(0, smtp::kDomainBytesMax), Charset::ascii));
  if (!input.envelope.id.empty())
    append_field(out, "X-Sluice-Queue-ID", clean_address(input.envelope.id, Charset::ascii));
  append_field(out, "Arrival-Date", date_text(input.arrived));
}

// RFC 3464 2.3, in the order of its grammar.
void append_recipient(std::string& out, const ReportInput& input, std::size_t index, const Manner& manner,
                      bool detailed) {
  const message::Recipient& recipient = input.envelope.recipients[index];
  const RecipientStatus& status = input.status.recipients[index];
  const std::string original = typed_orcpt(recipient.orcpt, manner.status_charset);
  out += "\r\n";
  if (!original.empty()) append_field(out, "Original-Recipient", original);
  append_field(out, "Final-Recipient", typed_address(recipient.forward_path, manner.status_charset));
  append_field(out, "Action", action(status, input.kind));
  append_field(out, "Status", code_text(status_code(status, input.kind)));
  if (!detailed) return;
  const std::string host = host_of(status.next_hop);
  if (!host.empty()) append_field(out, "Remote-MTA", "dns; " + host);
  const std::string words = last_response(status, manner.status_charset);
  // RFC 3464 9.2: the type is smtp for what an SMTP server said, and for nothing else.
  if (!words.empty())
    append_folded(out, "Diagnostic-Code",
                  (status.code != 0 && !status.next_hop.empty() ? "smtp; " : "X-Sluice; ") + words);
  if (status.at != 0) append_field(out, "Last-Attempt-Date", date_text(status.at));
  if (input.kind == ReportKind::delay && input.retry_until != 0)
    append_field(out, "Will-Retry-Until", date_text(input.retry_until));
}

}  // namespace

// RFC 3464 2.3.4: the code "MUST" be the action's in its class: 2, 4 or 5.  An expired message is
// 5.4.7 however its last try ended: nothing is tried any more, and the last response stands in
// Diagnostic-Code.
smtp::EnhancedCode status_code(const RecipientStatus& recipient, ReportKind kind) {
  if (kind == ReportKind::failure && recipient.fate == Fate::expired) return {5, 4, 7};
  const std::uint8_t cls = kind == ReportKind::failure ? 5 : kind == ReportKind::delay ? 4 : 2;
  const smtp::EnhancedCode given = recipient.enhanced;
  const bool of_failure = given.cls == 4 || given.cls == 5;
  if (given.present() && of_failure == (cls != 2)) return {cls, given.subject, given.detail};
  const std::uint16_t basic = (recipient.code >= 400) == (cls != 2) ? recipient.code : 0;
  // "No answer from host": one was asked, and nothing came.
  if (cls == 4 && recipient.code == 0 && !recipient.next_hop.empty()) return {4, 4, 1};
  return derived(basic, cls);
}

std::string last_response(const RecipientStatus& recipient, Charset charset) {
  std::string words = clean_words(recipient.text, kWordsShownMax, charset);
  if (recipient.code == 0) return words;
  std::string said = std::to_string(recipient.code);
  if (recipient.enhanced.present()) said += " " + code_text(recipient.enhanced);
  return words.empty() ? said : said + " " + words;
}

// RFC 3464 2.1: fields of the message, and after an empty line each, fields of every recipient.
Part status_part(const ReportInput& input, const Manner& manner) {
  std::string text;
  append_message_fields(text, input);
  for (const std::size_t index : input.recipients) {
    append_recipient(text, input, index, manner, text.size() < kDetailedStatusBytesMax);
  }
  if (smtp::has_eight_bit(text)) return {"message/global-delivery-status", "8bit", std::move(text)};
  return {"message/delivery-status", "7bit", std::move(text)};
}

}  // namespace sluice::dsn::detail
