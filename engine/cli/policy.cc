#include "engine/cli/policy.h"

#include <array>
#include <concepts>
#include <optional>
#include <span>
#include <utility>

#include "auth/limit_override.h"
#include "auth/text.h"
#include "engine/base/network.h"
#include "engine/event/value.h"
#include "engine/text/figures.h"
#include "policy/replay/event_reader.h"

namespace sluice::cli {
namespace {

using text::Option;
using text::Words;

constexpr std::size_t kSendersShown = 50;
constexpr std::size_t kSendersShownMax = 10'000;
constexpr std::size_t kNameBytesMax = 320;

constexpr std::string_view kPolicyPage = R"(NAME
  sluicectl policy - try classes, limits and noticing before they bind anybody

SYNOPSIS
  sluicectl policy replay [--class NAME] [--limit N] [--time FORM] [--json] LOGFILE ...
  sluicectl policy test --account NAME --recipients N [--customer NAME] [--class NAME]
                        [--bytes N] [--client IP] [--json]

DESCRIPTION
  Both take the classes of a configuration, by default the relay's own; the one to
  be tried is named with --config. No relay is asked, and nothing is changed.

  replay   Runs recorded mail through them, as the log has it (log.format "json"),
           and says whom they would have touched: how many messages and recipients
           of which account would have been

           refused    by a limit: 550
           deferred   by a limit, for too many recipients in one message, or since
                      an account at step slow would have waited too long: 45x
           suspended  refused since the account had come to step suspend
           held       taken, and held for review
           slowed     taken, after waiting
           told       taken; the operator is told
           in shadow  slowed, held or refused, if the class were not in shadow

           and of each account the highest step that it was noticed at, the gravest
           thing that happened, when it did first, and why. What was refused by a
           limit then is tried anew; what was refused for its sender or its form,
           or by the next hop, counts in no limit.
           Several files are read side by side, by time, so that those of several
           relays or of several days may come in any order; - is standard input.
           Lines of other events are skipped, lines that are no JSON are counted.

  test     Runs one message that is described: which class counts and why, which
           limits apply, whether the message would pass if nothing was used of
           them, and what the noticer thinks of it as the account's first, all to
           recipients that it never wrote to; of what would not pass the rule, its
           figures, and what would let it pass.

  The class, overrides and domains of an account are those in the store that the
  configuration or --store names, where there is one. Accounts without a class
  there have that of --class, else policy.default_class; in a test --class counts in
  any case.

WHAT A REPLAY CANNOT SEE
  The log has no sketch of a message's text and no List-Unsubscribe field: the
  signals for one text to many recipients, for the same texts from several networks
  and for bulk without List-Unsubscribe are blind, as are those for failed logins
  and countries, and the limits of device passwords and of sessions. So fewer
  accounts are noticed than a relay would notice. A message's recipients beyond the
  $(names) bytes that the log has room for are counted, but not looked at as ones
  never written to before. Recipients that were refused at RCPT then have no message
  of theirs in the log: they are counted (refused_before), and not tried anew.
  Nothing of before the first line is known, so that accounts seem new, and windows
  empty.

OPTIONS
  --class NAME      The class of accounts that have none in the store; in a test the
                    class that is tried.
  --limit N         Show N accounts at most, from 1 to $(shown max). Default: $(shown)
  --account NAME    Who sends the message.
  --customer NAME   The account's customer, where the store has no such account.
  --recipients N    How many it is for, from 1 to $(recipients max).
  --bytes N         Its size. Default: 0
  --client IP       Where it comes from.
  --time FORM       Of moments in a replay: iso, which is the default (RFC 3339, in UTC, as
                    the log has them), local or epoch (seconds since 1970).
  --json            Print JSON (RFC 8259).
  --config FILE, --store PATH
                    As in sluicectl --help.
  -h, --help        Print this page.

EXIT STATUS
  0  What was asked for is done, whatever it says.
  1  It failed; the reason is on standard error.
  2  The command line was not understood.

EXAMPLES
  Whom the limits of new.toml would have touched in the last two weeks:
    sluicectl policy replay --config new.toml /var/log/sluice/sluice.log*

  An office wants to write to 300 customers:
    sluicectl policy test --account info@example.com --recipients 300

SEE ALSO
  sluicectl usage --help, sluicectl noticed --help, sluicectl explain --help
)";

void fail_policy(SluicectlCommand& command, const std::string& problem) {
  command.kind = SluicectlCommand::Kind::error;
  command.text = text::with_advice("sluicectl", "policy: " + problem, "sluicectl policy");
}

// In the order of the array that parse_policy_command() makes.
struct PolicyOptions {
  enum : std::size_t { kJson, kClass, kLimit, kAccount, kCustomer, kRecipients, kBytes, kClient, kTime };
};

// Says what is wrong, or nothing.
template <std::unsigned_integral Number>
std::string take_number(const Option& option, std::uint64_t least, std::uint64_t most, Number& number) {
  return option.given ? text::take_number(option.name, *option.given, least, most, number) : "";
}

std::string name_fault(const Option& option) {
  if (!option.given || (option.given->size() <= kNameBytesMax && auth::is_clean_text(*option.given))) return "";
  return std::string(option.name) + " takes up to " + std::to_string(kNameBytesMax) +
         " bytes without control characters";
}

// Of the options only those that the command has.
std::string foreign_option(PolicyCommand::Verb verb, std::span<const Option> options) {
  const bool replays = verb == PolicyCommand::Verb::replay;
  for (const std::size_t i :
       {PolicyOptions::kLimit, PolicyOptions::kAccount, PolicyOptions::kCustomer, PolicyOptions::kRecipients,
        PolicyOptions::kBytes, PolicyOptions::kClient, PolicyOptions::kTime})
    if (options[i].given && replays != (i == PolicyOptions::kLimit || i == PolicyOptions::kTime))
      return std::string(replays ? "replay" : "test") + " takes no " + std::string(options[i].name);
  return "";
}

std::string finish_policy(PolicyCommand& policy, std::span<const Option> options) {
  std::string problem = foreign_option(policy.verb, options);
  for (const std::size_t i : {PolicyOptions::kClass, PolicyOptions::kAccount, PolicyOptions::kCustomer})
    if (problem.empty()) problem = name_fault(options[i]);
  if (problem.empty()) problem = take_number(options[PolicyOptions::kLimit], 1, kSendersShownMax, policy.limit);
  if (problem.empty())
    problem = take_number(options[PolicyOptions::kRecipients], 1, policy::kRecordedRecipientsMax, policy.recipients);
  if (problem.empty())
    problem = take_number(options[PolicyOptions::kBytes], 0, policy::kRecordedBytesMax, policy.bytes);
  policy.json = options[PolicyOptions::kJson].given.has_value();
  if (problem.empty() && options[PolicyOptions::kTime].given)
    problem = read_text_time(*options[PolicyOptions::kTime].given, policy.json, policy.time);
  policy.policy_class = options[PolicyOptions::kClass].given.value_or("");
  policy.account = options[PolicyOptions::kAccount].given.value_or("");
  policy.customer = options[PolicyOptions::kCustomer].given.value_or("");
  policy.client = options[PolicyOptions::kClient].given.value_or("");
  if (!problem.empty()) return problem;
  if (!policy.policy_class.empty() && !auth::is_class_name(policy.policy_class))
    return "--class takes the name of a class";
  if (!policy.client.empty() && !parse_ip(policy.client)) return "--client takes an IP address";
  if (policy.verb == PolicyCommand::Verb::replay)
    return policy.files.empty() ? "replay needs the log: a file, or - for standard input" : "";
  if (policy.account.empty()) return "test needs --account NAME";
  return policy.recipients == 0 ? "test needs --recipients N" : "";
}

// The first operand is the command, the others are files.
std::string take_operand(PolicyCommand& policy, std::optional<PolicyCommand::Verb>& verb, std::string_view word) {
  constexpr std::array<std::string_view, 2> kVerbs{"replay", "test"};
  if (!verb) {
    if (word != kVerbs[0] && word != kVerbs[1]) return text::unknown_command(word, kVerbs);
    verb = word == kVerbs[0] ? PolicyCommand::Verb::replay : PolicyCommand::Verb::test;
    policy.verb = *verb;
    return "";
  }
  if (policy.verb == PolicyCommand::Verb::test) return "test takes no operand";
  if (word.empty()) return "the name of a file is empty";
  policy.files.emplace_back(word);
  return "";
}

}  // namespace

void parse_policy_command(const Words& words, SluicectlCommand& command) {
  std::array<Option, 9> options{Option{"--json", ""},        Option{"--class", "NAME"},    Option{"--limit", "N"},
                                Option{"--account", "NAME"}, Option{"--customer", "NAME"}, Option{"--recipients", "N"},
                                Option{"--bytes", "N"},      Option{"--client", "IP"},     Option{"--time", "FORM"}};
  PolicyCommand policy{.limit = kSendersShown};
  std::optional<PolicyCommand::Verb> verb;
  std::string problem;
  bool operands_only = false;
  for (std::size_t at = 1; at < words.size() && problem.empty();) {
    const std::string_view word = words[at];
    Option* const option = operands_only ? nullptr : text::find_option(options, word);
    if (option != nullptr) {
      problem = text::take_option(*option, words, at);
      continue;
    }
    ++at;
    if (!operands_only && text::is_help(word)) {
      command.kind = SluicectlCommand::Kind::print;
      command.text = policy_help();
      return;
    }
    if (!operands_only && word == "--") {
      operands_only = true;
    } else if (!operands_only && word.starts_with('-') && word != "-") {
      problem = text::unknown_option(word, options);
    } else {
      problem = take_operand(policy, verb, word);
    }
  }
  if (problem.empty() && !verb) problem = "a command is missing: replay or test";
  if (problem.empty()) problem = finish_policy(policy, options);
  if (!problem.empty()) return fail_policy(command, problem);
  command.kind = SluicectlCommand::Kind::policy;
  command.policy = std::move(policy);
}

std::string policy_help() {
  return text::with_figures(kPolicyPage, {{"shown", std::to_string(kSendersShown)},
                                          {"shown max", std::to_string(kSendersShownMax)},
                                          {"recipients max", std::to_string(policy::kRecordedRecipientsMax)},
                                          {"names", std::to_string(event::kTextBytesMax)}});
}

}  // namespace sluice::cli
