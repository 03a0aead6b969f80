// A message's content in the form in which it is sent, as far as a signer has to know it: its header, and the hashes of
// its body.  Of one message and one form; one thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/dkim/body_hashes.h"
#include "engine/message/envelope.h"
#include "engine/message/header_end.h"

namespace sluice::signing {

class ContentToSign {
 public:
  ContentToSign(message::BodyForm form, dkim::BodyForms hashes) : form_(form) { body_.reset(hashes, form); }
  // Of a body that was hashed before: of what is fed only the header counts.
  ContentToSign(message::BodyForm form, const dkim::BodyDigests& known)
      : form_(form), body_is_known_(true), digests_(known) {}

  // Bytes from the first of the header on, in pieces of any size.
  void feed(std::string_view bytes);
  // There are no more.
  void finish();

  [[nodiscard]] message::BodyForm form() const { return form_; }
  [[nodiscard]] bool body_is_known() const { return body_is_known_; }
  // Nothing that may come makes a difference.
  [[nodiscard]] bool is_complete() const { return body_is_known_ && end_.passed(); }
  // With its empty line, where it has one.
  [[nodiscard]] const std::string& header() const { return header_; }
  // After finish().
  [[nodiscard]] const dkim::BodyDigests& body() const { return digests_; }

 private:
  message::BodyForm form_;
  bool body_is_known_ = false;
  message::HeaderEnd end_;
  std::string header_;
  dkim::BodyHashes body_;
  dkim::BodyDigests digests_;
};

}  // namespace sluice::signing
