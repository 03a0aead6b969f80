#include "engine/server/operator_events.h"

#include <algorithm>

#include "engine/event/events.h"
#include "engine/message/queue_id.h"

namespace sluice::server {
namespace {

// "all held sender=user@example.com"
std::string filter_text(const control::QueueRequest& request) {
  std::string text = request.all ? "all" : "";
  if (request.held) text += text.empty() ? "held" : " held";
  for (const control::QueueFilter& filter : control::kQueueFilters) {
    const std::string& value = request.*filter.text;
    if (!value.empty()) text.append(text.empty() ? "" : " ").append(filter.name).append("=").append(value);
  }
  return text;
}

std::string_view verb_text(control::QueueVerb verb) {
  return std::ranges::find(control::kQueueVerbs, verb, &control::QueueVerbName::verb)->name;
}

}  // namespace

std::string Actor::text() const {
  if (!name.empty()) return name;
  return uid ? "uid " + std::to_string(*uid) : "unknown user";
}

std::optional<std::uint64_t> Actor::uid_value() const {
  return uid ? std::optional<std::uint64_t>(*uid) : std::nullopt;
}

void emit_containment(event::Emitter& events, const control::ContainmentRequest& request, const Actor& actor,
                      const control::Containment& done) {
  const std::string left = control::left_undone(done);
  events.emit(event::Containment{.step = control::verb_name(request.verb),
                                 .containment = request.id,
                                 .kind = control::kind_name(request.kind),
                                 .subject = request.subject,
                                 .actor = actor.text(),
                                 .uid = actor.uid_value(),
                                 .reason = request.reason,
                                 .sessions = done.sessions,
                                 .messages = done.messages,
                                 .under_way = done.under_way,
                                 .left = left});
}

void emit_queue_order(event::Emitter& events, const control::QueueRequest& request, const Actor& actor,
                      std::uint64_t messages) {
  const std::string filter = filter_text(request);
  const std::string who = actor.text();
  // As all other events have it, so that the trace finds them together.
  const auto id = message::parse_queue_id(request.id);
  const std::string id_text = id ? message::queue_id_text(*id) : std::string();
  events.emit(event::QueueOrder{.order = verb_text(request.verb),
                                .filter = filter,
                                .id = id_text,
                                .customer = request.customer,
                                .account = request.account,
                                .actor = who,
                                .uid = actor.uid_value(),
                                .reason = request.reason,
                                .text = request.text,
                                .status = request.status,
                                .messages = messages});
}

void emit_message_shown(event::Emitter& events, const control::QueueRow& message, std::string_view reason,
                        const Actor& actor) {
  const std::string id = message::queue_id_text(message.id);
  const std::string who = actor.text();
  events.emit(event::MessageShown{.id = id,
                                  .account = message.account,
                                  .customer = message.customer,
                                  .actor = who,
                                  .uid = actor.uid_value(),
                                  .reason = reason});
}

void emit_sessions_ended(event::Emitter& events, const control::SessionsRequest& request, const Actor& actor,
                         std::uint64_t sessions) {
  const std::string who = actor.text();
  events.emit(event::SessionsEndedByOperator{.account = request.account,
                                             .customer = request.customer,
                                             .client = request.address,
                                             .actor = who,
                                             .uid = actor.uid_value(),
                                             .sessions = sessions});
}

void emit_account_lifted(event::Emitter& events, std::string_view account, const Actor& actor) {
  const std::string who = actor.text();
  events.emit(event::AccountLifted{.account = account, .actor = who, .uid = actor.uid_value()});
}

}  // namespace sluice::server
