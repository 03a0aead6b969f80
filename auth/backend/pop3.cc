#include "auth/backend/pop3.h"

#include <wolfssl/options.h>  // before all else of wolfSSL

#include <sodium.h>
#include <wolfssl/wolfcrypt/hash.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "auth/backend/dialog_backend.h"
#include "auth/text.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

using Kind = Verdict::Kind;

// RFC 5034 4: a longer command has no initial response in it.
constexpr std::size_t kCommandBytesMax = 255;

struct Pop3Reply {
  enum class Status : std::uint8_t { ok, error, challenge };
  Status status = Status::ok;
  std::string_view text;
};

// RFC 1939 3: "Servers MUST send the "+OK" and "-ERR" in upper case."
std::optional<Pop3Reply> parse_reply(std::string_view line) {
  using Status = Pop3Reply::Status;
  for (const auto& [start, status] :
       {std::pair{"+OK", Status::ok}, std::pair{"-ERR", Status::error}, std::pair{"+", Status::challenge}}) {
    if (!line.starts_with(start)) continue;
    const std::string_view rest = line.substr(std::string_view(start).size());
    if (rest.empty() || rest.starts_with(' ')) return Pop3Reply{status, rest.substr(rest.empty() ? 0 : 1)};
  }
  return std::nullopt;
}

// The timestamp of a greeting; empty where it has none that is a message id, as RFC 1939 7 wants it: what else is in it
// could have been chosen to find the secret out (CVE-2007-1558).
std::string_view timestamp_of(std::string_view greeting) {
  const std::size_t start = greeting.find('<');
  if (start == std::string_view::npos) return {};
  const std::size_t end = greeting.find('>', start);
  if (end == std::string_view::npos) return {};
  const std::string_view found = greeting.substr(start, end + 1 - start);
  const bool printable = std::ranges::all_of(found, [](char c) { return c > ' ' && c <= '~'; });
  return printable && found.find('@') != std::string_view::npos ? found : std::string_view();
}

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (equal_ignoring_case(words.substr(0, end), word)) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

class Pop3Dialog final : public LoginDialog {
 public:
  Pop3Dialog(const DialogSettings& settings, const Credentials& credentials)
      : settings_(settings), credentials_(credentials) {}

  DialogStep line(std::string_view line) override;
  DialogStep tls_started() override {
    can_ = {};
    return ask(State::capabilities, "CAPA\r\n");
  }
  [[nodiscard]] bool answers_are_tagged() const override { return false; }
  [[nodiscard]] std::string goodbye() override { return "QUIT\r\n"; }

 private:
  // What the next line answers.
  enum class State : std::uint8_t { greeting, stls, capabilities, capability_list, xclient, user, auth, credentials };
  struct Capabilities {
    bool known = false;
    bool user = false;
    bool sasl_plain = false;
    bool xclient = false;
  };

  DialogStep ask(State state, std::string command) {
    state_ = state;
    return {.send = std::move(command)};
  }
  DialogStep show(std::string command) {
    state_ = State::credentials;
    return {.send = std::move(command), .secret = true};
  }
  DialogStep unparsable() { return end(Kind::unavailable, "sent what is no answer of POP3"); }
  DialogStep answered(const Pop3Reply& reply);
  DialogStep greeted(const Pop3Reply& reply);
  void note_capability(std::string_view line);
  DialogStep introduce_client();
  DialogStep log_in();
  DialogStep auth_plain();
  DialogStep user();
  DialogStep pass();
  DialogStep apop();

  const DialogSettings settings_;
  const Credentials& credentials_;
  State state_ = State::greeting;
  bool plain_ = false;       // the login is AUTH PLAIN's
  bool challenged_ = false;  // its response went out behind a challenge
  bool greeting_offers_xclient_ = false;
  Capabilities can_;
  std::string timestamp_;
};

DialogStep Pop3Dialog::line(std::string_view line) {
  if (state_ == State::capability_list) {
    if (line == ".") return introduce_client();
    note_capability(line);
    return {};
  }
  const auto reply = parse_reply(line);
  if (!reply) return unparsable();
  if (reply->status != Pop3Reply::Status::challenge) return answered(*reply);
  // With an initial response there is none; a server that does not know of initial responses sends one all the same.
  const bool due = state_ == State::auth || (state_ == State::credentials && plain_ && !challenged_);
  if (!due) return unparsable();
  challenged_ = true;
  std::string response = sasl_plain_response(credentials_);
  response.append("\r\n");
  return show(std::move(response));
}

DialogStep Pop3Dialog::answered(const Pop3Reply& reply) {
  const bool ok = reply.status == Pop3Reply::Status::ok;
  switch (state_) {
    case State::greeting:
      return greeted(reply);
    case State::stls:
      if (!ok) return end(Kind::unavailable, "does not offer TLS: " + quoted_for_log(reply.text));
      return {.kind = DialogStep::Kind::start_tls};
    case State::capabilities:
      // RFC 2449 came later than POP3.
      if (!ok) return introduce_client();
      can_.known = true;
      state_ = State::capability_list;
      return {};
    case State::capability_list:
      return unparsable();
    case State::xclient:
      // Without it, the login counts as ours.
      return log_in();
    case State::user:
      return ok ? pass() : refused(reply.text, /*shown=*/false);
    case State::auth:
      return ok ? unparsable() : refused(reply.text, /*shown=*/false);
    case State::credentials:
      return ok ? end(Kind::granted) : refused(reply.text, /*shown=*/true);
  }
  return unparsable();
}

DialogStep Pop3Dialog::greeted(const Pop3Reply& reply) {
  if (reply.status != Pop3Reply::Status::ok)
    return end(Kind::unavailable, "does not want to talk: " + quoted_for_log(reply.text));
  timestamp_ = timestamp_of(reply.text);
  // Dovecot tells those whom it trusts here, and not in CAPA.
  greeting_offers_xclient_ = reply.text.starts_with("[XCLIENT]");
  if (settings_.starttls) return ask(State::stls, "STLS\r\n");
  return ask(State::capabilities, "CAPA\r\n");
}

void Pop3Dialog::note_capability(std::string_view line) {
  const std::string_view tag = line.substr(0, line.find(' '));
  const std::string_view rest = line.substr(std::min(tag.size() + 1, line.size()));
  if (equal_ignoring_case(tag, "USER")) can_.user = true;
  if (equal_ignoring_case(tag, "SASL") && has_word(rest, "PLAIN")) can_.sasl_plain = true;
  if (equal_ignoring_case(tag, "XCLIENT")) can_.xclient = true;
}

DialogStep Pop3Dialog::introduce_client() {
  const LoginClient& client = credentials_.client;
  if (client.ip.empty() || !(can_.xclient || greeting_offers_xclient_)) return log_in();
  std::string command = "XCLIENT ADDR=" + client.ip;
  if (client.port != 0) command += " PORT=" + std::to_string(client.port);
  return ask(State::xclient, command + "\r\n");
}

DialogStep Pop3Dialog::log_in() {
  if (settings_.mechanism == "apop") return apop();
  if (settings_.mechanism == "plain" || (settings_.mechanism.empty() && can_.sasl_plain)) return auth_plain();
  return user();
}

DialogStep Pop3Dialog::auth_plain() {
  if (!can_.sasl_plain) return end(Kind::unavailable, "does not offer AUTH PLAIN");
  plain_ = true;
  constexpr std::string_view kCommand = "AUTH PLAIN ";
  std::string response = sasl_plain_response(credentials_);
  if (kCommand.size() + response.size() + 2 > kCommandBytesMax) {
    wipe_bytes(response.data(), response.size());
    return ask(State::auth, "AUTH PLAIN\r\n");
  }
  std::string command = string_for_secret(kCommandBytesMax);
  command.append(kCommand).append(response).append("\r\n");
  wipe_bytes(response.data(), response.size());
  return show(std::move(command));
}

// "USER a b" is the user "a" for some servers, and would be that user's login under a name that is not theirs.
bool is_one_word(const Name& name) { return name.text().find(' ') == std::string::npos; }

DialogStep Pop3Dialog::user() {
  if (can_.known && !can_.user) return end(Kind::unavailable, "offers no login with a password");
  if (!is_one_word(credentials_.name)) return end(Kind::wrong);
  return ask(State::user, "USER " + credentials_.name.text() + "\r\n");
}

DialogStep Pop3Dialog::pass() {
  const std::string_view secret = credentials_.secret.reveal();
  std::string command = string_for_secret(secret.size() + std::string_view("PASS \r\n").size());
  command.append("PASS ").append(secret).append("\r\n");
  return show(std::move(command));
}

DialogStep Pop3Dialog::apop() {
  if (timestamp_.empty()) return end(Kind::unavailable, "does not offer APOP");
  if (!is_one_word(credentials_.name)) return end(Kind::wrong);
  return show("APOP " + credentials_.name.text() + " " + apop_digest(timestamp_, credentials_.secret) + "\r\n");
}

}  // namespace

std::string apop_digest(std::string_view timestamp, const Secret& secret) {
  const std::string_view revealed = secret.reveal();
  std::string text = string_for_secret(timestamp.size() + revealed.size());
  text.append(timestamp).append(revealed);
  std::array<unsigned char, WC_MD5_DIGEST_SIZE> digest{};
  CHECK(wc_Md5Hash(reinterpret_cast<const unsigned char*>(text.data()), static_cast<word32>(text.size()),
                   digest.data()) == 0);
  wipe_bytes(text.data(), text.size());
  std::array<char, WC_MD5_DIGEST_SIZE * 2 + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  return hex.data();
}

std::unique_ptr<LoginDialog> make_pop3_dialog(const DialogSettings& settings, const Credentials& credentials) {
  return std::make_unique<Pop3Dialog>(settings, credentials);
}

OpenedBackend open_pop3(const BackendOptions& options) {
  const std::string& mechanism = options.mechanism;
  if (!mechanism.empty() && mechanism != "plain" && mechanism != "user" && mechanism != "apop")
    return std::unexpected("mechanism: \"" + mechanism + R"(" is none of "plain", "user" and "apop")");
  // Who can change the timestamp can have right passwords refused.
  if (mechanism == "apop" && options.tls == BackendTls::starttls)
    return std::unexpected(R"(mechanism: "apop" with tls = "starttls": its timestamp would come in clear)");
  return make_dialog_source(options, &make_pop3_dialog);
}

}  // namespace sluice::auth
