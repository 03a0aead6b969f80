#include "tools/load/send_session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/smtp/scan.h"

namespace sluice::load {
namespace {

constexpr std::size_t kReplyTextShown = 120;

Outcome outcome_of(const smtp::ParsedReply& reply) {
  if (reply.positive()) return Outcome::accepted;
  return reply.reply_class() == smtp::ReplyClass::permanent ? Outcome::refused : Outcome::deferred;
}

}  // namespace

// One transaction.
struct SendSession::Dialog {
  const Work& work;
  MessageId id;
  std::string from;
  std::vector<std::string> to;
  Chain content;
  std::uint64_t bytes = 0;  // of `content` before dot-stuffing
  bool bdat = false;
  bool pipelined = false;
  Instant begun;
  bool content_sent = false;
  std::optional<Outcome> mail;      // the reply to MAIL
  std::vector<Outcome> recipients;  // of those answered
  std::optional<Outcome> message;   // the reply that ended it
};

SendSession::SendSession(Sender& sender) : sender_(sender) {
  if (sender.options_.tls == LoadTls::none) return;
  auto made = tls::TlsClientContext::make(
      {.verify = tls::TlsVerify::none, .min_version = TlsVersion::tls_1_3, .resume = sender.options_.resume});
  CHECK(made.has_value());  // without authorities to trust there is nothing that could be wrong
  tls_ = *std::move(made);
}

bool SendSession::spent() const {
  if (connection_ == nullptr) return false;
  const std::uint32_t max = sender_.options_.messages_per_connection;
  return broken_ || machine_->closing() || (max > 0 && messages_ >= max);
}

Task<void> SendSession::close() {
  if (connection_ == nullptr) co_return;
  if (!broken_ && !machine_->closing() && !connection_->ended() && machine_->idle()) {
    std::string quit;
    machine_->append_quit(quit);
    connection_->write(quit);
    static_cast<void>(co_await reply("the reply to QUIT"));
    co_await connection_->finish(sender_.options_.timeout, Duration::zero());
  }
  co_await connection_->close();
  connection_ = nullptr;
  machine_ = nullptr;
}

// ------------------------------------------------------------------------------------------ opening

Task<void> SendSession::send(const Work& work) {
  // A server may have closed it meanwhile.
  if (connection_ != nullptr && (connection_->ended() || !connection_->input().empty())) {
    broken_ = true;
    co_await close();
  }
  const LoadOptions& options = sender_.options_;
  Dialog dialog{.work = work, .id = {.run = options.run, .number = work.number, .copies = options.recipients}};
  if (connection_ == nullptr) {
    const bool good = co_await open();
    sender_.opened(good, why_);
    if (!good) {
      broken_ = true;
      co_await close();
      settle(dialog);
      co_return;
    }
  }
  dialog.from = expand(options.from, dialog.id, 0, login_, options.logins);
  for (std::uint32_t copy = 1; copy <= options.recipients; ++copy)
    dialog.to.push_back(expand(options.to, dialog.id, copy, login_, options.logins));
  const smtp::Capabilities& offered = machine_->capabilities();
  dialog.bdat = options.bdat && offered.chunking;
  dialog.pipelined = options.pipelining && offered.pipelining;
  if (options.bdat && !offered.chunking) sender_.count_error("BDAT is not offered: sent by DATA");
  const MessageSpec spec{.id = dialog.id,
                         .from = dialog.from,
                         .to = dialog.to.front(),
                         .body_bytes = options.sizes.of(work.number),
                         .due = work.due};
  dialog.bytes = sender_.content_.append(spec, /*dot_stuffed=*/!dialog.bdat, dialog.content);
  ++messages_;
  co_await transact(dialog);
  settle(dialog);
}

Task<bool> SendSession::open() {
  io::Clock& clock = sender_.loop_.platform().clock;
  const LoadOptions& options = sender_.options_;
  messages_ = 0;
  broken_ = false;
  login_ = sender_.next_login();
  Instant begun = clock.now();
  auto connected = co_await net::Connection::connect(sender_.loop_, sender_.target_, options.timeout);
  if (!connected) {
    why_ = std::string("connect: ") + std::strerror(connected.error());
    sender_.count_error(why_);
    co_return false;
  }
  sender_.record(Stage::connect, clock.now() - begun);
  connection_ = *std::move(connected);
  machine_ = std::make_unique<smtp::ClientMachine>();
  if (options.tls == LoadTls::implicit && !co_await secure()) co_return false;
  begun = clock.now();
  const smtp::ParsedReply* greeting = co_await reply("the greeting");
  if (greeting == nullptr) co_return false;
  if (!greeting->positive()) {
    refused("greeting");
    co_return false;
  }
  sender_.record(Stage::greeting, clock.now() - begun);
  if (!co_await say_hello()) co_return false;
  if (options.tls == LoadTls::starttls) {
    std::string text;
    machine_->append_starttls(text);
    if (!co_await ask(text, "STARTTLS") || !co_await secure()) co_return false;
    machine_->tls_started();
    if (!co_await say_hello()) co_return false;
  }
  co_return options.auth == LoadAuth::none || co_await log_in();
}

Task<bool> SendSession::secure() {
  io::Clock& clock = sender_.loop_.platform().clock;
  const Instant begun = clock.now();
  const net::IoStatus status =
      co_await connection_->start_tls_client(*tls_, sender_.options_.server_name, sender_.options_.timeout);
  if (status != net::IoStatus::ok) {
    why_ = std::string("TLS: ") + net::io_status_text(status);
    if (connection_->tls() != nullptr) why_.append(": ").append(connection_->tls()->error());
    sender_.count_error(why_);
    co_return false;
  }
  sender_.record(Stage::tls, clock.now() - begun);
  ++(connection_->tls()->resumed() ? sender_.counters_.tls_resumed : sender_.counters_.tls_full);
  co_return true;
}

Task<bool> SendSession::say_hello() {
  io::Clock& clock = sender_.loop_.platform().clock;
  const Instant begun = clock.now();
  std::string text;
  machine_->append_ehlo(sender_.options_.hello, text);
  if (!co_await ask(text, "EHLO")) co_return false;
  sender_.record(Stage::ehlo, clock.now() - begun);
  co_return true;
}

Task<bool> SendSession::log_in() {
  io::Clock& clock = sender_.loop_.platform().clock;
  const Login& login = sender_.options_.logins[login_];
  const Instant begun = clock.now();
  std::string text;
  if (sender_.options_.auth == LoadAuth::plain) {
    machine_->append_auth_plain(login.name, login.password, text);
  } else {
    machine_->append_auth_login(text);
    for (const std::string& word : {login.name, login.password}) {
      connection_->write(text);
      text.clear();
      const smtp::ParsedReply* challenge = co_await reply("the reply to AUTH");
      if (challenge == nullptr) co_return false;
      if (challenge->code != 334) {
        refused("AUTH");
        co_return false;
      }
      machine_->append_auth_response(word, text);
    }
  }
  if (!co_await ask(text, "AUTH")) co_return false;
  sender_.record(Stage::auth, clock.now() - begun);
  co_return true;
}

// ------------------------------------------------------------------------------------------ replies

Task<bool> SendSession::ask(std::string_view text, const char* what) {
  connection_->write(text);
  const smtp::ParsedReply* answer = co_await reply(what);
  if (answer == nullptr) co_return false;
  if (!answer->positive()) refused(what);
  co_return answer->positive();
}

Task<const smtp::ParsedReply*> SendSession::reply(const char* what) {
  for (;;) {
    const smtp::ClientStep step = machine_->next_reply(connection_->input().front());
    connection_->input().consume(step.consumed);
    if (step.event == smtp::ClientEvent::reply) co_return &machine_->reply();
    if (step.event == smtp::ClientEvent::protocol_error) {
      why_ = std::string(what) + ": not a reply that this command can have: " + machine_->garbage();
      break;
    }
    if (!connection_->input().empty()) continue;
    const net::IoStatus status = co_await connection_->more(sender_.options_.timeout, what);
    if (status == net::IoStatus::ok) continue;
    why_ = std::string(what) + ": " + net::io_status_text(status);
    break;
  }
  broken_ = true;
  sender_.count_error(why_);
  co_return nullptr;
}

void SendSession::refused(const char* what) {
  const smtp::ParsedReply& reply = machine_->reply();
  // Without what is in parentheses at its end, as ids are: what differs in that alone is one error.
  std::string text = reply.text.substr(0, reply.text.find('\n'));
  text.resize(std::min(text.find(" ("), text.size()));
  if (text.size() > kReplyTextShown) text.resize(kReplyTextShown);
  why_ = std::string(what) + ": " + std::to_string(reply.code) + " ";
  if (reply.enhanced.present()) why_.append(smtp::enhanced_text(reply.enhanced)).append(" ");
  sender_.count_error(why_.append(text));
}

// ------------------------------------------------------------------------------------------ one message

Task<void> SendSession::transact(Dialog& dialog) {
  dialog.begun = sender_.loop_.platform().clock.now();
  bool ended = co_await envelope(dialog);
  if (ended) ended = dialog.bdat ? co_await bdat(dialog) : co_await content(dialog);
  if (ended || broken_ || machine_->closing()) co_return;
  // What was refused on its way may leave a transaction open.
  std::string text;
  machine_->append_rset(text);
  static_cast<void>(co_await ask(text, "RSET"));
}

// MAIL and RCPT; pipelined, DATA or all chunks behind them in the same write. False: nothing comes behind them.
Task<bool> SendSession::envelope(Dialog& dialog) {
  const auto says = [this](std::string& text) {
    connection_->write(text);
    text.clear();
  };
  std::string text;
  machine_->append_mail(dialog.from, {.size = dialog.bytes}, text);
  if (!dialog.pipelined) says(text);
  if (dialog.pipelined) {
    for (const std::string& to : dialog.to) machine_->append_recipient(to, {}, text);
    if (!dialog.bdat) machine_->append_data(text);
    says(text);
    if (dialog.bdat) {
      Chain chunks;
      append_chunks(dialog, chunks);
      connection_->write(std::move(chunks));
    }
  }
  const smtp::ParsedReply* mail = co_await reply("the reply to MAIL");
  if (mail == nullptr) co_return false;
  dialog.mail = outcome_of(*mail);
  if (!mail->positive()) {
    refused("MAIL");
    if (!dialog.pipelined) co_return false;
  }
  if (!co_await hear_recipients(dialog)) co_return false;
  co_return dialog.pipelined || std::ranges::find(dialog.recipients, Outcome::accepted) != dialog.recipients.end();
}

Task<bool> SendSession::hear_recipients(Dialog& dialog) {
  for (const std::string& to : dialog.to) {
    if (!dialog.pipelined) {
      std::string text;
      machine_->append_recipient(to, {}, text);
      connection_->write(text);
    }
    const smtp::ParsedReply* answer = co_await reply("the reply to RCPT");
    if (answer == nullptr) co_return false;
    // Behind a MAIL that was refused it says nothing of its own.
    const bool counts = dialog.mail == Outcome::accepted;
    dialog.recipients.push_back(counts ? outcome_of(*answer) : *dialog.mail);
    if (!answer->positive() && counts) refused("RCPT");
  }
  sender_.record(Stage::envelope, sender_.loop_.platform().clock.now() - dialog.begun);
  co_return true;
}

Task<bool> SendSession::content(Dialog& dialog) {
  io::Clock& clock = sender_.loop_.platform().clock;
  Instant begun = dialog.begun;
  const bool wanted = std::ranges::find(dialog.recipients, Outcome::accepted) != dialog.recipients.end();
  if (!dialog.pipelined) {
    begun = clock.now();
    std::string text;
    machine_->append_data(text);
    connection_->write(text);
  }
  const smtp::ParsedReply* data = co_await reply("the reply to DATA");
  if (data == nullptr) co_return false;
  if (data->code != 354) {
    if (wanted) refused("DATA");
    dialog.message = data->positive() ? Outcome::deferred : outcome_of(*data);
    co_return false;
  }
  sender_.record(Stage::data, clock.now() - begun);
  begun = clock.now();
  // RFC 2920 3.1: where no recipient was accepted, "the client SHOULD send a single dot" to get out of it.
  if (wanted) connection_->write(std::move(dialog.content));
  connection_->write(".\r\n");
  machine_->content_ended();
  dialog.content_sent = true;
  const smtp::ParsedReply* end = co_await reply("the reply to the message");
  if (end == nullptr) co_return false;
  dialog.message = outcome_of(*end);
  if (wanted && !end->positive()) refused("message");
  sender_.record(Stage::content, clock.now() - begun);
  co_return true;
}

void SendSession::append_chunks(Dialog& dialog, Chain& out) {
  const std::uint64_t chunk = sender_.options_.chunk_bytes == 0 ? dialog.bytes : sender_.options_.chunk_bytes;
  do {
    const std::uint64_t size = std::min<std::uint64_t>(chunk, dialog.content.size());
    std::string text;
    machine_->append_bdat(size, size == dialog.content.size(), text);
    out.append_copy(text);
    out.move_front(dialog.content, static_cast<std::size_t>(size));
  } while (!dialog.content.empty());
  dialog.content_sent = true;
}

Task<bool> SendSession::bdat(Dialog& dialog) {
  io::Clock& clock = sender_.loop_.platform().clock;
  Instant begun = dialog.begun;
  const bool wanted = std::ranges::find(dialog.recipients, Outcome::accepted) != dialog.recipients.end();
  if (!dialog.pipelined) {
    begun = clock.now();
    Chain chunks;
    append_chunks(dialog, chunks);
    connection_->write(std::move(chunks));
  }
  while (machine_->outstanding() > 0) {
    const smtp::ParsedReply* answer = co_await reply("the reply to BDAT");
    if (answer == nullptr) co_return false;
    // The first refusal ends the transaction; those behind it say so again.
    if (dialog.message && *dialog.message != Outcome::accepted) continue;
    dialog.message = outcome_of(*answer);
    if (wanted && !answer->positive()) refused("BDAT");
  }
  sender_.record(Stage::content, clock.now() - begun);
  co_return dialog.message == Outcome::accepted;
}

// What each copy has come to.
void SendSession::settle(const Dialog& dialog) {
  bool accepted = false;
  for (std::uint32_t copy = 1; copy <= dialog.id.copies; ++copy) {
    Outcome outcome = dialog.content_sent ? Outcome::unknown : Outcome::failed;
    const bool answered = dialog.recipients.size() >= copy;
    if (dialog.mail && *dialog.mail != Outcome::accepted) {
      outcome = *dialog.mail;
    } else if (answered && dialog.recipients[copy - 1] != Outcome::accepted) {
      outcome = dialog.recipients[copy - 1];
    } else if (answered && dialog.message) {
      outcome = *dialog.message;
    }
    accepted = accepted || outcome == Outcome::accepted;
    sender_.outcomes_.set(dialog.work.number, copy, outcome);
  }
  if (accepted) sender_.counters_.bytes += dialog.bytes;
  if (dialog.message) sender_.record(Stage::whole, sender_.loop_.platform().clock.now() - dialog.work.due);
}

}  // namespace sluice::load
