#include "auth/sasl.h"

#include <algorithm>
#include <array>
#include <utility>

#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr std::array kTable{
    Mechanism{.name = "PLAIN", .shows_secret = true, .make = make_sasl_plain},
    Mechanism{.name = "LOGIN", .shows_secret = true, .make = make_sasl_login},
    // RFC 7628 3.2.2: the failure as JSON; the status alone, as the rest is for the operator.  For a client that gets
    // invalid_token a new token may do, with invalid_request (RFC 6750 3.1) it would not.
    Mechanism{.name = "OAUTHBEARER",
              .shows_secret = true,
              .make = make_sasl_oauthbearer,
              .bearer = true,
              .failure = R"({"status":"invalid_token"})",
              .failure_malformed = R"({"status":"invalid_request"})",
              .needs_session = true},
    Mechanism{.name = "XOAUTH2",
              .shows_secret = true,
              .make = make_sasl_xoauth2,
              .bearer = true,
              .failure = R"({"status":"401","schemes":"bearer"})",
              .failure_malformed = R"({"status":"400","schemes":"bearer"})"},
    Mechanism{.name = "SCRAM-SHA-256",
              .shows_secret = false,
              .make = make_sasl_scram,
              .of_scram_keys = true,
              .needs_session = true},
    Mechanism{.name = "SCRAM-SHA-256-PLUS",
              .shows_secret = false,
              .make = make_sasl_scram_plus,
              .of_scram_keys = true,
              .binds_channel = true,
              .needs_session = true},
    Mechanism{.name = "CRAM-MD5", .shows_secret = false, .make = make_sasl_cram_md5, .needs_session = true},
    Mechanism{.name = "EXTERNAL", .shows_secret = false, .make = make_sasl_external, .of_certificates = true},
};

// The name's fault comes first.
template <typename MakeSecret>
Step ready_step(std::string_view name, MakeSecret make_secret) {
  std::optional<Name> clean_name = Name::make(name);
  if (!clean_name) return malformed_step(SaslFault::name_not_clean);
  std::optional<Secret> clean_secret = make_secret();
  if (!clean_secret) return malformed_step(SaslFault::secret_not_clean);
  Step step{.kind = SaslStep::ready};
  step.credentials.emplace(*std::move(clean_name), *std::move(clean_secret));
  return step;
}

}  // namespace

constinit const std::span<const Mechanism> kMechanisms = kTable;

const Mechanism* find_mechanism(std::string_view name) {
  const auto found = std::ranges::find_if(
      kMechanisms, [name](const Mechanism& mechanism) { return equal_ignoring_case(mechanism.name, name); });
  return found == kMechanisms.end() ? nullptr : &*found;
}

Step SaslMachine::start(std::optional<std::string_view> initial) {
  if (phase_ != Phase::fresh) return follow(malformed_step(SaslFault::out_of_turn));
  return follow(on_start(initial));
}

Step SaslMachine::respond(std::string_view decoded) {
  if (phase_ != Phase::waiting) return follow(malformed_step(SaslFault::out_of_turn));
  return follow(on_response(decoded));
}

Step SaslMachine::give_keys(const ScramKeys& keys) {
  if (phase_ != Phase::wants_keys) return follow(malformed_step(SaslFault::out_of_turn));
  return follow(on_keys(keys));
}

Step SaslMachine::on_keys(const ScramKeys& /*keys*/) { return malformed_step(SaslFault::out_of_turn); }

// Once a machine has said anything but "go on", it says nothing more.
Step SaslMachine::follow(Step step) {
  const bool waits = step.kind == SaslStep::challenge || (step.kind == SaslStep::judged && step.proven);
  phase_ = waits ? Phase::waiting : step.kind == SaslStep::keys_wanted ? Phase::wants_keys : Phase::done;
  return step;
}

std::string_view fault_reason(SaslFault fault) {
  switch (fault) {
    case SaslFault::other_nonce:
      return "a nonce of another exchange";
    case SaslFault::channel_binding:
      return "the channel binding is not that of this connection";
    case SaslFault::downgrade:
      return "the client was not shown that channel binding is offered";
    case SaslFault::extension:
      return "an extension that is not known";
    case SaslFault::no_user:
      return "neither the client nor its token names a user";
    case SaslFault::none:
    case SaslFault::syntax:
    case SaslFault::name_not_clean:
    case SaslFault::secret_not_clean:
    case SaslFault::other_authzid:
    case SaslFault::out_of_turn:
      break;
  }
  return {};
}

Step challenge_step(std::string_view text) { return Step{.kind = SaslStep::challenge, .challenge = std::string(text)}; }

Step malformed_step(SaslFault fault) { return Step{.kind = SaslStep::malformed, .fault = fault}; }

Step credentials_step(std::string_view name, std::string_view secret) {
  return ready_step(name, [secret] { return Secret::make(secret); });
}

Step token_step(std::string_view name, std::string_view token) {
  Step step = ready_step(name, [token] { return Secret::make_token(token); });
  if (step.credentials) step.credentials->bearer = true;
  return step;
}

std::optional<std::string> read_saslname(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    const bool comma = text.starts_with("=2C");
    const bool escaped = comma || text.starts_with("=3D");
    if (text.front() == '=' && !escaped) return std::nullopt;
    name += comma ? ',' : text.front();
    text.remove_prefix(escaped ? 3 : 1);
  }
  return name;
}

}  // namespace sluice::auth
