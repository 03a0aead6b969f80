// CRAM-MD5, RFC 2195:
//
//   challenge  "<" random "." time "@" hostname ">"    a msg-id of RFC 822, never the same twice
//   response   name " " digest                         HMAC-MD5 of the challenge in 32 hexadecimal digits
//
// For device passwords alone: of a mailbox's own password the store has a hash from which no HMAC can be computed.
#include <algorithm>
#include <memory>

#include "auth/cram_md5.h"
#include "auth/sasl.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kDigestDigits = 2 * kCramMd5Bytes;
constexpr std::size_t kResponseBytesMax = kNameBytesMax + 1 + kDigestDigits;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

class SaslCramMd5 final : public SaslMachine {
  // RFC 4954 section 4: the server speaks first, so that an initial response MUST be rejected with 501.
  Step on_start(std::optional<std::string_view> initial) override {
    if (initial) return malformed_step(SaslFault::syntax);
    challenge_ = "<" + session().nonce + "." + std::to_string(session().time_s) + "@" + session().hostname + ">";
    return challenge_step(challenge_);
  }

  // A name may have blanks in it.  RFC 2195 has the digits in lower case; some clients write capitals.
  Step on_response(std::string_view decoded) override {
    if (decoded.size() > kResponseBytesMax) return malformed_step(SaslFault::syntax);
    const std::size_t blank = decoded.rfind(' ');
    if (blank == std::string_view::npos) return malformed_step(SaslFault::syntax);
    std::string digest = ascii_lower(decoded.substr(blank + 1));
    if (digest.size() != kDigestDigits || !is_hex(digest)) return malformed_step(SaslFault::syntax);
    auto name = Name::make(decoded.substr(0, blank));
    if (!name) return malformed_step(SaslFault::name_not_clean);
    Step step{.kind = SaslStep::answered, .challenge = challenge_};
    step.name = *std::move(name);
    step.proof = std::move(digest);
    return step;
  }

  std::string challenge_;
};

}  // namespace

std::unique_ptr<SaslMachine> make_sasl_cram_md5() { return std::make_unique<SaslCramMd5>(); }

}  // namespace sluice::auth
