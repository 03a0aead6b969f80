// Checks that whatever a client sends as Accept, or anybody as the value of a label:
//   - a format is chosen, OpenMetrics only where it is named;
//   - the exposition is one line for each sample, in UTF-8 without control characters, and its value comes last.
// Input: the bytes of both.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/metrics/exposition.h"

namespace {

using namespace sluice::metrics;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return out;
}

void check_accept(std::string_view accept) {
  const Format chosen = format_for(accept);
  CHECK(chosen == Format::classic || lower(accept).contains("application/openmetrics-text"));
  // With the highest weight it is taken, whatever follows.
  const std::string asked = "application/openmetrics-text," + std::string(accept);
  CHECK(format_for(asked) == Format::open_metrics);
}

void check_label(std::string_view value) {
  const Family family{.name = "sluice_x",
                      .kind = Kind::gauge,
                      .help = "x.",
                      .samples = {{.labels = {{.name = "l", .value = std::string(value)}}, .value = 7}},
                      .histograms = {}};
  const std::string text = expose({&family, 1}, Format::classic);
  CHECK(std::ranges::count(text, '\n') == 3 && text.ends_with("\"} 7\n"));
  const std::string_view sample = std::string_view(text).substr(text.find("\nsluice_x{") + 1);
  CHECK(std::ranges::none_of(sample.substr(0, sample.size() - 1), [](char c) { return c >= 0 && c < ' '; }));
  // No quote ends the value but the last.
  std::string_view inside = sample.substr(sample.find('"') + 1);
  inside.remove_suffix(std::string_view("\"} 7\n").size());
  for (std::size_t i = 0; i < inside.size(); ++i) {
    CHECK(inside[i] != '"');
    if (inside[i] == '\\') CHECK(++i < inside.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_accept(text);
  check_label(text);
  return 0;
}
