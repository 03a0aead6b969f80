#include "engine/relay/incoming.h"

#include <utility>

#include "engine/relay/maildir_sink.h"
#include "engine/relay/queue_first.h"
#include "engine/relay/spool_writer.h"
#include "engine/signing/hash_turns.h"

namespace sluice::relay {

Incoming::Incoming(const Parts& parts, message::Submitter submitter)
    : parts_(parts), submitter_(std::move(submitter)) {}

Incoming::~Incoming() { inner_ = nullptr; }

bool Incoming::eager() const {
  return !keep_first_ && route().maildir.empty() && route().mode == route::RouteMode::through &&
         (route().dialog == route::RouteDialog::eager || !falls_back());
}

Task<void> Incoming::add_recipients(const message::Envelope& envelope, std::size_t first,
                                    std::vector<smtp::Reply>& answers) {
  envelope_ = &envelope;
  std::vector<std::uint32_t> elsewhere;
  for (std::size_t i = first; i < envelope.recipients.size(); ++i) {
    Destination found = parts_.router.destination_of(envelope.recipients[i], envelope, submitter_);
    if (signing_ == nullptr) signing_ = parts_.router.signer_for(found.route);
    if (!destination_) {
      destination_ = std::move(found);
      keep_first_ = parts_.queue.order_about(destination_->key) != nullptr;
    } else if (found.key != destination_->key) {
      elsewhere.push_back(static_cast<std::uint32_t>(i));
    }
  }
  if (eager() && through_ == nullptr && !routing_failure_) co_await take_through();
  if (!eager()) {
    one_destination_ = one_destination_ && elsewhere.empty();
    const smtp::Reply reply(parts_.may_keep ? smtp::replies::kRecipientOk : smtp::replies::kNoSpace);
    answers.resize(answers.size() + envelope.recipients.size() - first, reply);
    co_return;
  }
  if (through_ == nullptr) {
    const smtp::Reply reply = routing_failure_->reply();
    answers.resize(answers.size() + envelope.recipients.size() - first, reply);
    co_return;
  }
  through_->leave_out(elsewhere);
  co_await through_->add_recipients(envelope, first, answers);
}

OpenWriter Incoming::open_writer() {
  return [this](const message::Envelope& envelope, message::BodyForm form) {
    return std::make_unique<SpoolWriter>(parts_.spool, parts_.queue, submitter_, envelope, form, body_);
  };
}

// Where connections to the destination are to be had now; else routing_failure_ says why they are not.
Task<void> Incoming::take_through() {
  auto lease = co_await parts_.router.lease(*destination_);
  if (!lease) {
    routing_failure_ = std::move(lease.error());
    co_return;
  }
  if (lease->pool().suspended() != nullptr) {
    keep_first_ = true;
    co_return;
  }
  lease_.emplace(*std::move(lease));
  auto through = std::make_unique<CutThrough>(lease_->pool(), parts_.memory, falls_back() ? open_writer() : nullptr,
                                              submitter_, parts_.router.signer_for(destination_->route));
  through_ = through.get();
  inner_ = std::move(through);
}

Task<void> Incoming::begin(message::BodyForm form) {
  began_ = parts_.loop.now();
  if (signing_ != nullptr) co_await refuse_unsigned();
  if (refusal_) co_return;
  if (inner_ == nullptr) co_await choose();
  if (inner_ == nullptr) co_return;
  if (signing_ != nullptr && signing_->may_sign(envelope_->author_domain, submitter_.customer))
    hash_ = std::make_unique<signing::RunningHash>(form, signing_->hashes());
  co_await inner_->begin(form);
}

// Where no mail goes on that its author's domain does not sign: the client is told, and no DSN is needed.
Task<void> Incoming::refuse_unsigned() {
  refusal_ = co_await signing_->refusal(
      envelope_->author_domain,
      {.id = envelope_->id, .share = message::share_of(submitter_), .customer = submitter_.customer});
  if (!refusal_ || inner_ == nullptr) co_return;
  co_await inner_->abort();
  inner_ = nullptr;
  through_ = nullptr;
}

// Late: the recipients are all known now, and no next hop was asked about them.
Task<void> Incoming::choose() {
  const bool held = !envelope_->hold_reason.empty();
  keep_first_ = keep_first_ || parts_.queue.order_about(destination_->key) != nullptr;
  if (keep_first_) {
    // The queue has it, and the order's end.
  } else if (one_destination_ && !route().maildir.empty() && !held) {
    auto maildir = std::make_unique<MaildirSink>(parts_.loop, route().maildir);
    maildir_ = maildir.get();
    inner_ = std::move(maildir);
  } else if (one_destination_ && route().mode == route::RouteMode::through) {
    co_await take_through();
    // For good: the client has it as a reply now, and no DSN is needed.
    if (routing_failure_ && routing_failure_->permanent) co_return;
  }
  if (inner_ == nullptr) co_return co_await queue_first();
  std::vector<smtp::Reply> answers;
  co_await inner_->add_recipients(*envelope_, 0, answers);
}

Task<void> Incoming::queue_first() {
  inner_ = std::make_unique<QueueFirst>(open_writer(), parts_.memory, message::share_of(submitter_));
  std::vector<smtp::Reply> answers;
  co_await inner_->add_recipients(*envelope_, 0, answers);
}

// Only at its end it is known that the message is to be held.
Task<void> Incoming::hold_for_maildir() {
  constexpr std::size_t kPart = 64 * 1024;
  const std::string text = std::exchange(maildir_, nullptr)->take_text();
  co_await inner_->abort();
  co_await queue_first();
  co_await inner_->begin(message::BodyForm::literal);
  for (std::size_t at = 0; at < text.size(); at += kPart) {
    Chain part;
    part.append_copy(std::string_view(text).substr(at, kPart));
    co_await inner_->write(std::move(part));
  }
}

Task<void> Incoming::write(Chain bytes) {
  bytes_ += bytes.size();
  if (hash_ != nullptr) {
    signing_->note_hashed_coming(bytes.size());
    for (signing::HashTurns turns(bytes); turns.feed(*hash_);) co_await signing_->next_turn();
  }
  if (inner_ != nullptr) co_await inner_->write(std::move(bytes));
}

// All of it has come.
void Incoming::end_hash() {
  if (hash_ == nullptr) return;
  body_ = std::exchange(hash_, nullptr)->finish();
  if (through_ != nullptr) through_->set_body(body_->digests);
}

Task<message::Outcome> Incoming::commit() {
  end_hash();
  if (refusal_)
    co_return message::Outcome{.reply = *refusal_,
                               .next_hop = {},
                               .next_hop_address = {},
                               .next_hop_tls = {},
                               .detail = "no key in use of " + envelope_->author_domain};
  if (maildir_ != nullptr && !envelope_->hold_reason.empty()) co_await hold_for_maildir();
  if (inner_ != nullptr) {
    message::Outcome outcome = co_await inner_->commit();
    if (through_ != nullptr && envelope_->hold_reason.empty())
      parts_.queue.learn({.transmission = through_->transmission(),
                          .envelope = *envelope_,
                          .submitter = submitter_,
                          .destination = destination_->key,
                          .bytes = bytes_,
                          .took = parts_.loop.now() - began_});
    co_return outcome;
  }
  co_return message::Outcome{.reply = routing_failure_->reply(),
                             .next_hop = {},
                             .next_hop_address = {},
                             .next_hop_tls = {},
                             .detail = routing_failure_->text};
}

Task<void> Incoming::abort() {
  if (inner_ != nullptr) co_await inner_->abort();
}

message::Outcome Incoming::asked() const {
  if (inner_ != nullptr) return inner_->asked();
  message::Outcome none;
  if (routing_failure_) none.detail = routing_failure_->text;
  return none;
}

}  // namespace sluice::relay
