#include "auth/backend/imap.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "auth/backend/dialog_backend.h"
#include "auth/backend/response_code.h"
#include "auth/secret.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

using Kind = Verdict::Kind;

// The next word, which is taken off `text` with the space behind it.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

// RFC 9051 4.3: "{" number "}" at the end of a line: so many bytes follow it that are no line.
std::optional<std::size_t> literal_size(std::string_view line) {
  if (!line.ends_with('}')) return std::nullopt;
  const std::size_t start = line.rfind('{');
  if (start == std::string_view::npos) return std::nullopt;
  const std::string_view digits = line.substr(start + 1, line.size() - start - 2);
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return size;
}

// RFC 9051 4.3: a quoted string holds ASCII; '"' and '\' need care there, and some servers do not take it.
bool fits_quotes(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

bool is_status(std::string_view word) {
  return equal_ignoring_case(word, "OK") || equal_ignoring_case(word, "NO") || equal_ignoring_case(word, "BAD");
}

class ImapDialog final : public LoginDialog {
 public:
  ImapDialog(const DialogSettings& settings, const Credentials& credentials)
      : settings_(settings), credentials_(credentials) {}
  ~ImapDialog() override {
    for (std::string& part : parts_) wipe_bytes(part.data(), part.size());
  }
  ImapDialog(const ImapDialog&) = delete;
  ImapDialog& operator=(const ImapDialog&) = delete;

  DialogStep line(std::string_view line) override;
  DialogStep tls_started() override { return ask_capability(); }
  [[nodiscard]] bool answers_are_tagged() const override { return true; }
  [[nodiscard]] std::string goodbye() override { return next_tag() + " LOGOUT\r\n"; }

 private:
  // What the next tagged line answers.
  enum class State : std::uint8_t { greeting, starttls, capability, id, login };
  struct Capabilities {
    bool known = false;
    bool sasl_ir = false;
    bool literals_at_once = false;  // LITERAL+ or LITERAL-, which is enough for what we send
    bool id = false;
    bool auth_plain = false;
    bool login_disabled = false;
  };

  std::string next_tag() { return tag_ = "a" + std::to_string(++tags_); }
  DialogStep ask(State state, std::string_view command) {
    state_ = state;
    return {.send = next_tag() + " " + std::string(command) + "\r\n"};
  }
  DialogStep ask_capability() {
    can_ = {};
    return ask(State::capability, "CAPABILITY");
  }
  DialogStep unparsable() { return end(Kind::unavailable, "sent what is no answer of IMAP"); }
  DialogStep untagged(std::string_view line);
  DialogStep greeted(std::string_view status, std::string_view text);
  DialogStep tagged(std::string_view line);
  DialogStep login_answered(std::string_view status, std::string_view text);
  void note_capabilities(std::string_view words);
  DialogStep introduce_client();
  DialogStep log_in();
  DialogStep authenticate_plain();
  DialogStep login();
  void append_string(std::string_view text);
  // The first of parts_, or the next one behind the server's consent.
  DialogStep send_part();

  const DialogSettings settings_;
  const Credentials& credentials_;
  State state_ = State::greeting;
  bool in_response_ = false;  // the next line goes on with an untagged response, behind a literal
  Capabilities can_;
  unsigned tags_ = 0;
  std::string tag_;
  // Of the login's command: the server asks for each but the first.
  std::vector<std::string> parts_;
  std::size_t parts_sent_ = 0;
};

DialogStep ImapDialog::line(std::string_view line) {
  if (in_response_ || line.starts_with("* ")) return untagged(line);
  if (state_ == State::greeting) return unparsable();
  if (line != "+" && !line.starts_with("+ ")) return tagged(line);
  if (state_ != State::login || parts_sent_ == parts_.size()) return unparsable();
  return send_part();
}

DialogStep ImapDialog::untagged(std::string_view line) {
  if (!in_response_) {
    std::string_view text = line.substr(2);
    const std::string_view word = take_word(text);
    if (state_ == State::greeting) return greeted(word, text);
    if (equal_ignoring_case(word, "BYE")) return end(Kind::unavailable, "ends the session (BYE)");
    if (state_ == State::capability && equal_ignoring_case(word, "CAPABILITY")) note_capabilities(text);
    // What is said to people may end in anything.
    if (is_status(word)) return {};
  }
  const auto literal = literal_size(line);
  in_response_ = literal.has_value();
  if (!literal) return {};
  return {.kind = DialogStep::Kind::skip, .bytes = *literal};
}

DialogStep ImapDialog::greeted(std::string_view status, std::string_view text) {
  // RFC 9051 7.1.4: "PREAUTH" needs no login, and so knows nothing of one; in front of TLS it is an attack, too.
  if (!equal_ignoring_case(status, "OK"))
    return end(Kind::unavailable,
               "does not want to talk: " + quoted_for_log(std::string(status) + " " + std::string(text)));
  if (settings_.starttls) return ask(State::starttls, "STARTTLS");
  std::string_view code = response_code(text);
  if (!equal_ignoring_case(take_word(code), "CAPABILITY")) return ask_capability();
  note_capabilities(code);
  return introduce_client();
}

DialogStep ImapDialog::tagged(std::string_view line) {
  if (take_word(line) != tag_) return unparsable();
  const std::string_view status = take_word(line);
  if (!is_status(status)) return unparsable();
  const bool ok = equal_ignoring_case(status, "OK");
  switch (state_) {
    case State::greeting:
      return unparsable();
    case State::starttls:
      if (!ok) return end(Kind::unavailable, "does not offer TLS: " + quoted_for_log(line));
      return {.kind = DialogStep::Kind::start_tls};
    case State::capability:
      if (!ok || !can_.known) return end(Kind::unavailable, "does not say what it is capable of");
      return introduce_client();
    case State::id:
      // Without it, the login counts as ours.
      return log_in();
    case State::login:
      return login_answered(status, line);
  }
  return unparsable();
}

DialogStep ImapDialog::login_answered(std::string_view status, std::string_view text) {
  const bool shown = parts_sent_ == parts_.size();
  if (equal_ignoring_case(status, "OK")) return shown ? end(Kind::granted) : unparsable();
  if (equal_ignoring_case(status, "BAD")) return end(Kind::unavailable, "does not take the login's command (BAD)");
  return refused(text, shown);
}

void ImapDialog::note_capabilities(std::string_view words) {
  can_.known = true;
  while (!words.empty()) {
    const std::string_view word = take_word(words);
    if (equal_ignoring_case(word, "SASL-IR")) can_.sasl_ir = true;
    if (equal_ignoring_case(word, "LITERAL+") || equal_ignoring_case(word, "LITERAL-")) can_.literals_at_once = true;
    if (equal_ignoring_case(word, "ID")) can_.id = true;
    if (equal_ignoring_case(word, "AUTH=PLAIN")) can_.auth_plain = true;
    if (equal_ignoring_case(word, "LOGINDISABLED")) can_.login_disabled = true;
  }
}

// Dovecot and Cyrus take the client's address from those whom they trust, and nothing from others.
DialogStep ImapDialog::introduce_client() {
  const LoginClient& client = credentials_.client;
  if (client.ip.empty() || !can_.id) return log_in();
  std::string fields = R"("x-originating-ip" ")" + client.ip + "\"";
  if (client.port != 0) fields += R"( "x-originating-port" ")" + std::to_string(client.port) + "\"";
  return ask(State::id, "ID (" + fields + ")");
}

DialogStep ImapDialog::log_in() {
  state_ = State::login;
  if (settings_.mechanism == "plain" || (settings_.mechanism.empty() && can_.auth_plain)) return authenticate_plain();
  return login();
}

DialogStep ImapDialog::authenticate_plain() {
  if (!can_.auth_plain) return end(Kind::unavailable, "does not offer AUTHENTICATE PLAIN");
  const std::string command = next_tag() + " AUTHENTICATE PLAIN";
  std::string response = sasl_plain_response(credentials_);
  if (can_.sasl_ir) {
    std::string whole = string_for_secret(command.size() + 1 + response.size() + 2);
    whole.append(command).append(" ").append(response).append("\r\n");
    wipe_bytes(response.data(), response.size());
    parts_.push_back(std::move(whole));
  } else {
    parts_.push_back(command + "\r\n");
    parts_.push_back(std::move(response));
    parts_.back().append("\r\n");
  }
  return send_part();
}

DialogStep ImapDialog::login() {
  if (can_.login_disabled) return end(Kind::unavailable, "offers no login with a password (LOGINDISABLED)");
  parts_.push_back(string_for_secret(kNameBytesMax + kSecretBytesMax + kNameBytesMax));
  parts_.back().append(next_tag()).append(" LOGIN ");
  append_string(credentials_.name.text());
  parts_.back().append(" ");
  append_string(credentials_.secret.reveal());
  parts_.back().append("\r\n");
  return send_part();
}

void ImapDialog::append_string(std::string_view text) {
  if (fits_quotes(text)) {
    parts_.back().append("\"").append(text).append("\"");
    return;
  }
  parts_.back().append("{").append(std::to_string(text.size()));
  if (can_.literals_at_once) {
    parts_.back().append("+}\r\n");
  } else {
    parts_.back().append("}\r\n");
    parts_.push_back(string_for_secret(kNameBytesMax + kSecretBytesMax + kNameBytesMax));
  }
  parts_.back().append(text);
}

DialogStep ImapDialog::send_part() {
  std::string part = std::move(parts_[parts_sent_++]);
  // Which of them the secret is in matters to nobody: none goes out in clear.
  return {.send = std::move(part), .secret = true};
}

}  // namespace

std::unique_ptr<LoginDialog> make_imap_dialog(const DialogSettings& settings, const Credentials& credentials) {
  return std::make_unique<ImapDialog>(settings, credentials);
}

OpenedBackend open_imap(const BackendOptions& options) {
  const std::string& mechanism = options.mechanism;
  if (!mechanism.empty() && mechanism != "plain" && mechanism != "login")
    return std::unexpected("mechanism: \"" + mechanism + R"(" is neither "plain" nor "login")");
  return make_dialog_source(options, &make_imap_dialog);
}

}  // namespace sluice::auth
