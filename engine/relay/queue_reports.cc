// The part of a queue that tells senders what became of their mail: reports are messages of the queue's own.
#include <algorithm>

#include "engine/relay/queue_active.h"

namespace sluice::relay {
namespace {

using message::Fate;
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

}  // namespace

// Sends what is due, then writes down that it was.  False: something that is due could not be kept.
Task<bool> Queue::report(Active& active) {
  const bool late = options_.delay_report > Duration::zero() &&
                    parts_.loop.platform().clock.wall() - active.message->stored.arrived >=
                        options_.delay_report / std::chrono::milliseconds(1);
  const dsn::DueReports due = dsn::reports_due(active.envelope(), active.status(), late);
  if (!due.any()) co_return true;
  // Somebody else is at it, and looks again.
  if (active.reporting) co_return true;
  active.reporting = true;
  bool all = true;
  if (!due.failed.empty()) all = co_await send_report(active, dsn::ReportKind::failure, due.failed);
  if (all && !due.delayed.empty()) all = co_await send_report(active, dsn::ReportKind::delay, due.delayed);
  if (all && !due.succeeded.empty()) all = co_await send_report(active, dsn::ReportKind::success, due.succeeded);
  active.reporting = false;
  if (!all) co_return false;
  if (!co_await save(active)) co_return false;
  co_return active.finished || co_await report(active);
}

Task<bool> Queue::send_report(Active& active, dsn::ReportKind kind, const std::vector<std::size_t>& recipients) {
  const spool::Stored& stored = active.message->stored;
  const std::string original_id = message::queue_id_text(active.id);
  const auto mark = [&] {
    for (const std::size_t i : recipients) {
      RecipientStatus& recipient = active.status().recipients[i];
      (kind == dsn::ReportKind::delay ? recipient.delay_reported : recipient.reported) = true;
    }
  };
  if (!budget_.take(stored.submitter.customer, parts_.loop.now())) {
    ++counters_.reports_withheld;
    parts_.observer.event(original_id, "report not sent", "the customer's mail has caused too many within an hour");
    mark();
    co_return true;
  }
  const bool whole = dsn::returns_content(stored.envelope, kind, stored.content_bytes);
  auto content = co_await original(active, whole);
  if (!content) co_return false;
  const spool::QueueId id = parts_.next_id();
  const WallMillis now = parts_.loop.platform().clock.wall();
  const std::string id_text = message::queue_id_text(id);
  auto made = dsn::build_report({.envelope = stored.envelope,
                                 .status = active.status(),
                                 .kind = kind,
                                 .recipients = recipients,
                                 .header_or_content = *content,
                                 .content_is_whole = whole,
                                 .form = stored.form,
                                 // A form that any server takes (RFC 6533).
                                 .eight_bit = false,
                                 .original_eight_bit = true,
                                 .reporting_mta = options_.hostname,
                                 .queue_id = id_text,
                                 .arrived = stored.arrived,
                                 .now = now,
                                 .retry_until = stored.arrived + options_.expire / std::chrono::milliseconds(1),
                                 .random = parts_.loop.platform().random.number(),
                                 .postmaster = options_.report_from,
                                 .policy_url = options_.policy_url});
  if (!made) {
    mark();
    co_return true;
  }
  if (!co_await keep_report(id, *std::move(made), stored.submitter.customer)) {
    ++counters_.reports_withheld;
    co_return false;
  }
  mark();
  ++counters_.reports;
  parts_.observer.event(original_id, "report", std::string(kind_text(kind)) + ": " + id_text);
  co_return true;
}

// It counts as its customer's, and is not said to be from who logged in.
Task<bool> Queue::keep_report(spool::QueueId id, dsn::Report report, std::string customer) {
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
  spool::Draft draft(parts_.spool, id, share_number(message::share_name(stored.submitter)), spool::Purpose::report);
  if (!co_await draft.append(std::move(content)) || !co_await draft.commit(stored, status)) co_return false;
  add(id, stored, status);
  co_return true;
}

// The beginning of the message, or all of it.  Absent: it cannot be read.
Task<std::optional<std::string>> Queue::original(Active& active, bool whole) {
  const spool::Message& message = *active.message;
  std::string text;
  for (const spool::Location& piece : message.stored.pieces) {
    if (!whole && text.size() > dsn::kReturnedHeaderBytesMax) break;
    const auto bytes = co_await parts_.spool.read_piece(active.id, piece);
    if (!bytes) co_return std::nullopt;
    text += bytes->view();
  }
  if (whole || text.size() <= dsn::kReturnedHeaderBytesMax) text += message.content.view();
  if (whole) co_return text;
  // With its last line's end; without an empty line the message is all header.
  if (const std::size_t end = text.find("\r\n\r\n"); end != std::string::npos) text.resize(end + 2);
  text.resize(std::min(text.size(), 2 * dsn::kReturnedHeaderBytesMax));
  co_return text;
}

}  // namespace sluice::relay
