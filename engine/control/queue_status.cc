#include "engine/control/queue_status.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "engine/base/cut_text.h"
#include "engine/smtp/reply.h"
#include "engine/text/escape.h"
#include "engine/text/json_text.h"
#include "engine/text/table_text.h"

namespace sluice::control {
namespace {

using message::Fate;
using smtp::enhanced_text;

constexpr std::size_t kContentRowBytesMax = 8192;

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

std::string list_of(const std::vector<std::string>& values) {
  std::string text = "[";
  for (const std::string& value : values) text.append(text.size() > 1 ? ", " : "").append(text::json_string(value));
  return text + "]";
}

std::string json_recipients(const QueueRow& row) {
  std::string text = "[";
  for (std::size_t i = 0; i < row.recipients.size(); ++i) {
    const message::RecipientStatus& status = row.status.recipients[i];
    text += text.size() > 1 ? ", " : "";
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
    text += text.size() > 1 ? ", " : "";
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
  return ", \"expires_ms\": " + std::to_string(row.expires) + ", \"header\": {" + fields +
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
    text += ", \"on_hold\": " + std::string(row.status.held ? "true" : "false") +
            ", \"waits_for_room\": " + text::json_string(row.no_room) + ", \"recipients\": " + json_recipients(row) +
            ", \"attempts\": " + json_attempts(row);
  } else {
    text +=
        ", \"recipients\": " + list_of(row.recipients) + ", \"last_response\": " + text::json_string(row.last_response);
  }
  if (request.verb == QueueVerb::review) text += json_preview(row);
  return text + "}";
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

// At the end of a list that was cut.
std::string remark_on_more(bool more) { return more ? std::string(kAnswerNote) + "there are more than these\n" : ""; }

// Of `found` rows.  What a program asked for without a limit is never cut here: see needs_pages().
std::size_t shown_of(const QueueRequest& request, std::size_t found) {
  return request.unlimited() ? found : std::min<std::size_t>(request.limit.value_or(kQueueLimitDefault), found);
}

std::string messages(const QueueRequest& request, std::vector<QueueRow> rows, bool more) {
  // Those on hold, which are not due at all, last.
  std::ranges::sort(rows, {}, [](const QueueRow& row) { return std::tuple(row.due == 0, row.due, row.id); });
  const std::size_t shown = shown_of(request, rows.size());
  more = more || rows.size() > shown;
  rows.resize(shown);
  std::string out = "[";
  for (const QueueRow& row : rows) out += (out.size() > 1 ? ",\n " : "\n ") + json_row(row, request);
  return out + "\n]\n" + remark_on_more(more);
}

std::string changed_text(std::uint64_t changed) {
  return std::to_string(changed) + (changed == 1 ? " was changed\n" : " were changed\n");
}

}  // namespace

bool shows_messages(QueueVerb verb) {
  return verb == QueueVerb::list || verb == QueueVerb::show || verb == QueueVerb::review;
}

bool goes_in_pages(const QueueRequest& request) {
  return request.unlimited() && request.verb != QueueVerb::show && !changes_queue(request.verb);
}

std::string render_page(const QueueRequest& request, const QueueAnswer& page, bool first) {
  std::string out;
  const auto add = [&](const std::string& row) {
    out += (first ? "[\n " : ",\n ") + row;
    first = false;
  };
  for (const QueueRow& row : page.rows) add(json_row(row, request));
  for (std::string_view rest = page.content; !rest.empty();) {
    const std::string_view part = cut_text(rest, kContentRowBytesMax);
    add("{\"content\": " + text::json_string(part) + "}");
    rest.remove_prefix(part.size());
  }
  const text::Table table = destinations_table(page.destinations);
  for (const auto& row : table.rows) add(text::json_object(table.names, row));
  return out;
}

std::string no_such_message(const QueueRequest& request, std::span<const QueueAnswer> answers) {
  constexpr std::size_t kSimilarMax = 3;
  std::vector<message::QueueId> similar;
  for (const QueueAnswer& answer : answers) std::ranges::copy(answer.similar, std::back_inserter(similar));
  std::string text =
      request.held || request.verb == QueueVerb::review ? "no such message is on hold" : "no such message";
  for (std::size_t i = 0; i < std::min(similar.size(), kSimilarMax); ++i)
    text.append(i == 0 ? ", did you mean " : " or ").append(message::queue_id_text(similar[i]));
  return similar.empty() ? text : text + "?";
}

std::string render_queue(const QueueRequest& request, std::span<const QueueAnswer> answers) {
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
    return "error: the relay is being stopped; " +
           (changes_queue(request.verb) ? changed_text(changed) : "ask again\n");
  // Filters may let nothing through; an ID is of one message, or wrong.
  if (!request.id.empty() && request.verb != QueueVerb::list && rows.empty() && found == 0)
    return "error: " + no_such_message(request, answers) + "\n";
  if (shows_messages(request.verb)) return messages(request, std::move(rows), more);
  if (request.verb == QueueVerb::destinations) {
    const std::size_t shown = shown_of(request, destinations.size());
    more = more || destinations.size() > shown;
    destinations.resize(shown);
    const text::Table table = destinations_table(destinations);
    return text::as_json(table) + remark_on_more(more);
  }
  if (request.json) return "{\"changed\": " + std::to_string(changed) + "}\n";
  return changed_text(changed);
}

}  // namespace sluice::control
