#include "engine/cli/policy_report.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/counted.h"
#include "engine/cli/moment.h"
#include "engine/control/explain_request.h"
#include "engine/text/json_text.h"
#include "engine/text/table_text.h"
#include "policy/noticing/score.h"

namespace sluice::cli {
namespace {

using policy::Effect;
using policy::Finding;
using policy::ReplayedSender;
using policy::Tally;
using text::Cell;

std::string moment_or_none(WallMillis at, TimeForm form) { return at == 0 ? std::string() : moment_text(at, form); }

std::string effect_text(const Finding& finding) {
  return (finding.shadow ? "in shadow: " : "") + std::string(policy::effect_name(finding.effect));
}

void append_field(std::string& text, std::string_view key, std::string_view value) {
  constexpr std::size_t kKeyWidth = 14;
  if (value.empty()) return;
  text.append(key)
      .append(kKeyWidth - std::min(kKeyWidth, key.size()), ' ')
      .append(" ")
      .append(text::printable(value)) += '\n';
}

// ------------------------------------------------------------------------------------------ replay

// A row for each effect, over all senders.
struct EffectRow {
  std::string name;
  std::uint64_t senders = 0;
  Tally tally;
  void add(const Tally& more) {
    if (more.messages == 0) return;
    ++senders;
    tally.messages += more.messages;
    tally.recipients += more.recipients;
  }
};

std::vector<EffectRow> effect_rows(const std::vector<const ReplayedSender*>& senders) {
  std::vector<EffectRow> rows{{.name = "all"}};
  for (std::size_t i = policy::kEffects; --i > 0;)
    rows.push_back({.name = std::string(policy::effect_name(static_cast<Effect>(i)))});
  rows.push_back({.name = "in shadow"});
  for (const ReplayedSender* each : senders) {
    rows.front().add(each->all);
    for (std::size_t i = 1; i < policy::kEffects; ++i) rows[policy::kEffects - i].add(each->by_effect[i]);
    rows.back().add(each->in_shadow);
  }
  return rows;
}

text::Table effects_table(const std::vector<const ReplayedSender*>& senders) {
  text::Table table{{"effect", "accounts", "messages", "recipients"}, {}};
  for (const EffectRow& row : effect_rows(senders))
    table.rows.push_back({row.name, row.senders, row.tally.messages, row.tally.recipients});
  return table;
}

std::string sender_name(const ReplayedSender& sender) {
  return sender.network ? "trusted hosts of " + sender.name : sender.name;
}

// For a reader: what matters, in recipients.
text::Table senders_table(const std::vector<const ReplayedSender*>& senders, TimeForm form) {
  text::Table table{
      {"account", "class", "messages", "recipients", "stopped", "shadow", "step", "first", "effect", "why"}, {}};
  for (const ReplayedSender* each : senders) {
    std::uint64_t stopped = 0;
    for (std::size_t i = 1; i < policy::kEffects; ++i)
      if (policy::stops(static_cast<Effect>(i))) stopped += each->by_effect[i].recipients;
    table.rows.push_back({sender_name(*each), each->policy_class, each->all.messages, each->all.recipients, stopped,
                          each->in_shadow.recipients, noticing::step_name(each->step),
                          moment_or_none(each->worst_at, form), effect_text(each->worst), each->worst.figures});
  }
  return table;
}

std::string sender_json(const ReplayedSender& sender) {
  std::vector<std::string_view> names{"account", "customer", "trusted_hosts", "policy_class", "messages", "recipients"};
  std::vector<Cell> row{sender.network ? "" : sender.name,
                        sender.customer,
                        sender.network ? sender.name : "",
                        sender.policy_class,
                        sender.all.messages,
                        sender.all.recipients};
  const auto add = [&](std::string_view name, Cell cell) {
    names.push_back(name);
    row.push_back(std::move(cell));
  };
  constexpr std::array<std::array<std::string_view, 2>, policy::kEffects> kKeys{{{"", ""},
                                                                                 {"told_messages", "told"},
                                                                                 {"slowed_messages", "slowed"},
                                                                                 {"held_messages", "held"},
                                                                                 {"deferred_messages", "deferred"},
                                                                                 {"refused_messages", "refused"},
                                                                                 {"suspended_messages", "suspended"}}};
  for (std::size_t i = 1; i < policy::kEffects; ++i) {
    add(kKeys[i][0], sender.by_effect[i].messages);
    add(kKeys[i][1], sender.by_effect[i].recipients);
  }
  add("shadow_messages", sender.in_shadow.messages);
  add("shadow", sender.in_shadow.recipients);
  add("refused_before", sender.refused_before);
  add("step", noticing::step_name(sender.step));
  add("first", moment_or_none(sender.worst_at, TimeForm::iso));
  add("first_id", sender.worst_id);
  add("effect", policy::effect_name(sender.worst.effect));
  add("effect_in_shadow", std::uint64_t{sender.worst.shadow ? 1U : 0U});
  add("reason", sender.worst.reason);
  add("figures", sender.worst.figures);
  return text::json_object(names, row);
}

std::string replay_json(const EventLogs::Counts& lines, const policy::Replay& replay,
                        const std::vector<const ReplayedSender*>& all,
                        const std::vector<const ReplayedSender*>& shown) {
  const policy::Replay::Counts& counts = replay.counts();
  std::uint64_t refused_before = 0;
  for (const ReplayedSender* each : all) refused_before += each->refused_before;
  constexpr std::array<std::string_view, 11> kNames{
      "from",       "upto",           "lines",        "events", "malformed",          "accounts",
      "not_judged", "refused_before", "without_name", "late",   "beyond_accounts_max"};
  const std::vector<Cell> row{moment_or_none(counts.from, TimeForm::iso),
                              moment_or_none(counts.upto, TimeForm::iso),
                              lines.lines,
                              lines.events,
                              lines.malformed,
                              std::uint64_t{all.size()},
                              counts.not_judged,
                              refused_before,
                              counts.without_name,
                              counts.late,
                              counts.beyond_senders_max};
  std::string json = text::json_object(kNames, row);
  json.back() = ',';
  json += "\n\"effects\": " + text::as_json(effects_table(all));
  json.back() = ',';
  json += "\n\"touched\": [";
  for (const ReplayedSender* each : shown)
    json.append(each == shown.front() ? "\n " : ",\n ").append(sender_json(*each));
  return json + "\n]}\n";
}

// What the figures above do not have, each where there is any.
std::string remarks(const policy::Replay& replay, const std::vector<const ReplayedSender*>& all) {
  const policy::Replay::Counts& counts = replay.counts();
  std::uint64_t refused_before = 0;
  for (const ReplayedSender* each : all) refused_before += each->refused_before;
  std::string text;
  const auto add = [&text](std::uint64_t count, std::string_view one, std::string_view what) {
    if (count > 0) text.append(counted(count, one)).append(": ").append(what) += '\n';
  };
  add(counts.not_judged, "message", "refused before for the sender or the form, and left out");
  add(refused_before, "recipient", "refused before by limits or the noticer, and not tried anew");
  add(counts.without_name, "recipient", "without a name in the log, and not looked at as never written to before");
  add(counts.late, "event", "out of order, and counted as of the time of one before");
  add(counts.beyond_senders_max, "event", "of accounts beyond the first million, and left out");
  return text;
}

// ------------------------------------------------------------------------------------------ test

text::Table limits_table(const TestedMessage& tested) {
  text::Table table{{"subject", "quantity", "window", "amount", "action"}, {}};
  const policy::PolicyClass& chosen = *tested.judgement.policy_class;
  table.rows.push_back({"message", "recipients", "", std::uint64_t{chosen.recipients_per_message}, "defer"});
  const auto add = [&table](policy::Subject subject, const std::vector<policy::Limit>& limits) {
    for (const policy::Limit& each : limits)
      table.rows.push_back({policy::subject_name(subject), policy::quantity_name(each.quantity),
                            policy::span_name(each.span), each.amount, policy::action_name(each.action)});
  };
  const policy::EffectiveLimits limits = policy::effective_limits(chosen, tested.identity);
  add(policy::Subject::account, limits.account);
  add(policy::Subject::customer, limits.customer);
  const auto relay = tested.classes.relay_limits();
  add(policy::Subject::relay, {relay.begin(), relay.end()});
  return table;
}

std::string_view remedy_text(const Finding& finding) {
  if (finding.effect == Effect::held) return "nothing at once: it waits for sluicectl review";
  const control::Rule* const rule = control::rule_of(finding.reason);
  return rule == nullptr ? std::string_view() : rule->remedy;
}

std::string points_text(float points) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<double>(points),
                                 std::chars_format::fixed, 1);
  return {digits.data(), end.ptr};
}

std::string verdict_text(const TestedMessage& tested, std::uint32_t recipients) {
  const std::uint32_t passed = tested.judgement.recipients_passed;
  if (passed == recipients) return "would pass, if nothing of the limits is used";
  if (passed == 0) return "would not pass";
  return "would pass to " + std::to_string(passed) + " of " + counted(recipients, "recipient");
}

std::string noticed_text(const TestedMessage& tested) {
  const policy::PolicyClass& chosen = *tested.judgement.policy_class;
  if (!tested.judgement.watched) return "accounts of this class are not watched (class.notice = \"off\")";
  const noticing::Verdict& verdict = tested.judgement.verdict;
  std::string text = "score " + points_text(verdict.score) + ", step " + std::string(noticing::step_name(verdict.step));
  const noticing::Thresholds& thresholds = chosen.noticing.thresholds;
  text += "; tell from " + points_text(thresholds.tell) + ", slow from " + points_text(thresholds.slow) +
          ", hold from " + points_text(thresholds.hold) + ", suspend from " + points_text(thresholds.suspend);
  return text + "; no step above " + std::string(noticing::step_name(chosen.notice)) + " is taken";
}

std::string test_text(const PolicyCommand& command, const TestedMessage& tested) {
  const policy::PolicyClass& chosen = *tested.judgement.policy_class;
  std::string text;
  append_field(text, "account", tested.identity.account_name);
  append_field(text, "customer", tested.identity.customer_name);
  append_field(text, "class", chosen.name + " (" + tested.class_source + ")" + (chosen.shadow ? ", in shadow" : ""));
  append_field(text, "message", counted(command.recipients, "recipient") + ", " + counted(command.bytes, "byte"));
  append_field(text, "verdict", verdict_text(tested, command.recipients));
  append_field(text, "noticer", noticed_text(tested));
  for (const noticing::Reason& reason : tested.judgement.verdict.reasons())
    append_field(text, "", noticing::reason_text(reason) + " (" + points_text(reason.points) + " points)");
  for (const Finding& finding : tested.judgement.findings) {
    text += '\n';
    append_field(text, effect_text(finding), counted(finding.recipients, "recipient"));
    if (const control::Rule* const rule = control::rule_of(finding.reason)) append_field(text, "  rule", rule->rule);
    append_field(text, "  figures", finding.figures);
    append_field(text, "  would pass", remedy_text(finding));
  }
  return text + "\n" + text::as_text(limits_table(tested));
}

std::string test_json(const PolicyCommand& command, const TestedMessage& tested) {
  const policy::Judgement& judgement = tested.judgement;
  constexpr std::array<std::string_view, 11> kNames{
      "account",    "customer", "policy_class",      "class_source", "shadow", "notice",
      "recipients", "bytes",    "recipients_passed", "score",        "step"};
  const std::vector<Cell> row{tested.identity.account_name,
                              tested.identity.customer_name,
                              judgement.policy_class->name,
                              tested.class_source,
                              std::uint64_t{judgement.policy_class->shadow ? 1U : 0U},
                              noticing::step_name(judgement.policy_class->notice),
                              std::uint64_t{command.recipients},
                              command.bytes,
                              std::uint64_t{judgement.recipients_passed},
                              static_cast<std::uint64_t>(std::lround(judgement.verdict.score)),
                              noticing::step_name(judgement.verdict.step)};
  text::Table reasons{{"signal", "points", "figures"}, {}};
  for (const noticing::Reason& reason : judgement.verdict.reasons())
    reasons.rows.push_back({noticing::signal_row(reason.signal).name,
                            static_cast<std::uint64_t>(std::lround(reason.points)), noticing::reason_text(reason)});
  text::Table findings{{"effect", "in_shadow", "recipients", "reason", "rule", "figures", "remedy"}, {}};
  for (const Finding& finding : judgement.findings) {
    const control::Rule* const rule = control::rule_of(finding.reason);
    findings.rows.push_back({policy::effect_name(finding.effect), std::uint64_t{finding.shadow ? 1U : 0U},
                             std::uint64_t{finding.recipients}, finding.reason,
                             rule == nullptr ? std::string_view() : rule->rule, finding.figures, remedy_text(finding)});
  }
  std::string json = text::json_object(kNames, row);
  json.back() = ',';
  const std::array<std::pair<std::string_view, const text::Table>, 3> tables{
      {{"reasons", reasons}, {"findings", findings}, {"limits", limits_table(tested)}}};
  for (const auto& [name, table] : tables) {
    json.append("\n").append(text::json_string(name)).append(": ").append(text::as_json(table));
    json.back() = ',';
  }
  json.back() = '}';
  return json + "\n";
}

}  // namespace

std::string render_replay(const PolicyCommand& command, const EventLogs::Counts& lines, const policy::Replay& replay) {
  const std::vector<const ReplayedSender*> all = replay.senders();
  std::vector<const ReplayedSender*> shown;
  std::size_t touched = 0;
  for (const ReplayedSender* each : all)
    if (each->touched() && touched++ < command.limit) shown.push_back(each);
  if (command.json) return replay_json(lines, replay, all, shown);
  const policy::Replay::Counts& counts = replay.counts();
  std::string text = std::to_string(lines.events) + " events in " + std::to_string(lines.lines) + " lines";
  if (counts.from != 0)
    text += ", from " + moment_text(counts.from, command.time) + " to " + moment_text(counts.upto, command.time);
  text += "\n" + remarks(replay, all) + "\n" + text::as_text(effects_table(all));
  if (shown.empty()) return text + "\nnobody would have been touched\n";
  text += "\n" + text::as_text(senders_table(shown, command.time));
  if (shown.size() < touched) text += "and " + std::to_string(touched - shown.size()) + " more (--limit)\n";
  return text;
}

std::string render_policy_test(const PolicyCommand& command, const TestedMessage& tested) {
  return command.json ? test_json(command, tested) : test_text(command, tested);
}

}  // namespace sluice::cli
