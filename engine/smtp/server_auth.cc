// AUTH in the server's dialog: RFC 4954.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/base64.h"
#include "engine/smtp/server.h"

namespace sluice::smtp {

Step ServerMachine::on_auth(const Command& command, const Input& input, ReplyWriter& out) {
  // RFC 4954 4: "After an AUTH command has been successfully completed, no more AUTH commands may
  // be issued in the same session. After a successful AUTH command completes, a server MUST reject
  // any further AUTH commands with a 503 reply."
  if (authenticated_) return refuse_command(replies::kAlreadyAuthenticated, input, out);
  // After HELO too: clients that have seen AUTH in an answer to EHLO once say HELO and log in.
  if (!auth_offered()) return refuse_command(replies::kAuthNeedsTls, input, out);
  AuthCommand given;
  const StandardReply* const bad = parse_auth(command.argument, given);
  if (bad != nullptr) return refuse_command(*bad, input, out);
  const auto known = std::ranges::find_if(
      profile_->mechanisms, [&given](const std::string& name) { return equals_ignore_case(name, given.mechanism); });
  // RFC 4954 4: 504 "if the requested authentication mechanism is not supported".
  if (known == profile_->mechanisms.end() || withheld(static_cast<std::size_t>(known - profile_->mechanisms.begin())))
    return refuse_command(replies::kUnknownMechanism, input, out);
  auth_initial_ = given.initial.has_value();
  if (auth_initial_) {
    // RFC 4954 4: "=" is an initial response of zero length.
    const std::string_view encoded = *given.initial == "=" ? std::string_view{} : *given.initial;
    if (encoded.size() > kAuthResponseBytesMax) return refuse_command(replies::kLineTooLong, input, out);
    if (!decode_base64(encoded, auth_response_)) return refuse_command(replies::kBadBase64, input, out);
  }
  mechanism_ = static_cast<std::uint16_t>(known - profile_->mechanisms.begin());
  asked_ = Asked::auth;
  return {input.line_end, Event::auth};
}

// RFC 4954 4: a response is base64, "*" cancels (501), and what cannot be decoded is rejected with
// 501.
Step ServerMachine::on_auth_line(std::string_view line, const Input& input, ReplyWriter& out) {
  line = without_trailing_blanks(line);
  state_ = ServerState::ready;
  const StandardReply* bad = nullptr;
  if (line == "*") {
    bad = &replies::kAuthCancelled;
  } else if (line.size() > kAuthResponseBytesMax) {
    bad = &replies::kLineTooLong;
  } else if (!decode_base64(line, auth_response_)) {
    bad = &replies::kBadBase64;
  }
  if (bad != nullptr) {
    const Step step = refuse_command(*bad, input, out);
    return {step.consumed, step.event == Event::close ? step.event : Event::auth_cancelled};
  }
  asked_ = Asked::auth;
  return {input.line_end, Event::auth_response};
}

std::string_view ServerMachine::auth_mechanism() const {
  CHECK(mechanism_ < profile_->mechanisms.size());
  return profile_->mechanisms[mechanism_];
}

void ServerMachine::answer_auth_challenge(std::string_view challenge, ReplyWriter& out) {
  if (closing()) return;
  CHECK(asked_ == Asked::auth);
  asked_ = Asked::nothing;
  wipe(auth_response_);
  auth_initial_ = false;
  out.write_challenge(challenge);
  state_ = ServerState::auth;
}

void ServerMachine::answer_auth(const Reply& reply, ReplyWriter& out) {
  if (closing()) return;
  CHECK(asked_ == Asked::auth);
  CHECK(reply.reply_class() != ReplyClass::intermediate);
  asked_ = Asked::nothing;
  wipe(auth_response_);
  auth_response_.shrink_to_fit();
  auth_initial_ = false;
  state_ = ServerState::ready;
  out.write(reply);
  if (reply.positive()) {
    authenticated_ = true;
    return;
  }
  // A back end that is down (454) is not the client's fault.
  if (reply.permanent() && ++auth_failures_ >= profile_->auth_failures_max) close(replies::kTooManyAuthFailures, out);
}

}  // namespace sluice::smtp
