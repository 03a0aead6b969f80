#include "engine/control/usage_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <tuple>
#include <utility>

#include "auth/secret.h"
#include "auth/text.h"
#include "engine/base/counted.h"
#include "engine/control/queue_request.h"
#include "engine/control/words.h"
#include "engine/text/table_text.h"
#include "engine/text/time_text.h"

namespace sluice::control {
namespace {

constexpr std::string_view kUsage = "usage";
constexpr std::string_view kUsageLimit = " limit=";
constexpr std::string_view kUsageTop = " top=";
constexpr std::string_view kUsageAccount = " account=";
constexpr std::string_view kUsageCustomer = " customer=";
constexpr std::uint64_t kUsageAnswersMin = 20;  // for a share to be compared

// How full a window is, in thousandths.
std::uint64_t fullness(const UsageRow& row) {
  constexpr std::uint64_t kWhole = 1000;
  return row.limit.value_or(0) == 0 ? 0 : row.used * kWhole / *row.limit;
}

// Nothing where it is no number, or too large for one.
std::optional<std::uint32_t> number_in(const std::string& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::uint64_t unknown_percent(const SenderRow& row) {
  constexpr std::uint64_t kPercent = 100;
  return row.answered == 0 ? 0 : (row.unknown * kPercent + row.answered / 2) / row.answered;
}

// The figures by which senders are compared.
struct Figure {
  std::string_view name;
  std::uint64_t (*of)(const SenderRow&);
};
constexpr std::array kFigures = std::to_array<Figure>({
    {"networks", [](const SenderRow& row) { return row.networks.value_or(0); }},
    // One of two is no share yet.
    {"unknown_percent",
     [](const SenderRow& row) { return row.answered < kUsageAnswersMin ? 0 : unknown_percent(row); }},
    {"large_messages", [](const SenderRow& row) { return row.large_messages; }},
    {"refused", [](const SenderRow& row) { return row.refused; }},
    {"held", [](const SenderRow& row) { return row.held; }},
});

void sort_fullest_first(std::vector<UsageRow>& rows) {
  std::ranges::sort(rows, [](const UsageRow& a, const UsageRow& b) {
    return std::tuple(fullness(b), a.name, a.subject, a.quantity, a.window) <
           std::tuple(fullness(a), b.name, b.subject, b.quantity, b.window);
  });
}

// Of each subject's quantity and window so many that have used most.
void keep_busiest(std::vector<UsageRow>& rows, std::uint32_t top) {
  const auto group = [](const UsageRow& row) { return std::tuple(row.subject, row.quantity, row.window); };
  std::ranges::sort(rows, [&group](const UsageRow& a, const UsageRow& b) {
    return std::tuple(group(a), b.used, std::string_view(a.name)) <
           std::tuple(group(b), a.used, std::string_view(b.name));
  });
  std::vector<UsageRow> kept;
  std::uint32_t of_group = 0;
  for (UsageRow& row : rows) {
    of_group = !kept.empty() && group(kept.back()) == group(row) ? of_group + 1 : 1;
    if (of_group <= top) kept.push_back(std::move(row));
  }
  rows = std::move(kept);
}

text::Table windows_table(std::span<const UsageRow> rows) {
  text::Table table{{"subject", "quantity", "window", "used", "limit", "left", "used_here", "scope", "name"}, {}};
  for (const UsageRow& row : rows) {
    const text::Cell limit = row.limit ? text::Cell(*row.limit) : text::Cell("");
    const text::Cell left =
        row.limit && !row.left_unknown ? text::Cell(*row.limit - std::min(*row.limit, row.used)) : text::Cell("");
    table.rows.push_back({row.subject, row.quantity, row.window, row.used, limit, left, row.used_here,
                          row.of_cluster ? "cluster" : "relay", row.name});
  }
  return table;
}

std::vector<text::Cell> sender_cells(std::string_view most, const SenderRow& row) {
  return {most,
          row.subject,
          row.networks ? text::Cell(*row.networks) : text::Cell(""),
          row.answered,
          row.unknown,
          unknown_percent(row),
          row.large_messages,
          row.refused,
          row.held,
          row.name,
          row.customer};
}

// Also how many are left out.
std::pair<text::Table, std::size_t> senders_table(const UsageRequest& request, std::vector<SenderRow> rows) {
  text::Table table{{"most", "subject", "networks", "answered", "unknown", "unknown_percent", "large_messages",
                     "refused", "held", "name", "customer"},
                    {}};
  const auto sort_by = [&rows](const Figure& figure) {
    std::ranges::sort(rows, [&figure](const SenderRow& a, const SenderRow& b) {
      return std::tuple(a.subject, figure.of(b), b.unknown, std::string_view(a.name)) <
             std::tuple(b.subject, figure.of(a), a.unknown, std::string_view(b.name));
    });
  };
  if (request.top == 0) {
    sort_by(kFigures[1]);
    const std::size_t shown = std::min<std::size_t>(rows.size(), request.limit);
    for (const SenderRow& row : std::span(rows).first(shown)) table.rows.push_back(sender_cells("", row));
    return {std::move(table), rows.size() - shown};
  }
  for (const Figure& figure : kFigures) {
    sort_by(figure);
    std::string_view subject;
    std::uint32_t of_subject = 0;
    for (const SenderRow& row : rows) {
      if (std::exchange(subject, row.subject) != row.subject) of_subject = 0;
      if (figure.of(row) > 0 && ++of_subject <= request.top) table.rows.push_back(sender_cells(figure.name, row));
    }
  }
  return {std::move(table), 0};
}

text::Table decisions_table(std::span<const DecidedEvent> decisions) {
  text::Table table{{"at", "event", "id", "account", "reason", "figures"}, {}};
  for (const DecidedEvent& event : decisions) {
    const std::string_view reason = event.event == "account_noticed" ? event.value("step") : event.value("reason");
    const std::string_view figures = event.event == "account_noticed" ? event.value("reasons") : event.value("detail");
    table.rows.push_back({text::time_string(event.at), event.event, event.id, event.value("account"), reason, figures});
  }
  return table;
}

// Of the windows that are shown.
std::string remark_on_cluster(std::span<const UsageRow> rows, const std::string& fault) {
  if (std::ranges::none_of(rows, &UsageRow::left_unknown)) return "";
  return std::string(kAnswerNote)
      .append("what is used of scope relay is as of this relay alone: ")
      .append(fault.empty() ? "Redis is asked of those next to their limit" : "Redis does not tell: " + fault)
      .append("\n");
}

std::string and_more(std::size_t left_out, std::string_view what) {
  if (left_out == 0) return "";
  return std::string(kAnswerNote).append(counted(left_out, std::string("more ").append(what))).append("\n");
}

}  // namespace

std::string usage_request_fault(const UsageRequest& request) {
  if (request.limit < 1 || request.limit > kUsageRowsMax)
    return "--limit is a whole number from 1 to " + std::to_string(kUsageRowsMax);
  if (request.top > kUsageTopMax) return "--top is a whole number from 1 to " + std::to_string(kUsageTopMax);
  if (request.top > 0 && request.limit != kUsageRowsMax) return "--top N stands in the place of --limit";
  for (const std::string* name : {&request.account, &request.customer}) {
    if (name->size() > auth::kNameBytesMax)
      return "takes names of up to " + std::to_string(auth::kNameBytesMax) + " bytes";
    if (!auth::is_clean_text(*name)) return "takes UTF-8 without control characters";
  }
  return "";
}

std::string encode_usage_request(const UsageRequest& request) {
  std::string line(kUsage);
  if (request.limit != kUsageRowsMax) line.append(kUsageLimit).append(std::to_string(request.limit));
  if (request.top != 0) line.append(kUsageTop).append(std::to_string(request.top));
  if (!request.account.empty()) append_escaped(line += kUsageAccount, request.account);
  if (!request.customer.empty()) append_escaped(line += kUsageCustomer, request.customer);
  return line;
}

std::expected<UsageRequest, std::string> decode_usage_request(std::string_view line) {
  UsageRequest request;
  std::string_view rest = line;
  if (!take_text(rest, kUsage)) return not_as_written();
  std::string limit;
  std::string top;
  // What cannot be read is no request that has this line: see below.
  static_cast<void>(take_value(rest, kUsageLimit, limit));
  static_cast<void>(take_value(rest, kUsageTop, top));
  static_cast<void>(take_value(rest, kUsageAccount, request.account));
  static_cast<void>(take_value(rest, kUsageCustomer, request.customer));
  if (!limit.empty()) request.limit = number_in(limit).value_or(0);
  if (!top.empty()) request.top = number_in(top).value_or(kUsageTopMax + 1);
  return if_as_written(std::move(request), line, usage_request_fault, encode_usage_request);
}

std::string render_usage(const UsageRequest& request, Usage usage) {
  if (request.top > 0) {
    keep_busiest(usage.windows, request.top);
  } else {
    sort_fullest_first(usage.windows);
  }
  const std::size_t shown = std::min<std::size_t>(usage.windows.size(), request.limit);
  const text::Table windows = windows_table(std::span(usage.windows).first(shown));
  const auto [senders, senders_left] = senders_table(request, std::move(usage.senders));
  const text::Table decisions = decisions_table(usage.decisions);
  return "{\"windows\": " + text::as_json(windows) + ",\"senders\": " + text::as_json(senders) +
         ",\"decisions\": " + text::as_json(decisions) + "}\n" +
         remark_on_cluster(std::span(usage.windows).first(shown), usage.cluster_fault) +
         and_more(usage.windows.size() - shown, "window") + and_more(senders_left, "sender");
}

}  // namespace sluice::control
