#include "engine/relay/spool_writer.h"

#include <utility>

namespace sluice::relay {
namespace {

spool::QueueId id_of(const message::Envelope& envelope) {
  const auto id = message::parse_queue_id(envelope.id);
  CHECK(id.has_value());
  return *id;
}

}  // namespace

SpoolWriter::SpoolWriter(spool::Spool& spool, Queue& queue, message::Submitter submitter,
                         const message::Envelope& envelope, message::BodyForm form,
                         const std::optional<signing::HashedBody>& body)
    : queue_(queue),
      submitter_(std::move(submitter)),
      envelope_(envelope),
      form_(form),
      body_(body),
      id_(id_of(envelope)),
      draft_(spool, id_, message::share_of(submitter_)) {}

Task<MessageWriter::Result> SpoolWriter::commit(message::DeliveryStatus status) {
  const spool::Stored stored{.envelope = envelope_,
                             .submitter = submitter_,
                             .form = form_,
                             .arrived = queue_.wall(),
                             .content_bytes = draft_.bytes(),
                             .pieces = {}};
  // A recipient that the next hop was asked about waits for its first retry; one that is over a limit of the next
  // hop's, and one whose fate is decided, do not.
  const WallMillis later = queue_.first_retry();
  for (message::RecipientStatus& recipient : status.recipients)
    if (recipient.fate == message::Fate::waiting && recipient.tries > 0) recipient.due = later;
  status.update_due();
  if (Result kept = co_await draft_.commit(stored, status); !kept) co_return kept;
  // Of a message whose header alone is kept it is not the hash.
  if (body_ && body_->content_bytes == stored.content_bytes) queue_.keep_body(id_, body_->digests);
  queue_.add(id_, stored, status);
  co_return Result();
}

}  // namespace sluice::relay
