#include "engine/session/session.h"

#include <algorithm>
#include <utility>

#include "engine/session/sender_refusal.h"

namespace sluice::session {
namespace {

// A client that does not read its replies is not read from either.
constexpr std::size_t kUnsentRepliesMax = 64 * 1024;
// Partial lines longer than this are refused by the machine, so more never has to be contiguous.
constexpr std::size_t kLineBytesMax = smtp::kAuthLineBytesMax + 2;
// RFC 8446 5.1: the first byte of a TLS record that holds a handshake; no command begins with it.
constexpr char kTlsHandshakeRecord = 22;

}  // namespace

Session::Session(Services& services, std::shared_ptr<const ListenerRules> rules,
                 std::unique_ptr<net::Connection> connection)
    : services_(services),
      limits_(services.limits),
      rules_(std::move(rules)),
      connection_(std::move(connection)),
      pace_(rules_->data_bytes_per_s, rules_->data_timeout),
      since_(services.loop.now()),
      progressed_at_(since_) {
  connection_->set_incoming();
  ++services_.counters.sessions;
}

Session::~Session() { CHECK(transaction_ == nullptr); }

Task<void> Session::run() {
  if (co_await open() == Next::go_on) co_await talk();
  observe_end();
  co_await end_transaction(end_reason_row(*ended_).name);
  flush();
  co_await connection_->finish(rules_->reply_timeout, linger());
  co_await connection_->close();
}

// ------------------------------------------------------------------------------------------ the dialog

Task<void> Session::talk() {
  progressed_at_ = services_.loop.now();
  for (;;) {
    if (tls_in_clear()) {
      end(EndReason::tls_in_clear);
      co_return;
    }
    const smtp::Step taken = step();
    if (taken.event == smtp::Event::recipient) on_recipient();  // views hold until consumed
    // Behind the last message, in one segment with it: there is no next one.
    const bool too_late = taken.event == smtp::Event::mail && ending_;
    if (taken.event == smtp::Event::mail && !too_late) on_mail();
    line_ = {};
    connection_->input().consume(taken.consumed);
    if (too_late) {
      end(*ending_);
      co_return;
    }
    if (co_await on_event(taken.event) == Next::end) co_return;
    if (taken.event != smtp::Event::need_more) {
      progressed_at_ = services_.loop.now();
      if (!machine_->swallowing()) line_began_.reset();
    }
    if (out_.size() > 2048 && co_await flush_bounded() == Next::end) co_return;
  }
}

// Gives the machine what is contiguous, and more if a line goes on in the next extent.
smtp::Step Session::step() {
  Chain& input = connection_->input();
  mark_ = out_.size();
  secret_ = machine_->state() == smtp::ServerState::auth;
  line_ = input.front();
  smtp::Step taken = machine_->step(line_, writer_);
  if (taken.event == smtp::Event::need_more && taken.consumed == 0 && input.extents() > 1) {
    line_ = input.flatten_front(std::min(input.size(), kLineBytesMax));
    taken = machine_->step(line_, writer_);
  }
  return taken;
}

// A client that was set to TLS from the first byte on, at a port where it begins with STARTTLS.
bool Session::tls_in_clear() {
  const Chain& input = connection_->input();
  return connection_->tls() == nullptr && !machine_->swallowing() && !input.empty() &&
         connection_->input().front().front() == kTlsHandshakeRecord;
}

Task<Session::Next> Session::on_event(smtp::Event event) {
  switch (event) {
    case smtp::Event::replied:
    case smtp::Event::mail:       // dealt with in talk()
    case smtp::Event::recipient:  // likewise; answered once no further recipient follows
      co_return Next::go_on;
    case smtp::Event::need_more:
      co_return co_await need_more();
    case smtp::Event::hello:
    case smtp::Event::reset:
      co_await end_transaction(event == smtp::Event::hello ? "hello" : "rset");
      co_return Next::go_on;
    case smtp::Event::need_answers:
      co_await answer_recipients();
      co_return Next::go_on;
    case smtp::Event::data:
      co_return co_await on_data();
    case smtp::Event::chunk:
      co_return co_await on_chunk();
    case smtp::Event::start_tls:
      co_return co_await on_start_tls();
    case smtp::Event::auth:
      co_await on_auth();
      co_return Next::go_on;
    case smtp::Event::auth_response:
      co_await on_auth_response();
      co_return Next::go_on;
    case smtp::Event::auth_cancelled:
      sasl_ = nullptr;
      refusal_ = nullptr;
      forget_scram();
      co_return Next::go_on;
    case smtp::Event::close:
      end(end_reason_of(*machine_->closed_with()));
      co_return Next::end;
    case smtp::Event::quit:
      end(EndReason::quit);
      co_return Next::end;
  }
  co_return Next::end;
}

Task<Session::Next> Session::need_more() {
  if (machine_->outstanding() > 0) {
    co_await answer_recipients();
    co_return Next::go_on;
  }
  Chain& input = connection_->input();
  // What is left of a line must not pin receive buffers.
  if (!input.empty() && input.pinned() > 4 * input.size()) input.compact();
  if (end_is_due()) {
    end(*ending_);
    co_return Next::end;
  }
  const Instant now = services_.loop.now();
  if (!line_began_ && (!input.empty() || machine_->swallowing())) line_began_ = now;
  Deadline deadline = command_deadline();
  if (ending_ && end_at_ < deadline.at) deadline = {.at = end_at_, .reason = *ending_};
  const Duration left = std::max(deadline.at - now, Duration::zero());
  const std::size_t had = input.size();
  if (co_await receive(left, Wait::command, "a command", deadline.reason) == Next::end) co_return Next::end;
  // Between two chunks it is content that is waited for.
  if (in_content() && !pace_.add(services_.loop.now() - now, input.size() - had)) {
    end(EndReason::content_too_slow);
    co_return Next::end;
  }
  co_return Next::go_on;
}

// RFC 5321 4.5.3.2.7: at least 5 minutes for the next command; one that was begun has a deadline as a whole, so that a
// byte now and then does not keep a session open.
Session::Deadline Session::command_deadline() const {
  Deadline deadline{.at = later(progressed_at_, rules_->idle_timeout), .reason = EndReason::idle_timeout};
  const auto sooner = [&deadline](Instant at, EndReason reason) {
    if (at < deadline.at) deadline = {.at = at, .reason = reason};
  };
  if (!machine_->authenticated() && !is_trusted_)
    sooner(later(since_, rules_->unauthenticated_timeout), EndReason::login_timeout);
  if (line_began_) sooner(later(*line_began_, rules_->command_timeout), EndReason::command_timeout);
  return deadline;
}

void Session::set_identity(auth::IdentityRef identity) {
  identity_ = std::move(identity);
  watched_.reset();
  const bool by_class = identity_ != nullptr && rules_->classes != nullptr;
  weight_ = by_class ? rules_->classes->share_weight(*identity_) : ShareWeight{1};
  connection_->set_share(identity_ != nullptr ? customer_share(identity_->customer_name, weight_) : login_share());
  open_limits();
}

void Session::open_limits() {
  submitter_ = nullptr;
  if (limits_ == nullptr) return;
  if (identity_ != nullptr) {
    submitter_ = limits_->open(*identity_);
  } else if (is_trusted_) {
    submitter_ = limits_->open(rules_->trusted_rights);
  }
}

// A message that is coming in keeps what it has reserved from, and what watches it.
void Session::set_classes(std::shared_ptr<const policy::PolicyClasses> classes, policy::SubmissionLimits* limits,
                          bool changed) {
  limits_ = limits;
  if (changed) open_limits();
  new_classes_ = std::move(classes);
}

void Session::take_new_classes() {
  if (new_classes_ == nullptr) return;
  watched_.reset();  // before what it refers to goes
  classes_ = std::exchange(new_classes_, nullptr);
  if (identity_ != nullptr) watch_by(classes_->choose(*identity_));
}

std::optional<policy::SenderRights> Session::rights() const {
  if (identity_ != nullptr) return policy::SenderRights(*identity_);
  if (is_trusted_) return policy::SenderRights(rules_->trusted_rights);
  return std::nullopt;
}

void Session::on_mail() {
  if (transaction_ == nullptr) take_new_classes();
  const smtp::MailCommand& mail = machine_->mail();
  const auto rights = this->rights();
  // The machine asks for a login first; a profile that does not must trust the network.
  const smtp::StandardReply* refusal = rights ? services_.sinks.refusal() : &smtp::replies::kAuthRequired;
  if (refusal != nullptr) return refuse_mail(*refusal, refusal_id());
  message::Envelope envelope;
  envelope.id = services_.ids.next();
  const smtp::Mailbox& mailbox = mail.path.mailbox;
  std::optional<policy::Mailbox> sender;
  if (!mail.path.null()) sender = policy::Mailbox{mailbox.local_part, mailbox.domain};
  // Only an id that will be in the log is shown.
  const std::string_view log_id = lines_.ready(services_.loop.now()) ? envelope.id : session_id_;
  const policy::SenderDecision decision = policy::check_reverse_path(*rights, sender, log_id);
  if (!decision.allowed()) {
    ++services_.counters.senders_refused;
    smtp::Reply reply = sender_refusal(decision, machine_->policy_url());
    return refuse_mail(std::move(reply), log_id);
  }
  envelope.reverse_path = mailbox.text();
  envelope.body = mail.parameters.body;
  envelope.smtputf8 = mail.parameters.smtputf8;
  envelope.size = mail.parameters.size;
  envelope.ret = mail.parameters.ret;
  envelope.envid = mail.parameters.envid;
  message::Submitter submitter{.customer = {},
                               .account = {},
                               .address = connection_->peer().ip(),
                               .helo = std::string(machine_->hello_name()),
                               .protocol = machine_->esmtp() ? "ESMTP" : "SMTP"};
  if (identity_ != nullptr) {
    submitter.customer = identity_->customer_name;
    submitter.account = identity_->account_name;
    submitter.weight = weight_;
  }
  const tls::TlsSession* tls = connection_->tls();
  transaction_ = std::make_unique<Transaction>(
      services_, *rules_,
      Transaction::Sender{.rights = *rights, .limits = submitter_, .watched = watched_ ? &*watched_ : nullptr},
      Client{.helo = machine_->hello_name(),
             .policy_url = machine_->policy_url(),
             .address = connection_->peer(),
             .tls_version = tls != nullptr ? tls->version() : "",
             .tls_cipher = tls != nullptr ? tls->cipher() : "",
             .esmtp = machine_->esmtp(),
             .authenticated = machine_->authenticated()},
      services_.sinks.make(submitter), std::move(envelope));
  machine_->answer_mail(smtp::replies::kSenderOk, writer_);
}

void Session::refuse_mail(smtp::Reply reply, std::string_view id) {
  reply.add_id(id);
  log_refused_line(reply, id);
  machine_->answer_mail(reply, writer_);
}

void Session::on_recipient() { transaction_->add(machine_->recipient()); }

// All recipients that came in one go are asked of the sink together.
Task<void> Session::answer_recipients() {
  using Answer = Transaction::Answer;
  std::vector<Answer> answers;
  co_await transaction_->add_recipients(answers);
  CHECK(answers.size() == machine_->outstanding());
  for (Answer& answer : answers) {
    answering_ = {.command = "RCPT", .argument = answer.recipient, .detail = answer.detail};
    if (answer.kind == Answer::Kind::surplus) {
      machine_->answer_surplus_recipient(writer_);
      continue;
    }
    if (!answer.reply.positive()) {
      const std::string id = refusal_id();
      answer.reply.add_id(id);
      log_refused_line(answer.reply, id);
    }
    if (answer.kind == Answer::Kind::duplicate) {
      machine_->answer_duplicate_recipient(answer.reply, writer_);
    } else {
      machine_->answer_recipient(answer.reply, writer_);
    }
  }
  answering_ = {};
}

Task<void> Session::end_transaction(std::string_view reason) {
  chunks_.reset();
  if (transaction_ == nullptr) co_return;
  co_await transaction_->abort();
  // Its id may have left with it, and its recipients may have been asked of a next hop.
  if (!transaction_->envelope().recipients.empty()) {
    MessageRecord record = message_record();
    record.reason = reason;
    services_.observer.aborted(record);
  }
  transaction_ = nullptr;
}

MessageRecord Session::message_record() const {
  MessageRecord record;
  transaction_->describe(record);
  if (identity_ != nullptr) {
    record.customer = identity_->customer_name;
    record.account = identity_->account_name;
  }
  return record;
}

// ------------------------------------------------------------------------------------------ the wire

Task<Session::Next> Session::receive(Duration timeout, Wait wait, const char* what, EndReason late) {
  if (co_await flush_bounded() == Next::end) co_return Next::end;
  // What is here already may be the end of the message.
  if (cut_off_ && wait == Wait::content && !connection_->input().empty()) co_return Next::go_on;
  net::IoStatus status = net::IoStatus::ok;
  if (!cut_off_) {
    wait_ = wait;
    status = co_await connection_->more(timeout, what);
    wait_ = Wait::nothing;
  }
  if (status == net::IoStatus::ok && !cut_off_) co_return Next::go_on;
  if (cut_off_) {
    end(*ending_);
  } else {
    end_by(status, late);
  }
  co_return Next::end;
}

void Session::flush() {
  connection_->write(out_);
  // A session that waits keeps no memory for what it has said.
  if (out_.capacity() > 256) {
    out_ = std::string();
  } else {
    out_.clear();
  }
}

Task<Session::Next> Session::flush_bounded() {
  flush();
  if (connection_->unsent() <= kUnsentRepliesMax) co_return Next::go_on;
  const net::IoStatus status =
      co_await connection_->drained(kUnsentRepliesMax / 2, rules_->reply_timeout, "the client to read our replies");
  if (status == net::IoStatus::ok) co_return Next::go_on;
  end_by(status, EndReason::reply_timeout);
  co_return Next::end;
}

}  // namespace sluice::session
