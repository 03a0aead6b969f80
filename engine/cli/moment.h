// How sluicectl writes moments: the option --time of all commands that show any.
// Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::cli {

enum class TimeForm : std::uint8_t {
  local,  // "2026-11-24 05:33:22 +0100", of the zone of TZ or of the machine
  iso,    // "2026-11-24T04:33:22.123Z", RFC 3339, in UTC
  epoch,  // "1795495202.123", seconds since 1970
};

// Of --time: says what is wrong with `word`, or nothing.
[[nodiscard]] std::string read_time_form(std::string_view word, TimeForm& form);
// Likewise, of a command whose JSON has all moments in one form.
[[nodiscard]] std::string read_text_time(std::string_view word, bool json, TimeForm& form);

// `wall` of 0 stands for no moment: "-".
[[nodiscard]] std::string moment_text(WallMillis wall, TimeForm form);
// "5s", "3m", "7h", "2d": whole units, as large as still says something.  What is negative is 0.
[[nodiscard]] std::string span_text(WallMillis milliseconds);

}  // namespace sluice::cli
