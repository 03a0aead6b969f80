// Who has asked for something on the control socket, and the events about what operators do: who, when, why.
// That core's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/control/containment_request.h"
#include "engine/control/queue_request.h"
#include "engine/control/queue_status.h"
#include "engine/control/sessions_request.h"
#include "engine/event/dispatcher.h"

namespace sluice::server {

// The process at the other end, as the kernel knows it.
struct Actor {
  std::optional<std::uint32_t> uid;                              // absent: the kernel did not tell
  std::string name;                                              // of that user; empty: it has none
  [[nodiscard]] std::string text() const;                        // "root", "uid 1007" or "unknown user"
  [[nodiscard]] std::optional<std::uint64_t> uid_value() const;  // as events have it
};

void emit_containment(event::Emitter& events, const control::ContainmentRequest& request, const Actor& actor,
                      const control::Containment& done);
// Of a request that changes the queue.
void emit_queue_order(event::Emitter& events, const control::QueueRequest& request, const Actor& actor,
                      std::uint64_t messages);
// Before the content of a message is shown.
void emit_message_shown(event::Emitter& events, const control::QueueRow& message, std::string_view reason,
                        const Actor& actor);
void emit_sessions_ended(event::Emitter& events, const control::SessionsRequest& request, const Actor& actor,
                         std::uint64_t sessions);
void emit_account_lifted(event::Emitter& events, std::string_view account, const Actor& actor);

}  // namespace sluice::server
