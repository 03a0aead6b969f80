// The envelope of a transmission: a connection to somebody who can carry the message, MAIL, RCPT and their replies.
#include <algorithm>
#include <utility>

#include "engine/relay/transmission.h"
#include "engine/relay/reply_meaning.h"
#include "engine/relay/words.h"

namespace sluice::relay {
namespace {

constexpr smtp::StandardReply kNoSmtputf8{550, {5, 6, 7}, "The next server does not take SMTPUTF8"};
// RFC 6152 3: "must not" send 8-bit content to a server that has not said it takes it.
constexpr smtp::StandardReply kNoEightBit{554, {5, 6, 3}, "The next server takes 7-bit content only"};
// RFC 1870 6.1: a client that knows the size "need not" try.
constexpr smtp::StandardReply kTooLarge{552, {5, 3, 4}, "The next server takes no message of this size"};

constexpr smtp::EnhancedCode kTooManyRecipients{5, 5, 3};

}  // namespace

// False when there is none to be had: all results are there then.
Task<bool> Transmission::connect(bool fresh) {
  auto acquired =
      co_await pool_.acquire({.customer = request_.customer, .fresh = fresh || unproved_, .holder = this});
  if (!acquired) {
    reached_ = false;
    unreachable_ = acquired.error().unreachable;
    next_hop_.clear();
    tls_.clear();
    end(halt(std::move(acquired.error())));
    co_return false;
  }
  hop_ = *std::move(acquired);
  for (const Lack lack : without_) hop_->withhold(lack);
  kept_ = hop_->kept;
  reached_ = true;
  next_hop_ = hop_->label();
  tls_ = hop_->tls_version();
  co_return true;
}

// A transaction that was left is ended, alone: if that is refused, what follows would be added to it.  Then who is
// behind the message, where the next hop is told; then whether it can be carried at all.
Task<Transmission::Halted> Transmission::introduce() {
  if (hop_->transaction_open) {
    auto trouble = co_await hop_->reset(pool_.route().command_timeout);
    if (trouble) {
      trouble->closed = true;  // nothing was said of this message: another connection will do
      co_return halt(*std::move(trouble));
    }
  }
  if (pool_.route().identify == RouteIdentify::xclient)
    if (auto trouble = co_await hop_->introduce(request_.who, pool_.route().command_timeout))
      co_return halt(*std::move(trouble));
  dsn_offered_ = hop_->capabilities().dsn;
  if (const smtp::StandardReply* refusal = cannot_carry())
    co_return Halt{.result = {.kind = Kind::refused,
                              .code = refusal->code,
                              .enhanced = refusal->enhanced,
                              .text = std::string(refusal->text)},
                   .unusable = false};
  co_return std::nullopt;
}

const smtp::StandardReply* Transmission::cannot_carry() const {
  const smtp::Capabilities& offered = hop_->capabilities();
  if (request_.envelope.smtputf8 && !offered.smtputf8) return &kNoSmtputf8;
  if (request_.envelope.body == smtp::Body::eight_bit_mime && !offered.eight_bit_mime) return &kNoEightBit;
  const auto size = content_size();
  if (offered.size_max == 0 || !size || *size <= offered.size_max) return nullptr;
  // Dots that DATA has added do not count.
  if (whole_ && !request_.content_bytes) {
    Chain plain;
    ContentForm(form_, /*chunks=*/true).convert(gathered_.share(), plain);
    if (plain.size() <= offered.size_max) return nullptr;
  }
  return &kTooLarge;
}

std::optional<std::uint64_t> Transmission::content_size() const {
  if (request_.content_bytes) return request_.content_bytes;
  if (whole_) return gathered_.size();
  return request_.envelope.size;  // as the client declared it
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
  options.body = envelope.body;
  options.smtputf8 = envelope.smtputf8;
  options.ret = envelope.ret;
  options.envid = envelope.envid;
  if (!auth_.empty()) options.auth = auth_;
  hop_->machine().append_mail(envelope.reverse_path, options, text);
}

void Transmission::append_recipient(std::string& text) {
  const message::Recipient& recipient =
      request_.envelope.recipients[request_.recipients[written_++]];
  hop_->machine().append_recipient(recipient.forward_path,
                                   {.notify = recipient.notify, .orcpt = recipient.orcpt}, text);
}

void Transmission::append_envelope(std::string& text) {
  if (stage_ == Stage::idle) append_mail(text);
  while (written_ < room()) append_recipient(text);
}

// MAIL, if it was not said yet, and the recipients that are not asked yet: in one segment where the next hop knows
// PIPELINING.
Task<Transmission::Halted> Transmission::say_envelope() {
  const bool pipelining = hop_->capabilities().pipelining;
  while (stage_ == Stage::idle || written_ < room()) {
    if (auto trouble = hop_->spoke_unasked()) co_return halt(*std::move(trouble));
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
    auto answered =
        co_await hop_->reply(pool_.route().command_timeout, "answers of the next hop to MAIL and RCPT");
    if (!answered) {
      // Silent in the middle of a group: the rest of it was not read as commands.
      const bool swallowed = !answered.error().closed && hop_->machine().outstanding() > 1 && (mail_accepted_ || mail_refused_);
      Halt halted = halt(std::move(answered.error()));
      if (swallowed) halted.lack = Lack::pipelining;
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
      for (const Lack lack : without_) pool_.note(*hop_, lack, "refused with MAIL");
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
  results_[answered_++] = mail_refused_ ? *mail_refused_ : std::move(result);
  return std::nullopt;
}

// What may be left out of MAIL and RCPT next, as what was refused was in them.  First what only helps.
std::optional<Lack> Transmission::refused_parameter() const {
  const smtp::Capabilities& offered = hop_->capabilities();
  if (offered.size || offered.dsn || (offered.auth && !auth_.empty())) return Lack::parameters;
  const message::Envelope& envelope = request_.envelope;
  if ((offered.smtputf8 && envelope.smtputf8) || (offered.eight_bit_mime && envelope.body != smtp::Body::unstated))
    return Lack::bodies;
  return std::nullopt;
}

}  // namespace sluice::relay
