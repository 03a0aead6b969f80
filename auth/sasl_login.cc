// LOGIN, as draft-murchison-sasl-login-00 records it: two prompts, two answers. Many programs give
// the name with the AUTH command already, so an initial response is the name and the password is
// asked for at once.
#include <memory>
#include <utility>

#include "auth/sasl.h"

namespace sluice::auth {
namespace {

class SaslLogin final : public SaslMachine {
  Step on_start(std::optional<std::string_view> initial) override {
    return initial ? take_name(*initial) : challenge_step("Username:");
  }

  Step on_response(std::string_view decoded) override {
    return name_ ? credentials_step(name_->text(), decoded) : take_name(decoded);
  }

  Step take_name(std::string_view decoded) {
    name_ = Name::make(decoded);
    return name_ ? challenge_step("Password:") : malformed_step(SaslFault::name_not_clean);
  }

  std::optional<Name> name_;
};

}  // namespace

std::unique_ptr<SaslMachine> make_sasl_login() { return std::make_unique<SaslLogin>(); }

}  // namespace sluice::auth
