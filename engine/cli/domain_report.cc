#include "engine/cli/domain_report.h"

#include <ostream>
#include <sstream>
#include <string_view>

#include "engine/cli/account_report.h"
#include "engine/text/table_text.h"
#include "engine/text/time_text.h"

namespace sluice::cli {
namespace {

// "active", "active from 2026-...", where that is still to come.
std::string state_text(const auth::SigningKeyRecord& key, WallMillis now, TimeForm form) {
  std::string text(auth::key_state_name(key.state));
  return key.since > now ? text + " from " + moment_text(key.since, form) : text;
}

// "yes", "no", and for readers since when checks find the key's record wrong.  Where none are made that does not count.
std::string signs_text(const auth::SigningKeyRecord& key, const domain_keys::LifeRules& rules, WallMillis now,
                       const AccountRequest& request) {
  const bool wrong = rules.looked_for && key.fit.wrong_since != 0;
  std::string text = domain_keys::signs(key, now) && !(wrong && key.fit.kept_back) ? "yes" : "no";
  if (wrong && !request.has(kOptionJson))
    text += " (record wrong since " + moment_text(key.fit.wrong_since, request.time) + ")";
  return text;
}

// On one line.
std::string json_rows(const text::Table& table) {
  std::string all = "[";
  for (const auto& row : table.rows) all += (all.size() > 1 ? "," : "") + text::json_object(table.names, row);
  return all + "]";
}

std::string step_text(const domain_keys::NextStep& step, TimeForm form) {
  return step.at ? step.what + " at " + moment_text(*step.at, form) : step.what;
}

}  // namespace

bool prints_records_alone(const AccountRequest& request) {
  return request.has(kOptionJson) || request.has(kOptionZone);
}

void print_records(std::ostream& out, std::span<const domain_keys::PublishedRecord> records,
                   const AccountRequest& request) {
  if (request.has(kOptionZone)) {
    out << domain_keys::zone_lines(records);
    return;
  }
  text::Table table{.names = {"purpose", "name", "type", "value"}, .rows = {}};
  for (const domain_keys::PublishedRecord& record : records)
    table.rows.push_back({record.purpose, record.name, record.type, record.value});
  out << (request.has(kOptionJson) ? json_rows(table) + "\n" : text::as_text(table));
}

void print_domain(std::ostream& out, const auth::DomainRecord& domain, std::span<const auth::SigningKeyRecord> keys,
                  const domain_keys::LifeRules& rules, WallMillis now, const AccountRequest& request) {
  const bool json = request.has(kOptionJson);
  const TimeForm form = json ? TimeForm::iso : request.time;
  const auto moment = [&](WallMillis at) { return json ? text::time_string(at) : moment_text(at, form); };
  text::Table table{.names = {"selector", "algorithm", "state", "signs", "since", "created", "next"}, .rows = {}};
  if (json) table.names.insert(table.names.end(), {"record", "wrong_since"});
  for (const auth::SigningKeyRecord& key : keys) {
    const std::string state = json ? std::string(auth::key_state_name(key.state)) : state_text(key, now, form);
    table.rows.push_back({key.selector, key.algorithm, state, signs_text(key, rules, now, request), moment(key.since),
                          moment(key.created), step_text(domain_keys::next_step(key, rules, now), form)});
    if (!json) continue;
    const WallMillis wrong = rules.looked_for ? key.fit.wrong_since : 0;
    table.rows.back().insert(table.rows.back().end(), {wrong == 0          ? ""
                                                       : key.fit.kept_back ? "kept back"
                                                                           : "wrong",
                                                       wrong == 0 ? std::string() : moment(wrong)});
  }
  if (!json) {
    print_one(out, domain, false, form);
    if (!keys.empty()) out << "\n" << text::as_text(table);
    return;
  }
  std::ostringstream object;
  print_one(object, domain, true, form);
  std::string text = object.str();
  text.erase(text.rfind('}'));
  out << text << ",\"keys\":" << json_rows(table) << "}\n";
}

}  // namespace sluice::cli
