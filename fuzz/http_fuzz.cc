// Checks that whatever lines an authenticator answers with:
//   - a login is granted only by status 200 with one Auth-Status, which is OK;
//   - what comes out of it (account, customer, domains) is clean text;
//   - a head is read within its bounds, and a body has a size only where there is one plain Content-Length.
// Input: lines, each ended by LF or CRLF; all of it is also escaped as a secret is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/backend/http_message.h"
#include "auth/text.h"
#include "engine/base/check.h"

namespace {

using namespace sluice::auth;

void check_head(const http::ResponseHead& head) {
  CHECK(head.status() >= 0 && head.status() <= 999);
  const Verdict verdict = http::verdict_of(head, {.customer = "X-Customer", .domains = "X-Domains"});
  if (verdict.kind == Verdict::Kind::granted) {
    CHECK(head.status() == 200 && head.count("auth-status") == 1 && head.value("AUTH-STATUS") == "OK");
  } else {
    CHECK(verdict.account.empty() && verdict.customer.empty() && verdict.domains.empty());
    CHECK(verdict.kind == Verdict::Kind::wrong || verdict.kind == Verdict::Kind::unavailable);
  }
  CHECK(is_clean_text(verdict.account) && is_clean_text(verdict.customer));
  CHECK(std::ranges::all_of(verdict.domains, is_clean_text));
  if (head.body() == http::ResponseHead::Body::sized)
    CHECK(head.count("Content-Length") == 1 && head.count("Transfer-Encoding") == 0);
  if (head.persists()) CHECK(head.body() == http::ResponseHead::Body::sized);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const std::string escaped = http::escape(text);
  CHECK(std::ranges::none_of(escaped, [](char c) { return static_cast<unsigned char>(c) <= ' '; }));

  http::ResponseHead head;
  std::size_t bytes = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto step = head.line(line);
    if (step == http::ResponseHead::Step::malformed) return 0;
    bytes += line.size();
    CHECK(bytes <= http::ResponseHead::kBytesMax);
    if (step == http::ResponseHead::Step::more) continue;
    check_head(head);
    return 0;
  }
  return 0;
}
