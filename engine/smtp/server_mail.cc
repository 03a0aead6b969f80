// The mail transaction in the server's dialog: MAIL, RCPT, DATA (RFC 5321 3.3) and BDAT (RFC 3030
// 2).
#include "engine/base/check.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/server.h"

namespace sluice::smtp {

Step ServerMachine::on_mail(const Command& command, const Input& input, ReplyWriter& out) {
  // RFC 6409 4.3: by default MAIL is refused in a session that has not been authenticated.
  if (profile_->require_auth && !authenticated_) return refuse_command(replies::kAuthRequired, input, out);
  MailCommand given;
  const StandardReply* bad = parse_mail(command.argument, esmtp_ ? &profile_->extensions : nullptr, given);
  // RFC 1870 6.1: 552 when the size stated is over the fixed maximum.
  if (bad == nullptr && given.parameters.size.value_or(0) > profile_->message_bytes_max) {
    bad = &replies::kMessageTooBig;
  }
  if (bad != nullptr) return refuse_command(*bad, input, out);
  command_ = given;
  asked_ = Asked::mail;
  return {input.line_end, Event::mail};
}

void ServerMachine::answer_mail(const Reply& reply, ReplyWriter& out) {
  if (closing()) return;
  CHECK(asked_ == Asked::mail);
  CHECK(reply.reply_class() != ReplyClass::intermediate);
  const bool smtputf8 = mail().parameters.smtputf8;
  asked_ = Asked::nothing;
  end_transaction();
  smtputf8_ = smtputf8;
  out.write(reply, {}, charset());
  if (reply.positive()) {
    state_ = ServerState::transaction;
  } else {
    smtputf8_ = false;
    count_error(out);
  }
}

Step ServerMachine::on_rcpt(const Command& command, const Input& input, ReplyWriter& out) {
  RecipientCommand given;
  const StandardReply* bad = parse_rcpt(command.argument, esmtp_ ? &profile_->extensions : nullptr, smtputf8_, given);
  // Replies go out in the order of the commands: this one must wait for those before it (RFC
  // 2920 3.2).
  given.surplus = recipients_ + outstanding_ >= recipients_max();
  if ((bad != nullptr || given.surplus) && outstanding_ > 0) return {0, Event::need_answers};
  if (bad != nullptr) {
    ++recipients_tried_;
    return refuse_command(*bad, input, out);
  }
  command_ = given;
  ++outstanding_;
  return {input.line_end, Event::recipient};
}

void ServerMachine::count_refused_recipient(ReplyWriter& out) {
  if (++recipients_refused_ > profile_->recipients_refused_max) close(replies::kTooManyRefusedRecipients, out);
}

void ServerMachine::answer_recipient(const Reply& reply, ReplyWriter& out) {
  if (closing()) return;
  CHECK(outstanding_ > 0 && state_ == ServerState::transaction);
  CHECK(reply.reply_class() != ReplyClass::intermediate);
  CHECK(recipients_ < recipients_max());
  --outstanding_;
  ++recipients_tried_;
  out.write(reply, {}, charset());
  if (reply.positive()) {
    ++recipients_;
  } else {
    count_refused_recipient(out);
  }
}

void ServerMachine::answer_duplicate_recipient(const Reply& reply, ReplyWriter& out) {
  if (closing()) return;
  CHECK(outstanding_ > 0 && state_ == ServerState::transaction);
  CHECK(reply.reply_class() != ReplyClass::intermediate);
  --outstanding_;
  ++recipients_tried_;
  out.write(reply, {}, charset());
  // Nothing else bounds them.
  count_refused_recipient(out);
}

// RFC 5321 4.5.3.1.10: 452 for the recipients over the limit; the client "SHOULD" send to them separately.  RFC 9422 4:
// what LIMITS states is enforced.
void ServerMachine::answer_surplus_recipient(ReplyWriter& out) {
  if (closing()) return;
  CHECK(outstanding_ > 0 && state_ == ServerState::transaction);
  --outstanding_;
  write_refusal(replies::kTooManyRecipients, out);
  count_refused_recipient(out);
}

// RFC 5321 3.3: "If there was no MAIL, or no RCPT, command, or all such commands were rejected,
// the server MAY return a 'command out of sequence' (503) or 'no valid recipients' (554) reply in
// response to the DATA command."
const StandardReply* ServerMachine::no_recipients() const {
  if (recipients_ > 0) return nullptr;
  return recipients_tried_ > 0 || recipients_refused_ > 0 ? &replies::kNoValidRecipients : &replies::kRcptFirst;
}

Step ServerMachine::on_data(const Command& command, const Input& input, ReplyWriter& out) {
  const StandardReply* bad = refusal(command_spec(Verb::data), command);
  if (bad == nullptr) bad = no_recipients();
  // RFC 2920 3.1: DATA "can only appear as the last command in a group".  What is behind it is
  // content that did not wait for 354; if 354 does not come, it must not be read as commands.
  early_content_ = input.more_behind();
  if (bad != nullptr) {
    return early_content_ ? close_after(*bad, replies::kOutOfStep, input, out) : refuse_command(*bad, input, out);
  }
  asked_ = Asked::data;
  return {input.line_end, Event::data};
}

void ServerMachine::answer_data(const Reply& reply, ReplyWriter& out) {
  if (closing()) return;
  CHECK(asked_ == Asked::data);
  CHECK(!reply.positive());
  out.write(reply, {}, charset());
  if (reply.reply_class() == ReplyClass::intermediate) {
    asked_ = Asked::message;
    state_ = ServerState::content;
    return;
  }
  asked_ = Asked::nothing;
  end_transaction();
  if (early_content_) close(replies::kOutOfStep, out);
}

void ServerMachine::answer_message(const Reply& reply, ReplyWriter& out) {
  if (closing()) return;
  CHECK(asked_ == Asked::message);
  CHECK(reply.reply_class() != ReplyClass::intermediate);
  asked_ = Asked::nothing;
  out.write(reply, {}, charset());
  end_transaction();
  if (!reply.positive()) return;
  errors_ = 0;
  idle_commands_ = 0;
}

// RFC 3030 2.  Whatever is wrong, the bytes behind the command are content: they are counted off,
// never read as commands.
Step ServerMachine::on_bdat(const Command& command, const Input& input, ReplyWriter& out) {
  ChunkCommand given;
  const StandardReply* bad = parse_bdat(command.argument, given);
  if (bad != nullptr) return close_after(*bad, replies::kOutOfStep, input, out);
  bad = refusal(command_spec(Verb::bdat), command);
  if (bad == nullptr) bad = no_recipients();
  if (bad == nullptr && given.size > profile_->message_bytes_max - content_bytes_) bad = &replies::kMessageTooBig;
  command_ = given;
  if (bad != nullptr) return discard_chunk(*bad, input, out);
  state_ = ServerState::chunks;
  content_bytes_ += given.size;
  asked_ = given.last ? Asked::message : Asked::chunk;
  return {input.line_end, Event::chunk};
}

// RFC 3030 2: "If a failure occurs after a BDAT command is received, the receiver-SMTP MUST accept
// and discard the associated message data before sending the appropriate 5XX or 4XX code."
Step ServerMachine::discard_chunk(const StandardReply& reply, const Input& input, ReplyWriter& out) {
  auto& given = std::get<ChunkCommand>(command_);
  if (given.size > profile_->chunk_discard_bytes_max) return close_after(reply, replies::kOutOfStep, input, out);
  given.discard = true;
  discard_reply_ = &reply;
  asked_ = Asked::discard;
  return {input.line_end, Event::chunk};
}

void ServerMachine::chunk_discarded(ReplyWriter& out) {
  if (closing()) return;
  CHECK(asked_ == Asked::discard && discard_reply_ != nullptr);
  asked_ = Asked::nothing;
  write_refusal(*discard_reply_, out);
  // RFC 3030 2: "the transaction should be considered failed".
  if (state_ == ServerState::chunks || discard_reply_ == &replies::kMessageTooBig) end_transaction();
  // Chunks that were in the pipeline behind a failed one are no errors, but not without end either.
  if (++idle_commands_ > profile_->idle_commands_max) close(replies::kTooManyIdleCommands, out);
}

void ServerMachine::answer_chunk(const Reply& reply, ReplyWriter& out) {
  if (closing()) return;
  CHECK(asked_ == Asked::chunk);
  CHECK(reply.reply_class() != ReplyClass::intermediate);
  asked_ = Asked::nothing;
  out.write(reply, {}, charset());
  if (!reply.positive()) end_transaction();
}

}  // namespace sluice::smtp
