// Writes what sessions and the queue report into the log.  One per core; never blocks (engine/io/log.h).
#pragma once

#include "engine/io/log.h"
#include "engine/relay/queue.h"
#include "engine/session/services.h"

namespace sluice::core {

class LogObserver final : public session::Observer, public relay::QueueObserver {
 public:
  explicit LogObserver(io::Log& log) : log_(log) {}

  void message(const session::MessageRecord& record) override;
  void login(std::string_view listener, const io::Address& client, std::string_view name,
             session::AuthResult result, std::string_view reason) override;
  void ended(std::string_view listener, const io::Address& client, std::string_view why) override;
  void delivery(const relay::DeliveryRecord& record) override;
  void event(std::string_view id, std::string_view what, std::string_view detail) override;

 private:
  io::Log& log_;
};

}  // namespace sluice::core
