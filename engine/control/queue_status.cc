#include "engine/control/queue_status.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "engine/message/date.h"
#include "engine/smtp/reply.h"
#include "engine/text/escape.h"
#include "engine/text/json_text.h"
#include "engine/text/table_text.h"

namespace sluice::control {
namespace {

using message::Fate;
using smtp::enhanced_text;

constexpr std::size_t kReviewRecipientsMax = 10;

std::string_view fate_text(Fate fate) {
  switch (fate) {
    case Fate::waiting:
      return "waiting";
    case Fate::relayed:
      return "relayed";
    case Fate::delivered:
      return "delivered";
    case Fate::failed:
      return "failed";
    case Fate::expired:
      return "expired";
    case Fate::removed:
      return "removed";
  }
  return "?";
}

std::string date(WallMillis time) {
  if (time == 0) return "-";
  std::string text;
  message::append_date_time(text, time / 1000);
  return text;
}

// "5m", "3h", "2d"
std::string span(WallMillis milliseconds) {
  const WallMillis seconds = std::max<WallMillis>(milliseconds / 1000, 0);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86'400) + "d";
}

std::string list_of(const std::vector<std::string>& values) {
  std::string text = "[";
  for (const std::string& value : values) text.append(text.size() > 1 ? ", " : "").append(text::json_string(value));
  return text + "]";
}

std::string json_recipients(const QueueRow& row) {
  std::string text = "[";
  for (std::size_t i = 0; i < row.recipients.size(); ++i) {
    const message::RecipientStatus& status = row.status.recipients[i];
    text += text.size() > 1 ? ",\n   " : "\n   ";
    text += "{\"recipient\": " + text::json_string(row.recipients[i]) +
            ", \"state\": " + text::json_string(fate_text(status.fate)) + ", \"code\": " + std::to_string(status.code) +
            ", \"enhanced\": " + text::json_string(enhanced_text(status.enhanced)) +
            ", \"text\": " + text::json_string(status.text) + ", \"next_hop\": " + text::json_string(status.next_hop) +
            ", \"at_ms\": " + std::to_string(status.at) + ", \"tries\": " + std::to_string(status.tries) +
            ", \"due_ms\": " + std::to_string(status.fate == Fate::waiting ? status.due : 0) + "}";
  }
  return text + "]";
}

std::string json_attempts(const QueueRow& row) {
  std::string text = "[";
  for (const message::Attempt& attempt : row.status.attempts) {
    text += text.size() > 1 ? ",\n   " : "\n   ";
    text += "{\"at_ms\": " + std::to_string(attempt.at) + ", \"next_hop\": " + text::json_string(attempt.next_hop) +
            ", \"tls\": " + text::json_string(attempt.tls) + ", \"recipients\": " + std::to_string(attempt.recipients) +
            ", \"taken\": " + std::to_string(attempt.taken) + ", \"code\": " + std::to_string(attempt.code) +
            ", \"text\": " + text::json_string(attempt.text) + "}";
  }
  return text + "]";
}

std::string json_preview(const QueueRow& row) {
  std::string fields;
  for (const auto& [name, value] : row.preview.fields)
    fields.append(fields.empty() ? "" : ", ")
        .append(text::json_string(name))
        .append(": ")
        .append(text::json_string(value));
  return ", \"expires_ms\": " + std::to_string(row.expires) + ",\n  \"header\": {" + fields +
         "}, \"lines\": " + list_of(row.preview.lines) + ", \"more_lines\": " + (row.preview.more ? "true" : "false");
}

std::string json_row(const QueueRow& row, const QueueRequest& request) {
  std::string text =
      "{\"id\": " + text::json_string(message::queue_id_text(row.id)) + ", \"core\": " + std::to_string(row.core) +
      ", \"state\": " + text::json_string(row.state) + ", \"customer\": " + text::json_string(row.customer) +
      ", \"account\": " + text::json_string(row.account) + ", \"sender\": " + text::json_string(row.sender) +
      ", \"destinations\": " + list_of(row.destinations) + ", \"bytes\": " + std::to_string(row.bytes) +
      ", \"arrived_ms\": " + std::to_string(row.arrived) + ", \"due_ms\": " + std::to_string(row.due) +
      ", \"tries\": " + std::to_string(row.status.tries) + ", \"client\": " + text::json_string(row.client) +
      ", \"hold_reason\": " + text::json_string(row.status.hold_reason);
  if (request.verb == QueueVerb::show) {
    text += ",\n  \"recipients\": " + json_recipients(row) + ",\n  \"attempts\": " + json_attempts(row);
  } else {
    text +=
        ", \"recipients\": " + list_of(row.recipients) + ", \"last_response\": " + text::json_string(row.last_response);
  }
  if (request.verb == QueueVerb::review) text += json_preview(row);
  return text + "}";
}

std::string reason_text(const QueueRow& row) {
  return row.status.hold_reason.empty() ? "no reason was given" : text::printable(row.status.hold_reason);
}

// For the eyes of who decides about it.  What others have sent is escaped, and can be nothing but text to a terminal.
std::string text_review(const QueueRow& row, WallMillis now) {
  std::string out = "message      " + message::queue_id_text(row.id) + "\non hold      " + reason_text(row) +
                    "\ncustomer     " + text::printable(row.customer) + "\naccount      " +
                    text::printable(row.account) + "\nclient       " + text::printable(row.client) +
                    "\nsender       <" + (row.sender.empty() ? std::string() : text::printable(row.sender)) + ">\n";
  for (std::size_t i = 0; i < std::min(row.recipients.size(), kReviewRecipientsMax); ++i)
    out += "recipient    <" + text::printable(row.recipients[i]) + ">\n";
  if (row.recipients.size() > kReviewRecipientsMax)
    out += "             and " + std::to_string(row.recipients.size() - kReviewRecipientsMax) + " more\n";
  out += "bytes        " + std::to_string(row.bytes) + "\narrived      " + date(row.arrived) + " (" +
         span(now - row.arrived) + " ago)\nexpires      " + date(row.expires) + "\n";
  for (const auto& [name, value] : row.preview.fields)
    out += "  " + std::string(name) + ": " + text::escaped_line(value) + "\n";
  for (const std::string& line : row.preview.lines) out += "  | " + text::escaped_line(line) + "\n";
  if (row.preview.more) out += "  | ...\n";
  return out;
}

std::string text_whole(const QueueRow& row, WallMillis now) {
  std::string out =
      "message      " + message::queue_id_text(row.id) + "\nstate        " + row.state + "\ncustomer     " +
      text::printable(row.customer) + "\naccount      " + text::printable(row.account) + "\nsender       <" +
      (row.sender.empty() ? std::string() : text::printable(row.sender)) + ">\nbytes        " +
      std::to_string(row.bytes) + "\narrived      " + date(row.arrived) + " (" + span(now - row.arrived) +
      " ago)\nnext try     " + date(row.due) + "\ntries        " + std::to_string(row.status.tries) + "\n";
  if (row.status.held) out += "on hold      " + reason_text(row) + "\n";
  if (!row.no_room.empty()) out += "waits        " + text::printable(row.no_room) + "\n";
  for (std::size_t i = 0; i < row.recipients.size(); ++i) {
    const message::RecipientStatus& status = row.status.recipients[i];
    out += "recipient    <" + text::printable(row.recipients[i]) + "> " + std::string(fate_text(status.fate));
    if (status.at != 0) out += ", " + date(status.at);
    if (status.code != 0) out += ": " + std::to_string(status.code) + " " + enhanced_text(status.enhanced);
    if (!status.text.empty()) out += " " + text::printable(status.text);
    if (!status.next_hop.empty()) out += " (" + text::printable(status.next_hop) + ")";
    out += "\n";
  }
  for (const message::Attempt& attempt : row.status.attempts)
    out += "attempt      " + date(attempt.at) + "  " + text::printable(attempt.next_hop) + "  " +
           std::to_string(attempt.taken) + " of " + std::to_string(attempt.recipients) +
           " taken: " + std::to_string(attempt.code) + " " + text::printable(attempt.text) + "\n";
  return out;
}

text::Table destinations_table(const std::vector<DestinationRow>& rows) {
  text::Table table{
      {"core", "destination", "jobs", "ready", "running", "held", "window", "suspended_s", "last_response"}, {}};
  for (const DestinationRow& row : rows)
    table.rows.push_back({std::uint64_t{row.core}, row.name, std::uint64_t{row.jobs}, std::uint64_t{row.ready},
                          std::uint64_t{row.running}, std::uint64_t{row.held}, std::uint64_t{row.window},
                          row.suspended_s, row.last_response});
  return table;
}

std::string list_text(const std::vector<QueueRow>& rows, WallMillis now) {
  text::Table table{
      {"id", "state", "age", "next_try", "tries", "bytes", "customer", "sender", "recipients", "last_response"}, {}};
  for (const QueueRow& row : rows) {
    std::string recipients = row.recipients.empty() ? "" : row.recipients.front();
    if (row.recipients.size() > 1) recipients += " +" + std::to_string(row.recipients.size() - 1);
    const std::string next = row.due == 0 ? "-" : row.due <= now ? "now" : "in " + span(row.due - now);
    table.rows.push_back({message::queue_id_text(row.id), row.state, span(now - row.arrived), next,
                          std::uint64_t{row.status.tries}, row.bytes, row.customer, "<" + row.sender + ">", recipients,
                          row.status.hold_reason.empty() ? row.last_response : "on hold: " + row.status.hold_reason});
  }
  return text::as_text(table);
}

// What a reader sees at the end of a list that was cut, and a program beside it.
std::string remark_on_more(const QueueRequest& request, bool more) {
  if (!more) return {};
  const std::string remark = "... and more: --limit shows them\n";
  return request.json ? std::string(kAnswerNote) + remark : remark;
}

// Of `found` rows.  What a program asked for without a limit is never cut here: see needs_pages().
std::size_t shown_of(const QueueRequest& request, std::size_t found) {
  return request.unlimited() ? found : std::min<std::size_t>(request.limit.value_or(kQueueLimitDefault), found);
}

std::string messages(const QueueRequest& request, std::vector<QueueRow> rows, bool more, WallMillis now) {
  // Those on hold, which are not due at all, last.
  std::ranges::sort(rows, {}, [](const QueueRow& row) { return std::tuple(row.due == 0, row.due, row.id); });
  const std::size_t shown = shown_of(request, rows.size());
  more = more || rows.size() > shown;
  rows.resize(shown);
  if (request.json) {
    std::string out = "[";
    for (const QueueRow& row : rows) out += (out.size() > 1 ? ",\n " : "\n ") + json_row(row, request);
    return out + "\n]\n" + remark_on_more(request, more);
  }
  if (rows.empty()) return request.verb == QueueVerb::review ? "nothing is on hold\n" : "no such message\n";
  std::string out;
  if (request.verb == QueueVerb::list) {
    out = list_text(rows, now);
  } else {
    const auto text = request.verb == QueueVerb::show ? text_whole : text_review;
    for (const QueueRow& row : rows) out += (out.empty() ? "" : "\n") + text(row, now);
  }
  return out + remark_on_more(request, more);
}

std::string counted(std::uint64_t changed) {
  return std::to_string(changed) + (changed == 1 ? " was changed\n" : " were changed\n");
}

}  // namespace

bool shows_messages(QueueVerb verb) {
  return verb == QueueVerb::list || verb == QueueVerb::show || verb == QueueVerb::review;
}

bool needs_pages(const QueueRequest& request, std::span<const QueueAnswer> answers) {
  if (!request.unlimited()) return false;
  std::size_t found = 0;
  for (const QueueAnswer& answer : answers) {
    if (answer.more) return true;
    found += answer.rows.size() + answer.destinations.size();
  }
  return found > kQueueLimitMax;
}

std::string render_page(const QueueRequest& request, const QueueAnswer& page, bool first) {
  std::string out = first ? "[" : "";
  const auto add = [&](const std::string& row) {
    out += (first ? "\n " : ",\n ") + row;
    first = false;
  };
  for (const QueueRow& row : page.rows) add(json_row(row, request));
  const text::Table table = destinations_table(page.destinations);
  for (const auto& row : table.rows) add(text::json_object(table.names, row));
  return out;
}

std::string render_queue(const QueueRequest& request, std::span<const QueueAnswer> answers, WallMillis now) {
  std::vector<QueueRow> rows;
  std::vector<DestinationRow> destinations;
  std::uint64_t found = 0;
  std::uint64_t changed = 0;
  bool more = false;
  bool cut_short = false;
  for (const QueueAnswer& answer : answers) {
    std::ranges::copy(answer.rows, std::back_inserter(rows));
    std::ranges::copy(answer.destinations, std::back_inserter(destinations));
    found += answer.found;
    changed += answer.changed;
    more = more || answer.more;
    cut_short = cut_short || answer.cut_short;
  }
  if (cut_short)
    return "error: the relay is being stopped; " + (changes_queue(request.verb) ? counted(changed) : "ask again\n");
  // Filters may let nothing through; an ID is of one message, or wrong.
  if (!request.id.empty() && request.verb != QueueVerb::list && rows.empty() && found == 0)
    return request.held || request.verb == QueueVerb::review ? "error: no such message is on hold\n"
                                                             : "error: no such message\n";
  if (shows_messages(request.verb)) return messages(request, std::move(rows), more, now);
  if (request.verb == QueueVerb::destinations) {
    const std::size_t shown = shown_of(request, destinations.size());
    more = more || destinations.size() > shown;
    destinations.resize(shown);
    const text::Table table = destinations_table(destinations);
    return (request.json ? text::as_json(table) : text::as_text(table)) + remark_on_more(request, more);
  }
  if (request.json) return "{\"changed\": " + std::to_string(changed) + "}\n";
  return counted(changed);
}

}  // namespace sluice::control
