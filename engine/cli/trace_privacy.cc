#include "engine/cli/trace_privacy.h"

#include <algorithm>
#include <string_view>

namespace sluice::cli {
namespace {

using event::AddressForm;

AddressForm form_of(const trace::KeyCondition& condition, const event::PrivacyOptions& options) {
  if (condition.kind == trace::KeyKind::client) return options.clients;
  return condition.kind == trace::KeyKind::recipient ? options.recipients : AddressForm::keep;
}

// "*@example.net", "5f1d7c2a90b3e846@example.net": as the trace has it.
bool is_hidden_recipient(std::string_view address, AddressForm form) {
  const std::string_view local = address.substr(0, address.rfind('@'));
  if (form == AddressForm::shorten) return local == "*";
  return local.size() == event::kTokenDigits && local.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

bool has_hidden_address(const trace::Query& query, const event::PrivacyOptions& options) {
  return std::ranges::any_of(query.keys, [&](const auto& each) { return form_of(each, options) != AddressForm::keep; });
}

std::vector<std::string> hide_addresses(trace::Query& query, const event::PrivacyOptions& options) {
  const event::Privacy privacy(options);
  std::vector<std::string> notes;
  for (trace::KeyCondition& each : query.keys) {
    const AddressForm form = form_of(each, options);
    const bool client = each.kind == trace::KeyKind::client;
    if (form == AddressForm::keep || (!client && is_hidden_recipient(each.value, form))) continue;
    std::string hidden = client ? privacy.client(each.value) : privacy.recipient(each.value);
    if (hidden == each.value) continue;
    notes.push_back(std::string(client ? "clients" : "recipients") + " are in the trace as log." +
                    (client ? "client_addresses" : "recipients") + " says: this looks for " + hidden);
    each.value = std::move(hidden);
  }
  return notes;
}

}  // namespace sluice::cli
