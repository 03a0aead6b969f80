#include "engine/cli/moment.h"

#include <algorithm>
#include <array>

#include "absl/time/time.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/time_text.h"

namespace sluice::cli {
namespace {

constexpr std::array<std::string_view, 3> kTimeForms{"local", "iso", "epoch"};
constexpr WallMillis kMillisPerSecond = 1000;

}  // namespace

std::string read_time_form(std::string_view word, TimeForm& form) {
  const auto known = std::ranges::find(kTimeForms, word);
  if (known != kTimeForms.end()) {
    form = static_cast<TimeForm>(known - kTimeForms.begin());
    return "";
  }
  return "--time is local, iso or epoch" + text::or_meant(word, kTimeForms);
}

std::string read_text_time(std::string_view word, bool json, TimeForm& form) {
  if (std::string problem = read_time_form(word, form); !problem.empty()) return problem;
  return json ? "takes no --time with --json: there, moments are RFC 3339, in UTC" : "";
}

std::string moment_text(WallMillis wall, TimeForm form) {
  if (wall == 0) return "-";
  switch (form) {
    case TimeForm::iso:
      return text::time_string(wall);
    case TimeForm::epoch: {
      const std::string millis = std::to_string(kMillisPerSecond + wall % kMillisPerSecond);
      return std::to_string(wall / kMillisPerSecond) + "." + millis.substr(1);
    }
    case TimeForm::local:
      break;
  }
  return absl::FormatTime("%Y-%m-%d %H:%M:%S %z", absl::FromUnixMillis(wall), absl::LocalTimeZone());
}

std::string span_text(WallMillis milliseconds) {
  const WallMillis seconds = std::max<WallMillis>(milliseconds / kMillisPerSecond, 0);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86'400) + "d";
}

}  // namespace sluice::cli
