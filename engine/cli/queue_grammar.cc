#include "engine/cli/queue_grammar.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "engine/cli/view_grammar.h"
#include "engine/cli/views.h"
#include "engine/control/queue_request.h"
#include "engine/control/sessions_request.h"
#include "engine/control/shield_request.h"
#include "engine/message/queue_id.h"
#include "engine/text/did_you_mean.h"

namespace sluice::cli {
namespace {

using text::find_option;
using text::is_help;
using text::Option;
using text::take_option;
using text::unknown_option;
using text::with_advice;
using text::Words;

// Other mail programs' word for it.
constexpr std::string_view kBounce = "bounce";
constexpr std::string_view kReject = "reject";

void print(SluicectlCommand& command, std::string page) {
  command.kind = SluicectlCommand::Kind::print;
  command.text = std::move(page);
}

void fail(SluicectlCommand& command, std::string_view object, const std::string& problem) {
  command.kind = SluicectlCommand::Kind::error;
  command.text = with_advice("sluicectl", std::string(object) + problem, "sluicectl " + std::string(object));
}

// The words behind the object: its verb, options, operands.
struct Parts {
  std::string_view verb;
  Words operands;
  bool asks_for_help = false;
  std::string problem;
};

Parts take_parts(const Words& words, std::span<Option> options) {
  Parts parts;
  bool operands_only = false;
  for (std::size_t at = 1; at < words.size() && parts.problem.empty();) {
    const std::string_view word = words[at];
    Option* option = operands_only ? nullptr : find_option(options, word);
    if (option != nullptr) {
      parts.problem = take_option(*option, words, at);
      continue;
    }
    ++at;
    if (!operands_only && word == "--") {
      operands_only = true;
    } else if (!operands_only && is_help(word)) {
      parts.asks_for_help = true;
    } else if (!operands_only && word.starts_with('-')) {
      parts.problem = unknown_option(word, options);
    } else if (parts.verb.empty()) {
      parts.verb = word;
    } else {
      parts.operands.push_back(word);
    }
  }
  return parts;
}

// Not repeated: it could be anything.
std::string unknown_verb(std::string_view verb, std::span<const std::string_view> known) {
  if (verb.empty()) return ": a command is missing";
  return ": there is no such command" + text::or_meant(verb, known);
}

// The options of what is about messages of the queue.
struct QueueOptions {
  QueueOptions() {
    for (const control::QueueFilter& filter : control::kQueueFilters) names.push_back("--" + std::string(filter.name));
    for (std::size_t i = 0; i < names.size(); ++i)
      all.push_back({.name = names[i], .value = control::kQueueFilters[i].value});
    for (const auto& [name, value] : kOthers) all.push_back({.name = name, .value = value});
    std::ranges::copy(ViewWords::all(), std::back_inserter(all));
  }
  QueueOptions(const QueueOptions&) = delete;
  QueueOptions& operator=(const QueueOptions&) = delete;

  enum Other : std::uint8_t { kLimit, kAll, kJson, kHeld, kReason, kMessage, kText, kStatus };
  [[nodiscard]] const Option& other(Other option) const { return all[names.size() + option]; }
  [[nodiscard]] std::span<const Option> view() const { return std::span(all).last(ViewWords::kCount); }
  [[nodiscard]] bool has(Other option) const { return other(option).given.has_value(); }

  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kOthers{{{"--limit", "N"},
                                                                                         {"--all", ""},
                                                                                         {"--json", ""},
                                                                                         {"--held", ""},
                                                                                         {"--reason", "TEXT"},
                                                                                         {"--message", ""},
                                                                                         {"--text", "TEXT"},
                                                                                         {"--status", "CODE"}}};
  std::vector<std::string> names;  // "--sender" for "sender"
  std::vector<Option> all;
};

std::string read_queue_options(const Words& operands, const QueueOptions& options, control::QueueRequest& request) {
  request.json = options.has(QueueOptions::kJson);
  request.all = options.has(QueueOptions::kAll);
  request.held = request.held || options.has(QueueOptions::kHeld);
  request.message = options.has(QueueOptions::kMessage);
  for (std::size_t i = 0; i < options.names.size(); ++i) {
    if (!options.all[i].given) continue;
    // Else an empty variable of a script would stand for everybody.
    if (options.all[i].given->empty()) return options.names[i] + " needs a value";
    request.*control::kQueueFilters[i].text = *options.all[i].given;
  }
  request.reason = options.other(QueueOptions::kReason).given.value_or("");
  for (const auto& [option, value] :
       {std::pair(QueueOptions::kText, &request.text), std::pair(QueueOptions::kStatus, &request.status)}) {
    if (!options.has(option)) continue;
    if (options.other(option).given->empty()) return std::string(options.other(option).name) + " needs a value";
    *value = *options.other(option).given;
  }
  const Option& limit = options.other(QueueOptions::kLimit);
  if (limit.given) {
    if (std::string fault =
            text::take_number(limit.name, *limit.given, 1, control::kQueueLimitMax, request.limit.emplace());
        !fault.empty())
      return fault;
    if (control::changes_queue(request.verb) || request.verb == control::QueueVerb::show) return "takes no --limit";
  }
  if (operands.empty()) return control::queue_request_fault(request);
  if (request.verb == control::QueueVerb::list || request.verb == control::QueueVerb::destinations)
    return "takes no operand";
  if (operands.size() > 1 || !request.id.empty()) return "takes one ID only";
  request.id = operands.front();
  return request.id.empty() ? "needs an ID that is not empty" : control::queue_request_fault(request);
}

// What shows something gets it as JSON, and words it here.  Null: it shows nothing.
const View* view_of(const control::QueueRequest& request) {
  switch (request.verb) {
    case control::QueueVerb::list:
      return &kQueueListView;
    case control::QueueVerb::destinations:
      return &kQueueDestinationsView;
    case control::QueueVerb::review:
      return &kReviewView;
    case control::QueueVerb::show:
      return request.message ? &kContentView : &kMessageView;
    case control::QueueVerb::flush:
    case control::QueueVerb::hold:
    case control::QueueVerb::release:
    case control::QueueVerb::remove:
    case control::QueueVerb::reject:
      break;
  }
  return nullptr;
}

// Says what is wrong, or nothing.
std::string finish_queue(const QueueOptions& options, control::QueueRequest request, SluicectlCommand& command) {
  if (const View* const view = view_of(request)) {
    const bool json = std::exchange(request.json, true);
    if (request.verb == control::QueueVerb::review && !json && !request.limit)
      request.limit = control::kQueueLimitDefault;
    return make_view(
        *view, options.view(),
        {.line = control::encode_queue_request(request), .json = json, .limited = request.limit.has_value()}, command);
  }
  command.kind = SluicectlCommand::Kind::ask;
  command.request = control::encode_queue_request(request);
  return no_view_options(options.view());
}

}  // namespace

void parse_queue_command(const Words& words, SluicectlCommand& command) {
  QueueOptions options;
  const Parts parts = take_parts(ViewWords::with_watch(words), options.all);
  if (parts.asks_for_help) return print(command, queue_help());

  const std::string_view asked = parts.verb == kBounce ? kReject : parts.verb;
  const auto verb = std::ranges::find(control::kQueueVerbs, asked, &control::QueueVerbName::name);
  if (verb == control::kQueueVerbs.end()) {
    std::vector<std::string_view> known{kBounce};
    for (const control::QueueVerbName& name : control::kQueueVerbs) known.push_back(name.name);
    return fail(command, "queue", parts.problem.empty() ? unknown_verb(parts.verb, known) : ": " + parts.problem);
  }
  control::QueueRequest request{.verb = verb->verb};
  std::string problem = parts.problem;
  if (problem.empty()) problem = read_queue_options(parts.operands, options, request);
  if (problem.empty()) problem = finish_queue(options, std::move(request), command);
  if (!problem.empty()) fail(command, "queue", " " + std::string(parts.verb) + ": " + problem);
}

// Without a verb: list, and what stands there is the ID of one message.
void parse_review_command(const Words& words, SluicectlCommand& command) {
  using control::QueueVerb;
  constexpr std::array<std::string_view, 4> kVerbs{"list", "release", kReject, "remove"};
  constexpr std::array<QueueVerb, 4> kAsked{QueueVerb::review, QueueVerb::release, QueueVerb::reject,
                                            QueueVerb::remove};
  QueueOptions options;
  Parts parts = take_parts(ViewWords::with_watch(words), options.all);
  if (parts.asks_for_help) return print(command, review_help());
  if (std::ranges::find(kVerbs, parts.verb) == kVerbs.end() && message::parse_queue_id(parts.verb))
    parts.operands.insert(parts.operands.begin(), std::exchange(parts.verb, {}));
  if (parts.verb.empty()) parts.verb = kVerbs.front();
  const auto verb = std::ranges::find(kVerbs, parts.verb);
  if (verb == kVerbs.end())
    return fail(command, "review", parts.problem.empty() ? unknown_verb(parts.verb, kVerbs) : ": " + parts.problem);
  control::QueueRequest request{.verb = kAsked[static_cast<std::size_t>(verb - kVerbs.begin())]};
  // Whatever is released, rejected or removed here was on hold.
  request.held = request.verb != QueueVerb::review;
  std::string problem = parts.problem;
  if (problem.empty() && options.has(QueueOptions::kHeld)) problem = "takes no --held: nothing else is meant";
  if (problem.empty()) problem = read_queue_options(parts.operands, options, request);
  if (problem.empty()) problem = finish_queue(options, std::move(request), command);
  if (!problem.empty()) fail(command, "review", " " + std::string(parts.verb) + ": " + problem);
}

void parse_spool_command(const Words& words, SluicectlCommand& command) {
  constexpr std::array<std::string_view, 2> kVerbs{"dump", "check"};
  std::array<Option, 2> options{Option{"--directory", "DIR"}, Option{"--json", ""}};
  const Parts parts = take_parts(words, options);
  if (parts.asks_for_help) return print(command, spool_help());
  const auto verb = std::ranges::find(kVerbs, parts.verb);
  if (verb == kVerbs.end()) {
    return fail(command, "spool", parts.problem.empty() ? unknown_verb(parts.verb, kVerbs) : ": " + parts.problem);
  }
  std::string problem = parts.problem;
  if (problem.empty() && !parts.operands.empty()) problem = "takes no operand";
  if (!problem.empty()) return fail(command, "spool", " " + std::string(parts.verb) + ": " + problem);
  command.kind = SluicectlCommand::Kind::spool;
  command.spool = {.verb = parts.verb == "dump" ? SpoolCommand::Verb::dump : SpoolCommand::Verb::check,
                   .directory = std::string(options[0].given.value_or("")),
                   .json = options[1].given.has_value()};
}

void parse_shield_command(const Words& words, SluicectlCommand& command) {
  constexpr std::array<std::string_view, 2> kVerbs{"list", "release"};
  std::vector<Option> options{Option{"--all", ""}, Option{"--json", ""}};
  std::ranges::copy(ViewWords::all(), std::back_inserter(options));
  const auto view = std::span(options).last(ViewWords::kCount);
  const Parts parts = take_parts(ViewWords::with_watch(words), options);
  if (parts.asks_for_help) return print(command, shield_help());
  if (std::ranges::find(kVerbs, parts.verb) == kVerbs.end())
    return fail(command, "shield", parts.problem.empty() ? unknown_verb(parts.verb, kVerbs) : ": " + parts.problem);
  using Verb = control::ShieldRequest::Verb;
  control::ShieldRequest request{.verb = parts.verb == "list" ? Verb::list : Verb::release,
                                 .json = options[1].given.has_value(),
                                 .all = options[0].given.has_value(),
                                 .subject = {}};
  std::string problem = parts.problem;
  if (problem.empty() && parts.operands.size() > 1) problem = "takes one operand only";
  if (!parts.operands.empty()) request.subject = parts.operands.front();
  if (problem.empty()) problem = control::shield_request_fault(request);
  const bool lists = request.verb == Verb::list;
  if (problem.empty() && lists) {
    const bool json = std::exchange(request.json, true);
    problem = make_view(kShieldView, view, {.line = control::encode_shield_request(request), .json = json}, command);
  } else if (problem.empty()) {
    problem = no_view_options(view);
  }
  if (!problem.empty()) return fail(command, "shield", " " + std::string(parts.verb) + ": " + problem);
  if (lists) return;
  command.kind = SluicectlCommand::Kind::ask;
  command.request = control::encode_shield_request(request);
}

void parse_host_command(const Words& words, SluicectlCommand& command) {
  constexpr std::array<std::string_view, 2> kVerbs{"list", "check"};
  constexpr std::uint32_t kDaysMax = 3650;
  std::array<Option, 4> options{Option{"--directory", "DIR"}, Option{"--days", "N"}, Option{"--json", ""},
                                Option{"--time", "FORM"}};
  const Parts parts = take_parts(words, options);
  if (parts.asks_for_help) return print(command, host_help());
  if (std::ranges::find(kVerbs, parts.verb) == kVerbs.end())
    return fail(command, "host", parts.problem.empty() ? unknown_verb(parts.verb, kVerbs) : ": " + parts.problem);
  HostCommand host{.verb = parts.verb == "list" ? HostCommand::Verb::list : HostCommand::Verb::check,
                   .host = {},
                   .directory = std::string(options[0].given.value_or("")),
                   .json = options[2].given.has_value()};
  std::string problem = parts.problem;
  if (problem.empty() && parts.operands.size() > 1) problem = "takes one name only";
  // Else an empty variable of a script would stand for all hosts.
  if (problem.empty() && !parts.operands.empty() && parts.operands.front().empty()) problem = "the name is empty";
  if (problem.empty() && options[1].given) {
    problem = host.verb == HostCommand::Verb::list
                  ? "takes no --days"
                  : text::take_number(options[1].name, *options[1].given, 0, kDaysMax, host.days);
  }
  if (problem.empty() && options[3].given) {
    problem = host.verb == HostCommand::Verb::check ? "takes no --time"
                                                    : read_text_time(*options[3].given, host.json, host.time.emplace());
  }
  if (!problem.empty()) return fail(command, "host", " " + std::string(parts.verb) + ": " + problem);
  if (!parts.operands.empty()) host.host = parts.operands.front();
  command.kind = SluicectlCommand::Kind::host;
  command.host = std::move(host);
}

// Without a verb: list.
void parse_sessions_command(const Words& words, SluicectlCommand& command) {
  constexpr std::array<std::string_view, 2> kVerbs{"list", "end"};
  std::vector<std::string> names;
  for (const control::SessionFilter& filter : control::kSessionFilters)
    names.push_back("--" + std::string(filter.name));
  std::vector<Option> options;
  for (std::size_t i = 0; i < names.size(); ++i)
    options.push_back({.name = names[i], .value = control::kSessionFilters[i].value});
  const std::size_t filters = options.size();
  options.push_back({.name = "--limit", .value = "N"});
  options.push_back({.name = "--json", .value = ""});
  std::ranges::copy(ViewWords::all(), std::back_inserter(options));
  const auto view = std::span(options).last(ViewWords::kCount);
  Parts parts = take_parts(ViewWords::with_watch(words), options);
  if (parts.asks_for_help) return print(command, sessions_help());
  if (parts.verb.empty()) parts.verb = kVerbs.front();
  if (std::ranges::find(kVerbs, parts.verb) == kVerbs.end())
    return fail(command, "sessions", parts.problem.empty() ? unknown_verb(parts.verb, kVerbs) : ": " + parts.problem);
  control::SessionsRequest request;
  if (parts.verb == "end") request.verb = control::SessionsRequest::Verb::end;
  request.json = options[filters + 1].given.has_value();
  std::string problem = parts.problem;
  if (problem.empty() && !parts.operands.empty()) problem = "takes no operand";
  for (std::size_t i = 0; i < filters; ++i) {
    if (!options[i].given) continue;
    request.*control::kSessionFilters[i].text = *options[i].given;
    // Else an empty variable of a script would stand for everybody.
    if (problem.empty() && options[i].given->empty()) problem = names[i] + " needs a value";
  }
  if (problem.empty() && options[filters].given)
    problem = text::take_number(options[filters].name, *options[filters].given, 1, control::kSessionsLimitMax,
                                request.limit.emplace());
  if (problem.empty()) problem = control::sessions_request_fault(request);
  const bool lists = request.verb == control::SessionsRequest::Verb::list;
  if (problem.empty() && lists) {
    const bool json = std::exchange(request.json, true);
    problem = make_view(
        kSessionsView, view,
        {.line = control::encode_sessions_request(request), .json = json, .limited = request.limit.has_value()},
        command);
  } else if (problem.empty()) {
    problem = no_view_options(view);
  }
  if (!problem.empty()) return fail(command, "sessions", " " + std::string(parts.verb) + ": " + problem);
  if (lists) return;
  command.kind = SluicectlCommand::Kind::ask;
  command.request = control::encode_sessions_request(request);
}

}  // namespace sluice::cli
