// Delivery status notifications: which recipients a sender must hear of, and the message that says
// so (RFC 3461, 3464, 6522, 6533).
// Pure functions: values in, a value out; time and randomness are arguments.  Any thread.
// Everything but the caller's own names comes from strangers.  Whatever it holds, a report is whole
// lines of at most 998 bytes that end in CRLF, without a NUL, a bare CR or a bare LF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/message/delivery.h"
#include "engine/message/envelope.h"

namespace sluice::dsn {

enum class ReportKind : std::uint8_t {
  failure,  // not delivered, and not tried any more
  delay,    // still tried
  success,  // delivered, or relayed to a server that does not report on it
};

// Indices into Envelope::recipients, rising.
struct DueReports {
  std::vector<std::size_t> failed;
  std::vector<std::size_t> delayed;
  std::vector<std::size_t> succeeded;

  [[nodiscard]] bool any() const { return !failed.empty() || !delayed.empty() || !succeeded.empty(); }
};

// The recipients that a DSN is due for, and had none: by NOTIFY (RFC 3461 4.1; where it is not stated:
// failure and delay), and by what the next hop promised.  None, for the null reverse-path.  What
// the operator removed is not reported.  The status is of this envelope: as many recipients.
DueReports reports_due(const message::Envelope& envelope, const message::DeliveryStatus& status, bool delay_reached);

// What of the original goes back.  More of its header is cut, with a remark.
inline constexpr std::size_t kReturnedHeaderBytesMax = 64 * 1024;
// RET=FULL is honoured up to this size, as stored.
inline constexpr std::size_t kReturnedContentBytesMax = 64 * 1024;
// Recipients that the text for the reader names; the others are counted there.
inline constexpr std::size_t kRecipientsInWordsMax = 100;
// All recipients are in the machine's part.  Once that is this large, the rest have only address, what
// and the status code: no next hop, words and dates.
inline constexpr std::size_t kDetailedStatusBytesMax = 512 * 1024;

// The caller should read all of the message, not its header alone.  RFC 3461 4.3: RET is about
// reports of failure; where it is not given the choice is ours: the header.
bool returns_content(const message::Envelope& envelope, ReportKind kind, std::uint64_t content_bytes);

// References are to values that the caller keeps during the call.
struct ReportInput {
  const message::Envelope& envelope;  // the original's
  const message::DeliveryStatus& status;
  ReportKind kind = ReportKind::failure;
  std::span<const std::size_t> recipients;  // indices, as reports_due gives them
  // The original: its header, or all of it.  Of a header, kReturnedHeaderBytesMax and a little more
  // are enough.
  std::string_view header_or_content;
  bool content_is_whole = false;
  message::BodyForm form = message::BodyForm::literal;
  bool eight_bit = true;  // the way back takes 8-bit content (RFC 6152)
  // Content of the original may be 8-bit whatever the rest is: a next hop that cannot take that gets it made 7-bit.
  bool original_eight_bit = false;
  std::string_view reporting_mta;
  std::string_view queue_id;  // the report's own
  WallMillis arrived = 0;     // the original
  WallMillis now = 0;
  WallMillis retry_until = 0;   // given where the kind is delay; 0: not known
  std::uint64_t random = 0;     // unguessable: the boundary and the Message-ID are made of it
  std::string_view postmaster;  // the DSN's From; what is no address: MAILER-DAEMON at us
  std::string_view policy_url;  // empty: none
};

struct Report {
  // Null reverse-path, one recipient: the original's reverse-path.
  message::Envelope envelope;
  std::string content;  // literal
};

// Nothing where there is no address to send it to (a reverse-path that is null, or no mailbox) or nothing to
// say.
//
// The three parts: words for a reader; message/delivery-status; the header, or all of the original.
// The second is message/global-delivery-status where the original is an internationalised message
// (RFC 6531), something in it is not ASCII and 8-bit content may go back; elsewhere addresses are
// written in ASCII (RFC 6533 3) and other 8-bit bytes as '?'.
std::optional<Report> build_report(const ReportInput& input);

}  // namespace sluice::dsn
