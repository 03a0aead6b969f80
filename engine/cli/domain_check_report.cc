#include "engine/cli/domain_check_report.h"

#include "engine/text/json_text.h"

namespace sluice::cli {
namespace {

std::string json_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& each : texts) list += (list.empty() ? "" : ",") + text::json_string(each);
  return "[" + list + "]";
}

std::string finding_text(const sender_dns::Finding& finding) {
  std::string lines;
  text::append_field(lines, finding.record, std::string(name(finding.verdict)) + ": " + finding.what);
  std::string asked = finding.name;
  for (const std::string& alias : finding.aliases) asked += " -> " + alias;
  text::append_field(lines, "", asked + (finding.authenticated ? " (authenticated)" : ""));
  if (finding.verdict == sender_dns::Verdict::right) return lines;
  for (const std::string& record : finding.there) text::append_field(lines, "  there is", record);
  text::append_field(lines, "  should be", finding.should_be);
  text::append_field(lines, "  remedy", finding.remedy);
  return lines;
}

std::string finding_json(const sender_dns::Finding& finding) {
  std::string object = "{\"record\":" + text::json_string(finding.record);
  text::append_member(object, "name", finding.name);
  text::append_member(object, "verdict", name(finding.verdict));
  object += ",\"authenticated\":" + std::string(finding.authenticated ? "true" : "false");
  object += ",\"there\":" + json_list(finding.there) + ",\"aliases\":" + json_list(finding.aliases);
  text::append_member(object, "what", finding.what);
  text::append_member(object, "should_be", finding.should_be);
  text::append_member(object, "remedy", finding.remedy);
  return object + "}";
}

std::string_view word_of(sender_dns::Answer answer) {
  switch (answer) {
    case sender_dns::Answer::no:
      return "no";
    case sender_dns::Answer::yes:
      return "yes";
    case sender_dns::Answer::unknown:
      break;
  }
  return "unknown";
}

}  // namespace

std::string report_text(const sender_dns::DomainReport& report) {
  std::string lines = text::printable(report.domain) + ": " + std::string(name(report.verdict())) + "\n";
  for (const sender_dns::Finding& finding : report.findings) lines += finding_text(finding);
  for (const sender_dns::ReceiverOpinion& opinion : report.receivers)
    text::append_field(lines, opinion.receiver, opinion.sentence);
  return lines;
}

std::string report_json(const sender_dns::DomainReport& report) {
  std::string records;
  for (const sender_dns::Finding& finding : report.findings)
    records += (records.empty() ? "" : ",") + finding_json(finding);
  std::string receivers;
  for (const sender_dns::ReceiverOpinion& opinion : report.receivers) {
    std::string object = "{\"receiver\":" + text::json_string(opinion.receiver);
    text::append_member(object, "takes", word_of(opinion.takes));
    text::append_member(object, "takes_bulk", word_of(opinion.takes_bulk));
    text::append_member(object, "what", opinion.sentence);
    receivers += (receivers.empty() ? "" : ",") + object + "}";
  }
  return "{\"domain\":" + text::json_string(report.domain) +
         ",\"verdict\":" + text::json_string(name(report.verdict())) + ",\"records\":[" + records +
         "],\"receivers\":[" + receivers + "]}";
}

void DomainTotals::add(const sender_dns::DomainReport& report) {
  const sender_dns::Verdict verdict = report.verdict();
  if (verdict == sender_dns::Verdict::right) {
    ++right_;
    return;
  }
  ++(verdict == sender_dns::Verdict::not_asked ? not_asked_ : wrong_);
  if (json_) {
    reports_ += (reports_.empty() ? "" : ",") + report_json(report);
    return;
  }
  for (const sender_dns::Finding& finding : report.findings)
    if (finding.verdict != sender_dns::Verdict::right)
      rows_[report.domain].push_back({report.domain, finding.record, name(finding.verdict), finding.what});
}

std::string DomainTotals::text() const {
  const std::size_t checked = right_ + wrong_ + not_asked_;
  std::string lines = std::to_string(checked) + (checked == 1 ? " domain: " : " domains: ") + std::to_string(right_) +
                      " right, " + std::to_string(wrong_) + " wrong, " + std::to_string(not_asked_) +
                      " could not be asked";
  if (skipped_ != 0) lines += ", " + std::to_string(skipped_) + " with * not looked at";
  lines += "\n";
  if (rows_.empty()) return lines;
  text::Table table{.names = {"domain", "record", "verdict", "what"}, .rows = {}};
  for (const auto& [domain, rows] : rows_) table.rows.insert(table.rows.end(), rows.begin(), rows.end());
  return lines + text::as_text(table);
}

std::string DomainTotals::json() const {
  return "{\"right\":" + std::to_string(right_) + ",\"wrong\":" + std::to_string(wrong_) +
         ",\"not_asked\":" + std::to_string(not_asked_) + ",\"skipped\":" + std::to_string(skipped_) +
         ",\"domains\":[" + reports_ + "]}\n";
}

}  // namespace sluice::cli
