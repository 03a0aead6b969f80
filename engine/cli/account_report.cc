#include "engine/cli/account_report.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "engine/text/json_text.h"

namespace sluice::cli {
namespace {

using auth::AccountRecord;
using auth::CustomerRecord;
using auth::DomainRecord;

std::string time_text(WallMillis at) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(at)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  return absl::StrFormat("%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                         clock.minutes().count(), clock.seconds().count());
}

template <typename Range, typename ToJson>
std::string json_array(const Range& values, ToJson to_json) {
  std::string array = "[";
  for (const auto& value : values) {
    if (array.size() > 1) array += ",";
    array += to_json(value);
  }
  return array + "]";
}

// A record as people and programs read it: the same fields in the same order.
struct Field {
  std::string name;
  std::string text;  // for people
  std::string json;
};
using Fields = std::vector<Field>;

Field text_field(std::string name, std::string_view text) {
  return {std::move(name), std::string(text), text::json_string(text)};
}
Field number_field(std::string name, std::int64_t number) {
  return {std::move(name), std::to_string(number), std::to_string(number)};
}

// "recipients/day=1000", as sluicectl account limit takes it; in JSON [{"quantity":...,"window":...,"amount":...}].
Field limits_field(const auth::LimitOverrides& overrides) {
  Field field{"limits", "", ""};
  for (const auth::LimitOverride& each : overrides)
    field.text += absl::StrFormat("%s%s/%s=%d", field.text.empty() ? "" : " ", auth::quantity_name(each.quantity),
                                  auth::span_name(each.span), each.amount);
  field.json = json_array(overrides, [](const auth::LimitOverride& each) {
    return absl::StrFormat(R"({"quantity":"%s","window":"%s","amount":%d})", auth::quantity_name(each.quantity),
                           auth::span_name(each.span), each.amount);
  });
  return field;
}

Fields fields_of(const CustomerRecord& record) {
  return {text_field("name", record.name),
          text_field("status", auth::status_name(record.status)),
          text_field("reason", record.reason),
          text_field("created", time_text(record.created)),
          number_field("domain_count", record.domains),
          number_field("account_count", record.accounts),
          text_field("class", record.policy_class),
          limits_field(record.overrides)};
}

Fields fields_of(const AccountRecord& record) {
  Field sends_from{"narrowed_to", "(all of its customer's domains)", "null"};
  if (record.narrowed_to) {
    sends_from.text = record.narrowed_to->empty() ? "(nothing)" : "";
    for (const std::string& domain : *record.narrowed_to) {
      sends_from.text += (sends_from.text.empty() ? "" : ", ") + domain;
    }
    sends_from.json = json_array(*record.narrowed_to, text::json_string);
  }
  return {text_field("name", record.name),
          text_field("customer", record.customer),
          text_field("status", auth::status_name(record.status)),
          text_field("reason", record.reason),
          std::move(sends_from),
          text_field("created", time_text(record.created)),
          text_field("password_set", time_text(record.password_set)),
          text_field("class", record.policy_class),
          limits_field(record.overrides)};
}

Field time_field(std::string name, const std::optional<WallMillis>& at, std::string_view none) {
  return at ? text_field(std::move(name), time_text(*at)) : Field{std::move(name), std::string(none), "null"};
}

Field list_field(std::string name, const std::vector<std::string>& values, std::string_view none) {
  Field field{std::move(name), "", json_array(values, text::json_string)};
  for (const std::string& value : values) field.text += (field.text.empty() ? "" : ", ") + value;
  if (values.empty()) field.text = none;
  return field;
}

// 0: not yet.
Field moment_field(std::string name, WallMillis at) {
  return time_field(std::move(name), at == 0 ? std::nullopt : std::optional(at), "");
}

Fields fields_of(const DomainRecord& record) {
  return {text_field("name", record.name),
          text_field("customer", record.customer),
          text_field("ownership", record.ownership),
          text_field("state", domain_state(record)),
          text_field("created", time_text(record.created)),
          moment_field("proof_seen", record.proof_seen),
          moment_field("checked", record.checked),
          text_field("verdict", record.verdict),
          moment_field("failing_since", record.failing_since),
          text_field("finding", record.finding)};
}

Fields fields_of(const auth::DeviceRecord& record) {
  return {text_field("account", record.account),
          text_field("device", record.name),
          text_field("customer", record.customer),
          text_field("created", time_text(record.created)),
          time_field("expires", record.expires, "never"),
          list_field("networks", record.networks, "(any)"),
          list_field("senders", record.senders, "(all of the account's)"),
          time_field("used", record.used, "never"),
          text_field("used_from", record.used_from),
          Field{"cram_md5", record.cram_md5 ? "yes" : "", record.cram_md5 ? "true" : "false"},
          text_field("revoked", record.dead),
          text_field("class", record.policy_class)};
}

Fields fields_of(const auth::CertificateRecord& record) {
  return {text_field("account", record.account), text_field("fingerprint", record.fingerprint),
          text_field("customer", record.customer), text_field("created", time_text(record.created))};
}

std::string json_object(const Fields& fields) {
  std::string object = "{";
  for (const Field& field : fields) {
    if (object.size() > 1) object += ",";
    object += text::json_string(field.name) + ":" + field.json;
  }
  return object + "}";
}

template <typename Record>
std::string json_of(const Record& record) {
  return json_object(fields_of(record));
}

void print_lines(std::ostream& out, const Fields& fields) {
  for (const Field& field : fields) {
    if (!field.text.empty()) out << field.name << ": " << field.text << "\n";
  }
}

// Columns as seen on a terminal: a UTF-8 sequence counts as one.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// `to_fields`: those of a record that are shown.
template <typename Record, typename ToFields>
void print_records(std::ostream& out, std::span<const Record> records, std::string_view none, ToFields to_fields) {
  if (records.empty()) {
    out << none << "\n";
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const Record& record : records) {
    Fields fields = to_fields(record);
    if (rows.empty()) {
      std::vector<std::string>& heading = rows.emplace_back();
      for (const Field& field : fields) heading.push_back(field.name);
    }
    std::vector<std::string>& row = rows.emplace_back();
    for (Field& field : fields) row.push_back(field.text.empty() ? "-" : std::move(field.text));
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - columns(row[i]) + 2, ' ');
    }
    out << line << "\n";
  }
}

template <typename Record>
void print_records(std::ostream& out, std::span<const Record> records, std::string_view none) {
  print_records(out, records, none, [](const Record& record) { return fields_of(record); });
}

// What a list of domains has columns for: the rest is of one domain's own.
Fields columns_of(const DomainRecord& record) {
  Fields fields = fields_of(record);
  constexpr std::array<std::string_view, 3> kOwn{"proof_seen", "checked", "verdict"};
  std::erase_if(fields, [&kOwn](const Field& field) { return std::ranges::find(kOwn, field.name) != kOwn.end(); });
  return fields;
}

}  // namespace

std::string_view domain_state(const DomainRecord& record) {
  if (record.failing_since != 0) return "failing";
  return record.ownership == "claimed" ? "new" : std::string_view(record.ownership);
}

void print_table(std::ostream& out, std::span<const CustomerRecord> records) {
  print_records(out, records, "no customers");
}
void print_table(std::ostream& out, std::span<const DomainRecord> records) {
  print_records(out, records, "no domains", columns_of);
}
void print_table(std::ostream& out, std::span<const AccountRecord> records) {
  print_records(out, records, "no accounts");
}
void print_table(std::ostream& out, std::span<const auth::DeviceRecord> records) {
  print_records(out, records, "no device passwords");
}
void print_table(std::ostream& out, std::span<const auth::CertificateRecord> records) {
  print_records(out, records, "no certificates");
}

void print_json(std::ostream& out, std::span<const CustomerRecord> records) {
  out << json_array(records, json_of<CustomerRecord>) << "\n";
}
void print_json(std::ostream& out, std::span<const DomainRecord> records) {
  out << json_array(records, json_of<DomainRecord>) << "\n";
}
void print_json(std::ostream& out, std::span<const AccountRecord> records) {
  out << json_array(records, json_of<AccountRecord>) << "\n";
}
void print_json(std::ostream& out, std::span<const auth::DeviceRecord> records) {
  out << json_array(records, json_of<auth::DeviceRecord>) << "\n";
}
void print_json(std::ostream& out, std::span<const auth::CertificateRecord> records) {
  out << json_array(records, json_of<auth::CertificateRecord>) << "\n";
}

void print_one(std::ostream& out, const DomainRecord& record, bool json) {
  if (json) {
    out << json_of(record) << "\n";
  } else {
    print_lines(out, fields_of(record));
  }
}

void print_one(std::ostream& out, const AccountRecord& record, bool json) {
  if (json) {
    out << json_of(record) << "\n";
  } else {
    print_lines(out, fields_of(record));
  }
}

void print_one(std::ostream& out, const CustomerRecord& record, std::span<const DomainRecord> domains,
               std::span<const AccountRecord> accounts, bool json) {
  Fields fields = fields_of(record);
  if (json) {
    fields.push_back({"domains", "", json_array(domains, json_of<DomainRecord>)});
    fields.push_back({"accounts", "", json_array(accounts, json_of<AccountRecord>)});
    out << json_object(fields) << "\n";
    return;
  }
  print_lines(out, fields);
  out << "\n";
  print_table(out, domains);
  out << "\n";
  print_table(out, accounts);
}

}  // namespace sluice::cli
