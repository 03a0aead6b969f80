// PLAIN, RFC 4616: one message, `[authzid] NUL authcid NUL passwd`.
#include <memory>

#include "auth/sasl.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kPlainMessageBytesMax = 2 * kNameBytesMax + kSecretBytesMax + 2;

class SaslPlain final : public SaslMachine {
  // RFC 4422 section 5.1: without an initial response the server sends an empty challenge.
  Step on_start(std::optional<std::string_view> initial) override {
    return initial ? on_response(*initial) : challenge_step("");
  }

  Step on_response(std::string_view decoded) override {
    constexpr char kSeparator = '\0';
    if (decoded.size() > kPlainMessageBytesMax) return malformed_step(SaslFault::syntax);
    const std::size_t first = decoded.find(kSeparator);
    if (first == std::string_view::npos) return malformed_step(SaslFault::syntax);
    const std::size_t second = decoded.find(kSeparator, first + 1);
    if (second == std::string_view::npos) return malformed_step(SaslFault::syntax);

    const std::string_view authzid = decoded.substr(0, first);
    const std::string_view authcid = decoded.substr(first + 1, second - first - 1);
    const std::string_view passwd = decoded.substr(second + 1);
    // "The form of passwd and authcid shall not contain NUL."
    if (passwd.find(kSeparator) != std::string_view::npos) return malformed_step(SaslFault::syntax);
    // No user may act for another one here; naming oneself is harmless.
    if (!authzid.empty() && login_key(authzid) != login_key(authcid)) {
      return malformed_step(SaslFault::other_authzid);
    }
    return credentials_step(authcid, passwd);
  }
};

}  // namespace

std::unique_ptr<SaslMachine> make_sasl_plain() { return std::make_unique<SaslPlain>(); }

}  // namespace sluice::auth
