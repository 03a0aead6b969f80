#include "engine/control/usage_request.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "auth/secret.h"
#include "auth/text.h"
#include "engine/control/words.h"
#include "engine/text/table_text.h"

namespace sluice::control {
namespace {

constexpr std::string_view kUsage = "usage";
constexpr std::string_view kUsageLimit = " limit=";
constexpr std::string_view kUsageAccount = " account=";
constexpr std::string_view kUsageCustomer = " customer=";

// How full a window is, in thousandths.
std::uint64_t fullness(const UsageRow& row) {
  constexpr std::uint64_t kWhole = 1000;
  return row.limit.value_or(0) == 0 ? 0 : row.used * kWhole / *row.limit;
}

}  // namespace

std::string usage_request_fault(const UsageRequest& request) {
  if (request.limit < 1 || request.limit > kUsageRowsMax)
    return "--limit is a whole number from 1 to " + std::to_string(kUsageRowsMax);
  for (const std::string* name : {&request.account, &request.customer}) {
    if (name->size() > auth::kNameBytesMax)
      return "takes names of up to " + std::to_string(auth::kNameBytesMax) + " bytes";
    if (!auth::is_clean_text(*name)) return "takes UTF-8 without control characters";
  }
  return "";
}

std::string encode_usage_request(const UsageRequest& request) {
  std::string line(kUsage);
  if (request.json) line += kJson;
  if (request.limit != kUsageRowsMax) line.append(kUsageLimit).append(std::to_string(request.limit));
  if (!request.account.empty()) append_escaped(line += kUsageAccount, request.account);
  if (!request.customer.empty()) append_escaped(line += kUsageCustomer, request.customer);
  return line;
}

std::expected<UsageRequest, std::string> decode_usage_request(std::string_view line) {
  UsageRequest request;
  std::string_view rest = line;
  if (!take_text(rest, kUsage)) return not_as_written();
  request.json = take_text(rest, kJson);
  std::string limit;
  // What cannot be read is no request that has this line: see below.
  static_cast<void>(take_value(rest, kUsageLimit, limit));
  static_cast<void>(take_value(rest, kUsageAccount, request.account));
  static_cast<void>(take_value(rest, kUsageCustomer, request.customer));
  if (!limit.empty()) {
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), request.limit);
    if (error != std::errc() || end != limit.data() + limit.size()) request.limit = 0;
  }
  return if_as_written(std::move(request), line, usage_request_fault, encode_usage_request);
}

std::string render_usage(const UsageRequest& request, std::vector<UsageRow> rows) {
  std::ranges::sort(rows, [](const UsageRow& a, const UsageRow& b) {
    return std::tuple(fullness(b), a.name, a.subject, a.quantity, a.window) <
           std::tuple(fullness(a), b.name, b.subject, b.quantity, b.window);
  });
  const std::size_t shown = std::min<std::size_t>(rows.size(), request.limit);
  text::Table table{{"subject", "quantity", "window", "used", "limit", "left", "name"}, {}};
  for (const UsageRow& row : std::span(rows).first(shown)) {
    const text::Cell limit = row.limit ? text::Cell(*row.limit) : text::Cell("");
    const text::Cell left = row.limit ? text::Cell(*row.limit - std::min(*row.limit, row.used)) : text::Cell("");
    table.rows.push_back({row.subject, row.quantity, row.window, row.used, limit, left, row.name});
  }
  if (request.json) return text::as_json(table);
  std::string text = text::as_text(table);
  if (shown < rows.size()) text += "and " + std::to_string(rows.size() - shown) + " more\n";
  return text;
}

}  // namespace sluice::control
