#include "engine/relay/active_messages.h"

namespace sluice::relay {

Task<std::optional<ActiveMessages::Lease>> ActiveMessages::open(spool::QueueId id) {
  std::unique_ptr<ActiveMessage>& place = messages_[id];
  const bool first = place == nullptr;
  if (first) place.reset(new ActiveMessage(id));
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
