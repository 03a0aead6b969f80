// What the payloads of records hold, as values, and how they are written and read: see FORMAT.md.
// Whatever the bytes are, reading ends in a value or in nothing.
// Pure.  Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/message/delivery.h"
#include "engine/message/envelope.h"
#include "engine/message/message_sink.h"
#include "engine/message/queue_id.h"
#include "engine/spool/record.h"

namespace sluice::spool {

using message::QueueId;

// A message as it was accepted; never changes.
struct Stored {
  message::Envelope envelope;  // its id is the record's
  message::Submitter submitter;
  message::BodyForm form = message::BodyForm::dot_stuffed;
  WallMillis arrived = 0;
  std::uint64_t content_bytes = 0;  // in this form, pieces and all
  std::vector<Location> pieces;     // in order; the record's own content comes behind them
};

// The payload of a message record but for the content, which follows it: at most kMetaBytesMax.  Empty: there is more
// in the envelope than can be stored.
[[nodiscard]] std::string encode_message(const Stored& stored, const message::DeliveryStatus& status);
struct DecodedMessage {
  Stored stored;
  message::DeliveryStatus status;
  std::string_view content;  // of this record
};
[[nodiscard]] std::optional<DecodedMessage> decode_message(QueueId id, std::string_view payload);
// The same of a payload of `payload_bytes` from its first bytes, as far as they go: `content` is what they have of it.
// Absent, too, where they end before the content begins.
[[nodiscard]] std::optional<DecodedMessage> decode_message_head(QueueId id, std::string_view first,
                                                                std::size_t payload_bytes);

// The payload of a status record, at most kMetaBytesMax / 2: words are cut where it would be longer.  The shorter forms
// are for a spool that is full: brief has the latest attempts and the beginning of all words, bare has none of them,
// but the fate and the codes of each recipient, and when it is tried again.
enum class StatusForm : std::uint8_t { whole, brief, bare };
[[nodiscard]] std::string encode_status(const message::DeliveryStatus& status, StatusForm form = StatusForm::whole);
// What the bare form of a status of so many recipients takes at most.
[[nodiscard]] std::uint32_t bare_status_bytes_max(std::size_t recipients);
[[nodiscard]] std::optional<message::DeliveryStatus> decode_status(std::string_view payload);

}  // namespace sluice::spool
