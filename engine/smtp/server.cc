#include "engine/smtp/server.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/base64.h"

namespace sluice::smtp {
namespace {

// What follows such a line are bytes, not commands.  Once it cannot be read, nothing tells the
// two apart.
bool may_lose_step(std::string_view line) { return starts_with_ignore_case(line, "BDAT"); }

bool begins_with_verb(std::string_view line, std::string_view verb) {
  return starts_with_ignore_case(line, verb) && line.size() > verb.size() && is_blank(line[verb.size()]);
}

bool is_plain_text(std::string_view text) { return is_clean_utf8(text) && std::ranges::none_of(text, is_control); }

}  // namespace

const char* profile_fault(const ServerProfile& profile) {
  if (!is_hello_name(profile.hostname)) return "hostname is not a host name";
  if (!is_plain_text(profile.banner) || profile.banner.size() > kDomainBytesMax) return "banner";
  if (!is_plain_text(profile.policy_url) || profile.policy_url.size() > kDomainBytesMax) return "policy_url";
  if (profile.extensions.smtputf8 && !profile.extensions.eight_bit_mime)
    return "SMTPUTF8 needs 8BITMIME (RFC 6531 3.1)";
  if (profile.message_bytes_max < kMessageBytesMin) return "message_bytes_max is under 64 KiB (RFC 5321 4.5.3.1.7)";
  if (profile.recipients_max < 1 || profile.recipients_max > kRecipientsMaxCeiling) return "recipients_max";
  if (profile.chunk_discard_bytes_max >= kSizeSaturated) return "chunk_discard_bytes_max";
  if (profile.message_bytes_max >= kSizeSaturated) return "message_bytes_max";
  if (profile.recipients_outstanding_max < 1) return "recipients_outstanding_max";
  if (profile.errors_max < 1 || profile.auth_failures_max < 1) return "errors_max or auth_failures_max";
  for (const std::string& mechanism : profile.mechanisms) {
    AuthCommand command;
    if (parse_auth(mechanism, command) != nullptr || command.mechanism.size() != mechanism.size()) return "mechanisms";
  }
  return nullptr;
}

ServerMachine::ServerMachine(const ServerProfile& profile, bool tls, RefusalObserver* observer)
    : profile_(&profile),
      observer_(observer),
      hostname_(profile.hostname),
      policy_url_(profile.policy_url),
      tls_(tls) {}

void ServerMachine::set_host(std::string_view hostname, std::string_view policy_url) {
  CHECK(is_hello_name(hostname) && is_plain_text(policy_url) && policy_url.size() <= kDomainBytesMax);
  hostname_ = hostname;
  if (!policy_url.empty()) policy_url_ = policy_url;
}

ServerMachine::~ServerMachine() { wipe(auth_response_); }

void ServerMachine::greet(ReplyWriter& out) {
  CHECK(state_ == ServerState::fresh);
  // RFC 5321 4.2: the greeting's first word is the server's domain.
  std::string text(hostname_);
  if (!profile_->banner.empty()) text.append(" ").append(profile_->banner);
  out.write_plain(220, text);
  state_ = ServerState::greeted;
}

void ServerMachine::refuse(const Reply& reply, ReplyWriter& out) {
  CHECK(state_ == ServerState::fresh);
  CHECK(reply.transient() || reply.permanent());
  out.write_plain(reply.code(), reply.text());
  state_ = ServerState::closed;
}

void ServerMachine::close(const StandardReply& reply, ReplyWriter& out) {
  CHECK(reply.code >= 400);
  if (state_ == ServerState::closed) return;
  closed_with_ = &reply;
  if (state_ == ServerState::fresh) {
    out.write_plain(reply.code, reply.text);
  } else {
    out.write(reply);
  }
  end_transaction();
  asked_ = Asked::nothing;
  state_ = ServerState::closed;
  wipe(auth_response_);
}

// ----------------------------------------------------------------------------------------- lines

Step ServerMachine::step(std::string_view bytes, ReplyWriter& out) {
  if (state_ == ServerState::closed) return {bytes.size(), Event::close};
  CHECK(asked_ == Asked::nothing);
  CHECK(state_ != ServerState::fresh && state_ != ServerState::content && state_ != ServerState::tls);
  if (swallowing_) return swallow(bytes, out);

  const bool auth_line = state_ == ServerState::auth || begins_with_verb(bytes, "AUTH");
  const std::size_t line_max = auth_line ? kAuthLineBytesMax : kCommandLineBytesMax;
  const LineFind found = find_line(bytes.substr(0, line_max));
  if (outstanding_ > 0) {
    const bool may_follow = found.status == LineStatus::line && begins_with_verb(bytes, "RCPT") &&
                            outstanding_ < profile_->recipients_outstanding_max;
    if (!may_follow) return {0, Event::need_answers};
  }
  switch (found.status) {
    case LineStatus::partial:
      return bytes.size() < line_max ? Step{0, Event::need_more} : too_long(bytes, line_max, out);
    case LineStatus::line: {
      const Input input{bytes, found.end};
      const std::string_view line = bytes.substr(0, found.size);
      if (state_ == ServerState::auth) return on_auth_line(line, input, out);
      return on_command(parse_command(line), input, out);
    }
    case LineStatus::unclean:
    case LineStatus::bare_cr:
    case LineStatus::bare_lf:
      break;
  }
  return on_unwanted_bytes(found.status, {bytes, found.end}, out);
}

// RFC 5321 4.5.3.1.9: "500 Line too long".  The rest of the line is thrown away: it is no
// command.
Step ServerMachine::too_long(std::string_view bytes, std::size_t line_max, ReplyWriter& out) {
  const bool was_auth = state_ == ServerState::auth;
  // A CR may be half of the line's end.
  const Input input{bytes, line_max - (bytes[line_max - 1] == '\r' ? 1 : 0)};
  if (may_lose_step(bytes) && !was_auth) {
    return close_after(replies::kLineTooLong, replies::kOutOfStep, input, out);
  }
  swallowing_ = true;
  swallowed_ = 0;
  if (was_auth) state_ = ServerState::ready;
  const Step step = refuse_command(replies::kLineTooLong, input, out);
  return {step.consumed, was_auth && step.event != Event::close ? Event::auth_cancelled : step.event};
}

Step ServerMachine::swallow(std::string_view input, ReplyWriter& out) {
  const std::size_t end = input.find("\r\n");
  if (end != std::string_view::npos) {
    swallowing_ = false;
    return {end + 2, Event::replied};
  }
  const std::size_t consumed = input.size() - (input.ends_with('\r') ? 1 : 0);
  if (consumed == 0) return {0, Event::need_more};
  if (consumed > kSwallowBytesMax - swallowed_) {
    close(replies::kEndlessLine, out);
    return {input.size(), Event::close};
  }
  swallowed_ += static_cast<std::uint32_t>(consumed);
  return {consumed, Event::replied};
}

// RFC 5321 2.3.8: CR and LF "MUST NOT" stand alone.  What a bare one separates for another server in
// the chain is one line for us: going on is never safe.  Other control characters are just no
// command.
Step ServerMachine::on_unwanted_bytes(LineStatus status, const Input& input, ReplyWriter& out) {
  if (status != LineStatus::unclean) {
    return close_after(replies::kBareLineEnd, replies::kOutOfStep, input, out);
  }
  if (state_ == ServerState::auth) {
    state_ = ServerState::ready;
    const Step step = refuse_command(replies::kBadBase64, input, out);
    return {step.consumed, step.event == Event::close ? step.event : Event::auth_cancelled};
  }
  if (may_lose_step(input.bytes)) {
    return close_after(replies::kBadCharacter, replies::kOutOfStep, input, out);
  }
  return refuse_command(replies::kBadCharacter, input, out);
}

// -------------------------------------------------------------------------------------- refusing

// Null if `command` may go on.  RFC 5321 4.2.4 and 4.3.2 say which of 500, 501, 502 and 503 is due.
const StandardReply* ServerMachine::refusal(const CommandSpec& spec, const Command& command) const {
  const Extensions& on = profile_->extensions;
  if (spec.verb == Verb::unknown) return &replies::kUnknownCommand;
  const bool off = (spec.verb == Verb::starttls && !on.starttls && !tls_) ||
                   (spec.verb == Verb::bdat && !on.chunking) ||
                   (spec.verb == Verb::auth && (!on.auth || profile_->mechanisms.empty())) || spec.verb == Verb::expn;
  if (off) return &replies::kNotImplemented;
  if (profile_->require_tls && !tls_ && !spec.before_tls) return &replies::kTlsRequired;
  if ((spec.states & state_bit(state_)) == 0) {
    if (state_ == ServerState::greeted) return &replies::kHelloFirst;
    return state_ == ServerState::chunks ? &replies::kInChunks : spec.otherwise;
  }
  if (spec.argument == ArgumentRule::none && !command.argument.empty()) return &replies::kNoArgument;
  if (spec.argument == ArgumentRule::required && command.argument.empty()) return &replies::kMissingArgument;
  return nullptr;
}

void ServerMachine::write_refusal(const StandardReply& reply, ReplyWriter& out) {
  const bool about_policy = &reply == &replies::kTooManyRecipients || &reply == &replies::kMessageTooBig;
  std::string suffix;
  if (about_policy) suffix = policy_url_;
  const std::string id = observer_ != nullptr ? observer_->refused(reply) : std::string();
  if (!id.empty()) suffix.append(suffix.empty() ? "" : " ").append("(id ").append(id).append(")");
  out.write(reply, suffix);
}

// True if there were too many, and the session is over.
bool ServerMachine::count_error(ReplyWriter& out) {
  if (++errors_ < profile_->errors_max) return false;
  close(replies::kTooManyErrors, out);
  return true;
}

Step ServerMachine::refuse_command(const StandardReply& reply, const Input& input, ReplyWriter& out) {
  write_refusal(reply, out);
  if (count_error(out)) return {input.bytes.size(), Event::close};
  return {input.line_end, Event::replied};
}

// RFC 5321 3.8: a server closes unasked only after "returning a 421 response code"; the command's
// own reply comes before it.
Step ServerMachine::close_after(const StandardReply& reply, const StandardReply& last, const Input& input,
                                ReplyWriter& out) {
  write_refusal(reply, out);
  close(last, out);
  return {input.bytes.size(), Event::close};
}

void ServerMachine::end_transaction() {
  if (state_ == ServerState::transaction || state_ == ServerState::chunks || state_ == ServerState::content) {
    state_ = ServerState::ready;
  }
  smtputf8_ = false;
  recipients_ = 0;
  outstanding_ = 0;
  recipients_tried_ = 0;
  recipients_refused_ = 0;
  content_bytes_ = 0;
  command_ = std::monostate{};
}

// -------------------------------------------------------------------------------------- commands

Step ServerMachine::on_command(const Command& command, const Input& input, ReplyWriter& out) {
  if (command.verb == Verb::bdat) return on_bdat(command, input, out);
  if (command.verb == Verb::data) return on_data(command, input, out);
  const CommandSpec& spec = command_spec(command.verb);
  const StandardReply* const bad = refusal(spec, command);
  if (bad != nullptr) {
    if (outstanding_ > 0) return {0, Event::need_answers};
    return refuse_command(*bad, input, out);
  }
  if (spec.idle && ++idle_commands_ > profile_->idle_commands_max) {
    close(replies::kTooManyIdleCommands, out);
    return {input.bytes.size(), Event::close};
  }
  switch (command.verb) {
    case Verb::helo:
    case Verb::ehlo:
      return on_hello(command, input, out);
    case Verb::starttls:
      return on_starttls(input, out);
    case Verb::auth:
      return on_auth(command, input, out);
    case Verb::mail:
      return on_mail(command, input, out);
    case Verb::rcpt:
      return on_rcpt(command, input, out);
    case Verb::rset:
    case Verb::noop:
    case Verb::vrfy:
    case Verb::help:
    case Verb::quit:
      return on_simple(command, input, out);
    case Verb::data:
    case Verb::bdat:
    case Verb::expn:
    case Verb::unknown:
      break;
  }
  return refuse_command(replies::kUnknownCommand, input, out);
}

Step ServerMachine::on_simple(const Command& command, const Input& input, ReplyWriter& out) {
  if (command.verb == Verb::quit) {
    // RFC 5321 4.1.1.10: 221, then close: nothing behind QUIT is answered.
    out.write(replies::kGoodbye);
    end_transaction();
    state_ = ServerState::closed;
    return {input.bytes.size(), Event::quit};
  }
  if (command.verb == Verb::rset) {
    // RFC 5321 4.1.1.5: "the current mail transaction will be aborted"; legal before EHLO too.
    out.write(replies::kReset);
    end_transaction();
    return {input.line_end, Event::reset};
  }
  const StandardReply& reply = command.verb == Verb::vrfy   ? replies::kCannotVerify
                               : command.verb == Verb::help ? replies::kHelp
                                                            : replies::kOk;
  out.write(reply, command.verb == Verb::help ? policy_url_ : std::string_view{});
  return {input.line_end, Event::replied};
}

// RFC 5321 4.1.4: "An EHLO command MAY be issued by a client later in the session. If it is issued
// after the session begins and the EHLO command is acceptable to the SMTP server, the SMTP server
// MUST clear all buffers and reset the state exactly as if a RSET command had been issued."
Step ServerMachine::on_hello(const Command& command, const Input& input, ReplyWriter& out) {
  // A machine whose name has a blank, Latin-1 or 400 letters in it could never log in.  The login identifies the
  // client; the name only goes into the trace and the log.  Where no login is asked, it is all there is.
  if (!is_hello_name(command.argument) && !profile_->require_auth)
    return refuse_command(replies::kBadHelloName, input, out);
  end_transaction();
  hello_name_ = safe_hello_name(command.argument);
  esmtp_ = command.verb == Verb::ehlo;
  state_ = ServerState::ready;
  if (esmtp_) {
    write_capabilities(out);
  } else {
    out.write_plain(250, hostname_);
  }
  return {input.line_end, Event::hello};
}

bool ServerMachine::auth_offered() const {
  return profile_->extensions.auth && !profile_->mechanisms.empty() && !authenticated_ &&
         (tls_ || profile_->auth_without_tls);
}

// Only what is legal now.  RFC 3207 4.2: no STARTTLS once TLS is on; RFC 4954 4: no mechanism that
// would be refused for lack of encryption.
void ServerMachine::write_capabilities(ReplyWriter& out) {
  const Extensions& on = profile_->extensions;
  const auto line = [&out](std::string_view text) { out.write_plain_line(250, text, false); };
  line(hostname_);
  if (on.pipelining) line("PIPELINING");
  if (on.size) line("SIZE " + std::to_string(profile_->message_bytes_max));
  if (on.eight_bit_mime) line("8BITMIME");
  if (on.smtputf8) line("SMTPUTF8");
  if (on.chunking) line("CHUNKING");
  if (on.dsn) line("DSN");
  if (on.limits) line("LIMITS RCPTMAX=" + std::to_string(recipients_max()));
  if (on.starttls && !tls_) line("STARTTLS");
  if (auth_offered()) {
    std::string text = "AUTH";
    for (std::size_t i = 0; i < profile_->mechanisms.size(); ++i)
      if (!withheld(i)) text.append(" ").append(profile_->mechanisms[i]);
    if (text.find(' ') != std::string::npos) line(text);
  }
  out.write_plain_line(250, "ENHANCEDSTATUSCODES", true);
}

// RFC 3207 4: 220 and then TLS, or 501 where there are parameters (refusal()).
Step ServerMachine::on_starttls(const Input& input, ReplyWriter& out) {
  if (tls_) return refuse_command(replies::kAlreadyTls, input, out);
  if (!esmtp_) return refuse_command(replies::kHelloFirst, input, out);
  out.write(replies::kReadyForTls);
  state_ = ServerState::tls;
  // RFC 3207 6 and CVE-2011-0411: what came in plain behind STARTTLS may be an attacker's; none of
  // it is ever a command.
  dropped_at_starttls_ = static_cast<std::uint32_t>(input.bytes.size() - input.line_end);
  return {input.bytes.size(), Event::start_tls};
}

void ServerMachine::tls_started() {
  CHECK(state_ == ServerState::tls);
  end_transaction();
  state_ = ServerState::greeted;
  hello_name_.clear();
  esmtp_ = false;
  authenticated_ = false;
  own_recipients_max_ = 0;
  tls_ = true;
}

void ServerMachine::set_recipients_max(std::uint32_t recipients_max) {
  CHECK(state_ != ServerState::transaction && recipients_max >= 1 && recipients_max <= kRecipientsMaxCeiling);
  own_recipients_max_ = recipients_max;
}

}  // namespace sluice::smtp
