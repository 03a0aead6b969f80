// What of a message is signed, and how it becomes fields.  A signature is made in three steps, so that the slow one is
// no core's:
//   1. SigningInputs::prepare(), on the core: the header and the hashes of the body make, for each signature, the field
//      without its value and the 32 bytes that a key signs.  Microseconds; nothing allocated in the steady state.
//   2. PrivateKey::sign(), on any thread.
//   3. append_signature_field(), anywhere: the fields go in front of the message.
// What is signed is final: all that the relay changes or adds comes before.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dkim/algorithm.h"
#include "engine/dkim/body_hashes.h"
#include "engine/dkim/sha256.h"
#include "engine/dkim/signatory.h"
#include "engine/dkim/signed_fields.h"
#include "engine/message/envelope.h"

namespace sluice::dkim {

// One signature that is wanted.
struct SignatureRequest {
  const Signatory* signatory = nullptr;  // must outlive prepare()
  Algorithm algorithm = Algorithm::rsa_sha256;
  Canonicalization header = Canonicalization::relaxed;
  Canonicalization body = Canonicalization::relaxed;
  bool has_time = true;         // t=
  std::int64_t lifetime_s = 0;  // x= is the time and this; 0: none
};

// The forms that the body must be hashed in for them.
[[nodiscard]] BodyForms body_forms(std::span<const SignatureRequest> requests);

// A message as it goes on.
struct MessageToSign {
  std::string_view header;  // all of it, with or without its empty line, contiguous
  message::BodyForm form = message::BodyForm::literal;
  const BodyDigests* body = nullptr;
  bool internationalized = false;  // it goes on with SMTPUTF8
  std::int64_t now_s = 0;          // since 1970
};

struct SigningInput {
  std::string field;  // DKIM-Signature up to "b="
  Digest digest{};    // what the key signs
};

enum class SigningFault : std::uint8_t {
  no_from,  // RFC 6376 5.4: without a From field there is nothing that may be signed
};

// Owned by a core, for one message at a time: some 50 KB, which it keeps.  One thread at a time.
class SigningInputs {
 public:
  // One for each request, in order; valid until the next call.
  std::expected<std::span<const SigningInput>, SigningFault> prepare(const MessageToSign& message,
                                                                     std::span<const SignatureRequest> requests);

 private:
  [[nodiscard]] std::string_view literal_header(const MessageToSign& message);
  const Sha256Hash& header_hash(Canonicalization form);

  SignedFields signed_;
  std::array<std::optional<Sha256Hash>, 2>
      header_hashes_;  // by canonical form: over all signed fields but the signature's own
  std::string unstuffed_;
  std::string canonical_;
  std::vector<SigningInput> inputs_;
};

}  // namespace sluice::dkim
