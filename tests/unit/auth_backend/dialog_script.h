// Plays a server's lines to a dialog that logs in, and shows what the dialog made of them, in one text.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/login_dialog.h"
#include "tests/unit/auth/credentials.h"

namespace sluice::auth {

inline std::string_view verdict_name(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::granted:
      return "granted";
    case Verdict::Kind::wrong:
      return "wrong";
    case Verdict::Kind::unknown:
      return "unknown";
    case Verdict::Kind::suspended:
      return "suspended";
    case Verdict::Kind::unavailable:
      return "unavailable";
  }
  return "";
}

// "CAPA|USER tim|PASS secret|granted": what was sent, without CRLF at its end, "TLS" where that starts, "skip 5", and
// the verdict with its reason.
inline std::string talk(LoginDialog& dialog, const std::vector<std::string>& lines) {
  std::string shown;
  const auto show = [&shown](std::string_view text) { shown.append(shown.empty() ? "" : "|").append(text); };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    DialogStep step = dialog.line(lines[i]);
    if (step.kind == DialogStep::Kind::start_tls) {
      show("TLS");
      step = dialog.tls_started();
    }
    if (!step.send.empty()) {
      EXPECT_TRUE(step.send.ends_with("\r\n"));
      show(std::string_view(step.send).substr(0, step.send.size() - 2));
    }
    if (step.kind == DialogStep::Kind::skip) show("skip " + std::to_string(step.bytes));
    if (step.kind != DialogStep::Kind::done) continue;
    show(verdict_name(dialog.verdict()));
    if (!dialog.reason().empty()) shown += ": " + dialog.reason();
    EXPECT_EQ(i + 1, lines.size()) << "lines that it did not wait for";
    return shown;
  }
  return shown;
}

}  // namespace sluice::auth
