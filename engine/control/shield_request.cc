#include "engine/control/shield_request.h"

#include <utility>

#include "auth/secret.h"
#include "auth/text.h"
#include "engine/base/network.h"
#include "engine/control/words.h"
#include "engine/text/table_text.h"

namespace sluice::control {
namespace {

constexpr std::string_view kList = "shield list";
constexpr std::string_view kRelease = "shield release";
constexpr std::string_view kAll = " all";
constexpr std::string_view kSubject = " subject=";

}  // namespace

std::string shield_request_fault(const ShieldRequest& request) {
  if (request.verb == ShieldRequest::Verb::list)
    return request.all || !request.subject.empty() ? "takes no operand" : "";
  if (request.all) return request.subject.empty() ? "" : "takes either an operand or --all";
  if (request.subject.empty()) return "needs an address, a network, the name of an account, or --all";
  if (request.subject.size() > auth::kNameBytesMax)
    return "takes names of up to " + std::to_string(auth::kNameBytesMax) + " bytes";
  if (!auth::is_clean_text(request.subject)) return "takes UTF-8 without control characters";
  const auto network = Network::parse(request.subject);
  // Names of accounts have no slash with an address in front of it.
  if (!network && parse_ip(std::string_view(request.subject).substr(0, request.subject.find('/'))))
    return "the network " + network.error();
  return "";
}

std::string encode_shield_request(const ShieldRequest& request) {
  std::string line(request.verb == ShieldRequest::Verb::list ? kList : kRelease);
  if (request.json) line += kJson;
  if (request.all) line += kAll;
  if (!request.subject.empty()) append_escaped(line += kSubject, request.subject);
  return line;
}

std::expected<ShieldRequest, std::string> decode_shield_request(std::string_view line) {
  ShieldRequest request;
  std::string_view rest = line;
  if (take_text(rest, kRelease)) {
    request.verb = ShieldRequest::Verb::release;
  } else if (!take_text(rest, kList)) {
    return std::unexpected("the shield knows no such command");
  }
  request.json = take_text(rest, kJson);
  if (take_text(rest, kSubject)) {
    auto subject = unescaped(rest);
    if (!subject) return not_as_written();
    request.subject = *std::move(subject);
  } else {
    request.all = take_text(rest, kAll);
  }
  return if_as_written(std::move(request), line, shield_request_fault, encode_shield_request);
}

std::string render_shield_page(std::span<const auth::ShieldEntry> entries, bool first) {
  text::Table table{{"kind", "effect", "failures", "seconds_left", "subject"}, {}};
  for (const auth::ShieldEntry& entry : entries) {
    // Whole seconds, the last one included.
    const auto left = std::chrono::ceil<std::chrono::seconds>(entry.left).count();
    table.rows.push_back({auth::rule_name(entry.rule), auth::refuses(entry.rule) ? "refused" : "slowed",
                          std::uint64_t{entry.failures}, static_cast<std::uint64_t>(left), entry.subject});
  }
  std::string text;
  for (const auto& row : table.rows)
    text.append(text.empty() && first ? "[\n " : ",\n ").append(text::json_object(table.names, row));
  return text;
}

std::string render_released(std::size_t released, bool json) {
  if (json) return "{\"released\": " + std::to_string(released) + "}\n";
  return std::to_string(released) + (released == 1 ? " entry" : " entries") + " released\n";
}

}  // namespace sluice::control
