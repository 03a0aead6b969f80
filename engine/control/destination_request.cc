#include "engine/control/destination_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "auth/text.h"
#include "engine/base/domain_name.h"
#include "engine/control/words.h"
#include "engine/route/table.h"
#include "engine/text/table_text.h"
#include "engine/text/time_text.h"

namespace sluice::control {
namespace {

using OrderKind = DestinationOrder::Kind;

constexpr std::string_view kDestinationWord = "destination ";
constexpr std::string_view kOfHost = "host:";
// The name of a route, "/" and a domain; or what stands for either.
constexpr std::size_t kDestinationNameBytesMax = 64 + 1 + 255;
constexpr WallMillis kSecond = 1000;

constexpr std::array kDestinationVerbs{std::pair(DestinationVerb::list, std::string_view("list")),
                                       std::pair(DestinationVerb::suspend, std::string_view("suspend")),
                                       std::pair(DestinationVerb::resume, std::string_view("resume")),
                                       std::pair(DestinationVerb::limit, std::string_view("limit"))};

// Takes " name=N" where it is next; false where N is no whole number.
template <typename Number>
bool take_number(std::string_view& rest, std::string_view name, Number& number) {
  if (!take_text(rest, name)) return true;
  const std::string_view text = rest.substr(0, std::min(rest.find(' '), rest.size()));
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  rest.remove_prefix(text.size());
  return true;
}

bool take_words(std::string_view& rest, DestinationRequest& request) {
  request.json = take_text(rest, kJson);
  static_cast<void>(take_value(rest, " name=", request.name));
  const bool numbers =
      take_number(rest, " for_s=", request.for_s) && take_number(rest, " until_ms=", request.until_ms) &&
      take_number(rest, " connections=", request.connections) && take_number(rest, " per_minute=", request.per_minute);
  static_cast<void>(take_value(rest, " reason=", request.reason));
  return numbers;
}

std::string name_fault(std::string_view name) {
  constexpr std::string_view kNames =
      "takes ROUTE or ROUTE/DOMAIN as queue destinations shows them, @DOMAIN of recipients, or host:NAME of a next hop";
  std::string_view rest = name;
  const bool marked = take_text(rest, kOfHost) || take_text(rest, "@");
  // A name that holds for several is none: each order is about one place.
  const bool clean = auth::is_clean_text(rest) && rest.find_first_of(" *?@,;") == std::string_view::npos;
  if (rest.empty() || !clean || name.size() > kDestinationNameBytesMax || (marked && rest.contains('/')))
    return std::string(kNames);
  return "";
}

// "2026-11-30 08:00:00 UTC"
std::string order_moment(WallMillis time) {
  const text::TimeText whole = text::time_text(time);
  constexpr std::size_t kDay = 10;
  constexpr std::size_t kTime = 8;
  return std::string(whole.data(), kDay) + " " + std::string(whole.data() + kDay + 1, kTime) + " UTC";
}

std::string rate_words(const DestinationOrder& order) {
  std::string text;
  if (order.connections > 0) text = std::to_string(order.connections) + " at a time";
  if (order.per_minute > 0)
    text.append(text.empty() ? "" : " and ").append(std::to_string(order.per_minute)).append(" a minute");
  return text;
}

}  // namespace

std::string_view verb_name(DestinationVerb verb) {
  return std::ranges::find(kDestinationVerbs, verb, [](const auto& each) { return each.first; })->second;
}

std::optional<DestinationVerb> find_destination_verb(std::string_view name) {
  for (const auto& [verb, text] : kDestinationVerbs)
    if (text == name) return verb;
  return std::nullopt;
}

std::string destination_request_fault(const DestinationRequest& request) {
  const bool limits = request.verb == DestinationVerb::limit;
  const bool orders = limits || request.verb == DestinationVerb::suspend;
  if (request.verb == DestinationVerb::list) return request.name.empty() ? "" : "takes no operand";
  if (request.name.empty()) return "needs the name of a place";
  if (std::string fault = name_fault(request.name); !fault.empty()) return fault;
  if (!orders && (request.for_s != 0 || request.until_ms != 0 || !request.reason.empty()))
    return "takes no --for, --until or --reason";
  if (request.for_s != 0 && request.until_ms != 0) return "takes either --for or --until";
  if (request.for_s < 0 || request.for_s > kDestinationForMaxS)
    return "--for takes a span of up to " + std::to_string(kDestinationForMaxS / 86'400) + " days";
  if (request.until_ms < 0) return "--until takes a moment that is ahead";
  if (!limits && (request.connections != 0 || request.per_minute != 0)) return "takes no --connections and no --rate";
  if (limits && request.connections == 0 && request.per_minute == 0) return "needs --connections or --rate";
  if (std::max(request.connections, request.per_minute) > kDestinationLimitMax)
    return "a limit is at most " + std::to_string(kDestinationLimitMax);
  if (limits && request.name.starts_with(kOfHost)) return "limits no host: name a destination";
  const bool printable = std::ranges::all_of(request.reason, [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && request.reason.size() <= kDestinationReasonBytesMax) return "";
  return "--reason takes up to " + std::to_string(kDestinationReasonBytesMax) + " printable ASCII characters";
}

std::string encode_destination_request(const DestinationRequest& request) {
  std::string line(kDestinationWord);
  line += verb_name(request.verb);
  if (request.json) line += kJson;
  if (!request.name.empty()) append_escaped(line += " name=", request.name);
  if (request.for_s != 0) line += " for_s=" + std::to_string(request.for_s);
  if (request.until_ms != 0) line += " until_ms=" + std::to_string(request.until_ms);
  if (request.connections != 0) line += " connections=" + std::to_string(request.connections);
  if (request.per_minute != 0) line += " per_minute=" + std::to_string(request.per_minute);
  if (!request.reason.empty()) append_escaped(line += " reason=", request.reason);
  return line;
}

std::expected<DestinationRequest, std::string> decode_destination_request(std::string_view line) {
  DestinationRequest request;
  std::string_view rest = line;
  if (!take_text(rest, kDestinationWord)) return not_as_written();
  const std::string_view verb = rest.substr(0, std::min(rest.find(' '), rest.size()));
  const auto known = find_destination_verb(verb);
  if (!known) return not_as_written();
  request.verb = *known;
  rest.remove_prefix(verb.size());
  if (!take_words(rest, request)) return not_as_written();
  return if_as_written(std::move(request), line, destination_request_fault, encode_destination_request);
}

std::expected<DestinationOrder, std::string> order_of(const DestinationRequest& request, WallMillis now,
                                                      std::string by) {
  DestinationOrder order{.since = now,
                         .connections = request.connections,
                         .per_minute = request.per_minute,
                         .by = std::move(by),
                         .reason = request.reason};
  std::string_view name = request.name;
  if (take_text(name, kOfHost)) {
    order.kind = OrderKind::host;
    order.subject = auth::ascii_lower(name);
  } else if (take_text(name, "@")) {
    order.kind = OrderKind::domain;
    order.subject = domain_key(name);
  } else {
    order.subject = route::destination_key_of(name);
  }
  order.until = request.until_ms;
  if (order.until == 0) order.until = now + (request.for_s == 0 ? kDestinationForDefaultS : request.for_s) * kSecond;
  if (order.until <= now) return std::unexpected("its end is over already");
  if (order.until - now > kDestinationForMaxS * kSecond)
    return std::unexpected("its end is more than " + std::to_string(kDestinationForMaxS / 86'400) + " days ahead");
  return order;
}

std::string encode_order(const DestinationOrder& order) {
  std::string line =
      encode_destination_request({.verb = order.suspends() ? DestinationVerb::suspend : DestinationVerb::limit,
                                  .name = order.name(),
                                  .until_ms = order.until,
                                  .connections = order.connections,
                                  .per_minute = order.per_minute,
                                  .reason = order.reason});
  line += " since_ms=" + std::to_string(order.since);
  append_escaped(line += " by=", order.by);
  return line;
}

std::optional<DestinationOrder> decode_order(std::string_view line) {
  const std::size_t end = line.rfind(" since_ms=");
  if (end == std::string_view::npos) return std::nullopt;
  const auto request = decode_destination_request(line.substr(0, end));
  if (!request || request->until_ms == 0) return std::nullopt;
  std::string_view rest = line.substr(end);
  WallMillis since = 0;
  std::string by;
  if (!take_number(rest, " since_ms=", since) || !take_value(rest, " by=", by) || !rest.empty()) return std::nullopt;
  if (!auth::is_clean_text(by)) return std::nullopt;
  auto order = order_of(*request, since, std::move(by));
  if (!order || encode_order(*order) != line) return std::nullopt;
  return *std::move(order);
}

std::string order_words(const DestinationOrder& order) {
  std::string text = order.name();
  text += order.suspends() ? ": suspended until " : ": limited to " + rate_words(order) + " until ";
  text += order_moment(order.until) + " by " + order.by;
  if (!order.reason.empty()) text += ": " + order.reason;
  return text;
}

std::string render_orders(std::span<const DestinationOrder> orders, bool json, WallMillis now) {
  text::Table table{{"name", "order", "connections", "per_minute", "since_ms", "until_ms", "left_s", "by", "reason"},
                    {}};
  if (!json) table.names = {"name", "order", "since", "until", "by", "reason"};
  for (const DestinationOrder& order : orders) {
    const auto left = static_cast<std::uint64_t>(std::max<WallMillis>(order.until - now, 0) / kSecond);
    if (json) {
      table.rows.push_back({order.name(), order.suspends() ? "suspended" : "limited", std::uint64_t{order.connections},
                            std::uint64_t{order.per_minute}, static_cast<std::uint64_t>(order.since),
                            static_cast<std::uint64_t>(order.until), left, order.by, order.reason});
    } else {
      table.rows.push_back({order.name(), order.suspends() ? std::string("suspended") : rate_words(order),
                            order_moment(order.since), order_moment(order.until), order.by, order.reason});
    }
  }
  if (json) return text::as_json(table);
  return orders.empty() ? "no destination is suspended or limited\n" : text::as_text(table);
}

}  // namespace sluice::control
