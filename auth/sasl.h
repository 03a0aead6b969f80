// The server's side of SASL (RFC 4422): one small machine a mechanism, and the table of them.
// Pure: no I/O, no clock, no base64. The session decodes the client's lines and encodes our
// challenges (RFC 4954 section 4); a machine sees bytes and says what comes next.
//
// A machine belongs to one session and lives for one AUTH command. Thread: the session's core.
// To add a mechanism: a new file auth/sasl_NAME.cc, its maker declared below, one line in the
// table.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/secret.h"

namespace sluice::auth {

enum class SaslStep : std::uint8_t {
  challenge,  // send `challenge` (may be empty), wait for the client's response
  ready,      // `credentials` are there, to be checked; the machine is done
  malformed,  // the exchange failed for the reason in `fault`; the machine is done
};

enum class SaslFault : std::uint8_t {
  none,
  syntax,            // not what the mechanism's grammar says
  name_not_clean,    // empty, too long, not UTF-8, or with a control character
  secret_not_clean,  // likewise
  other_authzid,     // asks to act as another user: a refusal, not a syntax error
  out_of_turn,       // a response after the end
};

struct Step {
  SaslStep kind = SaslStep::malformed;
  SaslFault fault = SaslFault::none;
  std::string challenge;
  std::optional<Credentials> credentials;
};

class SaslMachine {
 public:
  virtual ~SaslMachine() = default;
  SaslMachine(const SaslMachine&) = delete;
  SaslMachine& operator=(const SaslMachine&) = delete;

  // Once, first. `initial` is the decoded initial response: absent if AUTH carried none, empty for
  // "=".
  [[nodiscard]] Step start(std::optional<std::string_view> initial);
  // For every decoded line after a challenge. The bytes are not kept: wipe them after the call.
  [[nodiscard]] Step respond(std::string_view decoded);

 protected:
  SaslMachine() = default;
  virtual Step on_start(std::optional<std::string_view> initial) = 0;
  virtual Step on_response(std::string_view decoded) = 0;

 private:
  enum class Phase : std::uint8_t { fresh, waiting, done };
  Step follow(Step step);
  Phase phase_ = Phase::fresh;
};

struct Mechanism {
  std::string_view name;     // as advertised after EHLO's AUTH
  bool shows_secret = true;  // the secret itself crosses the wire: only under TLS
  std::unique_ptr<SaslMachine> (*make)() = nullptr;
  bool bearer = false;            // takes access tokens: offered only where those can be checked
  std::string_view failure = {};  // the challenge in front of a refusal, whose answer means nothing; empty: none
};

// In the order in which they are advertised.
extern const std::span<const Mechanism> kMechanisms;

// By name, in any case (RFC 4422 section 3.1); nullptr if there is none such (504 5.5.4).
[[nodiscard]] const Mechanism* find_mechanism(std::string_view name);

// What mechanisms build their steps with.
[[nodiscard]] Step challenge_step(std::string_view text);
[[nodiscard]] Step malformed_step(SaslFault fault);
// Ready, or malformed if one of the two is not clean.
[[nodiscard]] Step credentials_step(std::string_view name, std::string_view secret);
// Likewise, of an access token.
[[nodiscard]] Step token_step(std::string_view name, std::string_view token);

// Their makers.
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_plain();        // RFC 4616
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_login();        // draft-murchison-sasl-login
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_oauthbearer();  // RFC 7628
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_xoauth2();      // as Google and Microsoft have it

}  // namespace sluice::auth
