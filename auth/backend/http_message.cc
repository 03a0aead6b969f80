#include "auth/backend/http_message.h"

#include <algorithm>
#include <charconv>

#include "auth/backend/answered_owner.h"
#include "auth/text.h"

namespace sluice::auth::http {
namespace {

constexpr int kOk = 200;

bool is_control(char c) { return static_cast<unsigned char>(c) < ' '; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 9110 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [kMarks](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kMarks.find(c) != std::string_view::npos;
  });
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Whether a list between commas has the word.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = list.find(',');
    if (equal_ignoring_case(trimmed(list.substr(0, end)), word)) return true;
    list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
  }
  return false;
}

std::optional<std::uint64_t> length_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void add_field(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  head += value;
  head += "\r\n";
}

Verdict unavailable(std::string reason) { return Verdict::of(Verdict::Kind::unavailable, std::move(reason)); }

}  // namespace

std::string escape(std::string_view text) {
  std::string escaped;
  // Of a secret, nothing is left behind where a longer string was needed.
  escaped.reserve(3 * text.size());
  for (const char c : text) {
    if (c != ' ' && c != '%' && !is_control(c)) {
      escaped += c;
    } else {
      append_escaped(escaped, '%', c);
    }
  }
  return escaped;
}

std::string request(std::string_view host, std::string_view target, const Credentials& credentials) {
  const LoginClient& client = credentials.client;
  std::string secret = escape(credentials.secret.reveal());
  const std::string name = escape(credentials.name.text());
  std::string head;
  constexpr std::size_t kOtherBytes = 1024;
  head.reserve(kOtherBytes + host.size() + target.size() + secret.size() + name.size() + client.helo.size());
  head += "GET ";
  head += target;
  // As nginx: authenticators that are served by a web server would else answer in chunks (RFC 9112 7.1).
  head += " HTTP/1.0\r\n";
  add_field(head, "Host", host);
  add_field(head, "Connection", "keep-alive");
  add_field(head, "Auth-Method", "plain");
  add_field(head, "Auth-User", name);
  add_field(head, "Auth-Pass", secret);
  add_field(head, "Auth-Protocol", "smtp");
  add_field(head, "Auth-Login-Attempt", "1");
  if (!client.ip.empty()) {
    add_field(head, "Client-IP", client.ip);
    // What nginx says where it looks no names up.
    add_field(head, "Client-Host", "[UNAVAILABLE]");
  }
  if (!client.helo.empty() && is_clean_text(client.helo)) add_field(head, "Auth-SMTP-Helo", client.helo);
  if (client.tls) add_field(head, "Auth-SSL", "on");
  head += "\r\n";
  wipe_bytes(secret.data(), secret.size());
  return head;
}

// ------------------------------------------------------------------------------------------ the response

ResponseHead::Step ResponseHead::line(std::string_view text) {
  bytes_ += text.size();
  if (++lines_ > kLinesMax || bytes_ > kBytesMax) return Step::malformed;
  if (lines_ == 1) return read_status(text) ? Step::more : Step::malformed;
  if (text.empty()) return Step::done;
  return read_field(text) ? Step::more : Step::malformed;
}

// RFC 9112 4: "HTTP/1.1 200 OK".
bool ResponseHead::read_status(std::string_view text) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr std::size_t kStatusAt = kVersion.size() + 2;
  if (!text.starts_with(kVersion) || text.size() < kStatusAt + 3 || text[kStatusAt - 1] != ' ') return false;
  const char minor = text[kStatusAt - 2];
  const std::string_view status = text.substr(kStatusAt, 3);
  if (!is_digit(minor) || !std::ranges::all_of(status, is_digit)) return false;
  if (text.size() > kStatusAt + 3 && text[kStatusAt + 3] != ' ') return false;
  version_1_1_ = minor >= '1';
  status_ = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
  return true;
}

// RFC 9112 5.  A folded line begins with a blank, and is none of a field's names: malformed.
bool ResponseHead::read_field(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_token(text.substr(0, colon))) return false;
  const std::string_view value = trimmed(text.substr(colon + 1));
  if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; })) return false;
  fields_.emplace_back(text.substr(0, colon), value);
  return true;
}

std::size_t ResponseHead::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [name](const auto& field) { return equal_ignoring_case(field.first, name); }));
}

std::string_view ResponseHead::value(std::string_view name) const {
  const auto found =
      std::ranges::find_if(fields_, [name](const auto& field) { return equal_ignoring_case(field.first, name); });
  return found == fields_.end() ? std::string_view() : std::string_view(found->second);
}

ResponseHead::Body ResponseHead::body() const {
  if (count("Transfer-Encoding") != 0) return Body::strange;
  const std::size_t lengths = count("Content-Length");
  if (lengths == 0) return Body::to_end;
  return lengths == 1 && length_of(value("Content-Length")) ? Body::sized : Body::strange;
}

std::uint64_t ResponseHead::size() const { return length_of(value("Content-Length")).value_or(0); }

bool ResponseHead::persists() const {
  if (body() != Body::sized) return false;
  const std::string_view connection = value("Connection");
  if (lists(connection, "close")) return false;
  return version_1_1_ || lists(connection, "keep-alive");
}

Verdict verdict_of(const ResponseHead& head, const FieldNames& names) {
  if (head.status() != kOk) return unavailable("answered with status " + std::to_string(head.status()));
  if (head.count("Auth-Status") != 1) return unavailable("answered without one Auth-Status");
  const std::string_view status = head.value("Auth-Status");
  if (status != "OK") {
    // "WAIT" is nginx's to ask again later; a code of 4yz is a failure that passes.
    if (status == "WAIT" || head.value("Auth-Error-Code").starts_with('4')) return unavailable("could not check it");
    return Verdict::of(Verdict::Kind::wrong);
  }
  Verdict verdict = Verdict::of(Verdict::Kind::granted);
  if (!set_account(verdict, head.value("Auth-User")) || !set_customer(verdict, head.value(names.customer)) ||
      !set_domains(verdict, head.value(names.domains)))
    return unavailable("said something strange of whose the account is");
  return verdict;
}

}  // namespace sluice::auth::http
