// The part of a session about mechanisms that show no password and need no keys.
#include <utility>

#include "engine/session/session.h"

namespace sluice::session {

Task<void> Session::check_cram_md5(auth::Step step) {
  flush();
  const Instant asked = services_.loop.now();
  const std::string given = step.name->text();
  const auth::CramMd5Login login{.name = auth::rewritten(*step.name, rules_->login_names),
                                 .client = login_client(),
                                 .share = login_share(),
                                 .challenge = std::move(step.challenge),
                                 .digest = std::move(step.proof)};
  auth::Answer answer = co_await services_.authenticator.check_cram_md5(login);
  co_await answer_login(std::move(answer), login.name.text(), given, asked);
}

}  // namespace sluice::session
