// A message's content in the form in which it is sent, as far as a signer has to know it: its header, and the hashes of
// its body.  Of one message and one form; one thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/dkim/body_hashes.h"
#include "engine/message/envelope.h"

namespace sluice::signing {

class ContentToSign {
 public:
  ContentToSign(message::BodyForm form, dkim::BodyForms hashes) : form_(form) { body_.reset(hashes, form); }

  // Bytes from the first of the header on, in pieces of any size.
  void feed(std::string_view bytes);
  // There are no more.
  void finish() { body_.finish(); }

  [[nodiscard]] message::BodyForm form() const { return form_; }
  // With its empty line, where it has one.
  [[nodiscard]] const std::string& header() const { return header_; }
  // After finish().
  [[nodiscard]] const dkim::BodyHashes& body() const { return body_; }

 private:
  message::BodyForm form_;
  std::string header_;
  bool in_body_ = false;
  dkim::BodyHashes body_;
};

}  // namespace sluice::signing
