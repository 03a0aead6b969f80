// The part of a session about mechanisms that show no password and need no keys.
#include <utility>

#include "engine/base/check.h"
#include "engine/session/session.h"
#include "engine/tls/client_authority.h"

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

// Offered only where TLS has verified it: withhold_mechanisms().
Task<void> Session::check_certificate(auth::Step step) {
  flush();
  const Instant asked = services_.loop.now();
  CHECK(connection_->tls() != nullptr && connection_->tls()->client_certificate() != nullptr);
  const tls::ClientCertificate& shown = *connection_->tls()->client_certificate();
  auth::CertificateLogin login{
      .fingerprint = shown.fingerprint, .client = login_client(), .share = login_share(), .backends = rules_->backends};
  if (step.name) login.authorization = auth::rewritten(*step.name, rules_->login_names);
  if (rules_->client_san)
    for (const std::string& address : shown.addresses)
      if (const auto name = auth::Name::make(address))
        login.names.push_back(auth::rewritten(*name, rules_->login_names));
  auth::Answer answer = co_await services_.authenticator.check_certificate(login);
  // The account's own name where the client gave none.
  const std::string name =
      answer.identity != nullptr ? answer.identity->account_name : auth::certificate_login_name(login).text();
  const std::string given = step.name ? step.name->text() : name;
  co_await answer_login(std::move(answer), name, given, asked);
}

// The client hears nothing of it, but that EXTERNAL is not offered.
void Session::note_client_certificate() {
  const tls::ClientCertificate* shown = connection_->tls()->client_certificate();
  if (shown == nullptr || shown->fault.empty()) return;
  services_.observer.client_certificate({.listener = rules_->name,
                                         .client = connection_->peer(),
                                         .fingerprint = shown->fingerprint,
                                         .reason = shown->fault});
}

}  // namespace sluice::session
