// The envelope of a transmission: a connection to a host that can carry the message, MAIL, RCPT and their replies.
#include <algorithm>
#include <utility>

#include "engine/relay/reply_meaning.h"
#include "engine/relay/transmission.h"
#include "engine/relay/words.h"

namespace sluice::relay {
namespace {

constexpr smtp::EnhancedCode kTooManyRecipients{5, 5, 3};

}  // namespace

// False when there is none to be had: all results are there then.
Task<bool> Transmission::connect(bool fresh) {
  auto acquired = co_await pool_.acquire({.customer = request_.customer,
                                          .weight = request_.weight,
                                          .fresh = fresh || unproved_,
                                          .but = unable_,
                                          .large = request_.envelope.large(),
                                          .holder = this});
  if (!acquired) {
    reached_ = false;
    unreachable_ = acquired.error().unreachable;
    next_hop_.clear();
    next_hop_address_.clear();
    tls_ = {};
    end(halt(std::move(acquired.error())));
    co_return false;
  }
  hop_ = *std::move(acquired);
  for (const hop::Lack lack : without_) hop_->withhold(lack);
  kept_ = hop_->kept;
  reached_ = true;
  next_hop_ = hop_->label();
  next_hop_address_ = hop_->address();
  tls_ = hop_->tls_facts();
  co_return true;
}

// A transaction that was left is ended, alone: if that is refused, what follows would be added to it.  Then who is
// behind the message, where the next hop gets to know it; then whether it can be carried at all.
Task<Transmission::Halted> Transmission::introduce() {
  if (hop_->transaction_open) {
    auto failure = co_await hop_->reset(pool_.route().command_timeout);
    if (failure) {
      failure->closed = true;  // nothing was said of this message: another connection will do
      co_return halt(*std::move(failure));
    }
  }
  if (pool_.route().identify == route::RouteIdentify::xclient)
    if (auto failure = co_await hop_->introduce(request_.who, pool_.route().command_timeout))
      co_return halt(*std::move(failure));
  dsn_offered_ = hop_->capabilities().dsn;
  if (const smtp::StandardReply* reason = cannot_carry()) co_return refusal(*reason);
  co_return std::nullopt;
}

// RFC 9422 4: how many recipients may be asked for, all in all.
std::size_t Transmission::room() const {
  const std::uint32_t rcpt_max = hop_->capabilities().rcpt_max;
  return rcpt_max == 0 ? results_.size() : std::min<std::size_t>(rcpt_max, results_.size());
}

void Transmission::append_mail(std::string& text) {
  hop_->transaction_open = true;
  ++hop_->messages;
  stage_ = Stage::envelope;
  const message::Envelope& envelope = request_.envelope;
  smtp::MailOptions options;
  options.size = content_size();
  options.body = body_to_declare();
  options.smtputf8 = needs_smtputf8() && hop_->capabilities().smtputf8;
  options.ret = envelope.ret;
  options.envid = envelope.envid;
  if (!auth_.empty()) options.auth = auth_;
  std::string ascii;
  const auto reverse_path = path_for_hop(envelope.reverse_path, ascii);
  CHECK(reverse_path.has_value());  // introduce() has looked
  hop_->machine().append_mail(*reverse_path, options, text);
}

void Transmission::append_recipient(std::string& text) {
  const message::Recipient& recipient = request_.envelope.recipients[request_.recipients[written_++]];
  std::string ascii;
  const auto forward_path = path_for_hop(recipient.forward_path, ascii);
  CHECK(forward_path.has_value());  // skip_unnameable() has looked
  hop_->machine().append_recipient(*forward_path, {.notify = recipient.notify, .orcpt = orcpt_for_hop(recipient.orcpt)},
                                   text);
}

void Transmission::append_envelope(std::string& text) {
  if (stage_ == Stage::idle) append_mail(text);
  for (skip_unnameable(); written_ < room(); skip_unnameable()) append_recipient(text);
}

// MAIL, if it was not said yet, and the recipients that are not asked yet: in one segment where the next hop knows
// PIPELINING.
Task<Transmission::Halted> Transmission::say_envelope() {
  const bool pipelining = hop_->capabilities().pipelining;
  for (;;) {
    skip_unnameable();
    if (written_ == room()) break;
    if (auto failure = hop_->spoke_unasked()) co_return halt(*std::move(failure));
    std::string text;
    if (pipelining) {
      append_envelope(text);
    } else if (stage_ == Stage::idle) {
      append_mail(text);
    } else {
      append_recipient(text);
    }
    hop_->send(text);
    if (Halted halted = co_await read_envelope(/*but=*/0)) co_return halted;
    if (mail_refused_) co_return co_await conclude_without_content();
  }
  co_return std::nullopt;
}

// The replies that are owed, `but` the last ones.
Task<Transmission::Halted> Transmission::read_envelope(std::size_t but) {
  while (hop_->machine().outstanding() > but) {
    auto answered = co_await hop_->reply(pool_.route().command_timeout, "answers of the next hop to MAIL and RCPT");
    if (!answered) {
      // Silent in the middle of a group: the rest of it was not read as commands.
      const bool swallowed =
          !answered.error().closed && hop_->machine().outstanding() > 1 && (mail_accepted_ || mail_refused_);
      Halt halted = halt(std::move(answered.error()));
      if (swallowed) halted.lack = hop::Lack::pipelining;
      co_return halted;
    }
    if (Halted halted = on_envelope_reply(*answered)) co_return halted;
  }
  co_return std::nullopt;
}

Transmission::Halted Transmission::on_envelope_reply(smtp::Expect expect) {
  const smtp::ParsedReply& reply = hop_->last_reply();
  if (reply.code == 421 || reply.reply_class() == smtp::ReplyClass::intermediate) return halt_by_reply();
  RecipientResult result = result_of(expect, reply);
  if (!reply.positive() && meaning_of(expect, reply) == Meaning::parameter && !mail_refused_) {
    lack_found_ = refused_parameter();
    if (lack_found_ && expect == smtp::Expect::recipient) {
      result.kind = Kind::deferred;
      if (!late_) pool_.note(*hop_, *lack_found_, "refused with RCPT");  // there is no way back to MAIL
    }
  }
  if (expect == smtp::Expect::mail) {
    mail_accepted_ = reply.positive();
    if (!mail_accepted_) mail_refused_ = std::move(result);
    // It was the parameters.
    if (mail_accepted_ && std::exchange(unproved_, false))
      for (const hop::Lack lack : without_) pool_.note(*hop_, lack, "refused with MAIL");
    return std::nullopt;
  }
  CHECK(expect == smtp::Expect::recipient);
  // RFC 5321 4.5.3.1.10: 552 for too many recipients, as RFC 821 had it, is to be taken for 452.
  const bool none_said = !result.enhanced.present();
  if (result.code == 552 && count(Kind::accepted) > 0 && (none_said || result.enhanced == kTooManyRecipients)) {
    result.kind = Kind::deferred;
    result.code = 452;
    result.enhanced = {4, 5, 3};
  }
  while (results_[answered_].final()) ++answered_;  // was not asked
  results_[answered_++] = mail_refused_ ? *mail_refused_ : std::move(result);
  return std::nullopt;
}

// What may be left out of MAIL and RCPT next, as what was refused was in them.  First what only helps.
std::optional<hop::Lack> Transmission::refused_parameter() const {
  const smtp::Capabilities& offered = hop_->capabilities();
  if (offered.size || offered.dsn || (offered.auth && !auth_.empty())) return hop::Lack::parameters;
  const message::Envelope& envelope = request_.envelope;
  if ((offered.smtputf8 && envelope.smtputf8) || (offered.eight_bit_mime && envelope.body != smtp::Body::unstated))
    return hop::Lack::bodies;
  return std::nullopt;
}

}  // namespace sluice::relay
