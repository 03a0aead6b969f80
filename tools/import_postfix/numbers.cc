// Parameters that are a number here as there: limits, rates, times.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "policy/classes.h"
#include "tools/import_postfix/logical_lines.h"
#include "tools/import_postfix/sections.h"

namespace sluice::import_postfix {
namespace {

constexpr std::uint64_t kDay = 86'400;

// "10", and with a unit "10s", "2h"; `unit` where none is written, '\0' where none may be.  Nothing: it is no such
// number, or larger than any that is of use.
std::optional<std::uint64_t> parse_number(std::string_view text, char unit) {
  constexpr std::uint64_t kNumberMax = 1'000'000'000'000'000;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc() || number > kNumberMax) return std::nullopt;
  if (unit == '\0') return rest.empty() ? std::optional(number) : std::nullopt;
  if (rest.size() > 1) return std::nullopt;
  constexpr std::array<std::pair<char, std::uint64_t>, 5> kUnits{
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', kDay}, {'w', 7 * kDay}}};
  const auto* const found =
      std::ranges::find(kUnits, rest.empty() ? unit : rest[0], &std::pair<char, std::uint64_t>::first);
  return found == kUnits.end() ? std::nullopt : std::optional(number * found->second);
}

struct NumberRow {
  std::string_view parameter;
  std::string_view key;
  char unit;  // of a time; '\0': a plain number
  std::uint64_t min;
  std::uint64_t max;
  std::string_view said = "";  // where it does not mean quite the same
};

constexpr std::array<NumberRow, 9> kLimitRows{{
    {"message_size_limit", "message_bytes", '\0', 64ULL << 10U, 10ULL << 30U},
    {"header_size_limit", "header_bytes", '\0', 16ULL << 10U, 16ULL << 20U, "Here what is longer is refused."},
    {"hopcount_limit", "received_fields", '\0', 10, 1000},
    {"smtpd_client_connection_count_limit", "sessions_per_address", '\0', 1, 1'000'000,
     "Here it is of each core; trusted hosts are not counted."},
    {"smtpd_hard_error_limit", "bad_commands", '\0', 1, 1000},
    {"smtpd_junk_command_limit", "idle_commands", '\0', 1, 1'000'000},
    {"smtpd_timeout", "idle_s", 's', 1, kDay},
    {"smtpd_starttls_timeout", "handshake_s", 's', 1, 3600},
    {"smtpd_recipient_limit", "recipients_per_message", '\0', 1, 10'000,
     "Until a client has logged in; then that of its class counts."},
}};

constexpr std::array<NumberRow, 2> kQueueRows{{
    {"maximal_queue_lifetime", "expire_s", 'd', 5, 30 * kDay},
    {"delay_warning_time", "delay_report_s", 'h', 0, 30 * kDay},
}};

constexpr std::array<NumberRow, 8> kRouteRows{{
    {"default_destination_concurrency_limit", "concurrency", '\0', 1, 10'000, "Here it is of each core."},
    {"smtp_destination_concurrency_limit", "concurrency", '\0', 1, 10'000, "Here it is of each core."},
    {"smtp_connect_timeout", "connect_s", 's', 1, 3600},
    {"smtp_mail_timeout", "reply_s", 's', 1, 3600, "Here it is for the greeting, EHLO, MAIL and RCPT."},
    {"smtp_data_init_timeout", "data_s", 's', 1, 3600},
    {"smtp_data_xfer_timeout", "block_s", 's', 1, 3600},
    {"smtp_data_done_timeout", "final_s", 's', 1, 3600},
    {"smtp_connection_reuse_count_limit", "messages_per_connection", '\0', 1, 100'000},
}};

// Nothing: it says nothing that could be written.
std::optional<std::uint64_t> number_of(const Parameters& parameters, const NumberRow& row, Document& document) {
  const auto setting = parameters.set(row.parameter);
  if (!setting) return std::nullopt;
  document.from(*setting);
  const auto value = parse_number(setting->value, row.unit);
  if (!value || (*value == 0 && row.min > 0)) {
    document.note(std::string(value ? "0, without a limit, has no counterpart" : "It is no such number") +
                  ": the default of " + std::string(row.key) + " stays.");
    return std::nullopt;
  }
  if (*value < row.min || *value > row.max) document.note("The nearest that is possible here:");
  if (!row.said.empty()) document.note(row.said);
  return std::clamp(*value, row.min, row.max);
}

void write_rows(const Parameters& parameters, const auto& rows, Document& document) {
  for (const NumberRow& row : rows)
    if (const auto number = number_of(parameters, row, document)) document.number(row.key, *number);
}

std::string limit_toml(std::string_view of, const policy::Limit& limit) {
  return std::string("{of = \"")
      .append(of)
      .append("\", quantity = \"")
      .append(policy::quantity_name(limit.quantity))
      .append("\", window = \"")
      .append(policy::span_name(limit.span))
      .append("\", amount = ")
      .append(std::to_string(limit.amount))
      .append(", action = \"")
      .append(policy::action_name(limit.action))
      .append("\"}");
}

// The limit of that quantity and window is made no wider than `limit`.
void narrow(const policy::Limit& limit, std::vector<policy::Limit>& limits) {
  const auto found = std::ranges::find_if(
      limits, [&](const policy::Limit& other) { return other.quantity == limit.quantity && other.span == limit.span; });
  if (found == limits.end()) {
    limits.push_back(limit);
  } else {
    found->amount = std::min(found->amount, limit.amount);
  }
}

// Of anvil(8): per client there, per account here.
bool take_rate(const Parameters& parameters, std::string_view name, policy::Quantity quantity, Document& document,
               std::vector<policy::Limit>& limits) {
  if (!show(parameters, name, document)) return false;
  const auto amount = parse_number(parameters.value(name), '\0');
  show(parameters, "anvil_rate_time_unit", document);
  const auto unit = parse_number(parameters.value("anvil_rate_time_unit"), 's');
  if (!amount || *amount == 0) return false;
  std::optional<policy::Span> span;
  for (const policy::Span each : {policy::Span::minute, policy::Span::hour, policy::Span::day})
    if (unit && *unit == static_cast<std::uint64_t>(policy::span_length(each).count())) span = each;
  if (!span) {
    document.decide(std::string(name) + ": anvil_rate_time_unit is no minute, hour or day: left out");
    return false;
  }
  document.note("There it is of each client address, here of each account:");
  narrow({.quantity = quantity, .span = *span, .amount = *amount, .action = policy::Action::defer}, limits);
  return true;
}

// The built-in class, narrowed to what Postfix allows.
void write_class(const Parameters& parameters, Document& document) {
  const std::vector<policy::PolicyClass> classes = policy::built_in_classes();
  policy::PolicyClass made = *std::ranges::find(classes, policy::kDefaultClassName, &policy::PolicyClass::name);
  bool wanted = take_rate(parameters, "smtpd_client_message_rate_limit", policy::Quantity::messages, document,
                          made.account_limits);
  wanted = take_rate(parameters, "smtpd_client_recipient_rate_limit", policy::Quantity::recipients, document,
                     made.account_limits) ||
           wanted;
  const auto recipients = parse_number(parameters.value("smtpd_recipient_limit"), '\0').value_or(0);
  if (recipients > 0 && recipients < made.recipients_per_message) {
    made.recipients_per_message = static_cast<std::uint32_t>(recipients);
    wanted = true;
  }
  if (!wanted) {
    document.note("Limits of accounts and customers are those of the built-in classes: Postfix has none of this kind.");
    return;
  }
  document.section("[[class]]");
  document.note("The built-in class \"" + made.name +
                "\", with these limits; other built-in classes are not there beside it.");
  document.text("name", made.name);
  document.number("recipients_per_message", made.recipients_per_message);
  std::string toml;
  for (const policy::Limit& limit : made.account_limits)
    toml.append(toml.empty() ? "" : ",\n  ").append(limit_toml("account", limit));
  for (const policy::Limit& limit : made.customer_limits)
    toml.append(toml.empty() ? "" : ",\n  ").append(limit_toml("customer", limit));
  document.raw("limit", "[" + toml + "]");
}

// Postfix waits twice as long after each try, from the minimum to the maximum.
void write_retries(const Parameters& parameters, Document& document) {
  const bool least_set = show(parameters, "minimal_backoff_time", document);
  const bool most_set = show(parameters, "maximal_backoff_time", document);
  if (!least_set && !most_set) return;
  constexpr std::uint64_t kLeast = 300;
  constexpr std::uint64_t kMost = 4000;
  const std::uint64_t least =
      std::clamp<std::uint64_t>(parse_number(parameters.value("minimal_backoff_time"), 's').value_or(kLeast), 1, kDay);
  const std::uint64_t most = std::clamp<std::uint64_t>(
      parse_number(parameters.value("maximal_backoff_time"), 's').value_or(kMost), least, kDay);
  std::vector<std::uint64_t> waits;
  for (std::uint64_t wait = least; wait < most; wait *= 2) waits.push_back(wait);
  waits.push_back(most);
  document.numbers("retry_s", waits);
}

}  // namespace

void write_route_numbers(const Parameters& parameters, Document& document) {
  std::vector<std::string_view> written;
  // Of two parameters for one key the last one counts: it is the nearer one.
  for (std::size_t i = kRouteRows.size(); i-- > 0;) {
    const NumberRow& row = kRouteRows[i];
    const auto number = number_of(parameters, row, document);
    if (!number || std::ranges::find(written, row.key) != written.end()) continue;
    document.number(row.key, *number);
    written.push_back(row.key);
  }
}

void write_numbers(const Postfix& postfix, Document& document) {
  const Parameters parameters(postfix.main_cf);
  document.section("[limits]");
  write_rows(parameters, kLimitRows, document);
  document.section("# Rates");
  write_class(parameters, document);
  document.section("[queue]");
  const auto expire = number_of(parameters, kQueueRows[0], document);
  if (expire) document.number(kQueueRows[0].key, *expire);
  constexpr std::uint64_t kExpireDefault = 4 * kDay;
  const auto late = number_of(parameters, kQueueRows[1], document);
  if (late && *late < expire.value_or(kExpireDefault)) {
    document.number(kQueueRows[1].key, *late);
  } else if (late) {
    document.note("No message is that old: none is told of.");
    document.number(kQueueRows[1].key, 0);
  }
  write_retries(parameters, document);
}

}  // namespace sluice::import_postfix
