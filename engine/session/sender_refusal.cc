#include "engine/session/sender_refusal.h"

#include <string>
#include <utility>

#include "engine/base/check.h"

namespace sluice::session {

std::string with_policy_url(std::string text, std::string_view policy_url) {
  if (!policy_url.empty()) text.append("; see ").append(policy_url);
  return text;
}

smtp::Reply sender_refusal(const policy::SenderDecision& decision, std::string_view policy_url) {
  CHECK(!decision.allowed());
  // RFC 3463 3.8, X.7.1: "the sender is not authorized to send to the destination".
  smtp::Reply reply(550, {5, 7, 1}, with_policy_url(decision.reason, policy_url));
  reply.set_name(policy::verdict_name(decision.verdict));
  return reply;
}

policy::SenderDecision no_author(message::AuthorFault fault, std::string_view id) {
  std::string reason = "The From field must name one author of yours: ";
  reason.append(message::author_fault_text(fault)).append(" (").append(id).append(")");
  return {.verdict = policy::SenderVerdict::no_author, .reason = std::move(reason)};
}

smtp::Reply malformed_header(message::HeaderFault fault) {
  smtp::Reply reply(550, {5, 6, 0}, "Malformed header: " + std::string(message::header_fault_text(fault)));
  reply.set_name("malformed_header");
  return reply;
}

}  // namespace sluice::session
