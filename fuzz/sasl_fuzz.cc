// Checks that whatever bytes a client sends in a SASL exchange:
//   - only a clean name and a clean secret come out, and both were sent by it, in one piece (in OAUTHBEARER, a name
//   with its escapes);
//   - PLAIN gives credentials exactly for `[authzid] NUL authcid NUL passwd` with the authzid empty
//   or another spelling of the authcid (case, or how its domain is written);
//   - CRAM-MD5 answers its own challenge, with a clean name and 32 digits, for `name SP digest` alone;
//   - EXTERNAL gives no name for an empty line, and else the line, where it is a clean name;
//   - an exchange ends after three lines at most, and after its end nothing comes out of it.
// Input: a byte that picks the mechanism and whether there is an initial response, then lines,
// each ended by LF (so that LF itself is tried in the unit tests, not here).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/sasl.h"
#include "auth/text.h"
#include "engine/base/check.h"

namespace {

using sluice::auth::SaslMachine;
using sluice::auth::SaslStep;
using sluice::auth::Step;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (lines.size() < 8) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

// RFC 5801 4, saslname.
std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) text += c == ',' ? "=2C" : c == '=' ? "=3D" : std::string(1, c);
  return text;
}

// OAUTHBEARER's and XOAUTH2's, put together again from what came out.
void check_bearer(std::string_view mechanism, const Step& step, std::string_view message) {
  const std::string& name = step.credentials->name.text();
  const std::string_view token = step.credentials->secret.reveal();
  CHECK(!token.empty() && token.size() <= sluice::auth::kTokenBytesMax && token.find_first_of(" \1,") == token.npos);
  CHECK(message.starts_with(mechanism == "XOAUTH2"         ? "user=" + name + "\1"
                            : message.substr(0, 2) == "y," ? "y,a=" + escaped(name) + ",\1"
                                                           : "n,a=" + escaped(name) + ",\1"));
  CHECK(message.ends_with("\1\1") && message.find(std::string(" ").append(token) + "\1") != message.npos);
}

void check_step(const Step& step, const std::vector<std::string_view>& sent) {
  CHECK(step.credentials.has_value() == (step.kind == SaslStep::ready));
  CHECK((step.fault != sluice::auth::SaslFault::none) == (step.kind == SaslStep::malformed));
  CHECK(step.challenge.empty() || step.kind == SaslStep::challenge || step.kind == SaslStep::answered);
  if (!step.credentials) return;
  if (step.credentials->bearer) return;  // see check_bearer()
  const std::string_view name = step.credentials->name.text();
  const std::string_view secret = step.credentials->secret.reveal();
  CHECK(!name.empty() && name.size() <= sluice::auth::kNameBytesMax && sluice::auth::is_clean_text(name));
  CHECK(!secret.empty() && secret.size() <= sluice::auth::kSecretBytesMax && sluice::auth::is_clean_text(secret));
  bool name_sent = false;
  bool secret_sent = false;
  for (const std::string_view line : sent) {
    name_sent = name_sent || line.find(name) != std::string_view::npos;
    secret_sent = secret_sent || line.find(secret) != std::string_view::npos;
  }
  CHECK(name_sent && secret_sent);
}

// What PLAIN's message says, put together again from what came out.
void check_plain(const Step& step, std::string_view message) {
  if (!step.credentials) return;
  const std::string tail = '\0' + step.credentials->name.text() + '\0' + std::string(step.credentials->secret.reveal());
  CHECK(message.ends_with(tail));
  const std::string_view authzid = message.substr(0, message.size() - tail.size());
  CHECK(authzid.empty() || sluice::auth::login_key(authzid) == sluice::auth::login_key(step.credentials->name.text()));
}

// CRAM-MD5's response, put together again from what came out.
void check_answered(const Step& step, std::string_view challenge, std::string_view message) {
  if (step.kind != SaslStep::answered) return;
  const std::string& name = step.name->text();
  CHECK(!name.empty() && name.size() <= sluice::auth::kNameBytesMax && sluice::auth::is_clean_text(name));
  CHECK(step.proof.size() == 32 && step.proof.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(!step.challenge.empty() && step.challenge == challenge);
  CHECK(message.starts_with(name + " ") && message.size() == name.size() + 33);
  CHECK(sluice::auth::ascii_lower(message.substr(name.size() + 1)) == step.proof);
}

void check_external(const Step& step, std::string_view message) {
  if (step.kind != SaslStep::external) return;
  CHECK(step.name.has_value() == !message.empty());
  if (!step.name) return;
  CHECK(step.name->text() == message && message.size() <= sluice::auth::kNameBytesMax);
  CHECK(sluice::auth::is_clean_text(message));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const sluice::auth::Mechanism& mechanism = sluice::auth::kMechanisms[data[0] / 2 % sluice::auth::kMechanisms.size()];
  const bool initial = data[0] % 2 == 1;
  const std::string text(data + 1, data + size);
  const std::vector<std::string_view> lines = lines_of(text);

  const auto machine = mechanism.make();
  machine->set_session({.nonce = "AbC+/", .time_s = 1'700'000'000, .hostname = "relay.example"});
  std::size_t used = initial ? 1 : 0;
  Step step = machine->start(initial ? std::optional(lines[0]) : std::nullopt);
  check_step(step, lines);
  const std::string challenge = step.challenge;
  while (step.kind == SaslStep::challenge && used < lines.size()) {
    step = machine->respond(lines[used++]);
    check_step(step, lines);
  }
  CHECK(used <= 3);
  if (mechanism.name == "PLAIN" && used > 0) check_plain(step, lines[used - 1]);
  if (step.credentials) CHECK(step.credentials->bearer == mechanism.bearer);
  if (used > 0) check_answered(step, challenge, lines[used - 1]);
  if (used > 0) check_external(step, lines[used - 1]);
  if (mechanism.bearer && step.credentials) check_bearer(mechanism.name, step, lines[used - 1]);
  if (step.kind != SaslStep::challenge) {
    const Step after = machine->respond(text);
    CHECK(after.kind == SaslStep::malformed && after.fault == sluice::auth::SaslFault::out_of_turn);
  }
  return 0;
}
