// A limit in words, for refusals, log and sluicectl.  Pure; any thread.
#pragma once

#include <string>

#include "policy/limit.h"
#include "policy/submission_limits.h"

namespace sluice::policy {

// "500 recipients a day"; bytes are counted in kBytesUnit, and shown as "2048 MB", or "600 KB".
[[nodiscard]] std::string window_text(const Limit& limit);
// "500 recipients a day of account alice@example.com".
[[nodiscard]] std::string limit_text(const LimitReached& limit);
// For the operator: the limit with what is used of it.
[[nodiscard]] std::string limit_figures(const LimitReached& limit);

}  // namespace sluice::policy
