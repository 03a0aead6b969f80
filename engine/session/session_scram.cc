// The part of a session about SCRAM (auth/sasl_scram.cc): what the machine asks for between two lines of the client,
// and which of its mechanisms are offered.
#include <array>
#include <utility>

#include "engine/session/session.h"
#include "engine/tls/client_authority.h"

namespace sluice::session {

// SCRAM where all accounts have keys for it, and with channel binding where TLS gives one; EXTERNAL where TLS has
// verified a certificate.  As it is now, for the whole session: an account that is made meanwhile and has no keys is
// refused.
void Session::withhold_mechanisms() {
  if (!rules_->scram && !rules_->client_certificates) return;
  const std::vector<std::string>& names = rules_->profile.mechanisms;
  const bool ready = services_.authenticator.offers_scram();
  const bool bound = connection_->tls() != nullptr && !connection_->tls()->channel_binding().empty();
  const tls::ClientCertificate* shown =
      connection_->tls() != nullptr ? connection_->tls()->client_certificate() : nullptr;
  const bool verified = shown != nullptr && shown->fault.empty();
  std::uint32_t withheld = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auth::Mechanism* mechanism = auth::find_mechanism(names[i]);
    const bool keyless = mechanism->of_scram_keys && (!ready || (mechanism->binds_channel && !bound));
    if (keyless || (mechanism->of_certificates && !verified)) withheld |= 1U << i;
  }
  machine_->withhold_mechanisms(withheld);
}

// -PLUS was offered wherever there is a channel binding: the listener has both or neither.
auth::SaslSession Session::sasl_session() {
  constexpr std::size_t kNonceBytes = 18;
  std::array<std::byte, kNonceBytes> drawn{};
  services_.loop.platform().random.fill(drawn);
  const std::string_view binding = connection_->tls() != nullptr ? connection_->tls()->channel_binding() : "";
  return {.nonce = auth::base64({reinterpret_cast<const char*>(drawn.data()), drawn.size()}),
          .time_s = services_.loop.platform().clock.wall() / 1000,
          .hostname = std::string(machine_->hostname()),
          .channel_binding = std::string(binding),
          .plus_offered = !binding.empty(),
          .name_of_token = &rules_->name_of_token};
}

Task<void> Session::ask_keys(auth::Step step) {
  flush();
  const Instant asked = services_.loop.now();
  scram_ = std::make_unique<Scram>(Scram{.given = step.name->text(),
                                         .login = {.name = auth::rewritten(*step.name, rules_->login_names),
                                                   .client = login_client(),
                                                   .share = login_share(),
                                                   .backends = rules_->backends}});
  auto keys = co_await services_.authenticator.scram_keys(scram_->login);
  if (keys) {
    scram_->login.keys = *std::move(keys);
    co_await on_sasl(sasl_->give_keys(scram_->login.keys));
    co_return;
  }
  sasl_ = nullptr;
  co_await answer_login(std::move(keys.error()), scram_->login.name.text(), scram_->given, asked);
  scram_ = nullptr;
}

// The client hears that its proof was right only where the login is granted: not while the shield refuses, nor of an
// account that is suspended.  The login has its identity from then on, so that a change of the account ends the
// session.
Task<void> Session::judge(auth::Step step) {
  flush();
  const Instant asked = services_.loop.now();
  auth::Answer answer = co_await services_.authenticator.judge(scram_->login, step.proven, step.proof);
  if (answer.kind == auth::AnswerKind::granted) {
    set_identity(std::move(answer.identity));
    scram_->failures_before = answer.failures_before;
    machine_->answer_auth_challenge(step.challenge, writer_);
    co_return;
  }
  sasl_ = nullptr;
  co_await answer_login(std::move(answer), scram_->login.name.text(), scram_->given, asked);
  scram_ = nullptr;
}

void Session::confirm_login() {
  sasl_ = nullptr;
  const std::unique_ptr<Scram> scram = std::move(scram_);
  apply_class(scram->failures_before);
  ++services_.counters.logins;
  services_.counters.by_login.add(AuthResult::granted, auth::kStoreSource);
  note_login_time(AuthResult::granted);
  const std::string& name = scram->login.name.text();
  services_.observer.login({.listener = rules_->name,
                            .client = connection_->peer(),
                            .name = name,
                            .given = scram->given == name ? std::string_view() : scram->given,
                            .result = AuthResult::granted,
                            .source = auth::kStoreSource,
                            .took = services_.loop.now() - auth_began_,
                            .reason = {}});
  machine_->answer_auth(smtp::replies::kAuthOk, writer_);
}

// The exchange came to no end.
void Session::forget_scram() {
  if (scram_ == nullptr) return;
  scram_ = nullptr;
  set_identity(nullptr);
}

}  // namespace sluice::session
