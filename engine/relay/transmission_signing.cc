// The signatures of a message on its way out: made of what this next hop gets, when that is known, and put in front of
// it.
#include <utility>

#include "engine/relay/transmission.h"

namespace sluice::relay {
namespace {

constexpr std::string_view kHeldForSignature = "It is kept until all of it is here, as it is to be signed";
constexpr std::string_view kTooLongToHold = "it is too long to be held for its signature, and its route has no spool";

}  // namespace

// Nothing of it goes on before all of it is here.
bool Transmission::is_signed_whole() const { return request_.signer != nullptr && !request_.signer->can_read(); }

// As far as it is known; of the next hop, once there is one.
SignedForm Transmission::signed_form() const {
  const bool seven_bit = eight_bit_ == EightBit::converted;
  return {.seven_bit = seven_bit,
          .header_too = seven_bit && !needs_smtputf8(),
          .internationalized = needs_smtputf8() && hop_ != nullptr && hop_->capabilities().smtputf8};
}

// Where no next hop makes a difference, it is signed before there is one: a connection does not wait for that.  What
// comes of it is said where there is one, by sign(), which finds it made.
Task<void> Transmission::sign_beforehand() {
  const message::ContentFacts& content = request_.envelope.content;
  if (request_.signer == nullptr || signed_as_ || !content.whole || content.eight_bit || needs_smtputf8()) co_return;
  static_cast<void>(co_await sign());
}

Task<Transmission::Halted> Transmission::sign() {
  if (request_.signer == nullptr) co_return std::nullopt;
  const SignedForm form = signed_form();
  if (signed_as_ == form) co_return unsigned_;
  const SharedSigned made = co_await request_.signer->sign(
      form, {.content = gathered_, .whole = content_ == Content::whole, .written = form_});
  signed_as_ = form;
  use(*made);
  co_return unsigned_;
}

// It is no fault of the next hop's where it does not go on.
void Transmission::use(const signing::Signed& made) {
  fields_ = made.fields;
  unsigned_.reset();
  if (!made.refusal) return;
  unsigned_ = Halt{.result = {.kind = made.refusal->code / 100 == 5 ? Kind::refused : Kind::deferred,
                              .code = made.refusal->code,
                              .enhanced = made.refusal->enhanced,
                              .text = std::string(made.refusal->text),
                              .ours = true,
                              .of_recipient = true},
                   .unusable = false};
}

void Transmission::end_unheld() {
  if (over() || !is_signed_whole()) return;
  if (!request_.may_be_kept) {
    end_too_long();
    return;
  }
  undecided_ = true;
  end({.result = {.kind = Kind::deferred, .text = std::string(kHeldForSignature)}, .unusable = false});
}

// Without a place to keep it there is none to sign it from, either.
void Transmission::end_too_long() {
  use(request_.signer->give_up(kTooLongToHold));
  request_.signer = nullptr;
  if (unsigned_) end(*unsigned_);
}

// Once, in front of the content: no line of theirs begins with a dot.
void Transmission::put_fields(Chain& out) {
  if (!std::exchange(fields_out_, true)) out.append_copy(fields_);
}

}  // namespace sluice::relay
