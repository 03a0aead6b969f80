#include "engine/dkim/body_hashes.h"

#include "engine/base/check.h"

namespace sluice::dkim {

const Digest& BodyDigests::digest(Canonicalization form) const {
  const auto& digest = form == Canonicalization::simple ? simple_ : relaxed_;
  CHECK(digest);
  return *digest;
}

void BodyHashes::reset(BodyForms forms, message::BodyForm form) {
  simple_.reset();
  relaxed_.reset();
  if (forms.simple) simple_.emplace(Canonicalization::simple);
  if (forms.relaxed) relaxed_.emplace(Canonicalization::relaxed);
  digests_ = {};
  form_ = form;
  unstuffer_ = {};
}

void BodyHashes::feed(std::string_view bytes) {
  if (form_ == message::BodyForm::literal) {
    feed_literal(bytes);
    return;
  }
  while (!bytes.empty()) {
    const auto step = unstuffer_.step(bytes);
    feed_literal(bytes.substr(0, step.copy));
    bytes.remove_prefix(step.copy + step.skip);
  }
}

void BodyHashes::feed_literal(std::string_view bytes) {
  if (simple_) simple_->canonical.feed(bytes);
  if (relaxed_) relaxed_->canonical.feed(bytes);
}

void BodyHashes::finish() {
  const auto end = [](std::optional<Body>& body, std::optional<Digest>& digest) {
    if (!body) return;
    body->canonical.finish();
    digest = body->hasher.finish();
  };
  end(simple_, digests_.simple_);
  end(relaxed_, digests_.relaxed_);
}

}  // namespace sluice::dkim
