// EXTERNAL, RFC 4422 appendix A: the client is known from its TLS certificate, and says at most as whom it wants to be
// taken: `[authzid]`, UTF-8 without NUL.
#include <memory>

#include "auth/sasl.h"

namespace sluice::auth {
namespace {

class SaslExternal final : public SaslMachine {
  // "If a client does not send an initial response, the server sends an empty challenge" (section 5.1).
  Step on_start(std::optional<std::string_view> initial) override {
    return initial ? on_response(*initial) : challenge_step("");
  }

  Step on_response(std::string_view decoded) override {
    Step step{.kind = SaslStep::external};
    if (decoded.empty()) return step;
    step.name = Name::make(decoded);
    return step.name ? std::move(step) : malformed_step(SaslFault::name_not_clean);
  }
};

}  // namespace

std::unique_ptr<SaslMachine> make_sasl_external() { return std::make_unique<SaslExternal>(); }

}  // namespace sluice::auth
