#include "engine/control/route_request.h"

#include <algorithm>
#include <utility>

#include "auth/secret.h"
#include "auth/text.h"
#include "engine/base/cut_text.h"
#include "engine/control/words.h"
#include "engine/route/table.h"
#include "engine/smtp/path.h"
#include "engine/text/escape.h"
#include "engine/text/json_text.h"
#include "engine/text/table_text.h"

namespace sluice::control {
namespace {

constexpr std::string_view kRouteTest = "route test";
constexpr std::string_view kConnect = " connect";
constexpr std::size_t kLabelWidth = 13;

bool is_address(std::string_view text) {
  smtp::Mailbox mailbox;
  return smtp::parse_mailbox(text, true, mailbox) == smtp::PathFault::none && !mailbox.domain.empty();
}

std::string route_row(std::string_view label, std::string_view value) {
  std::string line(label);
  line.append(kLabelWidth - label.size(), ' ');
  return line + text::escaped_line(value) + "\n";
}

std::string_view mark_of(RouteStep::Kind kind) {
  switch (kind) {
    case RouteStep::Kind::command:
      return "  > ";
    case RouteStep::Kind::reply:
      return "  < ";
    case RouteStep::Kind::note:
      return "  - ";
  }
  return "  ";
}

// A reply of several lines is shown as such; in each nothing is more than text to a terminal.
std::string step_text(const RouteStep& step) {
  std::string text;
  std::string_view rest = cut_text(step.text, kRouteStepBytesMax);
  for (;;) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    text.append(mark_of(step.kind)).append(text::escaped_line(rest.substr(0, end))).append("\n");
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  if (step.text.size() > kRouteStepBytesMax) text += "    [cut]\n";
  return text;
}

std::string host_text(const RouteHost& host, bool connects) {
  std::string value = host.host + " (preference " + std::to_string(host.preference) + ")";
  for (const std::string& address : host.addresses) value += " " + address;
  std::string text = route_row("host", value);
  if (!host.source.empty()) text += route_row("  from", host.source);
  if (!host.order.empty()) text += route_row("  order", host.order);
  for (const RouteStep& step : host.steps) text += step_text(step);
  if (!host.fault.empty()) text += route_row("  fault", host.fault);
  if (!host.remedy.empty()) text += route_row("  remedy", host.remedy);
  if (connects && host.tried && host.fault.empty())
    text += route_row("  result", "sender and recipient were taken; nothing was sent");
  return text;
}

std::string list_json(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text.append(text.empty() ? "" : ", ").append(text::json_string(value));
  return "[" + text + "]";
}

std::string host_json(const RouteHost& host) {
  std::string steps;
  for (const RouteStep& step : host.steps) {
    constexpr std::string_view kStepKinds[] = {"command", "reply", "note"};
    steps += std::string(steps.empty() ? "\n    " : ",\n    ") +
             "{\"kind\": " + text::json_string(kStepKinds[static_cast<std::size_t>(step.kind)]) +
             ", \"text\": " + text::json_string(cut_text(step.text, kRouteStepBytesMax)) +
             ", \"cut\": " + (step.text.size() > kRouteStepBytesMax ? "true" : "false") + "}";
  }
  return "{\"host\": " + text::json_string(host.host) + ", \"preference\": " + std::to_string(host.preference) +
         ", \"addresses\": " + list_json(host.addresses) + ", \"source\": " + text::json_string(host.source) +
         ", \"order\": " + text::json_string(host.order) + ", \"tried\": " + (host.tried ? "true" : "false") +
         ", \"fault\": " + text::json_string(host.fault) + ", \"remedy\": " + text::json_string(host.remedy) +
         ", \"steps\": [" + steps + "]}";
}

std::string route_json(const RouteRequest& request, const RouteAnswer& answer) {
  std::string hosts;
  for (const RouteHost& host : answer.hosts) hosts.append(hosts.empty() ? "\n   " : ",\n   ").append(host_json(host));
  return "{\"to\": " + text::json_string(request.to) + ", \"from\": " + text::json_string(answer.from) +
         ", \"customer\": " + text::json_string(request.customer) + ", \"route\": " + text::json_string(answer.route) +
         ", \"rule\": " + text::json_string(answer.rule) +
         ", \"destination\": " + text::json_string(answer.destination) +
         ", \"kind\": " + text::json_string(answer.kind) + ", \"mode\": " + text::json_string(answer.mode) +
         ", \"tls\": " + text::json_string(answer.tls) + ", \"order\": " + text::json_string(answer.order) +
         ", \"fault\": " + text::json_string(answer.fault) +
         ", \"connected\": " + (answer.connected ? "true" : "false") +
         ", \"accepted\": " + (answer.accepted ? "true" : "false") + ",\n  \"hosts\": [" + hosts + "]}\n";
}

}  // namespace

std::string route_request_fault(const RouteRequest& request) {
  if (request.to.empty()) return "test takes the address of a recipient";
  if (!is_address(request.to)) return "test takes USER@DOMAIN";
  const bool null_sender = request.from == route::kNullSender;
  if (!request.from.empty() && !null_sender && !is_address(request.from)) return "--from takes USER@DOMAIN or <>";
  if (request.customer.size() > auth::kCustomerBytesMax)
    return "--customer takes up to " + std::to_string(auth::kCustomerBytesMax) + " bytes";
  return auth::is_clean_text(request.customer) ? "" : "--customer takes UTF-8 without control characters";
}

std::string encode_route_request(const RouteRequest& request) {
  std::string line(kRouteTest);
  if (request.json) line += kJson;
  if (request.connect) line += kConnect;
  append_escaped(line += " to=", request.to);
  if (!request.from.empty()) append_escaped(line += " from=", request.from);
  if (!request.customer.empty()) append_escaped(line += " customer=", request.customer);
  return line;
}

std::expected<RouteRequest, std::string> decode_route_request(std::string_view line) {
  RouteRequest request;
  std::string_view rest = line;
  if (!take_text(rest, kRouteTest)) return not_as_written();
  request.json = take_text(rest, kJson);
  request.connect = take_text(rest, kConnect);
  // What cannot be read is not this line.
  static_cast<void>(take_value(rest, " to=", request.to));
  static_cast<void>(take_value(rest, " from=", request.from));
  static_cast<void>(take_value(rest, " customer=", request.customer));
  return if_as_written(std::move(request), line, route_request_fault, encode_route_request);
}

std::string render_route(const RouteRequest& request, const RouteAnswer& answer) {
  if (request.json) return route_json(request, answer);
  std::string text = route_row("recipient", "<" + request.to + ">") + route_row("sender", "<" + answer.from + ">") +
                     route_row("route", answer.route) + route_row("rule", answer.rule) +
                     route_row("destination", answer.destination) + route_row("goes to", answer.kind) +
                     route_row("mode", answer.mode);
  if (!answer.tls.empty()) text += route_row("TLS", answer.tls);
  if (!answer.order.empty()) text += route_row("order", answer.order);
  if (!answer.fault.empty()) text += route_row("fault", answer.fault);
  for (const RouteHost& host : answer.hosts) text += host_text(host, answer.connected);
  return text;
}

}  // namespace sluice::control
