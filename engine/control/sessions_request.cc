#include "engine/control/sessions_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "auth/secret.h"
#include "auth/text.h"
#include "engine/base/counted.h"
#include "engine/base/network.h"
#include "engine/control/queue_request.h"
#include "engine/control/words.h"
#include "engine/text/table_text.h"

namespace sluice::control {
namespace {

constexpr std::string_view kSessionsWord = "sessions";
constexpr std::string_view kEnd = " end";
constexpr std::string_view kLimit = " limit=";
constexpr std::size_t kNetworkBytesMax = 64;

constexpr std::array kAllSessionFilters{
    SessionFilter{"account", "ACCOUNT", &SessionsRequest::account, auth::kNameBytesMax},
    SessionFilter{"customer", "NAME", &SessionsRequest::customer, auth::kCustomerBytesMax},
    SessionFilter{"address", "ADDRESS|NETWORK", &SessionsRequest::address, kNetworkBytesMax}};

std::uint64_t sum_of(std::span<const CoreSessions> cores) {
  std::uint64_t sum = 0;
  for (const CoreSessions& core : cores) sum += core.met;
  return sum;
}

}  // namespace

const std::span<const SessionFilter> kSessionFilters = kAllSessionFilters;

std::string sessions_request_fault(const SessionsRequest& request) {
  for (const SessionFilter& filter : kAllSessionFilters) {
    const std::string& text = request.*filter.text;
    const std::string option = "--" + std::string(filter.name);
    if (text.size() > filter.bytes_max) return option + " takes up to " + std::to_string(filter.bytes_max) + " bytes";
    if (!auth::is_clean_text(text)) return option + " takes UTF-8 without control characters";
  }
  if (!request.address.empty())
    if (const auto network = Network::parse(request.address); !network) return "--address " + network.error();
  if (request.limit && (*request.limit < 1 || *request.limit > kSessionsLimitMax))
    return "--limit needs a whole number from 1 to " + std::to_string(kSessionsLimitMax);
  if (request.verb == SessionsRequest::Verb::list) return "";
  if (request.limit) return "takes no --limit";
  return request.has_filter() ? "" : "needs --account, --customer or --address: whose sessions?";
}

std::string encode_sessions_request(const SessionsRequest& request) {
  std::string line(kSessionsWord);
  if (request.verb == SessionsRequest::Verb::end) line += kEnd;
  if (request.json) line += kJson;
  if (request.limit) line.append(kLimit).append(std::to_string(*request.limit));
  for (const SessionFilter& filter : kAllSessionFilters) {
    const std::string& text = request.*filter.text;
    if (!text.empty()) append_escaped(line.append(" ").append(filter.name).append("="), text);
  }
  return line;
}

std::expected<SessionsRequest, std::string> decode_sessions_request(std::string_view line) {
  SessionsRequest request;
  std::string_view rest = line;
  if (!take_text(rest, kSessionsWord)) return std::unexpected("there is no such command about sessions");
  if (take_text(rest, kEnd)) request.verb = SessionsRequest::Verb::end;
  request.json = take_text(rest, kJson);
  if (take_text(rest, kLimit)) {
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), request.limit.emplace());
    if (error != std::errc()) return not_as_written();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  }
  for (const SessionFilter& filter : kAllSessionFilters) {
    if (!take_text(rest, " " + std::string(filter.name) + "=")) continue;
    const std::size_t size = std::min(rest.find(' '), rest.size());
    auto value = unescaped(rest.substr(0, size));
    if (!value) return not_as_written();
    request.*filter.text = *std::move(value);
    rest.remove_prefix(size);
  }
  return if_as_written(std::move(request), line, sessions_request_fault, encode_sessions_request);
}

std::string render_sessions_page(const CoreSessions& page, std::size_t most, bool first) {
  text::Table table{{"core", "id", "client", "listener", "customer", "account", "tls", "seconds", "bytes", "messages",
                     "message", "waits_for"},
                    {}};
  for (const SessionStatus& s : std::span(page.sessions).first(std::min(most, page.sessions.size())))
    table.rows.push_back({std::uint64_t{page.core}, s.id, s.client, s.listener, s.customer, s.account, s.tls, s.seconds,
                          s.bytes_received, s.messages, s.in_transaction ? "yes" : "no", s.waits_for});
  std::string text;
  for (const auto& row : table.rows)
    text.append(text.empty() && first ? "[\n " : ",\n ").append(text::json_object(table.names, row));
  return text;
}

std::string render_sessions_end(bool first, std::uint64_t left_out) {
  std::string text = first ? "[\n]\n" : "\n]\n";
  if (left_out > 0) text.append(kAnswerNote).append(counted(left_out, "session")).append(" more\n");
  return text;
}

std::string render_sessions_ended(const SessionsRequest& request, std::span<const CoreSessions> cores) {
  const std::uint64_t sessions = sum_of(cores);
  const auto on =
      static_cast<std::uint64_t>(std::ranges::count_if(cores, [](const auto& core) { return core.met > 0; }));
  if (request.json) return "{\"sessions\": " + std::to_string(sessions) + ", \"cores\": " + std::to_string(on) + "}\n";
  return counted(sessions, "session") + " on " + counted(on, "core") + " ended\n";
}

}  // namespace sluice::control
