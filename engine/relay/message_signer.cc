#include "engine/relay/message_signer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/relay/content_form.h"
#include "engine/signing/hash_turns.h"
#include "engine/spool/stored_content.h"

namespace sluice::relay {

signing::Signer::Request MessageSigner::request(SignedForm form) const {
  return {.id = parts_.envelope.id,
          .share = message::share_of(parts_.from),
          .customer = parts_.from.customer,
          .own = message::is_own_dsn(parts_.envelope, parts_.from),
          .smtputf8 = parts_.envelope.smtputf8,
          .internationalized = form.internationalized,
          .converted = form.seven_bit};
}

signing::Signed MessageSigner::give_up(std::string_view reason) const {
  return parts_.signer.give_up(request({}), reason);
}

Task<SharedSigned> MessageSigner::sign(SignedForm form, AtHand at_hand) {
  auto& made = parts_.made.made_;
  for (;;) {
    const auto known = std::ranges::find_if(made, [&](const auto& each) { return each->form == form; });
    if (known == made.end()) break;
    MessageSignatures::Made& theirs = **known;
    if (theirs.fields == nullptr) {
      AsyncEvent event;
      theirs.waiting.push_back(&event);
      co_await event.wait("the signature of the message");
      continue;
    }
    if (parts_.signer.now() < theirs.fields->until) {
      parts_.signer.note_used_again(*theirs.fields);
      co_return theirs.fields;
    }
    made.erase(known);
  }
  MessageSignatures::Made& mine = *made.emplace_back(std::make_unique<MessageSignatures::Made>(form));
  auto fields = std::make_shared<const signing::Signed>(co_await make(form, at_hand));
  mine.fields = fields;
  for (AsyncEvent* event : std::exchange(mine.waiting, {})) event->set();
  co_return fields;
}

// Null: it has to be hashed.  After a reload it may have to be in another canonical form.
const dkim::BodyDigests* MessageSigner::known_body(SignedForm form) const {
  const auto& body = parts_.made.body();
  return !form.seven_bit && body && body->has(parts_.signer.hashes()) ? &*body : nullptr;
}

Task<signing::Signed> MessageSigner::make(SignedForm form, AtHand at_hand) {
  const message::BodyForm written = form.seven_bit ? message::BodyForm::literal : at_hand.written;
  // Some kilobytes: not in the frame.
  std::unique_ptr<signing::ContentToSign> content;
  bool at_end = at_hand.whole;
  if (const dkim::BodyDigests* const known = known_body(form)) {
    content = std::make_unique<signing::ContentToSign>(written, *known);
    for (std::size_t i = 0; i < at_hand.content.extents() && !content->is_complete(); ++i)
      content->feed(at_hand.content[i].view());
    at_end = at_end || content->is_complete();
    if (!at_end) content = std::make_unique<signing::ContentToSign>(written, *known);
  } else {
    content = std::make_unique<signing::ContentToSign>(written, parts_.signer.hashes());
    if (at_end) co_await feed(*content, at_hand.content.share());
  }
  if (!at_end && !co_await read(*content, form)) co_return signing::Signed();
  content->finish();
  if (!form.seven_bit) parts_.made.set_body(content->body());
  co_return co_await parts_.signer.sign(*content, request(form));
}

Task<void> MessageSigner::feed(signing::ContentToSign& content, Chain bytes) {
  if (!content.body_is_known()) parts_.signer.note_hashed_sending(bytes.size());
  for (signing::HashTurns turns(bytes); turns.feed(content);) co_await parts_.signer.next_turn();
}

Task<bool> MessageSigner::read(signing::ContentToSign& content, SignedForm form) {
  CHECK(can_read());
  std::optional<SevenBitForm> seven_bit;
  if (form.seven_bit) seven_bit.emplace(parts_.stored->stored.form, form.header_too);
  spool::StoredContent stored(*parts_.spool, parts_.id, *parts_.stored);
  while (!stored.at_end() && !content.is_complete()) {
    auto part = co_await stored.next();
    if (!part) co_return false;
    Chain bytes;
    bytes.append(*std::move(part));
    if (seven_bit) bytes = seven_bit->feed(std::move(bytes));
    co_await feed(content, std::move(bytes));
  }
  if (seven_bit) co_await feed(content, seven_bit->finish());
  co_return true;
}

}  // namespace sluice::relay
