#include "engine/relay/active_messages.h"

namespace sluice::relay {

void ActiveMessages::keep_body(spool::QueueId id, const dkim::BodyDigests& body) {
  const std::string key = message::queue_id_text(id);
  if (bodies_.find(key) != nullptr) return;
  bodies_.make_room(kBodiesMax);
  bodies_.insert(key, body);
}

// Its last lease is gone.
void ActiveMessages::close(ActiveMessage& message) {
  const spool::QueueId id = message.id_;
  if (message.finished) {
    bodies_.erase(message::queue_id_text(id));
  } else if (const auto& body = message.signatures_.body()) {
    keep_body(id, *body);
  }
  messages_.erase(id);
}

Task<std::optional<ActiveMessages::Lease>> ActiveMessages::open(spool::QueueId id) {
  std::unique_ptr<ActiveMessage>& place = messages_[id];
  const bool first = place == nullptr;
  if (first) {
    place.reset(new ActiveMessage(id));
    if (const dkim::BodyDigests* const body = bodies_.find(message::queue_id_text(id)))
      place->signatures_.set_body(*body);
  }
  ActiveMessage& message = *place;  // `place` does not survive the waits
  Lease lease(*this, message);
  if (first) {
    auto read = co_await spool_.read(id);
    std::string fault;
    message.read_ = true;
    if (read)
      message.message_.emplace(*std::move(read));
    else
      fault = std::move(read.error());
    for (AsyncEvent* event : std::exchange(message.waiting_, {})) event->set();
    if (!message.message_ && spool_.has(id)) co_await quarantine_(message, std::move(fault));
  } else if (!message.read_) {
    AsyncEvent event;
    message.waiting_.push_back(&event);
    co_await event.wait("the message to be read");
  }
  if (!message.message_ || message.finished) co_return std::nullopt;
  co_return lease;
}

}  // namespace sluice::relay
