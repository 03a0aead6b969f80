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

// For programs, to the second.
std::string json_time(WallMillis at) {
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

Field moment_field(std::string name, WallMillis at, TimeForm form) {
  return {std::move(name), moment_text(at, form), text::json_string(json_time(at))};
}
Field moment_field(std::string name, const std::optional<WallMillis>& at, std::string_view none, TimeForm form) {
  return at ? moment_field(std::move(name), *at, form) : Field{std::move(name), std::string(none), "null"};
}
// 0: not yet.
std::optional<WallMillis> if_any(WallMillis at) { return at == 0 ? std::nullopt : std::optional(at); }

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

Fields fields_of(const CustomerRecord& record, TimeForm form) {
  return {text_field("name", record.name),
          text_field("status", auth::status_name(record.status)),
          text_field("reason", record.reason),
          moment_field("created", record.created, form),
          number_field("domain_count", record.domains),
          number_field("account_count", record.accounts),
          text_field("class", record.policy_class),
          text_field("sign_as", record.sign_as),
          limits_field(record.overrides)};
}

Fields fields_of(const AccountRecord& record, TimeForm form) {
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
          moment_field("created", record.created, form),
          moment_field("password_set", record.password_set, form),
          text_field("class", record.policy_class),
          limits_field(record.overrides)};
}

Field list_field(std::string name, const std::vector<std::string>& values, std::string_view none) {
  Field field{std::move(name), "", json_array(values, text::json_string)};
  for (const std::string& value : values) field.text += (field.text.empty() ? "" : ", ") + value;
  if (values.empty()) field.text = none;
  return field;
}

Fields fields_of(const DomainRecord& record, TimeForm form) {
  return {text_field("name", record.name),
          text_field("customer", record.customer),
          text_field("ownership", record.ownership),
          text_field("state", domain_state(record)),
          moment_field("created", record.created, form),
          moment_field("proof_seen", if_any(record.proof_seen), "", form),
          moment_field("checked", if_any(record.checked), "", form),
          text_field("verdict", record.verdict),
          moment_field("failing_since", if_any(record.failing_since), "", form),
          text_field("finding", record.finding)};
}

Fields fields_of(const auth::DeviceRecord& record, TimeForm form) {
  return {text_field("account", record.account),
          text_field("device", record.name),
          text_field("customer", record.customer),
          moment_field("created", record.created, form),
          moment_field("expires", record.expires, "never", form),
          list_field("networks", record.networks, "(any)"),
          list_field("senders", record.senders, "(all of the account's)"),
          moment_field("used", record.used, "never", form),
          text_field("used_from", record.used_from),
          Field{"cram_md5", record.cram_md5 ? "yes" : "", record.cram_md5 ? "true" : "false"},
          text_field("revoked", record.dead),
          text_field("class", record.policy_class)};
}

Fields fields_of(const auth::CertificateRecord& record, TimeForm form) {
  return {text_field("account", record.account), text_field("fingerprint", record.fingerprint),
          text_field("customer", record.customer), moment_field("created", record.created, form)};
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
  return json_object(fields_of(record, TimeForm::iso));
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
void print_all_fields(std::ostream& out, std::span<const Record> records, std::string_view none, TimeForm form) {
  print_records(out, records, none, [form](const Record& record) { return fields_of(record, form); });
}

// What a list of domains has columns for: the rest is of one domain's own.
Fields columns_of(const DomainRecord& record, TimeForm form) {
  Fields fields = fields_of(record, form);
  constexpr std::array<std::string_view, 3> kOwn{"proof_seen", "checked", "verdict"};
  std::erase_if(fields, [&kOwn](const Field& field) { return std::ranges::find(kOwn, field.name) != kOwn.end(); });
  return fields;
}

}  // namespace

std::string_view domain_state(const DomainRecord& record) {
  if (record.failing_since != 0) return "failing";
  return record.ownership == "claimed" ? "new" : std::string_view(record.ownership);
}

void print_table(std::ostream& out, std::span<const CustomerRecord> records, TimeForm form) {
  print_all_fields(out, records, "no customers", form);
}
void print_table(std::ostream& out, std::span<const DomainRecord> records, TimeForm form) {
  print_records(out, records, "no domains", [form](const DomainRecord& record) { return columns_of(record, form); });
}
void print_table(std::ostream& out, std::span<const AccountRecord> records, TimeForm form) {
  print_all_fields(out, records, "no accounts", form);
}
void print_table(std::ostream& out, std::span<const auth::DeviceRecord> records, TimeForm form) {
  print_all_fields(out, records, "no device passwords", form);
}
void print_table(std::ostream& out, std::span<const auth::CertificateRecord> records, TimeForm form) {
  print_all_fields(out, records, "no certificates", form);
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

void print_one(std::ostream& out, const DomainRecord& record, bool json, TimeForm form) {
  if (json) {
    out << json_of(record) << "\n";
  } else {
    print_lines(out, fields_of(record, form));
  }
}

void print_one(std::ostream& out, const AccountRecord& record, bool json, TimeForm form) {
  if (json) {
    out << json_of(record) << "\n";
  } else {
    print_lines(out, fields_of(record, form));
  }
}

void print_one(std::ostream& out, const CustomerRecord& record, std::span<const DomainRecord> domains,
               std::span<const AccountRecord> accounts, bool json, TimeForm form) {
  Fields fields = fields_of(record, form);
  if (json) {
    fields.push_back({"domains", "", json_array(domains, json_of<DomainRecord>)});
    fields.push_back({"accounts", "", json_array(accounts, json_of<AccountRecord>)});
    out << json_object(fields) << "\n";
    return;
  }
  print_lines(out, fields);
  out << "\n";
  print_table(out, domains, form);
  out << "\n";
  print_table(out, accounts, form);
}

}  // namespace sluice::cli
