#include "engine/base/check.h"
#include "engine/dsn/dsn.h"

namespace sluice::dsn {
namespace {

using message::Fate;

// RFC 3461 4.1: "If the NOTIFY parameter is not supplied", a server acts as for FAILURE or for
// FAILURE,DELAY: we do the latter.
bool wants_failure(const smtp::Notify& notify) { return !notify.never && (notify.failure || !notify.stated()); }
bool wants_delay(const smtp::Notify& notify) { return !notify.never && (notify.delay || !notify.stated()); }
bool wants_success(const smtp::Notify& notify) { return !notify.never && notify.success; }

}  // namespace

DueReports reports_due(const message::Envelope& envelope, const message::DeliveryStatus& status, bool delay_reached) {
  CHECK(status.recipients.size() == envelope.recipients.size());
  DueReports due;
  // RFC 3461 6: a report is never sent about a message with a null reverse-path.
  if (envelope.reverse_path.empty()) return due;
  for (std::size_t i = 0; i < status.recipients.size(); ++i) {
    const message::RecipientStatus& recipient = status.recipients[i];
    const smtp::Notify& notify = envelope.recipients[i].notify;
    if (recipient.reported) continue;
    switch (recipient.fate) {
      case Fate::waiting:
        if (delay_reached && !recipient.delay_reported && wants_delay(notify)) due.delayed.push_back(i);
        break;
      case Fate::relayed:
        // RFC 3461 5.2.1: a server that offers DSN is handed NOTIFY, and reports itself.
        if (!recipient.passed_on_dsn && wants_success(notify)) due.succeeded.push_back(i);
        break;
      case Fate::delivered:
        if (wants_success(notify)) due.succeeded.push_back(i);
        break;
      case Fate::failed:
      case Fate::expired:
        if (wants_failure(notify)) due.failed.push_back(i);
        break;
      case Fate::removed:
        break;
    }
  }
  return due;
}

bool returns_content(const message::Envelope& envelope, ReportKind kind, std::uint64_t content_bytes) {
  return kind == ReportKind::failure && envelope.ret == smtp::Ret::full && content_bytes <= kReturnedContentBytesMax;
}

}  // namespace sluice::dsn
