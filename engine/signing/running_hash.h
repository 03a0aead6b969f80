// The hash of a message's body while its content comes, so that nothing of it has to be read again for a signature: in
// the form in which most messages go on, which is that in which they come (not made 7-bit; with or without SMTPUTF8,
// the body is the same).  The header is not kept: it is at hand when there is something to be sent.
// Some five kilobytes, whatever the message's size.  Feeding allocates nothing.  Of one message; one thread at a time.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/dkim/body_hashes.h"
#include "engine/message/envelope.h"
#include "engine/message/header_end.h"

namespace sluice::signing {

// The body of a message, hashed.  A value.
struct HashedBody {
  dkim::BodyDigests digests;
  std::uint64_t content_bytes = 0;  // of the whole message, in the form in which it came
};

class RunningHash {
 public:
  // `form`: how the content is written.
  RunningHash(message::BodyForm form, dkim::BodyForms hashes) { body_.reset(hashes, form); }

  // Bytes from the first of the header on, in pieces of any size.
  void feed(std::string_view bytes) {
    bytes_ += bytes.size();
    body_.feed(bytes.substr(end_.take(bytes)));
  }
  // There are no more.
  [[nodiscard]] HashedBody finish() {
    body_.finish();
    return {.digests = body_.digests(), .content_bytes = bytes_};
  }

 private:
  message::HeaderEnd end_;
  dkim::BodyHashes body_;
  std::uint64_t bytes_ = 0;
};

}  // namespace sluice::signing
