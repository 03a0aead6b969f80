// What the fuzzers of POP3 and IMAP logins check, whatever the server says:
//   - nothing is granted before the secret was sent, and the secret is not sent before TLS where that is due;
//   - what goes out is whole lines, and the client's credentials alone are in them;
//   - a reason never has the secret in it, nor anything that does not belong into a log;
//   - the same lines give the same dialog.
// Input: a byte of settings, then the server's lines, each ended by LF.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/login_dialog.h"
#include "engine/base/check.h"

namespace sluice::auth {

struct FuzzedLogin {
  DialogSettings settings;
  Credentials credentials;
};

// `mechanisms`: four of them, which the settings' byte picks from.
inline FuzzedLogin fuzzed_login(std::uint8_t byte, const char* const (&mechanisms)[4]) {
  // With a quote in it, IMAP sends it as a literal.
  const bool odd = (byte & 8U) != 0;
  FuzzedLogin login{.settings = {.mechanism = mechanisms[byte & 3U], .starttls = (byte & 4U) != 0},
                    .credentials = {.name = *Name::make("nobody@example.com"),
                                    .secret = *Secret::make(odd ? "zq\"xk9w-secret" : "zqxk9w-secret")}};
  if ((byte & 16U) != 0) login.credentials.client = {.ip = "2001:db8::7", .port = 4711};
  return login;
}

// How the secret looks on the wire.
inline bool has_secret(std::string_view sent, const Credentials& credentials, std::string_view digest) {
  return sent.find(credentials.secret.reveal()) != std::string_view::npos ||
         sent.find(sasl_plain_response(credentials)) != std::string_view::npos ||
         (!digest.empty() && sent.find(digest) != std::string_view::npos);
}

struct FuzzedTalk {
  std::string sent;
  Verdict::Kind verdict = Verdict::Kind::unknown;  // not done
  std::string reason;
};

inline void check_sent(const DialogStep& step) {
  CHECK(step.send.ends_with("\r\n"));
  CHECK(step.kind == DialogStep::Kind::read);
  for (const char c : step.send) CHECK((c >= ' ' && c <= '~') || c == '\r' || c == '\n');
  for (std::size_t i = 0; i < step.send.size(); ++i)
    CHECK((step.send[i] == '\n') == (i > 0 && step.send[i - 1] == '\r'));
}

inline FuzzedTalk fuzzed_talk(LoginDialog& dialog, std::string_view lines, const FuzzedLogin& login) {
  FuzzedTalk talk;
  bool tls = !login.settings.starttls;
  bool secret_sent = false;
  std::string apop;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    DialogStep step = dialog.line(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (step.kind == DialogStep::Kind::start_tls) {
      CHECK(login.settings.starttls && !tls);
      tls = true;
      step = dialog.tls_started();
    }
    if (step.kind == DialogStep::Kind::skip) lines.remove_prefix(std::min(step.bytes, lines.size()));
    if (!step.send.empty()) {
      check_sent(step);
      // The digest of APOP is made of it.
      if (step.send.starts_with("APOP ")) apop = step.send;
      const bool secret = has_secret(step.send, login.credentials, apop);
      CHECK(!secret || (tls && step.secret));
      secret_sent = secret_sent || secret;
      talk.sent += step.send;
    }
    if (step.kind != DialogStep::Kind::done) continue;
    talk.verdict = dialog.verdict();
    talk.reason = dialog.reason();
    CHECK(talk.verdict != Verdict::Kind::granted || secret_sent);
    CHECK((talk.verdict == Verdict::Kind::unavailable) == !talk.reason.empty());
    for (const char c : talk.reason) CHECK(c >= ' ' && c <= '~');
    // What a server says before it was shown the secret may be anything, but not that.
    CHECK(!secret_sent || !has_secret(talk.reason, login.credentials, apop));
    break;
  }
  return talk;
}

template <typename Make>
void check_login_dialog(const std::uint8_t* data, std::size_t size, const char* const (&mechanisms)[4], Make make) {
  if (size == 0) return;
  const FuzzedLogin login = fuzzed_login(data[0], mechanisms);
  const std::string lines(data + 1, data + size);
  const auto one = make(login.settings, login.credentials);
  const auto two = make(login.settings, login.credentials);
  const FuzzedTalk first = fuzzed_talk(*one, lines, login);
  const FuzzedTalk second = fuzzed_talk(*two, lines, login);
  CHECK(first.sent == second.sent && first.verdict == second.verdict && first.reason == second.reason);
}

}  // namespace sluice::auth
