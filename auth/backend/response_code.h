// Response codes of POP3 (RFC 2449 8, RFC 3206) and IMAP (RFC 5530): what a server's refusal says of a name and a
// secret that it was shown.  Pure functions; any thread.
#pragma once

#include <string_view>

#include "auth/backend/verdict.h"

namespace sluice::auth {

struct Refusal {
  Verdict::Kind kind = Verdict::Kind::wrong;
  // As the table has it, never as the server wrote it: a server may repeat what it was sent.  Empty: none that is
  // known.
  std::string_view code;
};

// `text`: what stands behind -ERR or NO.
[[nodiscard]] Refusal judge_refusal(std::string_view text);

// Of "[CODE arguments] text": what is in the brackets; empty where there are none.
[[nodiscard]] std::string_view response_code(std::string_view text);

}  // namespace sluice::auth
