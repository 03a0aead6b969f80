#include "engine/cli/trace_count.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "auth/text.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

using trace::KeyKind;
using trace::StoredEvent;

constexpr std::string_view kTotal = "total";
constexpr std::string_view kByReason = "reason";

struct CountedKey {
  std::string_view word;
  KeyKind kind{};
  bool of_recipient = false;
};
constexpr std::array kCountedKeys{
    CountedKey{"account", KeyKind::account},         CountedKey{"client", KeyKind::client},
    CountedKey{"customer", KeyKind::customer},       CountedKey{"destination", KeyKind::recipient_domain, true},
    CountedKey{"next-hop", KeyKind::next_hop, true}, CountedKey{"recipient", KeyKind::recipient, true},
    CountedKey{"sender", KeyKind::sender},           CountedKey{"verdict", KeyKind::verdict, true},
};
constexpr std::array<std::string_view, kCountedKeys.size() + 2> kCountWords{
    "account", "client", "customer", "destination", "next-hop", kByReason, "recipient", "sender", kTotal, "verdict"};

// Why, in as few words as group what is alike: the name of a reason, or the codes of a next hop.
std::string reason_of(const StoredEvent& event) {
  if (const std::string_view reason = event.text("reason"); !reason.empty()) return std::string(reason);
  const event::Value* const value = event.find("code");
  const auto* const code = value == nullptr ? nullptr : std::get_if<std::uint64_t>(value);
  const std::string_view enhanced = event.text("enhanced");
  if (code == nullptr || *code == 0) return enhanced.empty() ? "" : "no answer " + std::string(enhanced);
  return std::to_string(*code).append(enhanced.empty() ? "" : " ").append(enhanced);
}

void add_values(const StoredEvent& event, KeyKind kind, std::set<std::string>& values) {
  if (kind == KeyKind::verdict && !event.type->verdict.empty()) values.emplace(event.type->verdict);
  for (const std::uint8_t place : event.type->places[static_cast<std::size_t>(kind)]) {
    // A host is counted by its name, not by its address, too.
    if (kind == KeyKind::next_hop && event.type->keys[place] != "next_hop") continue;
    const auto* const text = std::get_if<std::string_view>(&event.values[place]);
    if (text == nullptr) continue;
    trace::KeyValues each(event.type->roles[place], *text);
    while (const auto value = each.next())
      if (value->kind == kind) values.insert(auth::ascii_lower(value->text));
  }
}

}  // namespace

std::span<const std::string_view> trace_count_words() { return kCountWords; }

bool TraceCounts::is_chosen(const StoredEvent& event) const {
  if (event.at < query_.since || event.at > query_.until) return false;
  if (!query_.words.empty() && !trace::has_words(event, query_.words)) return false;
  return std::ranges::all_of(query_.keys, [&event](const trace::KeyCondition& condition) {
    const bool of_recipient = condition.kind == KeyKind::verdict || condition.kind == KeyKind::next_hop;
    return !of_recipient || trace::meets(event, condition);
  });
}

std::set<std::string> TraceCounts::values_of(const trace::TracedMessage& message) const {
  std::set<std::string> values;
  const auto* const key = std::ranges::find(kCountedKeys, std::string_view(by_), &CountedKey::word);
  for (const trace::TracedEvent& each : message.events) {
    const bool of_recipient = key == kCountedKeys.end() || key->of_recipient;
    if (of_recipient && !is_chosen(*each.event)) continue;
    if (key != kCountedKeys.end()) {
      add_values(*each.event, key->kind, values);
    } else if (by_ == kTotal) {
      values.emplace(kTotal);
    } else if (std::string reason = reason_of(*each.event); !reason.empty()) {
      values.insert(std::move(reason));
    }
  }
  return values;
}

void TraceCounts::add(const trace::TracedMessage& message) {
  std::set<std::string> recipients;
  for (const trace::TracedEvent& each : message.events)
    if (is_chosen(*each.event)) add_values(*each.event, KeyKind::recipient, recipients);
  for (const std::string& value : values_of(message)) {
    const bool room = counts_.size() < values_max_ || counts_.contains(value);
    if (!room) {
      ++left_out_;
      continue;
    }
    Count& count = counts_[value];
    ++(message.id.empty() ? count.others : count.messages);
    count.recipients += by_ == "recipient" ? 1 : recipients.size();
  }
}

std::string TraceCounts::print(std::uint64_t top, bool json) const {
  std::vector<std::pair<std::string_view, Count>> counts(counts_.begin(), counts_.end());
  std::ranges::sort(counts, [](const auto& one, const auto& other) {
    const auto order = [](const auto& each) { return std::pair(each.second.messages, each.second.others); };
    return order(one) != order(other) ? order(one) > order(other) : one.first < other.first;
  });
  if (counts.size() > top) counts.resize(top);
  text::Table table{.names = {by_, "messages", "recipients", "others"}, .rows = {}};
  for (const auto& [value, count] : counts)
    table.rows.push_back({value, count.messages, count.recipients, count.others});
  return json ? text::as_json(table) : text::as_text(table);
}

}  // namespace sluice::cli
