// Checks that whatever a message is, its preview is bounded, and what review shows of it is text to a terminal:
// nothing but lines of printable characters, and no direction marks.
// Input: a byte that says whether the dots of DATA are in it; the beginning of a message.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/text.h"
#include "engine/base/check.h"
#include "engine/control/queue_status.h"
#include "engine/text/escape.h"

using namespace sluice::control;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool dots = (data[0] & 1U) != 0;
  QueueAnswer answer;
  QueueRow& row = answer.rows.emplace_back();
  row.preview = preview_of(message, dots);
  row.status.held = true;
  CHECK(row.preview.lines.size() <= kPreviewLinesMax);
  for (const std::string& line : row.preview.lines) CHECK(line.size() <= kPreviewLineBytesMax);
  for (const auto& [name, value] : row.preview.fields) CHECK(value.size() <= kPreviewFieldBytesMax);
  const std::string subject = subject_of(message, dots);
  CHECK(subject_contains(subject, subject.substr(subject.size() / 2)));
  const std::string json = render_queue({.verb = QueueVerb::review, .json = true}, std::vector{answer});
  const auto check_line = [](std::string_view line) {
    CHECK(sluice::auth::is_clean_text(line));
    CHECK(!line.contains("\xe2\x80\xae"));
  };
  std::string_view rest = json;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    CHECK(end != std::string_view::npos);
    check_line(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  // As a terminal gets them.
  for (const std::string& line : row.preview.lines) check_line(sluice::text::escaped_line(line));
  return 0;
}
