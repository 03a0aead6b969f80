#include "auth/backend/dovecot_protocol.h"

#include <sodium.h>

#include <algorithm>
#include <charconv>

#include "auth/backend/answered_owner.h"
#include "auth/text.h"
#include "engine/base/check.h"

namespace sluice::auth::dovecot {
namespace {

constexpr char kEscape = '\001';
// A real server has some ten mechanisms and five other lines.
constexpr std::size_t kGreetingLinesMax = 100;

// The field in front of the next tab, and `rest` without it.
std::string_view next_field(std::string_view& rest) {
  const std::size_t end = rest.find('\t');
  const std::string_view field = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return field;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string base64(std::string_view bytes) {
  // The function wants room for a NUL.
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return text;
}

// Of a failure that says nothing about the login: "temp" until 2.2, since then "code=temp_fail", and faults of the
// request itself, such as a mechanism that is refused without TLS.
bool is_fault(const Reply& reply) {
  const std::string_view code = reply.value("code");
  return reply.has("temp") || code == "temp" || code == "temp_fail" || code == "mech_invalid" ||
         code == "mech_ssl_required" || code == "ssl_required" || code == "invalid_base64";
}

Verdict granted(const Reply& reply, const FieldNames& names) {
  // Fields of the passdb.  "proxy" leaves the check to the server that the client is to be handed on to, often with
  // "nopassword" ("allow all passwords"), which Dovecot does not show to its clients in all versions.
  if (reply.has("proxy") || reply.has("nopassword"))
    return Verdict::of(Verdict::Kind::unavailable, "leaves the check of the password to another server (proxy)");
  Verdict verdict = Verdict::of(Verdict::Kind::granted);
  if (!set_account(verdict, reply.value("user")) || !set_customer(verdict, reply.value(names.customer)) ||
      !set_domains(verdict, reply.value(names.domains)))
    return Verdict::of(Verdict::Kind::unavailable, "said something strange of whose the account is");
  return verdict;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case kEscape:
        escaped += "\0011";
        break;
      case '\t':
        escaped += "\001t";
        break;
      case '\r':
        escaped += "\001r";
        break;
      case '\n':
        escaped += "\001n";
        break;
      case '\0':
        escaped += "\0010";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != kEscape || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    switch (const char c = text[++i]) {
      case '1':
        plain += kEscape;
        break;
      case 't':
        plain += '\t';
        break;
      case 'r':
        plain += '\r';
        break;
      case 'n':
        plain += '\n';
        break;
      case '0':
        plain += '\0';
        break;
      default:
        plain += c;
    }
  }
  return plain;
}

Greeting::Step Greeting::refuse(std::string_view why) {
  error_ = why;
  return Step::refused;
}

Greeting::Step Greeting::line(std::string_view text) {
  if (++lines_ > kGreetingLinesMax) return refuse("does not come to the end of its greeting");
  std::string_view rest = text;
  const std::string_view command = next_field(rest);
  if (command == "VERSION") {
    // "If they don't [support the same major version], the other side isn't expected to be talking the same protocol".
    if (number(next_field(rest)) != kVersionMajor) return refuse("speaks another version of Dovecot's auth protocol");
    version_ = true;
  } else if (!version_) {
    return refuse("does not speak Dovecot's auth protocol");
  } else if (command == "MECH") {
    plain_ = plain_ || next_field(rest) == "PLAIN";
  } else if (command == "DONE") {
    return plain_ ? Step::done : refuse("does not offer PLAIN");
  }
  return Step::more;
}

std::string hello(std::uint32_t client_id) {
  return "VERSION\t" + std::to_string(kVersionMajor) + "\t1\nCPID\t" + std::to_string(client_id) + "\n";
}

std::string request(std::uint32_t id, const Credentials& credentials) {
  std::string message;
  // Nothing is left of the secret where a longer string was needed.
  message.reserve(2 + credentials.name.text().size() + credentials.secret.reveal().size());
  message += '\0';
  message += credentials.name.text();
  message += '\0';
  message += credentials.secret.reveal();
  std::string response = base64(message);
  std::string line = "AUTH\t" + std::to_string(id) + "\tPLAIN\tservice=smtp";
  // No login follows that a master process would ask about.
  line += "\tnologin";
  const LoginClient& client = credentials.client;
  if (client.tls) line += "\tsecured=tls";
  if (!client.ip.empty()) line += "\trip=" + escape(client.ip);
  if (!client.ip.empty() && client.port != 0) line += "\trport=" + std::to_string(client.port);
  line.reserve(line.size() + response.size() + 16);
  // "This must be the last parameter."
  line += "\tresp=";
  line += response;
  line += '\n';
  wipe_bytes(message.data(), message.size());
  wipe_bytes(response.data(), response.size());
  return line;
}

std::string cancel(std::uint32_t id) { return "CANCEL\t" + std::to_string(id) + "\n"; }

constexpr std::uint32_t kUserRequest = 1;  // one a connection

std::string user_request(const Name& name) {
  return "VERSION\t" + std::to_string(kVersionMajor) + "\t1\nUSER\t" + std::to_string(kUserRequest) + "\t" +
         escape(name.text()) + "\tservice=smtp\n";
}

std::optional<MailboxState> parse_user_reply(std::string_view line) {
  const std::string_view command = next_field(line);
  const bool answer = command == "USER" || command == "NOTFOUND" || command == "FAIL";
  if (!answer || number(next_field(line)) != kUserRequest) return std::nullopt;
  if (command == "USER") return MailboxState::exists;
  return command == "NOTFOUND" ? MailboxState::gone : MailboxState::untold;
}

bool Reply::has(std::string_view field) const {
  return std::ranges::any_of(fields, [field](const auto& each) { return each.first == field; });
}

std::string_view Reply::value(std::string_view field) const {
  const auto found = std::ranges::find_if(fields, [field](const auto& each) { return each.first == field; });
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<Reply> parse_reply(std::string_view line) {
  Reply reply;
  const std::string_view command = next_field(line);
  if (command == "OK") {
    reply.kind = Reply::Kind::ok;
  } else if (command == "CONT") {
    reply.kind = Reply::Kind::cont;
  } else if (command != "FAIL") {
    return std::nullopt;
  }
  const auto id = number(next_field(line));
  if (!id) return std::nullopt;
  reply.id = *id;
  if (reply.kind == Reply::Kind::cont) return reply;
  while (!line.empty()) {
    const std::string_view field = next_field(line);
    const std::size_t equals = field.find('=');
    reply.fields.emplace_back(field.substr(0, equals),
                              equals == std::string_view::npos ? "" : unescape(field.substr(equals + 1)));
  }
  return reply;
}

Verdict verdict_of(const Reply& reply, const FieldNames& names, const Secret& secret) {
  switch (reply.kind) {
    case Reply::Kind::cont:
      return Verdict::of(Verdict::Kind::unavailable, "wants more than a name and a password");
    case Reply::Kind::fail:
      if (is_fault(reply)) return Verdict::of(Verdict::Kind::unavailable, "could not check it");
      // Also "user_disabled: User is disabled (password may or may not have been correct)", and pass_expired, which
      // promises nothing about the password either.
      return Verdict::of(Verdict::Kind::wrong);
    case Reply::Kind::ok:
      break;
  }
  Verdict verdict = granted(reply, names);
  // "User isn't actually allowed to log in even if the password matches."
  if (verdict.kind != Verdict::Kind::granted || !reply.has("nologin")) return verdict;
  verdict.kind = Verdict::Kind::suspended;
  const std::string_view reason = reply.value("reason");
  if (is_customer_text(reason) && reason.find(secret.reveal()) == std::string_view::npos) verdict.reason = reason;
  return verdict;
}

}  // namespace sluice::auth::dovecot
