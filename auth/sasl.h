// The server's side of SASL (RFC 4422): one small machine a mechanism, and the table of them.
// Pure: no I/O, no clock, no base64. The session decodes the client's lines and encodes our
// challenges (RFC 4954 section 4); a machine sees bytes and says what comes next.
//
// A machine belongs to one session and lives for one AUTH command. Thread: the session's core.
// To add a mechanism: a new file auth/sasl_NAME.cc, its maker declared below, one line in the
// table.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "auth/scram.h"
#include "auth/secret.h"

namespace sluice::auth {

enum class SaslStep : std::uint8_t {
  challenge,  // send `challenge` (may be empty), wait for the client's response
  ready,      // `credentials` are there, to be checked; the machine is done
  malformed,  // the exchange failed for the reason in `fault`; the machine is done
  // SCRAM.
  keys_wanted,  // of the account `name`: give_keys()
  judged,       // whether the client has `proven` those keys: where the login is granted, send `challenge` and wait
  confirmed,    // the client has heard that; the machine is done
  answered,     // CRAM-MD5: `name` has answered `challenge` with `proof`, to be checked; the machine is done
  external,     // EXTERNAL: who it is is known without SASL; `name`: as whom to be taken, if given; the machine is done
};

enum class SaslFault : std::uint8_t {
  none,
  syntax,            // not what the mechanism's grammar says
  name_not_clean,    // empty, too long, not UTF-8, or with a control character
  secret_not_clean,  // likewise
  other_authzid,     // asks to act as another user: a refusal, not a syntax error
  out_of_turn,       // a response after the end
  other_nonce,       // SCRAM: not the exchange that was begun
  channel_binding,   // SCRAM: of another TLS connection, of another kind, or none where there has to be one
  downgrade,         // SCRAM: the client was made to believe that there is no -PLUS here
  extension,         // SCRAM: one that must be understood, and is not
  no_user,           // OAUTHBEARER: neither the client nor its token says whose login it is
};

struct Step {
  SaslStep kind = SaslStep::malformed;
  SaslFault fault = SaslFault::none;
  std::string challenge;
  std::optional<Credentials> credentials;
  std::optional<Name> name;  // keys_wanted, answered, external
  bool proven = false;       // judged
  std::string proof;         // judged: behind both nonces, as no two are the same; answered: the digest
};

// Whom an access token names, which is not checked yet: the check is for this name.
using NameOfToken = std::function<std::optional<Name>(std::string_view token)>;

// What mechanisms may need of the session.
struct SaslSession {
  std::string nonce;            // drawn for this exchange: of base64's characters
  std::int64_t time_s = 0;      // CRAM-MD5: of the wall clock
  std::string hostname;         // likewise: the relay's
  std::string channel_binding;  // tls-exporter (RFC 9266); empty: there is none
  bool plus_offered = false;    // a mechanism with channel binding was offered
  // Outlives the machine; null: tokens name nobody.
  const NameOfToken* name_of_token = nullptr;
};

class SaslMachine {
 public:
  virtual ~SaslMachine() = default;
  SaslMachine(const SaslMachine&) = delete;
  SaslMachine& operator=(const SaslMachine&) = delete;

  // Before start(), for mechanisms that have `needs_session`.
  void set_session(SaslSession session) { session_ = std::move(session); }
  // Once, first. `initial` is the decoded initial response: absent if AUTH carried none, empty for
  // "=".
  [[nodiscard]] Step start(std::optional<std::string_view> initial);
  // For every decoded line after a challenge. The bytes are not kept: wipe them after the call.
  [[nodiscard]] Step respond(std::string_view decoded);
  // After keys_wanted.
  [[nodiscard]] Step give_keys(const ScramKeys& keys);

 protected:
  SaslMachine() = default;
  [[nodiscard]] const SaslSession& session() const { return session_; }
  virtual Step on_start(std::optional<std::string_view> initial) = 0;
  virtual Step on_response(std::string_view decoded) = 0;
  virtual Step on_keys(const ScramKeys& keys);

 private:
  enum class Phase : std::uint8_t { fresh, waiting, wants_keys, done };
  Step follow(Step step);
  SaslSession session_;
  Phase phase_ = Phase::fresh;
};

struct Mechanism {
  std::string_view name;     // as advertised after EHLO's AUTH
  bool shows_secret = true;  // the secret itself crosses the wire: only under TLS
  std::unique_ptr<SaslMachine> (*make)() = nullptr;
  bool bearer = false;  // takes access tokens: offered only where those can be checked
  // The challenges in front of a refusal, whose answers mean nothing; empty: none.
  std::string_view failure = {};
  std::string_view failure_malformed = {};
  bool of_scram_keys = false;    // offered only where all accounts have them; off unless asked for
  bool binds_channel = false;    // offered only where TLS gives a channel binding
  bool needs_session = false;    // a SaslSession
  bool of_certificates = false;  // offered only where TLS has verified a certificate of the client
};

// For the log, of what is more than a slip of a program; else empty.
[[nodiscard]] std::string_view fault_reason(SaslFault fault);

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

// What a saslname stands for (RFC 5801 section 4, RFC 5802 5.1): "=2C" is a comma, "=3D" an equals sign. Nothing where
// an equals sign is another.  May be empty, which the grammar does not let a saslname be.
[[nodiscard]] std::optional<std::string> read_saslname(std::string_view text);

// Their makers.
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_plain();        // RFC 4616
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_login();        // draft-murchison-sasl-login
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_oauthbearer();  // RFC 7628
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_xoauth2();      // as Google and Microsoft have it
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_scram();        // RFC 5802 and 7677
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_scram_plus();   // with channel binding: RFC 9266
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_cram_md5();     // RFC 2195
[[nodiscard]] std::unique_ptr<SaslMachine> make_sasl_external();     // RFC 4422 appendix A

}  // namespace sluice::auth
