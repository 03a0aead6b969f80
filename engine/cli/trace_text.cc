// How sluicectl trace shows a message.
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "engine/cli/trace_run.h"
#include "engine/event/value_text.h"
#include "engine/text/escape.h"
#include "engine/text/json_text.h"
#include "engine/text/time_text.h"

namespace sluice::cli {
namespace {

using trace::StoredEvent;
using trace::TracedMessage;

std::string bare_text(const event::Value& value) { return event::value_text(value, event::MillisText::exact); }

// How long was waited: "+0.250 s", "+15 min 3 s", "+2 h 5 min", "+3 d 4 h".
std::string wait_text(WallMillis millis) {
  constexpr WallMillis kMinute = 60;
  constexpr WallMillis kHour = 60 * kMinute;
  constexpr WallMillis kDay = 24 * kHour;
  if (millis < 0) millis = 0;
  const WallMillis seconds = millis / 1000;
  const auto two = [](WallMillis first, const char* unit, WallMillis second, const char* other) {
    return "+" + std::to_string(first) + unit + std::to_string(second) + other;
  };
  if (seconds >= kDay) return two(seconds / kDay, " d ", seconds % kDay / kHour, " h");
  if (seconds >= kHour) return two(seconds / kHour, " h ", seconds % kHour / kMinute, " min");
  if (seconds >= kMinute) return two(seconds / kMinute, " min ", seconds % kMinute, " s");
  std::string fraction = std::to_string(millis % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return "+" + std::to_string(seconds) + "." + fraction + " s";
}

// The first one that any event has.
std::string_view first_text(const TracedMessage& message, std::string_view key) {
  for (const trace::TracedEvent& each : message.events)
    if (const std::string_view found = each.event->text(key); !found.empty()) return found;
  return {};
}

void add_part(std::string& line, std::string_view before, std::string_view part, std::string_view after = "") {
  if (part.empty()) return;
  line.append(before).append(text::escaped_line(part)).append(after);
}

std::string value_text(const StoredEvent& event, std::string_view key) {
  const event::Value* const value = event.find(key);
  return value == nullptr ? std::string() : bare_text(*value);
}

std::string heading(const TracedMessage& message) {
  std::string line = message.id.empty() ? "without a message" : text::escaped_line(message.id);
  add_part(line, "  account ", first_text(message, "account"));
  add_part(line, " of ", first_text(message, "customer"));
  add_part(line, "  from ", first_text(message, "from"));
  add_part(line, "  to ", first_text(message, "to"));
  add_part(line, "  Message-ID ", first_text(message, "message_id"));
  return line + "\n";
}

// What the client was answered.
std::string answer_line(const StoredEvent& event) {
  std::string line(event.type->name == "message_aborted" ? "aborted" : event.text("verdict"));
  add_part(line, ": ", event.text("reply"));
  add_part(line, "; ", event.text("reason"));
  add_part(line, "; client ", event.text("client"));
  add_part(line, " (", event.text("helo"), ")");
  line += "; " + value_text(event, "recipients_taken") + " of " + value_text(event, "recipients") + " recipients, " +
          value_text(event, "bytes") + " bytes, " + value_text(event, "ms") + " ms";
  add_part(line, "; next hop ", event.text("next_hop"));
  add_part(line, ": ", event.text("detail"));
  const event::Value* const sent = event.find("reply_sent");
  if (sent != nullptr && *sent == event::Value(false)) line += "; the client had left before the reply";
  return line;
}

std::string attempt_line(const StoredEvent& event, TimeForm form) {
  std::string line(text::escaped_line(event.text("verdict")));
  add_part(line, " for ", event.text("to"));
  const bool connected = !event.text("next_hop").empty();
  add_part(line, connected ? ": " : " at ", connected ? event.text("next_hop") : event.text("destination"));
  add_part(line, " [", event.text("next_hop_address"), "]");
  add_part(line, " ", event.text("next_hop_tls"));
  if (const std::string code = value_text(event, "code"); !code.empty() && code != "0") add_part(line, ": ", code);
  add_part(line, " ", event.text("enhanced"));
  add_part(line, " ", event.text("detail"));
  line += "; " + value_text(event, "ms") + " ms";
  const event::Value* const next = event.find("next_try");
  const auto* const at = next == nullptr ? nullptr : std::get_if<std::int64_t>(next);
  if (at != nullptr && *at > 0) line += "; next try " + moment_text(*at, form);
  return line;
}

// Of any other event: its keys.
std::string other_line(const StoredEvent& event) {
  std::string line = text::escaped_line(event.type->name);
  for (std::size_t i = 0; i < event.values.size(); ++i) {
    const std::string_view key = event.type->keys[i];
    if (key == "id" || std::holds_alternative<std::monostate>(event.values[i])) continue;
    line.append(i == 0 ? ": " : " ").append(text::escaped_line(key)).append("=");
    const std::string value = bare_text(event.values[i]);
    line += text::is_bare_logfmt(value) ? value : "\"" + text::escaped_json(value) + "\"";
  }
  return line;
}

std::string event_line(const StoredEvent& event, TimeForm form) {
  if (event.type->name == "message" || event.type->name == "message_aborted") return answer_line(event);
  if (event.type->name == "delivery") return attempt_line(event, form);
  return other_line(event);
}

std::string value_json(const event::Value& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return text::json_string(*text);
  return bare_text(value);
}

std::string event_json(const StoredEvent& event) {
  std::string json = R"({"time":")" + text::time_string(event.at) + R"(","level":")" +
                     std::string(event::severity_text(event.severity)) + R"(","event":)" +
                     text::json_string(event.type->name);
  for (std::size_t i = 0; i < event.values.size(); ++i) {
    if (std::holds_alternative<std::monostate>(event.values[i])) continue;
    json.append(",").append(text::json_string(event.type->keys[i])).append(":").append(value_json(event.values[i]));
  }
  return json + "}";
}

}  // namespace

std::string trace_json(const TracedMessage& message, std::size_t from) {
  std::string json = R"({"id":)" + text::json_string(message.id) + R"(,"events":[)";
  for (std::size_t i = from; i < message.events.size(); ++i)
    json.append(i == from ? "" : ",").append(event_json(*message.events[i].event));
  return json + "]}\n";
}

std::string trace_text(const TracedMessage& message, std::size_t from, TimeForm form) {
  std::string shown = heading(message);
  for (std::size_t i = from; i < message.events.size(); ++i) {
    const StoredEvent& event = *message.events[i].event;
    std::string wait = i == 0 ? "" : wait_text(event.at - message.events[i - 1].event->at);
    constexpr std::size_t kWaitWidth = 14;
    wait.insert(0, kWaitWidth - std::min(kWaitWidth, wait.size()), ' ');
    shown += "  " + moment_text(event.at, form) + wait + "  " + event_line(event, form) + "\n";
  }
  return shown;
}

}  // namespace sluice::cli
