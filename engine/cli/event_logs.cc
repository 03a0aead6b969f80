#include "engine/cli/event_logs.h"

#include <limits>
#include <utility>

#include "policy/replay/event_reader.h"

namespace sluice::cli {

EventLogs::EventLogs(std::vector<LogFile> files) : buffer_(policy::kRecordedLineBytesMax + 2, '\0') {
  for (LogFile& file : files) sources_.push_back({.file = std::move(file), .line = 0, .next = std::nullopt});
  for (Source& source : sources_) advance(source);
}

// Of a line that is too long no more than has room is ever kept.
bool EventLogs::read_line(Source& source) {
  std::istream& lines = source.file.lines;
  lines.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  if (lines.bad()) {
    fault_ = source.file.name + ": cannot be read to its end";
    return false;
  }
  if (lines.eof() && lines.gcount() == 0) return false;
  auto size = static_cast<std::size_t>(lines.gcount());
  too_long_ = lines.fail() && !lines.eof();
  if (too_long_) {
    lines.clear();
    lines.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  } else if (!lines.eof()) {
    --size;  // the newline is counted, and not kept
  }
  line_ = std::string_view(buffer_).substr(0, size);
  return true;
}

void EventLogs::advance(Source& source) {
  source.next = std::nullopt;
  while (!source.next && read_line(source)) {
    ++counts_.lines;
    ++source.line;
    if (line_.empty() && !too_long_) continue;
    auto event = too_long_ ? std::unexpected(std::string("the line is too long")) : policy::read_recorded_event(line_);
    if (event) {
      source.next = *std::move(event);
      continue;
    }
    if (counts_.malformed++ == 0)
      counts_.first_malformed = source.file.name + ":" + std::to_string(source.line) + ": " + event.error();
  }
}

std::optional<policy::RecordedEvent> EventLogs::next() {
  Source* earliest = nullptr;
  for (Source& source : sources_)
    if (source.next && (earliest == nullptr || time_of(*source.next) < time_of(*earliest->next))) earliest = &source;
  if (earliest == nullptr) return std::nullopt;
  std::optional<policy::RecordedEvent> event = std::move(earliest->next);
  ++counts_.events;
  advance(*earliest);
  return event;
}

}  // namespace sluice::cli
