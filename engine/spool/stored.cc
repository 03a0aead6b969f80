#include "engine/spool/stored.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "engine/base/check.h"
#include "engine/smtp/limits.h"
#include "engine/spool/bytes.h"

namespace sluice::spool {
namespace {

using message::Attempt;
using message::DeliveryStatus;
using message::Envelope;
using message::Recipient;
using message::RecipientStatus;

// Of the payloads: fields are only ever added behind a higher number.  What an older version wrote is read.
constexpr std::uint64_t kSchema = 2;
constexpr std::uint64_t kSchemaOldest = 1;
// Of a status that says why its message is on hold; every other one is written as before.
constexpr std::uint64_t kSchemaWithReason = 3;
// Of a message whose customer's share does not weigh 1; likewise.
constexpr std::uint64_t kSchemaWithWeight = 3;
constexpr std::size_t kPiecesMax = 1U << 16;
constexpr auto kCodeMax = std::numeric_limits<std::uint16_t>::max();
constexpr auto kTriesMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kTextLengthBytesMax = 10;
constexpr std::uint64_t kSizeMax = std::numeric_limits<std::uint64_t>::max() - 1;  // that a client can declare
// Of a recipient's status without its words, and so of any status without words.
constexpr std::size_t kBareStatusBytesMax = 1 + 1 + 3 + 2 + 3 + 3 + 1 + 1 + 10 + 5 + 10;
static_assert(smtp::kRecipientsMaxCeiling * kBareStatusBytesMax < kMetaBytesMax / 4);
// Of everything else in a bare status: schema, held, due, tries, two counts.
constexpr std::size_t kBareHeadBytesMax = 1 + 1 + 10 + 5 + 3 + 1;
// Of the brief form.
constexpr std::size_t kBriefWordsBytesMax = 64;
constexpr std::size_t kBriefAttempts = 4;

// Dates are written as they are: before 1970 there was no mail of ours.
std::uint64_t unsigned_of(WallMillis time) { return static_cast<std::uint64_t>(std::max<WallMillis>(time, 0)); }
WallMillis time_of(ByteReader& in) {
  return static_cast<WallMillis>(in.number(std::numeric_limits<WallMillis>::max()));
}

std::uint64_t bits_of(const smtp::Notify& notify) {
  return (notify.never ? 1U : 0U) | (notify.success ? 2U : 0U) | (notify.failure ? 4U : 0U) | (notify.delay ? 8U : 0U);
}
smtp::Notify notify_of(std::uint64_t bits) {
  return {.never = (bits & 1) != 0, .success = (bits & 2) != 0, .failure = (bits & 4) != 0, .delay = (bits & 8) != 0};
}

void write_envelope(ByteWriter& out, const Envelope& envelope) {
  out.text(envelope.reverse_path);
  out.number(static_cast<std::uint64_t>(envelope.body));
  const message::ContentFacts& content = envelope.content;
  out.number((envelope.smtputf8 ? 1U : 0U) | (content.header_eight_bit ? 2U : 0U) | (content.eight_bit ? 4U : 0U) |
             (content.whole ? 8U : 0U));
  out.number(envelope.size ? std::min(*envelope.size, kSizeMax) + 1 : 0);
  out.number(static_cast<std::uint64_t>(envelope.ret));
  out.text(envelope.envid);
  out.number(envelope.recipients.size());
  for (const Recipient& recipient : envelope.recipients) {
    out.text(recipient.forward_path);
    out.number(bits_of(recipient.notify));
    out.text(recipient.orcpt);
  }
}

void read_envelope(ByteReader& in, Envelope& envelope) {
  envelope.reverse_path = in.text();
  envelope.body = in.choice(smtp::Body::eight_bit_mime);
  const std::uint64_t bits = in.number(15);
  envelope.smtputf8 = (bits & 1) != 0;
  envelope.content = {.header_eight_bit = (bits & 2) != 0, .eight_bit = (bits & 4) != 0, .whole = (bits & 8) != 0};
  if (const std::uint64_t size = in.number(); size != 0) envelope.size = size - 1;
  envelope.ret = in.choice(smtp::Ret::headers);
  envelope.envid = in.text();
  const std::uint64_t count = in.number(smtp::kRecipientsMaxCeiling);
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    Recipient recipient;
    recipient.forward_path = in.text();
    recipient.notify = notify_of(in.number(15));
    recipient.orcpt = in.text();
    envelope.recipients.push_back(std::move(recipient));
  }
}

void write_location(ByteWriter& out, const Location& location) {
  out.number(location.segment);
  out.number(location.offset);
  out.number(location.payload);
}

Location read_location(ByteReader& in) {
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  Location location;
  location.segment = static_cast<std::uint32_t>(in.number(kMost));
  location.offset = static_cast<std::uint32_t>(in.number(kMost));
  location.payload = static_cast<std::uint32_t>(in.number(kPayloadBytesMax));
  return location;
}

void write_status(ByteWriter& out, const DeliveryStatus& status, std::size_t words_max, std::size_t attempts_max) {
  const auto words = [&](const std::string& text) { return std::string_view(text).substr(0, words_max); };
  const std::string_view reason = status.held ? words(status.hold_reason) : std::string_view();
  out.number(reason.empty() ? kSchema : kSchemaWithReason);
  out.number(status.held ? 1 : 0);
  out.number(unsigned_of(status.due));
  out.number(status.tries);
  out.number(status.recipients.size());
  for (const RecipientStatus& recipient : status.recipients) {
    out.number(static_cast<std::uint64_t>(recipient.fate));
    out.number((recipient.delay_reported ? 1U : 0U) | (recipient.reported ? 2U : 0U) |
               (recipient.passed_on_dsn ? 4U : 0U));
    out.number(recipient.code);
    out.number(recipient.enhanced.cls);
    out.number(recipient.enhanced.subject);
    out.number(recipient.enhanced.detail);
    out.text(words(recipient.text));
    out.text(words(recipient.next_hop));
    out.number(unsigned_of(recipient.at));
    out.number(recipient.tries);
    out.number(unsigned_of(recipient.due));
  }
  const std::size_t attempts = std::min(status.attempts.size(), attempts_max);
  out.number(attempts);
  for (const Attempt& attempt : std::span(status.attempts).last(attempts)) {
    out.number(unsigned_of(attempt.at));
    out.text(words(attempt.next_hop));
    out.text(words(attempt.tls));
    out.number(attempt.recipients);
    out.number(attempt.taken);
    out.number(attempt.code);
    out.text(words(attempt.text));
  }
  if (!reason.empty()) out.text(reason);
}

RecipientStatus read_recipient_status(ByteReader& in, std::uint64_t schema) {
  RecipientStatus recipient;
  recipient.fate = in.choice(message::Fate::removed);
  const std::uint64_t flags = in.number(7);
  recipient.delay_reported = (flags & 1) != 0;
  recipient.reported = (flags & 2) != 0;
  recipient.passed_on_dsn = (flags & 4) != 0;
  recipient.code = static_cast<std::uint16_t>(in.number(kCodeMax));
  recipient.enhanced.cls = static_cast<std::uint8_t>(in.number(std::numeric_limits<std::uint8_t>::max()));
  recipient.enhanced.subject = static_cast<std::uint16_t>(in.number(kCodeMax));
  recipient.enhanced.detail = static_cast<std::uint16_t>(in.number(kCodeMax));
  recipient.text = in.text();
  recipient.next_hop = in.text();
  recipient.at = time_of(in);
  if (schema < 2) {
    // How often was not written down: the curve begins anew for a recipient that was tried.
    recipient.tries = recipient.at == 0 ? 0 : 1;
    return recipient;
  }
  recipient.tries = static_cast<std::uint32_t>(in.number(kTriesMax));
  recipient.due = time_of(in);
  return recipient;
}

void read_status(ByteReader& in, std::uint64_t schema, DeliveryStatus& status) {
  status.held = in.number(1) != 0;
  status.due = time_of(in);
  status.tries = static_cast<std::uint32_t>(in.number(kTriesMax));
  const std::uint64_t recipients = in.number(smtp::kRecipientsMaxCeiling);
  for (std::uint64_t i = 0; i < recipients && !in.failed(); ++i)
    status.recipients.push_back(read_recipient_status(in, schema));
  if (schema < 2)
    for (RecipientStatus& recipient : status.recipients) recipient.due = status.due;
  const std::uint64_t attempts = in.number(message::kAttemptsKept);
  for (std::uint64_t i = 0; i < attempts && !in.failed(); ++i) {
    Attempt attempt;
    attempt.at = time_of(in);
    attempt.next_hop = in.text();
    attempt.tls = in.text();
    attempt.recipients = static_cast<std::uint16_t>(in.number(kCodeMax));
    attempt.taken = static_cast<std::uint16_t>(in.number(kCodeMax));
    attempt.code = static_cast<std::uint16_t>(in.number(kCodeMax));
    attempt.text = in.text();
    status.attempts.push_back(std::move(attempt));
  }
  if (schema >= kSchemaWithReason) status.hold_reason = in.text();
}

}  // namespace

std::string encode_status(const DeliveryStatus& status, StatusForm form) {
  CHECK(status.recipients.size() <= smtp::kRecipientsMaxCeiling);
  const std::size_t attempts_max = form == StatusForm::whole   ? message::kAttemptsKept
                                   : form == StatusForm::brief ? kBriefAttempts
                                                               : 0;
  std::string payload;
  for (const std::size_t words_max : {message::kWordsBytesMax, kBriefWordsBytesMax, std::size_t{0}}) {
    if (form == StatusForm::brief && words_max > kBriefWordsBytesMax) continue;
    if (form == StatusForm::bare && words_max > 0) continue;
    payload.clear();
    ByteWriter out(payload);
    write_status(out, status, words_max, attempts_max);
    if (payload.size() <= kMetaBytesMax / 2) break;
  }
  CHECK(payload.size() <= kMetaBytesMax / 2);
  CHECK(form != StatusForm::bare || payload.size() <= bare_status_bytes_max(status.recipients.size()));
  return payload;
}

std::uint32_t bare_status_bytes_max(std::size_t recipients) {
  return static_cast<std::uint32_t>(kBareHeadBytesMax + recipients * kBareStatusBytesMax);
}

std::optional<DeliveryStatus> decode_status(std::string_view payload) {
  ByteReader in(payload);
  const std::uint64_t schema = in.number(kSchemaWithReason);
  if (schema < kSchemaOldest) return std::nullopt;
  DeliveryStatus status;
  read_status(in, schema, status);
  if (in.failed()) return std::nullopt;
  return status;
}

std::string encode_message(const Stored& stored, const DeliveryStatus& status) {
  CHECK(status.recipients.size() == stored.envelope.recipients.size());
  if (stored.envelope.recipients.size() > smtp::kRecipientsMaxCeiling || stored.pieces.size() > kPiecesMax) return {};
  std::string payload;
  ByteWriter out(payload);
  const bool weighs = stored.submitter.weight != 1;
  out.number(weighs ? kSchemaWithWeight : kSchema);
  out.number(unsigned_of(stored.arrived));
  out.number(static_cast<std::uint64_t>(stored.form));
  const message::Submitter& from = stored.submitter;
  for (const std::string* part : {&from.customer, &from.account, &from.address, &from.helo, &from.protocol})
    out.text(*part);
  write_envelope(out, stored.envelope);
  out.text(stored.envelope.message_id);
  if (weighs) out.number(from.weight);
  out.number(stored.content_bytes);
  out.number(stored.pieces.size());
  for (const Location& piece : stored.pieces) write_location(out, piece);
  if (payload.size() > kMetaBytesMax / 2 - kTextLengthBytesMax) return {};
  out.text(encode_status(status));
  return payload;
}

std::optional<DecodedMessage> decode_message(QueueId id, std::string_view payload) {
  return decode_message_head(id, payload, payload.size());
}

std::optional<DecodedMessage> decode_message_head(QueueId id, std::string_view first, std::size_t payload_bytes) {
  CHECK(first.size() <= payload_bytes);
  ByteReader in(first);
  const std::uint64_t schema = in.number(kSchemaWithWeight);
  if (schema < kSchemaOldest) return std::nullopt;
  DecodedMessage decoded;
  Stored& stored = decoded.stored;
  stored.arrived = time_of(in);
  stored.form = in.choice(message::BodyForm::literal);
  message::Submitter& from = stored.submitter;
  for (std::string* part : {&from.customer, &from.account, &from.address, &from.helo, &from.protocol})
    *part = in.text();
  stored.envelope.id = message::queue_id_text(id);
  read_envelope(in, stored.envelope);
  if (schema >= 2) stored.envelope.message_id = in.text();
  if (schema >= kSchemaWithWeight) from.weight = static_cast<ShareWeight>(in.number(kShareWeightMax));
  if (from.weight == 0) return std::nullopt;
  stored.content_bytes = in.number();
  const std::uint64_t pieces = in.number(kPiecesMax);
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < pieces && !in.failed(); ++i) {
    stored.pieces.push_back(read_location(in));
    bytes += stored.pieces.back().payload;
  }
  auto status = decode_status(in.text());
  if (in.failed() || !status || status->recipients.size() != stored.envelope.recipients.size()) return std::nullopt;
  decoded.status = *std::move(status);
  decoded.content = in.rest();
  const std::size_t missing = payload_bytes - first.size();
  if (bytes + decoded.content.size() + missing != stored.content_bytes) return std::nullopt;
  return decoded;
}

}  // namespace sluice::spool
