#include "engine/relay/dsn_sender.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "engine/spool/stored_content.h"

namespace sluice::relay {
namespace {

using message::RecipientStatus;

std::string_view kind_text(dsn::ReportKind kind) {
  switch (kind) {
    case dsn::ReportKind::failure:
      return "failure";
    case dsn::ReportKind::delay:
      return "delay";
    case dsn::ReportKind::success:
      return "success";
  }
  return "?";
}

void mark(message::DeliveryStatus& status, dsn::ReportKind kind, const std::vector<std::size_t>& recipients) {
  for (const std::size_t i : recipients) {
    RecipientStatus& recipient = status.recipients[i];
    (kind == dsn::ReportKind::delay ? recipient.delay_reported : recipient.reported) = true;
  }
}

}  // namespace

DsnSender::DsnSender(Parts parts) : parts_(std::move(parts)), budget_(parts_.options.dsn_budget) {}

dsn::DueReports DsnSender::due(const ActiveMessage& message) const {
  const Duration delay = parts_.options.delay_dsn;
  const bool late = delay > Duration::zero() && parts_.loop.platform().clock.wall() - message.stored().arrived >=
                                                    delay / std::chrono::milliseconds(1);
  return dsn::reports_due(message.envelope(), message.status(), late);
}

Task<bool> DsnSender::send(ActiveMessage& message, const dsn::DueReports& due) {
  CHECK(!message.sending_dsns);
  message.sending_dsns = true;
  bool all = true;
  if (!due.failed.empty()) all = co_await send_one(message, dsn::ReportKind::failure, due.failed);
  if (all && !due.delayed.empty()) all = co_await send_one(message, dsn::ReportKind::delay, due.delayed);
  if (all && !due.succeeded.empty()) all = co_await send_one(message, dsn::ReportKind::success, due.succeeded);
  message.sending_dsns = false;
  co_return all;
}

Task<bool> DsnSender::send_one(ActiveMessage& message, dsn::ReportKind kind,
                               const std::vector<std::size_t>& recipients) {
  const spool::Stored& stored = message.stored();
  const QueueOptions& options = parts_.options;
  const std::string original_id = message::queue_id_text(message.id());
  if (!budget_.take(stored.submitter.customer, parts_.loop.now())) {
    ++counters_.withheld;
    parts_.observer.event(original_id, "report not sent", "the customer's mail has caused too many within an hour");
    mark(message.status(), kind, recipients);
    co_return true;
  }
  const bool whole = dsn::returns_content(stored.envelope, kind, stored.content_bytes);
  auto content = co_await original(message, whole);
  if (!content) co_return false;
  const spool::QueueId id = parts_.next_id();
  const std::string id_text = message::queue_id_text(id);
  auto made = dsn::build_report({.envelope = stored.envelope,
                                 .status = message.status(),
                                 .kind = kind,
                                 .recipients = recipients,
                                 .header_or_content = *content,
                                 .content_is_whole = whole,
                                 .form = stored.form,
                                 // A form that any server takes (RFC 6533).
                                 .eight_bit = false,
                                 .original_eight_bit = true,
                                 .reporting_mta = options.hostname,
                                 .queue_id = id_text,
                                 .arrived = stored.arrived,
                                 .now = parts_.loop.platform().clock.wall(),
                                 .retry_until = stored.arrived + options.expire / std::chrono::milliseconds(1),
                                 .random = parts_.loop.platform().random.number(),
                                 .postmaster = options.dsn_from,
                                 .policy_url = options.policy_url});
  if (!made) {
    mark(message.status(), kind, recipients);
    co_return true;
  }
  if (!co_await keep(id, *std::move(made), stored.submitter.customer)) {
    ++counters_.withheld;
    co_return false;
  }
  mark(message.status(), kind, recipients);
  ++counters_.sent;
  parts_.observer.event(original_id, "report", std::string(kind_text(kind)) + ": " + id_text);
  co_return true;
}

// It counts as its customer's, and is not said to be from who logged in.
Task<bool> DsnSender::keep(spool::QueueId id, dsn::Report report, std::string customer) {
  spool::Stored stored{.envelope = std::move(report.envelope),
                       .submitter = {.customer = std::move(customer)},
                       .form = message::BodyForm::literal,
                       .arrived = parts_.loop.platform().clock.wall(),
                       .content_bytes = report.content.size(),
                       .pieces = {}};
  stored.envelope.id = message::queue_id_text(id);
  message::DeliveryStatus status;
  status.recipients.resize(stored.envelope.recipients.size());
  Chain content;
  content.append_copy(report.content);
  spool::Draft draft(parts_.spool, id, message::share_of(stored.submitter), spool::Purpose::report);
  if (!co_await draft.append(std::move(content)) || !co_await draft.commit(stored, status)) co_return false;
  parts_.on_kept(id, stored, status);
  co_return true;
}

// The beginning of the message, or all of it.  Absent: it cannot be read.
Task<std::optional<std::string>> DsnSender::original(const ActiveMessage& message, bool whole) {
  std::string text;
  for (spool::StoredContent content(parts_.spool, message.id(), message.message()); !content.at_end();) {
    if (!whole && text.size() > dsn::kReturnedHeaderBytesMax) break;
    const auto part = co_await content.next();
    if (!part) co_return std::nullopt;
    text += part->view();
  }
  if (whole) co_return text;
  // With its last line's end; without an empty line the message is all header.
  if (const std::size_t end = text.find("\r\n\r\n"); end != std::string::npos) text.resize(end + 2);
  text.resize(std::min(text.size(), 2 * dsn::kReturnedHeaderBytesMax));
  co_return text;
}

}  // namespace sluice::relay
