#include "engine/smtp/client.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/base64.h"
#include "engine/smtp/command.h"
#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

constexpr std::size_t kOutstandingMax = 2 * std::size_t{kRecipientsMaxCeiling};

std::string_view take_word(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

std::string_view last_line(std::string_view text) { return text.substr(text.rfind('\n') + 1); }

std::string_view first_word(std::string_view text) { return text.substr(0, text.find_first_of(" \n")); }

std::uint32_t small_number(std::string_view digits) {
  const std::uint64_t value = parse_size_saturating(digits).value_or(0);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, 0xffffffffU));
}

// RFC 9422 4: "LIMITS RCPTMAX=100 MAILMAX=10".
void parse_limits(std::string_view text, Capabilities& result) {
  constexpr std::string_view kRcptMax = "RCPTMAX=";
  constexpr std::string_view kMailMax = "MAILMAX=";
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    if (starts_with_ignore_case(word, kRcptMax)) result.rcpt_max = small_number(word.substr(kRcptMax.size()));
    if (starts_with_ignore_case(word, kMailMax)) result.mail_max = small_number(word.substr(kMailMax.size()));
  }
}

void parse_mechanisms(std::string_view text, Capabilities& result) {
  result.auth = true;
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    if (equals_ignore_case(word, "PLAIN")) result.auth_plain = true;
    if (equals_ignore_case(word, "LOGIN")) result.auth_login = true;
  }
}

void parse_xclient(std::string_view text, Capabilities& result) {
  result.xclient = true;
  XclientAttributes& takes = result.xclient_takes;
  const std::pair<std::string_view, bool*> flags[] = {
      {"LOGIN", &takes.login}, {"ADDR", &takes.addr},   {"NAME", &takes.name}, {"REVERSE_NAME", &takes.reverse_name},
      {"PORT", &takes.port},   {"PROTO", &takes.proto}, {"HELO", &takes.helo}};
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    for (const auto& [name, flag] : flags)
      if (equals_ignore_case(word, name)) *flag = true;
  }
}

void parse_keyword(std::string_view line, Capabilities& result) {
  constexpr std::string_view kOldAuth = "AUTH=";  // before RFC 2554
  if (starts_with_ignore_case(line, kOldAuth)) return parse_mechanisms(line.substr(kOldAuth.size()), result);
  const std::string_view keyword = take_word(line);
  if (equals_ignore_case(keyword, "AUTH")) return parse_mechanisms(line, result);
  if (equals_ignore_case(keyword, "XCLIENT")) return parse_xclient(line, result);
  if (equals_ignore_case(keyword, "LIMITS")) return parse_limits(line, result);
  if (equals_ignore_case(keyword, "SIZE")) {
    result.size = true;
    result.size_max = parse_size_saturating(take_word(line)).value_or(0);
    return;
  }
  const std::pair<std::string_view, bool*> flags[] = {
      {"PIPELINING", &result.pipelining},
      {"8BITMIME", &result.eight_bit_mime},
      {"SMTPUTF8", &result.smtputf8},
      {"CHUNKING", &result.chunking},
      {"BINARYMIME", &result.binary_mime},
      {"STARTTLS", &result.starttls},
      {"DSN", &result.dsn},
      {"ENHANCEDSTATUSCODES", &result.enhanced_codes},
  };
  for (const auto& [name, flag] : flags) {
    if (equals_ignore_case(keyword, name)) *flag = true;
  }
}

}  // namespace

Capabilities Capabilities::parse(std::string_view text) {
  Capabilities result;
  bool first = true;
  for (;;) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!first) parse_keyword(text.substr(0, end), result);
    first = false;
    if (end == text.size()) return result;
    text.remove_prefix(end + 1);
  }
}

ClientMachine::ClientMachine() { expect(Expect::greeting); }

// --------------------------------------------------------------------------------------- replies

ClientStep ClientMachine::broken(std::size_t consumed, ClientFault fault) {
  fault_ = fault;
  closing_ = true;
  return {consumed, ClientEvent::protocol_error, Expect::unasked};
}

ClientStep ClientMachine::next_reply(std::string_view input) {
  if (fault_ != ClientFault::none) return broken(input.size(), fault_);
  if (tls_due_ && !input.empty()) return broken(input.size(), ClientFault::behind_starttls);
  const ReplyParser::Step parsed = parser_.step(input);
  if (parsed.status == ReplyStatus::malformed) return broken(parsed.consumed, ClientFault::garbage);
  if (parsed.status == ReplyStatus::need_more) return {parsed.consumed, ClientEvent::need_more, Expect::unasked};
  // RFC 5321 3.8: 421 may come at any time; the next hop closes after it.
  if (reply().code == 421) closing_ = true;
  if (outstanding() == 0) {
    if (reply().code != 421) return broken(parsed.consumed, ClientFault::surplus);
    return {parsed.consumed, ClientEvent::reply, Expect::unasked};
  }
  const Expect kind = queue_[head_++];
  if (head_ == queue_.size()) {
    queue_.clear();
    head_ = 0;
  }
  if (misplaced(kind)) return broken(parsed.consumed, ClientFault::misplaced);
  on_reply(kind);
  // CVE-2011-0411, seen from the other side: what is behind the 220 came in plain, and must not be
  // read as said under TLS.
  if (tls_due_ && parsed.consumed < input.size()) return broken(input.size(), ClientFault::behind_starttls);
  return {parsed.consumed, ClientEvent::reply, kind};
}

// Positive replies that only another command can have (RFC 5321 4.3.2, RFC 4954 6), and the answer to EHLO, where
// a command of a transaction is to be answered: a reply too many or too few came before.
bool ClientMachine::misplaced(Expect kind) const {
  constexpr Expect kTransaction[] = {Expect::mail,    Expect::recipient, Expect::data,
                                     Expect::message, Expect::chunk,     Expect::rset};
  constexpr std::uint16_t kOfOthers[] = {211, 214, 220, 221, 235};
  if (std::ranges::find(kTransaction, kind) == std::end(kTransaction)) return false;
  return std::ranges::find(kOfOthers, reply().code) != std::end(kOfOthers) || is_hello();
}

bool ClientMachine::is_hello() const {
  if (hello_word_.empty() || reply().code != 250 || reply().lines < 2) return false;
  return first_word(reply().text) == hello_word_ &&
         (reply().lines == hello_lines_ || last_line(reply().text) == hello_end_);
}

void ClientMachine::on_hello() {
  should_fall_back_ = reply().reply_class() == ReplyClass::permanent;
  capabilities_ = reply().positive() ? Capabilities::parse(reply().text) : Capabilities{};
  hello_word_.clear();
  if (reply().code != 250 || reply().lines < 2) return;
  hello_word_ = first_word(reply().text);
  hello_end_ = last_line(reply().text);
  hello_lines_ = reply().lines;
}

void ClientMachine::on_reply(Expect kind) {
  switch (kind) {
    case Expect::ehlo:
      on_hello();
      return;
    case Expect::helo:
    case Expect::xclient:
      capabilities_ = {};
      hello_word_.clear();
      return;
    case Expect::starttls:
      tls_due_ = reply().positive();
      return;
    case Expect::quit:
      closing_ = true;
      return;
    case Expect::greeting:
    case Expect::auth:
    case Expect::mail:
    case Expect::recipient:
    case Expect::data:
    case Expect::message:
    case Expect::chunk:
    case Expect::rset:
    case Expect::hello_again:
    case Expect::unasked:
      return;
  }
}

void ClientMachine::tls_started() {
  CHECK(tls_due_ && outstanding() == 0);
  tls_due_ = false;
  capabilities_ = {};
  hello_word_.clear();
  should_fall_back_ = false;
}

// -------------------------------------------------------------------------------------- commands

void ClientMachine::expect(Expect kind) {
  CHECK(fault_ == ClientFault::none && !tls_due_);
  CHECK(outstanding() < kOutstandingMax);
  queue_.push_back(kind);
}

// The one place where a line leaves: `out` holds it from `start` on, and nothing that it is made of
// can end it early.
void ClientMachine::end_line(Expect kind, std::size_t start, std::string& out) {
  const std::string_view line = std::string_view(out).substr(start);
  CHECK(std::ranges::none_of(line, is_control));
  CHECK(line.size() + 2 <= (kind == Expect::auth ? kAuthLineBytesMax : kCommandLineBytesMax));
  expect(kind);
  out.append("\r\n");
}

void ClientMachine::command(Expect kind, std::string_view line, std::string& out) {
  const std::size_t start = out.size();
  out.append(line);
  end_line(kind, start, out);
}

void ClientMachine::append_ehlo(std::string_view hostname, std::string& out) {
  CHECK(is_hello_name(hostname));
  const std::size_t start = out.size();
  out.append("EHLO ").append(hostname);
  end_line(Expect::ehlo, start, out);
}

void ClientMachine::append_helo(std::string_view hostname, std::string& out) {
  CHECK(is_hello_name(hostname));
  const std::size_t start = out.size();
  out.append("HELO ").append(hostname);
  end_line(Expect::helo, start, out);
}

void ClientMachine::append_hello_again(std::string_view hostname, std::string& out) {
  CHECK(says_hello_plainly() && is_hello_name(hostname));
  const std::size_t start = out.size();
  out.append("EHLO ").append(hostname);
  end_line(Expect::hello_again, start, out);
}

void ClientMachine::append_starttls(std::string& out) {
  // RFC 3207 4.1: nothing may be in the pipeline before or behind it.
  CHECK(outstanding() == 0);
  command(Expect::starttls, "STARTTLS", out);
}

void ClientMachine::append_xclient(std::string_view name_values, std::string& out) {
  const std::size_t start = out.size();
  out.append("XCLIENT ").append(name_values);
  end_line(Expect::xclient, start, out);
}

void ClientMachine::append_auth_plain(std::string_view name, std::string_view secret, std::string& out) {
  // RFC 4616 2: message = [authzid] UTF8NUL authcid UTF8NUL passwd.
  CHECK(name.find('\0') == std::string_view::npos && secret.find('\0') == std::string_view::npos);
  std::string plain;
  plain.reserve(name.size() + secret.size() + 2);
  plain.push_back('\0');
  plain.append(name);
  plain.push_back('\0');
  plain.append(secret);
  const std::size_t start = out.size();
  out.append("AUTH PLAIN ");
  append_base64(plain, out);
  wipe(plain);
  end_line(Expect::auth, start, out);
}

void ClientMachine::append_auth_login(std::string& out) { command(Expect::auth, "AUTH LOGIN", out); }

void ClientMachine::append_auth_response(std::string_view bytes, std::string& out) {
  const std::size_t start = out.size();
  append_base64(bytes, out);
  end_line(Expect::auth, start, out);
}

void ClientMachine::content_ended() { expect(Expect::message); }

void ClientMachine::append_data(std::string& out) { command(Expect::data, "DATA", out); }

void ClientMachine::append_bdat(std::uint64_t size, bool last, std::string& out) {
  const std::size_t start = out.size();
  out.append("BDAT ").append(std::to_string(size)).append(last ? " LAST" : "");
  end_line(last ? Expect::message : Expect::chunk, start, out);
}

void ClientMachine::append_rset(std::string& out) { command(Expect::rset, "RSET", out); }
void ClientMachine::append_quit(std::string& out) { command(Expect::quit, "QUIT", out); }

}  // namespace sluice::smtp
