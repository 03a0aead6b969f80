#include "engine/dkim/signing_input.h"

#include <utility>

#include "engine/dkim/header_canonical.h"
#include "engine/dkim/signature_field.h"
#include "engine/smtp/scan.h"

namespace sluice::dkim {
namespace {

// What a text keeps of its memory from one message to the next.
constexpr std::size_t kKeptBytesMax = 64 * 1024;

void clear(std::string& text) {
  if (text.capacity() > kKeptBytesMax) text = {};
  text.clear();
}

// RFC 6376 3.7: "The DKIM-Signature header field ... with the value of the "b=" tag ... deleted ... without a trailing
// CRLF."
void append_own_field(std::string_view unsigned_field, Canonicalization form, std::string& out) {
  append_canonical({.name = unsigned_field.substr(0, kSignatureFieldName.size()),
                    .whole = unsigned_field,
                    .colon = kSignatureFieldName.size()},
                   form, out);
}

}  // namespace

BodyForms body_forms(std::span<const SignatureRequest> requests) {
  BodyForms forms;
  for (const SignatureRequest& request : requests)
    (request.body == Canonicalization::simple ? forms.simple : forms.relaxed) = true;
  return forms;
}

std::expected<std::span<const SigningInput>, SigningFault> SigningInputs::prepare(
    const MessageToSign& message, std::span<const SignatureRequest> requests) {
  signed_.select(literal_header(message));
  if (!signed_.has_from()) return std::unexpected(SigningFault::no_from);
  header_hashes_ = {};
  inputs_.resize(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const SignatureRequest& request = requests[i];
    SigningInput& input = inputs_[i];
    clear(input.field);
    SignatureTags tags{.algorithm = request.algorithm,
                       .header = request.header,
                       .body = request.body,
                       .signatory = &request.signatory->tags(message.internationalized),
                       .header_names = signed_.names(),
                       .body_hash = message.body->digest(request.body)};
    if (request.has_time) tags.signed_at_s = message.now_s;
    if (request.lifetime_s > 0) tags.expires_at_s = message.now_s + request.lifetime_s;
    append_unsigned_field(tags, input.field);
    Sha256Hash hash = header_hash(request.header);
    clear(canonical_);
    append_own_field(input.field, request.header, canonical_);
    hash.update(canonical_);
    input.digest = hash.finish();
  }
  return inputs_;
}

std::string_view SigningInputs::literal_header(const MessageToSign& message) {
  std::string_view header = message.header;
  if (message.form == message::BodyForm::literal) return header;
  if (!header.starts_with('.') && header.find("\n.") == std::string_view::npos) return header;
  clear(unstuffed_);
  smtp::DotUnstuffer unstuffer;
  while (!header.empty()) {
    const auto step = unstuffer.step(header);
    unstuffed_ += header.substr(0, step.copy);
    header.remove_prefix(step.copy + step.skip);
  }
  return unstuffed_;
}

const Sha256Hash& SigningInputs::header_hash(Canonicalization form) {
  std::optional<Sha256Hash>& hash = header_hashes_[std::to_underlying(form)];
  if (hash) return *hash;
  clear(canonical_);
  for (const HeaderField* field : signed_.fields()) {
    append_canonical(*field, form, canonical_);
    canonical_ += "\r\n";
  }
  hash.emplace().update(canonical_);
  return *hash;
}

}  // namespace sluice::dkim
