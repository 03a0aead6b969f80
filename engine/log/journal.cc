#include "engine/log/journal.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <variant>

#include "engine/event/value_text.h"
#include "engine/log/line.h"
#include "engine/log/syslog.h"

namespace sluice::log {
namespace {

constexpr std::string_view kPrefix = "SLUICE_";

// A value with a line end stands behind its size: 64 bits, the lowest byte first.
void append_field(std::string& entry, std::string_view name, std::string_view value) {
  entry.append(name);
  if (!value.contains('\n')) {
    entry.append("=").append(value).append("\n");
    return;
  }
  entry.append("\n");
  for (std::size_t shift = 0; shift < 64; shift += 8)
    entry.push_back(static_cast<char>((std::uint64_t{value.size()} >> shift) & 0xff));
  entry.append(value).append("\n");
}

}  // namespace

std::string journal_entry(const event::Event& event, std::string_view line) {
  std::string entry;
  append_field(entry, "MESSAGE", line);
  append_field(entry, "PRIORITY", std::to_string(syslog_severity(event.severity)));
  append_field(entry, "SYSLOG_IDENTIFIER", "sluice");
  append_field(entry, "SLUICE_EVENT", event.row.name);
  for (std::size_t i = 0; i < event.values.size(); ++i) {
    if (std::holds_alternative<std::monostate>(event.values[i])) continue;
    std::string name(kPrefix);
    std::ranges::transform(event.row.keys[i].name, std::back_inserter(name),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    append_field(entry, name, event::value_text(event.values[i], event::MillisText::exact));
  }
  return entry;
}

}  // namespace sluice::log
