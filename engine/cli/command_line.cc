#include "engine/cli/command_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

#include "engine/base/version.h"
#include "engine/cli/account_grammar.h"
#include "engine/cli/containment.h"
#include "engine/cli/destination.h"
#include "engine/cli/events_help.h"
#include "engine/cli/explain.h"
#include "engine/cli/help.h"
#include "engine/cli/keys_help.h"
#include "engine/cli/noticed.h"
#include "engine/cli/policy.h"
#include "engine/cli/queue_grammar.h"
#include "engine/cli/route.h"
#include "engine/cli/trace.h"
#include "engine/cli/usage.h"
#include "engine/cli/view_grammar.h"
#include "engine/config/example.h"
#include "engine/text/command_words.h"

namespace sluice::cli {
namespace {

using text::find_option;
using text::is_help;
using text::Option;
using text::take_option;
using text::unknown_command;
using text::unknown_option;
using text::with_advice;
using text::Words;

Words words_of(int argc, const char* const* argv) {
  Words words;
  for (int i = 1; i < argc; ++i) words.emplace_back(argv[i]);
  return words;
}

SluiceCommand sluice_text(SluiceCommand::Kind kind, std::string text) {
  SluiceCommand command;
  command.kind = kind;
  command.text = std::move(text);
  return command;
}

SluicectlCommand sluicectl_text(SluicectlCommand::Kind kind, std::string text) {
  SluicectlCommand command;
  command.kind = kind;
  command.text = std::move(text);
  return command;
}

SluicectlCommand sluicectl_error(const std::string& problem) {
  return sluicectl_text(SluicectlCommand::Kind::error, with_advice("sluicectl", problem));
}

struct SluicectlOptions {
  enum : std::size_t { kJson, kConfig, kControl, kStore, kTimeout };
  std::array<Option, 5> all{Option{"--json", ""}, Option{"--config", "FILE"}, Option{"--control", "PATH"},
                            Option{"--store", "PATH"}, Option{"--timeout", "SECONDS"}};
};

constexpr std::array<std::string_view, 27> kSluicectlCommands{"status",
                                                              "pools",
                                                              "counters",
                                                              "reload",
                                                              "drain",
                                                              "sessions",
                                                              "queue",
                                                              "review",
                                                              "spool",
                                                              "shield",
                                                              "usage",
                                                              "host",
                                                              "customer",
                                                              "domain",
                                                              "account",
                                                              "store",
                                                              "contain",
                                                              "release",
                                                              "suspend-outgoing",
                                                              "hold-outgoing",
                                                              "explain",
                                                              "noticed",
                                                              "policy",
                                                              "notify",
                                                              "trace",
                                                              "destination",
                                                              "route"};
constexpr int kTimeoutMaxS = 3600;

// Takes over what the options say.  Says what is wrong, or nothing.
std::string apply(const SluicectlOptions& options, SluicectlCommand& command) {
  const auto given = [&](std::size_t option) { return options.all[option].given; };
  if (const auto file = given(SluicectlOptions::kConfig)) {
    command.config_file = *file;
    command.config_given = true;
  }
  command.control = given(SluicectlOptions::kControl).value_or("");
  command.store = given(SluicectlOptions::kStore).value_or("");
  if (const auto text = given(SluicectlOptions::kTimeout)) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), command.timeout_s);
    const bool whole = error == std::errc() && end == text->data() + text->size();
    if (!whole || command.timeout_s < 1 || command.timeout_s > kTimeoutMaxS) {
      return "--timeout needs a whole number of seconds from 1 to " + std::to_string(kTimeoutMaxS);
    }
  }
  return "";
}

// A first word with a grammar of its own, in which all behind it is read.
struct Grammar {
  std::string_view word;
  void (*parse)(const Words& words, SluicectlCommand& command);
  int timeout_s = 0;  // where none is given; 0: the usual one
};
constexpr Grammar kGrammars[] = {
    {.word = "queue", .parse = parse_queue_command, .timeout_s = kQueueTimeoutS},
    {.word = "review", .parse = parse_review_command, .timeout_s = kQueueTimeoutS},
    {.word = "spool", .parse = parse_spool_command},
    {.word = "shield", .parse = parse_shield_command},
    {.word = "host", .parse = parse_host_command},
    {.word = "sessions", .parse = parse_sessions_command},
    {.word = "usage", .parse = parse_usage_command},
    {.word = "noticed", .parse = parse_noticed_command},
    {.word = "route", .parse = parse_route_command, .timeout_s = kNotifyTimeoutS},
    {.word = "destination", .parse = parse_destination_command},
    {.word = "policy", .parse = parse_policy_command},
    {.word = "trace", .parse = parse_trace_command},
    {.word = "explain", .parse = parse_explain_command},
};

// Of account objects the words are read where the store is opened.
void keep_account_words(const Words& words, SluicectlCommand& command) {
  command.kind = SluicectlCommand::Kind::account;
  command.account_args = words;
}

std::optional<Grammar> find_grammar(const Words& words) {
  if (words.empty()) return std::nullopt;
  const std::string_view word = words.front();
  if (const auto* const found = std::ranges::find(kGrammars, word, &Grammar::word); found != std::end(kGrammars))
    return *found;
  if (is_relay_view(word)) return Grammar{.word = word, .parse = parse_relay_view};
  if (is_containment_word(word))
    return Grammar{.word = word, .parse = parse_containment_command, .timeout_s = kQueueTimeoutS};
  if (is_account_object(word)) return Grammar{.word = word, .parse = keep_account_words};
  return std::nullopt;
}

// What is left when the options are taken out.  Behind a word with a grammar of its own, options
// that are not ours are theirs, --json and --help among them.
struct SluicectlWords {
  Words rest;
  bool asks_for_help = false;
  std::string problem;
};

SluicectlWords take_options(const Words& words, SluicectlOptions& options) {
  SluicectlWords left;
  bool operands_only = false;
  for (std::size_t at = 0; at < words.size() && left.problem.empty();) {
    const std::string_view word = words[at];
    const bool theirs = find_grammar(left.rest).has_value();
    Option* option = operands_only ? nullptr : find_option(options.all, word);
    if (theirs && option == &options.all[SluicectlOptions::kJson]) option = nullptr;
    if (option != nullptr) {
      left.problem = take_option(*option, words, at);
      continue;
    }
    ++at;
    if (word == "--") operands_only = true;
    if (!theirs && !operands_only && word.starts_with('-')) {
      if (is_help(word))
        left.asks_for_help = true;
      else
        left.problem = unknown_option(word, options.all);
      continue;
    }
    left.rest.push_back(word);
  }
  return left;
}

// "certificate --out DIR [--config FILE] NAME ..."
SluiceCommand parse_certificate(const Words& words) {
  using Kind = SluiceCommand::Kind;
  SluiceCommand command;
  command.kind = Kind::certificate;
  std::array<Option, 2> options{Option{"--out", "DIRECTORY"}, Option{"--config", "FILE"}};
  std::string problem;
  for (std::size_t at = 1; at < words.size() && problem.empty();) {
    if (is_help(words[at])) return sluice_text(Kind::print, sluice_help());
    if (Option* option = find_option(options, words[at])) {
      problem = take_option(*option, words, at);
    } else if (words[at].starts_with('-')) {
      problem = unknown_option(words[at], options);
    } else {
      command.names.emplace_back(words[at++]);
    }
  }
  if (problem.empty() && !options[0].given) problem = "--out DIRECTORY is missing";
  if (problem.empty() && command.names.empty()) problem = "needs at least one host name or address";
  if (!problem.empty()) return sluice_text(Kind::error, with_advice("sluice", "certificate: " + problem));
  command.directory = *options[0].given;
  if (options[1].given) command.config_file = *options[1].given;
  return command;
}

}  // namespace

SluiceCommand parse_sluice(int argc, const char* const* argv) {
  using Kind = SluiceCommand::Kind;
  constexpr std::array<std::string_view, 6> kCommands{"serve", "check", "example", "keys", "events", "certificate"};
  const auto error = [](const std::string& problem) {
    return sluice_text(Kind::error, with_advice("sluice", problem));
  };
  const Words words = words_of(argc, argv);
  const std::string_view name = words.empty() ? std::string_view() : words.front();
  if (is_help(name)) return sluice_text(Kind::print, sluice_help());
  if (name == "--version") return sluice_text(Kind::print, sluice_version());
  if (std::ranges::find(kCommands, name) == kCommands.end()) return error(unknown_command(name, kCommands));
  if (name == "certificate") return parse_certificate(words);
  std::array<Option, 1> options{name == "events" || name == "keys" ? Option{"--json", ""} : Option{"--config", "FILE"}};
  for (std::size_t at = 1; at < words.size();) {
    if (is_help(words[at])) return sluice_text(Kind::print, sluice_help());
    Option* option = name == "example" ? nullptr : find_option(options, words[at]);
    if (option == nullptr) {
      const bool dashed = words[at].starts_with('-');
      return error(std::string(name) + ": " + (dashed ? unknown_option(words[at], options) : "takes no operand"));
    }
    if (const std::string problem = take_option(*option, words, at); !problem.empty()) {
      return error(std::string(name) + ": " + problem);
    }
  }
  if (name == "example") return sluice_text(Kind::print, std::string(config::kExampleConfig));
  if (name == "keys") return sluice_text(Kind::print, options[0].given ? keys_json() : keys_text());
  if (name == "events") return sluice_text(Kind::print, options[0].given ? events_json() : events_text());
  SluiceCommand command;
  command.kind = name == "serve" ? Kind::serve : Kind::check;
  if (options[0].given) command.config_file = *options[0].given;
  return command;
}

SluicectlCommand parse_sluicectl(int argc, const char* const* argv) {
  using Kind = SluicectlCommand::Kind;
  const Words words = words_of(argc, argv);
  if (!words.empty() && words.front() == "--version") {
    return sluicectl_text(Kind::print, "sluicectl " + std::string(kProgramVersion) + "\n");
  }
  SluicectlOptions options;
  SluicectlWords left = take_options(words, options);
  if (left.asks_for_help || (left.rest.size() == 1 && is_help(left.rest.front()))) {
    return sluicectl_text(Kind::print, sluicectl_help());
  }
  if (!left.problem.empty()) return sluicectl_error(left.problem);
  SluicectlCommand command;
  if (const std::string problem = apply(options, command); !problem.empty()) return sluicectl_error(problem);
  const std::string_view name = left.rest.empty() ? std::string_view() : left.rest.front();
  const bool json = options.all[SluicectlOptions::kJson].given.has_value();
  const bool timeout_given = options.all[SluicectlOptions::kTimeout].given.has_value();
  if (const auto grammar = find_grammar(left.rest)) {
    // Given in front of the word, --json is meant all the same.
    if (json) left.rest.insert(is_account_object(name) ? left.rest.end() : left.rest.begin() + 1, "--json");
    if (grammar->timeout_s != 0 && !timeout_given) command.timeout_s = grammar->timeout_s;
    grammar->parse(left.rest, command);
    return command;
  }
  const auto known = std::ranges::find(kSluicectlCommands, name);
  if (known == kSluicectlCommands.end()) return sluicectl_error(unknown_command(name, kSluicectlCommands));
  const bool notify = name == "notify";
  if (notify && (left.rest.size() != 2 || left.rest.back() != "test"))
    return sluicectl_error("notify: takes one operand, test");
  if (!notify && left.rest.size() > 1) return sluicectl_error(std::string(name) + ": takes no operand");
  if (json) return sluicectl_error(std::string(name) + ": shows no data, so --json means nothing");
  command.kind = Kind::ask;
  command.request = std::string(name) + (notify ? " test" : "");
  if (notify && !timeout_given) command.timeout_s = kNotifyTimeoutS;
  return command;
}

}  // namespace sluice::cli
