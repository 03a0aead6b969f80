#include "auth/backend/response_code.h"

#include "auth/text.h"

namespace sluice::auth {
namespace {

using Kind = Verdict::Kind;

struct CodeRow {
  std::string_view code;
  Kind kind;
};

// A code with parts ("SYS/TEMP") that has no row of its own counts as its first part (RFC 2449 8).
constexpr CodeRow kRows[] = {
    // RFC 2449 8.1.2: "Authentication was successful, but the user's maildrop is currently in use".
    {"IN-USE", Kind::granted},
    // Nobody has looked at the password.
    {"SYS", Kind::unavailable},
    {"LOGIN-DELAY", Kind::unavailable},
    {"UNAVAILABLE", Kind::unavailable},
    {"SERVERBUG", Kind::unavailable},
    {"LIMIT", Kind::unavailable},
    {"PRIVACYREQUIRED", Kind::unavailable},
    {"AUTH", Kind::wrong},
    {"AUTHENTICATIONFAILED", Kind::wrong},
    {"AUTHORIZATIONFAILED", Kind::wrong},
    {"EXPIRED", Kind::wrong},
};

// Dovecot 2.4 leaves the code out where a user has mail_max_userip_connections sessions of POP3 already.  Whether the
// password was right is not to be told from words.
constexpr std::string_view kUncodedLimit = "maximum number of connections";

bool says_limit(std::string_view text) {
  for (std::size_t at = 0; at + kUncodedLimit.size() <= text.size(); ++at)
    if (equal_ignoring_case(text.substr(at, kUncodedLimit.size()), kUncodedLimit)) return true;
  return false;
}

}  // namespace

std::string_view response_code(std::string_view text) {
  if (!text.starts_with('[')) return {};
  const std::size_t end = text.find(']');
  return end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
}

Refusal judge_refusal(std::string_view text) {
  std::string_view code = response_code(text);
  if (code.empty() && says_limit(text)) return {.kind = Kind::unavailable, .code = "LIMIT"};
  code = code.substr(0, code.find(' '));
  for (const std::string_view wanted : {code, code.substr(0, code.find('/'))})
    for (const CodeRow& row : kRows)
      if (equal_ignoring_case(row.code, wanted)) return {.kind = row.kind, .code = row.code};
  return {};
}

}  // namespace sluice::auth
