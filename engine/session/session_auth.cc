// The part of a session in which its client logs in: AUTH, and what a login brings with it.
#include <algorithm>
#include <utility>

#include "engine/session/session.h"

namespace sluice::session {

Task<void> Session::on_auth() {
  const auth::Mechanism* mechanism = auth::find_mechanism(machine_->auth_mechanism());
  CHECK(mechanism != nullptr);  // the machine takes only what the profile lists
  auth_began_ = services_.loop.now();
  sasl_ = mechanism->make();
  mechanism_ = mechanism;
  if (mechanism->needs_session) sasl_->set_session(sasl_session());
  std::optional<std::string_view> initial;
  if (machine_->has_auth_initial()) initial = machine_->auth_response();
  co_await on_sasl(sasl_->start(initial));
}

Task<void> Session::on_auth_response() {
  // RFC 7628 3.2.3: a dummy answer, whatever it says.
  if (const auto refusal = std::move(refusal_); refusal != nullptr) {
    machine_->answer_auth(*refusal, writer_);
    co_return;
  }
  co_await on_sasl(sasl_->respond(machine_->auth_response()));
}

Task<void> Session::on_sasl(auth::Step step) {
  switch (step.kind) {
    case auth::SaslStep::challenge:
      machine_->answer_auth_challenge(step.challenge, writer_);
      co_return;
    case auth::SaslStep::ready:
      sasl_ = nullptr;
      co_await check(std::move(*step.credentials));
      co_return;
    case auth::SaslStep::keys_wanted:
      co_await ask_keys(std::move(step));
      co_return;
    case auth::SaslStep::judged:
      co_await judge(std::move(step));
      co_return;
    case auth::SaslStep::confirmed:
      confirm_login();
      co_return;
    case auth::SaslStep::answered:
      sasl_ = nullptr;
      co_await check_cram_md5(std::move(step));
      co_return;
    case auth::SaslStep::external:
      sasl_ = nullptr;
      co_await check_certificate(std::move(step));
      co_return;
    case auth::SaslStep::malformed:
      sasl_ = nullptr;
      forget_scram();
      ++services_.counters.logins_refused;
      services_.counters.by_login.add(AuthResult::malformed, auth::kNoSource);
      services_.observer.login({.listener = rules_->name,
                                .client = connection_->peer(),
                                .name = {},
                                .given = {},
                                .result = AuthResult::malformed,
                                .took = services_.loop.now() - auth_began_,
                                .reason = auth::fault_reason(step.fault)});
      flush();
      co_await delay_refusal(services_.loop.now());
      note_login_time(AuthResult::malformed);
      if (step.fault == auth::SaslFault::syntax && mechanism_->failure.empty()) {
        machine_->answer_auth(smtp::replies::kMalformedCredentials, writer_);
      } else {
        const bool request = step.fault == auth::SaslFault::syntax || step.fault == auth::SaslFault::no_user;
        reply_to_auth(smtp::replies::kAuthFailed, request ? mechanism_->failure_malformed : mechanism_->failure);
      }
      co_return;
  }
}

auth::LoginClient Session::login_client() const {
  return {.ip = connection_->peer().ip(),
          .port = connection_->peer().port(),
          .helo = std::string(machine_->hello_name()),
          .tls = connection_->tls() != nullptr};
}

CustomerShare Session::login_share() const {
  return customer_share(services_.admission.block_of(connection_->peer()).to_string());
}

Task<void> Session::check(auth::Credentials credentials) {
  flush();
  const std::string given = credentials.name.text();
  credentials.name = auth::rewritten(credentials.name, rules_->login_names);
  const Instant asked = services_.loop.now();
  const std::string name = credentials.name.text();
  credentials.share = login_share();
  credentials.device_only = rules_->device_only;
  credentials.backends = rules_->backends;
  credentials.client = login_client();
  auth::Answer answer = co_await services_.authenticator.authenticate(std::move(credentials));
  co_await answer_login(std::move(answer), name, given, asked);
}

// The views outlive the task.
Task<void> Session::answer_login(auth::Answer answer, std::string_view name, std::string_view given, Instant asked) {
  AuthResult result = AuthResult::granted;
  smtp::Reply reply = smtp::replies::kAuthOk;
  switch (answer.kind) {
    case auth::AnswerKind::granted:
      set_identity(std::move(answer.identity));
      apply_class(answer.failures_before);
      ++services_.counters.logins;
      break;
    case auth::AnswerKind::wrong:
      result = AuthResult::wrong;
      reply = smtp::replies::kAuthFailed;
      break;
    case auth::AnswerKind::suspended:
      result = AuthResult::suspended;
      reply = smtp::replies::kAccountSuspended;
      if (!answer.reason.empty()) reply = smtp::Reply(reply.code(), reply.enhanced(), answer.reason);
      reply.set_name(smtp::replies::kAccountSuspended.name);
      break;
    case auth::AnswerKind::refused:
      result = AuthResult::refused;
      reply = smtp::replies::kAuthUnavailable;
      break;
    case auth::AnswerKind::unavailable:
      // A back end's failure is never the customer's: 454, not 535.
      result = AuthResult::unavailable;
      reply = smtp::replies::kAuthUnavailable;
      break;
  }
  services_.counters.by_login.add(result, answer.source);
  services_.observer.login({.listener = rules_->name,
                            .client = connection_->peer(),
                            .name = name,
                            .given = given == name ? std::string_view() : given,
                            .result = result,
                            .source = answer.source,
                            .took = services_.loop.now() - auth_began_,
                            .reason = answer.reason});
  if (result != AuthResult::granted) {
    ++services_.counters.logins_refused;
    co_await delay_refusal(asked);
  }
  note_login_time(result);
  const std::string_view challenge = reply.permanent() ? mechanism_->failure : std::string_view();
  reply_to_auth(std::move(reply), challenge);
}

void Session::note_login_time(AuthResult result) {
  services_.counters.by_login.add_time(result, services_.loop.now() - auth_began_);
}

// From here on the limit is that of the login's class, in place of the listener's.
void Session::apply_class(std::uint32_t failures_before) {
  failures_before_ = failures_before;
  classes_ = new_classes_ != nullptr ? std::exchange(new_classes_, nullptr) : rules_->classes;
  if (classes_ == nullptr) return;
  const policy::PolicyClasses::Chosen chosen = classes_->choose(*identity_);
  const policy::PolicyClass& policy_class = *chosen.policy_class;
  machine_->set_recipients_max(policy_class.recipients_per_message);
  watch_by(chosen);
  if (chosen.unknown)
    services_.observer.unknown_class({.listener = rules_->name,
                                      .customer = identity_->customer_name,
                                      .account = identity_->account_name,
                                      .policy_class = identity_->policy_class,
                                      .default_class = policy_class.name});
}

void Session::watch_by(const policy::PolicyClasses::Chosen& chosen) {
  if (services_.watch == nullptr || chosen.policy_class->notice <= noticing::Step::pass) return;
  watched_ = {.watch = services_.watch,
              .by = chosen.watched,
              .identity = identity_,
              .client = connection_->peer().ip(),
              .network = noticed_network(connection_->peer().ip_bytes()),
              .country = services_.countries == nullptr ? noticing::CountryCode{}
                                                        : services_.countries->country(connection_->peer()),
              .failures_before = failures_before_};
}

void Session::reply_to_auth(smtp::Reply reply, std::string_view challenge) {
  if (challenge.empty()) {
    machine_->answer_auth(reply, writer_);
    return;
  }
  refusal_ = std::make_unique<const smtp::Reply>(std::move(reply));
  machine_->answer_auth_challenge(challenge, writer_);
}

// A wrong password, an unknown name, a suspended account and one that was not looked up take the same time: a whole
// multiple of the delay, so that a check that takes longer than that does not show how long it took, either.
Task<void> Session::delay_refusal(Instant asked) {
  const Duration delay = rules_->refused_login_delay;
  if (delay == Duration::zero() || cut_off_) co_return;
  AsyncEvent over;
  io::Timer timer([](void* event) { static_cast<AsyncEvent*>(event)->set(); }, &over);
  services_.loop.timers().arm(timer, asked + ((services_.loop.now() - asked) / delay + 1) * delay);
  refusal_delay_ = &over;
  co_await over.wait("the time after which a refused login is answered");
  refusal_delay_ = nullptr;
  services_.loop.timers().disarm(timer);
}

}  // namespace sluice::session
