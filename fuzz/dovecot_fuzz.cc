// Checks that whatever lines a server of Dovecot's auth protocol sends:
//   - a greeting is taken only with version 1 and PLAIN, and within its bound;
//   - a login is granted or suspended only by "OK", and never where any password would do;
//   - what comes out of it (account, customer, domains, reason) is clean text, and holds no secret;
//   - text that is escaped is one field of one line, and comes back as it was.
// Input: lines, each ended by LF.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/backend/dovecot_protocol.h"
#include "auth/text.h"
#include "engine/base/check.h"

namespace {

using namespace sluice::auth;

constexpr std::string_view kSecret = "se";

void check_reply(std::string_view line) {
  const auto reply = dovecot::parse_reply(line);
  if (!reply) return;
  const Verdict verdict =
      dovecot::verdict_of(*reply, {.customer = "customer", .domains = "domains"}, *Secret::make(kSecret));
  if (verdict.kind == Verdict::Kind::granted || verdict.kind == Verdict::Kind::suspended) {
    CHECK(line.starts_with("OK\t") && !reply->has("nopassword") && !reply->has("proxy"));
    CHECK((verdict.kind == Verdict::Kind::suspended) == reply->has("nologin"));
  } else {
    CHECK(verdict.account.empty() && verdict.customer.empty() && verdict.domains.empty());
  }
  CHECK(verdict.kind != Verdict::Kind::unknown);
  CHECK(is_clean_text(verdict.account) && is_clean_text(verdict.customer) && is_clean_text(verdict.reason));
  CHECK(std::ranges::all_of(verdict.domains, is_clean_text));
  if (verdict.kind == Verdict::Kind::suspended) CHECK(verdict.reason.find(kSecret) == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const std::string escaped = dovecot::escape(text);
  CHECK(escaped.find_first_of(std::string_view("\t\r\n\0", 4)) == std::string::npos);
  CHECK(dovecot::unescape(escaped) == text);

  dovecot::Greeting greeting;
  auto step = dovecot::Greeting::Step::more;
  std::string seen;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    check_reply(line);
    if (const auto state = dovecot::parse_user_reply(line))
      CHECK(line.starts_with(*state == MailboxState::exists ? "USER\t"
                             : *state == MailboxState::gone ? "NOTFOUND\t"
                                                            : "FAIL\t"));
    if (step != dovecot::Greeting::Step::more) continue;
    seen += std::string(line) + "\n";
    step = greeting.line(line);
    CHECK(greeting.error().empty() == (step != dovecot::Greeting::Step::refused));
    if (step == dovecot::Greeting::Step::done)
      CHECK(seen.starts_with("VERSION\t1") && seen.find("\nMECH\tPLAIN") != std::string::npos);
  }
  CHECK(step != dovecot::Greeting::Step::more || std::ranges::count(seen, '\n') <= 100);
  return 0;
}
