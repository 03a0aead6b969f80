#include "engine/relay/message_signer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/relay/content_form.h"
#include "engine/spool/stored_content.h"

namespace sluice::relay {
namespace {

// What is hashed in one turn of the core's loop: some 50 us.
constexpr std::size_t kTurnBytes = 64 * 1024;

}  // namespace

signing::Signer::Request MessageSigner::request(SignedForm form) const {
  return {.id = parts_.envelope.id,
          .share = message::share_of(parts_.from),
          .own = message::is_own_dsn(parts_.envelope, parts_.from),
          .smtputf8 = parts_.envelope.smtputf8,
          .internationalized = form.internationalized,
          .converted = form.seven_bit};
}

signing::Signed MessageSigner::give_up(std::string_view reason) const {
  return parts_.signer.give_up(request({}), reason);
}

Task<SharedSigned> MessageSigner::sign(SignedForm form, const Chain* whole, message::BodyForm written) {
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
  auto fields = std::make_shared<const signing::Signed>(co_await make(form, whole, written));
  mine.fields = fields;
  for (AsyncEvent* event : std::exchange(mine.waiting, {})) event->set();
  co_return fields;
}

Task<signing::Signed> MessageSigner::make(SignedForm form, const Chain* whole, message::BodyForm written) {
  // Some kilobytes: not in the frame.
  const auto content = std::make_unique<signing::ContentToSign>(form.seven_bit ? message::BodyForm::literal : written,
                                                                parts_.signer.hashes());
  if (whole != nullptr) {
    co_await feed(*content, whole->share());
  } else if (!co_await read(*content, form)) {
    co_return signing::Signed();
  }
  content->finish();
  co_return co_await parts_.signer.sign(*content, request(form));
}

Task<void> MessageSigner::feed(signing::ContentToSign& content, Chain bytes) {
  std::size_t fed = 0;
  for (std::size_t i = 0; i < bytes.extents(); ++i) {
    for (std::string_view rest = bytes[i].view(); !rest.empty();) {
      const std::string_view part = rest.substr(0, kTurnBytes);
      rest.remove_prefix(part.size());
      content.feed(part);
      fed += part.size();
      if (fed < kTurnBytes) continue;
      fed = 0;
      co_await parts_.signer.next_turn();
    }
  }
}

Task<bool> MessageSigner::read(signing::ContentToSign& content, SignedForm form) {
  CHECK(can_read());
  std::optional<SevenBitForm> seven_bit;
  if (form.seven_bit) seven_bit.emplace(parts_.stored->stored.form, form.header_too);
  for (spool::StoredContent stored(*parts_.spool, parts_.id, *parts_.stored); !stored.at_end();) {
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
