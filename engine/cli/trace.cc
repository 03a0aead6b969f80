#include "engine/cli/trace.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/network.h"
#include "engine/cli/operands.h"
#include "engine/cli/trace_count.h"
#include "engine/event/privacy.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/quoted.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kTracePage = R"(NAME
  sluicectl trace - see what happened to messages

SYNOPSIS
  sluicectl trace [ID] [CONDITION ...] [--limit N | --all] [--follow] [--json]
  sluicectl trace [CONDITION ...] --by KEY [--top N] [--json]

DESCRIPTION
  Reads the files of the trace, trace.directory of the configuration, whether a
  relay runs or not, and prints each message that meets all conditions with all
  that happened to it, in order: who sent it from where, what it was answered, each
  delivery attempt with what the next hop said, holds and reports; in front of each
  how long that was after what came before. The newest message comes first. What
  happened without a message, such as a refused login or the end of a session, is
  shown as well, where it meets the conditions.

  A message is in the trace within about a second. What was damaged in the files is
  said on standard error, and the rest is shown; so is, where nothing was found and a
  relay runs, that it has no account or no customer of that name.

CONDITIONS
  Each is met by anything that happened to the message. Upper and lower case are one.
  --id ID         The id in a reply; the same as ID alone.
  --message-id ID The Message-ID field.
  --account NAME, --customer NAME
                  Who has sent it.
  --sender ADDRESS, --recipient ADDRESS
                  "user@example.com", or "@example.com" for the whole domain. A
                  sender is the envelope's, or the author in From.
  --next-hop HOST The name or IP address of a host that it went to.
  --client ADDRESS
                  The IP address that it came from. Where the relay shortens or hashes
                  addresses of clients or recipients (log.client_addresses,
                  log.recipients), what the trace has in the place of the given one
                  is looked for.
  --verdict VERDICT
                  taken, deferred, refused, aborted, held, relayed, delivered,
                  not_attempted, expired or removed.
  --words TEXT    TEXT is a part of a reply, an error or a reason.
  --since TIME, --until TIME
                  Something that meets a condition happened then. TIME is
                  2026-11-24T04:33:22Z, "2026-11-24 04:33" or 2026-11-24 (UTC),
                  @SECONDS since 1970, or how long ago: 90s, 30m, 2h, 3d.

OPTIONS
  --limit N       At most N messages; 100 where it is not given.
  --all           All of them, as they are found.
  --by KEY        Count them instead: how many messages and recipients there are by
                  account, client, customer, destination (the recipients' domain),
                  next-hop, reason, recipient, sender, verdict, or in total. Where a
                  verdict, words, a next hop or times are asked for, recipients, hosts
                  and reasons are those of the events that have them. "others" is what
                  happened without a message: refused logins, ends of sessions.
  --top N         Of these the N with the most messages; 20 where it is not given.
  --follow        Go on with what happens from now on, until it is interrupted.
  --json          Print JSON (RFC 8259), an object for each message on a line of its
                  own; keys of its events are those of the log.
  --time FORM     Times as local (the machine's zone, or that of TZ), iso (RFC 3339,
                  UTC; also where it is not given), or epoch (seconds since 1970).
                  Those of JSON are iso.
  --directory DIR The files of the trace, whatever the configuration says.
  --config FILE   As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done; also if nothing was found.
  1  It failed; the reason is on standard error.
  2  The command line was not understood.

EXAMPLES
  "Where is my mail to ralph@example.org?"
    sluicectl trace --account alice@example.com --recipient ralph@example.org
  What does this host refuse, and why?
    sluicectl trace --next-hop mx.example.org --verdict refused --since 2h
  Which customers send most to dead addresses today?
    sluicectl trace --verdict refused --words 'no such user' --since 1d --by customer
  What a customer sends, live:
    sluicectl trace --customer 'Example Ltd' --follow

SEE ALSO
  sluicectl explain --help, sluicectl queue --help
)";

enum TraceOption : std::size_t {
  kId,
  kMessageId,
  kAccount,
  kCustomer,
  kSender,
  kRecipient,
  kNextHop,
  kClient,
  kVerdict,
  kWords,
  kSince,
  kUntil,
  kLimit,
  kAll,
  kBy,
  kTop,
  kFollow,
  kTraceJson,
  kTraceTime,
  kDirectory,
  kTraceOptions,
};
using TraceOptionList = std::array<text::Option, kTraceOptions>;

TraceOptionList trace_options() {
  return {
      text::Option{"--id", "ID"},         text::Option{"--message-id", "ID"},  text::Option{"--account", "NAME"},
      text::Option{"--customer", "NAME"}, text::Option{"--sender", "ADDRESS"}, text::Option{"--recipient", "ADDRESS"},
      text::Option{"--next-hop", "HOST"}, text::Option{"--client", "ADDRESS"}, text::Option{"--verdict", "VERDICT"},
      text::Option{"--words", "TEXT"},    text::Option{"--since", "TIME"},     text::Option{"--until", "TIME"},
      text::Option{"--limit", "N"},       text::Option{"--all", ""},           text::Option{"--by", "KEY"},
      text::Option{"--top", "N"},         text::Option{"--follow", ""},        text::Option{"--json", ""},
      text::Option{"--time", "FORM"},     text::Option{"--directory", "DIR"}};
}

constexpr std::array<std::string_view, 10> kVerdictWords{"taken",   "deferred",  "refused",       "aborted", "held",
                                                         "relayed", "delivered", "not_attempted", "expired", "removed"};

std::string_view without_brackets(std::string_view value) {
  if (value.size() >= 2 && value.starts_with('<') && value.ends_with('>')) return value.substr(1, value.size() - 2);
  return value;
}

// An address, or the domain of all that are in it.
trace::KeyCondition address_condition(std::string_view value, trace::KeyKind address, trace::KeyKind domain) {
  value = without_brackets(value);
  if (value.starts_with('@')) return {.kind = domain, .value = std::string(value.substr(1))};
  return {.kind = address, .value = std::string(value)};
}

// As the trace writes clients: an address in the form of RFC 5952, or what it has in the place of one.  Nothing: it is
// neither.
std::optional<std::string> client_of(std::string_view value) {
  if (value.starts_with(event::kHashedClientPrefix)) return std::string(value);
  const auto network = Network::parse(value);
  return network ? std::optional(network->to_string()) : std::nullopt;
}

void take_keys(const TraceOptionList& options, trace::Query& query) {
  using trace::KeyKind;
  constexpr std::pair<TraceOption, KeyKind> kPlain[] = {{kId, KeyKind::id},
                                                        {kMessageId, KeyKind::message_id},
                                                        {kAccount, KeyKind::account},
                                                        {kCustomer, KeyKind::customer},
                                                        {kNextHop, KeyKind::next_hop},
                                                        {kVerdict, KeyKind::verdict}};
  for (const auto& [option, kind] : kPlain) {
    const auto given = options[option].given;
    if (!given) continue;
    // As it may be copied from the log: a host with its port, a Message-ID in brackets.
    const trace::KeyForm form = option == kNextHop ? trace::KeyForm::host : trace::KeyForm::plain;
    const auto value = trace::KeyValues({.form = form, .kind = kind}, *given).next();
    query.keys.push_back({.kind = kind, .value = std::string(value ? value->text : *given)});
  }
  if (const auto given = options[kClient].given)
    query.keys.push_back({.kind = KeyKind::client, .value = client_of(*given).value_or("")});
  if (const auto given = options[kSender].given)
    query.keys.push_back(address_condition(*given, KeyKind::sender, KeyKind::sender_domain));
  if (const auto given = options[kRecipient].given)
    query.keys.push_back(address_condition(*given, KeyKind::recipient, KeyKind::recipient_domain));
  query.words = options[kWords].given.value_or("");
}

// Says what is wrong, or nothing.
std::string take_number(const text::Option& option, std::uint64_t& number) {
  constexpr std::uint64_t kMost = 1'000'000'000;
  if (!option.given) return "";
  const char* const last = option.given->data() + option.given->size();
  const auto [end, error] = std::from_chars(option.given->data(), last, number);
  const bool fits = error == std::errc() && end == last && number >= 1 && number <= kMost;
  return fits ? "" : std::string(option.name) + " needs a whole number, 1 or more";
}

std::string take_counting(const TraceOptionList& options, TraceCommand& command) {
  const auto words = trace_count_words();
  command.by = options[kBy].given.value_or("");
  if (command.by.empty()) return options[kTop].given ? "--top is about what --by counts" : "";
  if (std::ranges::find(words, command.by) == words.end()) {
    const std::string_view meant = text::did_you_mean(command.by, words);
    std::string all;
    for (const std::string_view word : words) all.append(all.empty() ? "" : ", ").append(word);
    return "--by " + text::in_quotes(command.by) +
           " is none: " + (meant.empty() ? "one of " + all : "did you mean " + std::string(meant) + "?");
  }
  if (options[kLimit].given || options[kAll].given || options[kFollow].given)
    return "takes --by without --limit, --all and --follow";
  return take_number(options[kTop], command.top);
}

std::string take_rest(const TraceOptionList& options, TraceCommand& command) {
  for (const text::Option& option : options)
    if (option.given && !option.value.empty() && option.given->empty()) return std::string(option.name) + " is empty";
  if (const auto verdict = options[kVerdict].given;
      verdict && std::ranges::find(kVerdictWords, *verdict) == kVerdictWords.end()) {
    const std::string_view meant = text::did_you_mean(*verdict, kVerdictWords);
    return "--verdict " + text::in_quotes(*verdict) + " is none" +
           (meant.empty() ? std::string() : "; did you mean " + std::string(meant) + "?");
  }
  if (const auto client = options[kClient].given; client && !client_of(*client)) return "--client takes an IP address";
  if (options[kLimit].given && options[kAll].given) return "takes one of --limit and --all";
  if (std::string problem = take_number(options[kLimit], command.limit); !problem.empty()) return problem;
  if (std::string problem = take_counting(options, command); !problem.empty()) return problem;
  if (options[kTraceTime].given)
    if (std::string problem = read_time_form(*options[kTraceTime].given, command.time); !problem.empty())
      return problem;
  if (options[kAll].given) command.limit = UINT64_MAX;
  command.since = options[kSince].given.value_or("");
  command.until = options[kUntil].given.value_or("");
  for (const TraceOption moment : {kSince, kUntil})
    if (const auto given = options[moment].given; given && !parse_moment(*given, 0))
      return std::string(options[moment].name) +
             " is no time: 2026-11-24T04:33:22Z, 2026-11-24, @SECONDS, or 2h ago as 2h";
  command.follow = options[kFollow].given.has_value();
  command.json = options[kTraceJson].given.has_value();
  command.directory = options[kDirectory].given.value_or("");
  return "";
}

std::optional<WallMillis> parse_ago(std::string_view text, WallMillis now) {
  constexpr std::string_view kUnits = "smhd";
  constexpr std::array<std::int64_t, 4> kSeconds{1, 60, 3600, 86'400};
  constexpr std::int64_t kMost = 1'000'000;
  const std::size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
  if (unit == std::string_view::npos) return std::nullopt;
  text.remove_suffix(1);
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0 || count > kMost) return std::nullopt;
  return now - count * kSeconds[unit] * 1000;
}

}  // namespace

std::optional<WallMillis> parse_moment(std::string_view text, WallMillis now) {
  if (text.starts_with('@')) {
    constexpr std::int64_t kSecondsMax = 253'402'300'799;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), seconds);
    const bool whole = error == std::errc() && end == text.data() + text.size() && seconds >= 0;
    return whole && seconds <= kSecondsMax ? std::optional(seconds * 1000) : std::nullopt;
  }
  if (const auto ago = parse_ago(text, now)) return ago;
  for (const char* format : {absl::RFC3339_full, "%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    absl::Time time;
    std::string unused;
    if (absl::ParseTime(format, std::string(text), absl::UTCTimeZone(), &time, &unused))
      return absl::ToUnixMillis(time);
  }
  return std::nullopt;
}

void parse_trace_command(const text::Words& words, SluicectlCommand& command) {
  TraceOptionList options = trace_options();
  const auto take_id = [&options](std::string_view word) -> std::string {
    if (options[kId].given) return "takes one id";
    options[kId].given = word;
    return "";
  };
  if (!read_operands(words, options, trace_help, take_id, command)) return;
  if (const std::string problem = take_rest(options, command.trace); !problem.empty())
    return fail_command(command, words.front(), problem);
  take_keys(options, command.trace.query);
  command.kind = SluicectlCommand::Kind::trace;
}

std::string trace_help() { return std::string(kTracePage); }

}  // namespace sluice::cli
