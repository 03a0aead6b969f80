#include "engine/relay/through.h"

#include <utility>

namespace sluice::relay {
namespace {

// A connection that was kept may have been closed by the other side just now: that is no failure of the
// next hop, so another one is tried, this often.  Each try uses one up, and is over at once.
constexpr int kStaleTriesMax = 100;
constexpr Duration kLastWordTimeout = std::chrono::seconds(2);

constexpr smtp::StandardReply kNoSmtputf8{550, {5, 6, 7}, "The next server does not take SMTPUTF8"};
// RFC 6152 3: "must not" send 8-bit content to a server that has not said it takes it.
constexpr smtp::StandardReply kNoEightBit{554, {5, 6, 3}, "The next server takes 7-bit content only"};

}  // namespace

Through::~Through() { CHECK(hop_ == nullptr); }

void Through::fail(smtp::Reply reply, std::string detail) {
  if (failed_) return;
  failed_ = std::move(reply);
  outcome_.detail = std::move(detail);
}

// ------------------------------------------------------------------------------------------ envelope

Task<void> Through::offer(const message::Envelope& envelope, std::size_t first,
                          std::vector<smtp::Reply>& answers) {
  const std::size_t wanted = answers.size() + envelope.recipients.size() - first;
  for (int tries = 0; !failed_; ++tries) {
    const bool fresh = hop_ == nullptr;
    if (fresh) {
      auto acquired = co_await pool_.acquire();
      if (!acquired) {
        fail(acquired.error().reply, std::move(acquired.error().detail));
        break;
      }
      hop_ = *std::move(acquired);
      outcome_.next_hop = hop_->label();
      outcome_.next_hop_tls = hop_->tls_version();
      if (const auto* refusal = cannot_carry(envelope)) {
        fail(*refusal, hop_->label() + ": " + std::string(refusal->text));
        give_back();
        break;
      }
    }
    const bool kept = hop_->messages > 0;
    const std::size_t answered = answers.size();
    auto trouble = co_await ask(envelope, first, answers);
    if (!trouble) break;
    give_back();
    stage_ = Stage::idle;
    const bool stale = fresh && kept && trouble->gone && answers.size() == answered;
    if (!stale || tries + 1 == kStaleTriesMax) fail(trouble->reply, std::move(trouble->detail));
  }
  while (answers.size() < wanted) answers.push_back(*failed_);
}

const smtp::StandardReply* Through::cannot_carry(const message::Envelope& envelope) const {
  const smtp::Capabilities& offered = hop_->capabilities();
  if (envelope.smtputf8 && !offered.smtputf8) return &kNoSmtputf8;
  if (envelope.body == smtp::Body::eight_bit_mime && !offered.eight_bit_mime) return &kNoEightBit;
  return nullptr;
}

void Through::append_mail(const message::Envelope& envelope, std::string& text) {
  if (hop_->transaction_open) hop_->machine().append_rset(text);
  hop_->transaction_open = true;
  ++hop_->messages;
  smtp::MailOptions options;
  options.size = envelope.size;
  options.body = envelope.body;
  options.smtputf8 = envelope.smtputf8;
  options.ret = envelope.ret;
  options.envid = envelope.envid;
  hop_->machine().append_mail(envelope.reverse_path, options, text);
}

void Through::append_recipient(const message::Recipient& recipient, std::string& text) {
  hop_->machine().append_recipient(recipient.forward_path,
                                   {.notify = recipient.notify, .orcpt = recipient.orcpt}, text);
}

// MAIL, if it was not said yet, and the recipients: in one segment where the next hop knows PIPELINING.
Task<std::optional<Trouble>> Through::ask(const message::Envelope& envelope, std::size_t first,
                                          std::vector<smtp::Reply>& answers) {
  const Duration timeout = pool_.route().command_timeout;
  const bool pipelining = hop_->capabilities().pipelining;
  std::string text;
  std::size_t next = first;
  if (stage_ == Stage::idle) append_mail(envelope, text);
  if (pipelining || stage_ != Stage::idle) append_recipient(envelope.recipients[next++], text);
  if (pipelining)
    while (next < envelope.recipients.size()) append_recipient(envelope.recipients[next++], text);
  hop_->send(text);

  std::optional<smtp::Reply> mail_refused;
  const std::size_t end = answers.size() + envelope.recipients.size() - first;
  while (answers.size() < end) {
    if (hop_->machine().outstanding() == 0) {
      text.clear();
      append_recipient(envelope.recipients[next++], text);
      hop_->send(text);
    }
    auto answered = co_await hop_->reply(timeout, "answers of the next hop to MAIL and RCPT");
    if (!answered) co_return std::move(answered.error());
    const smtp::ParsedReply& reply = hop_->last_reply();
    if (reply.reply_class() == smtp::ReplyClass::intermediate) co_return out_of_step("MAIL or RCPT");
    if (*answered == smtp::Expect::mail) {
      stage_ = Stage::envelope;
      if (!reply.positive()) mail_refused = reply.relayed();
      // 421: it says so and is gone.
      if (hop_->machine().closing())
        co_return Trouble{smtp::replies::kNextHopTrouble, hop_->label() + ": " + reply.text, true};
      if (mail_refused) outcome_.detail = std::to_string(reply.code) + " " + reply.text;
    } else if (*answered == smtp::Expect::recipient) {
      if (mail_refused) {
        answers.push_back(*mail_refused);
      } else {
        answers.push_back(reply.positive() ? smtp::Reply(smtp::replies::kRecipientOk) : reply.relayed());
        if (!reply.positive()) outcome_.detail = std::to_string(reply.code) + " " + reply.text;
      }
    }
    if (mail_refused && hop_->machine().outstanding() == 0) {
      fail(*mail_refused, outcome_.detail);
      while (answers.size() < end) answers.push_back(*mail_refused);
    }
  }
  // Replies to pipelined recipients that are still to come belong to this transaction.
  co_return std::nullopt;
}

// ------------------------------------------------------------------------------------------ body

Task<void> Through::begin(message::BodyForm form) {
  form_ = form;
  if (failed_) co_return;
  CHECK(hop_ != nullptr && stage_ == Stage::envelope);
  stage_ = Stage::body;
  chunking_ = pool_.route().chunking && hop_->capabilities().chunking;
  if (chunking_) co_return;
  std::string text;
  hop_->machine().append_data(text);
  hop_->send(text);
  auto answered = co_await hop_->reply(pool_.route().data_timeout, "answer of the next hop to DATA");
  if (!answered) {
    fail(answered.error().reply, std::move(answered.error().detail));
    give_back();
    co_return;
  }
  const smtp::ParsedReply& reply = hop_->last_reply();
  if (reply.reply_class() == smtp::ReplyClass::intermediate) co_return;
  if (reply.positive()) {
    Trouble why = out_of_step("DATA");
    fail(why.reply, std::move(why.detail));
  } else {
    fail(reply.relayed(), std::to_string(reply.code) + " " + reply.text);
    stage_ = Stage::envelope;  // the dialog is in step: the connection can be kept
  }
  give_back();
}

Task<void> Through::feed(Chain bytes) {
  if (failed_) co_return;
  if (!chunking_) {
    co_await send_data(std::move(bytes));
    co_return;
  }
  if (form_ == message::BodyForm::literal) {
    chunk_.append(std::move(bytes));
  } else {
    while (!bytes.empty()) {
      const auto step = unstuffer_.step(bytes.front());
      chunk_.move_front(bytes, step.copy);
      bytes.consume(step.skip);
    }
  }
  if (chunk_.size() >= kChunkBytes) co_await send_chunk(/*last=*/false);
}

Task<void> Through::send_data(Chain bytes) {
  if (form_ == message::BodyForm::dot_stuffed) {
    hop_->send(std::move(bytes));
  } else {
    Chain stuffed;
    while (!bytes.empty()) {
      const auto step = stuffer_.step(bytes.front());
      stuffed.move_front(bytes, step.copy);
      if (step.insert_dot) stuffed.append_copy(".");
    }
    hop_->send(std::move(stuffed));
  }
  const net::IoStatus status = co_await hop_->connection().drained(
      kWindowBytes, pool_.route().block_timeout, "the next hop to take the body");
  if (status == net::IoStatus::ok) co_return;
  co_await lost({smtp::replies::kNextHopTrouble,
                 hop_->label() + ": body: " + net::io_status_text(status)});
}

// One chunk's answer is owed at a time: the next chunk gathers meanwhile.
Task<void> Through::send_chunk(bool last) {
  if (hop_->machine().outstanding() > 0) co_await read_chunk_reply();
  if (!failed_ && spoke_early())
    co_await lost({smtp::replies::kNextHopTrouble, hop_->label() + ": a reply that was not asked for"});
  if (failed_) co_return;
  std::string text;
  hop_->machine().append_bdat(chunk_.size(), last, text);
  Chain segment;
  segment.append_copy(text);
  segment.append(std::exchange(chunk_, Chain()));
  hop_->send(std::move(segment));
}

Task<void> Through::read_chunk_reply() {
  auto answered = co_await hop_->reply(pool_.route().block_timeout, "answer of the next hop to BDAT");
  if (!answered) {
    fail(answered.error().reply, std::move(answered.error().detail));
    give_back();
    co_return;
  }
  const smtp::ParsedReply& reply = hop_->last_reply();
  if (reply.positive()) co_return;
  if (reply.reply_class() == smtp::ReplyClass::intermediate) {
    Trouble why = out_of_step("BDAT");
    fail(why.reply, std::move(why.detail));
  } else {
    fail(reply.relayed(), std::to_string(reply.code) + " " + reply.text);
  }
  give_back();
}

// A reply of a class that is no answer to what was asked: whatever comes next on this connection cannot be
// trusted to be about what we think, and a 2xx least of all.
Trouble Through::out_of_step(const char* asked) {
  const smtp::ParsedReply& reply = hop_->last_reply();
  hop_->connection().terminate();
  return {smtp::replies::kNextHopTrouble, hop_->label() + ": out of step, answered " + asked + " with " +
                                              std::to_string(reply.code) + " " + reply.text};
}

// It has answered what was not sent yet: that word must not be taken for the message's.
bool Through::spoke_early() {
  return hop_->machine().outstanding() == 0 && !hop_->connection().input().empty();
}

// The connection broke while the body was on its way.  A next hop that refuses a message in the middle says
// why before it hangs up: that word is the client's if it is final.
Task<void> Through::lost(Trouble why) {
  hop_->machine().content_ended();
  auto answered = co_await hop_->reply(kLastWordTimeout, "last word of the next hop");
  if (answered && hop_->last_reply().reply_class() == smtp::ReplyClass::permanent) {
    fail(hop_->last_reply().relayed(), hop_->last_reply().text);
  } else {
    fail(why.reply, std::move(why.detail));
  }
  hop_->connection().terminate();
  give_back();
}

// ------------------------------------------------------------------------------------------ the end

Task<message::Outcome> Through::finish() {
  if (!failed_ && chunking_) {
    co_await send_chunk(/*last=*/true);
  } else if (!failed_ && spoke_early()) {
    co_await lost({smtp::replies::kNextHopTrouble, hop_->label() + ": a reply before the end of the body"});
  } else if (!failed_) {
    hop_->send(form_ == message::BodyForm::dot_stuffed ? std::string_view(".\r\n") : stuffer_.end());
    hop_->machine().content_ended();
  }
  if (!failed_) {
    auto answered =
        co_await hop_->reply(pool_.route().final_timeout, "the next hop to take the message");
    if (answered && hop_->last_reply().reply_class() == smtp::ReplyClass::intermediate) {
      Trouble why = out_of_step("the end of the message");
      fail(why.reply, std::move(why.detail));
      give_back();
    } else if (answered) {
      const smtp::ParsedReply& reply = hop_->last_reply();
      outcome_.detail = std::to_string(reply.code) + " " + reply.text;
      outcome_.reply = reply.relayed();
      hop_->transaction_open = !reply.positive();
      stage_ = Stage::done;
      give_back();
    } else {
      fail(answered.error().reply, std::move(answered.error().detail));
      give_back();
    }
  }
  if (failed_) outcome_.reply = *failed_;
  co_return std::move(outcome_);
}

Task<void> Through::abandon() {
  if (hop_ != nullptr) give_back();
  co_return;
}

// In the middle of a body there is no way back into the dialog: such a connection is closed.  Elsewhere RSET
// goes in front of the next MAIL.
void Through::give_back() {
  if (stage_ == Stage::body) hop_->connection().terminate();
  pool_.release(std::move(hop_));
}

}  // namespace sluice::relay
