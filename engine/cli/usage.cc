#include "engine/cli/usage.h"

#include <array>
#include <charconv>
#include <utility>

#include "engine/control/usage_request.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kUsagePage = R"(NAME
  sluicectl usage - see what is used of the limits

SYNOPSIS
  sluicectl usage [--account NAME] [--customer NAME] [--limit N] [--json]

DESCRIPTION
  Asks the running relay, through its control socket, what accounts and customers
  have used of their limits: one line for each window of each limit that is in
  use, the fullest first. Limits come with the class of an account or customer
  (sections [policy] and [[class]] of the configuration, and sluicectl account set
  --class).

  subject   account, device (ACCOUNT/DEVICE), customer, network (a listener's trusted
            hosts, by its address) or relay: whose use it is. A customer's is that
            of all its accounts together, the relay's that of all mail.
  quantity  recipients, messages, bytes (in KiB), sessions that sent, or
            first_time_recipients: those that the account had not written to. A
            message to 50 recipients is one message and 50 recipients.
  window    minute, hour, day or month (30 days); each ends now.
  used      Within the window, with what is reserved for messages under way; in a
            cluster (section [cluster]) by this relay alone.
  limit, left
            What the limit allows, and what is left of it; "-" where nobody has
            logged in since the start.
  name      Of the account or customer.

  What is used outlives the relay, however it ends. After a kill what was reserved
  counts as used; the event limits_restored says how much that is.

OPTIONS
  --account NAME  Of this account alone.
  --customer NAME Of this customer alone; of its accounts: --account.
  --limit N       Show N lines at most, from 1 to 10000.
  --json          Print JSON (RFC 8259).
  --config FILE, --control PATH, --timeout S
                  As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done; also if nothing is used.
  1  It failed; the reason is on standard error.
  2  The command line was not understood.

EXAMPLES
  The ten that are nearest to their limits:
    sluicectl usage --limit 10

SEE ALSO
  sluicectl --help, sluicectl account --help
)";

void fail_usage(SluicectlCommand& command, const std::string& problem) {
  command.kind = SluicectlCommand::Kind::error;
  command.text = text::with_advice("sluicectl", "usage: " + problem, "sluicectl usage");
}

// All options that are given.  Says what is wrong, or nothing.
std::string take_usage_options(const text::Words& words, std::array<text::Option, 4>& options, bool& asks_for_help) {
  for (std::size_t at = 1; at < words.size();) {
    const std::string_view word = words[at];
    if (text::Option* const option = text::find_option(options, word); option != nullptr) {
      if (std::string problem = text::take_option(*option, words, at); !problem.empty()) return problem;
      continue;
    }
    ++at;
    if (text::is_help(word)) {
      asks_for_help = true;
    } else if (word.starts_with('-')) {
      return text::unknown_option(word, options);
    } else {
      return "takes no operand: --account NAME or --customer NAME says whose use is meant";
    }
  }
  return "";
}

}  // namespace

void parse_usage_command(const text::Words& words, SluicectlCommand& command) {
  std::array<text::Option, 4> options{text::Option{"--account", "NAME"}, text::Option{"--customer", "NAME"},
                                      text::Option{"--limit", "N"}, text::Option{"--json", ""}};
  bool asks_for_help = false;
  std::string problem = take_usage_options(words, options, asks_for_help);
  if (asks_for_help) {
    command.kind = SluicectlCommand::Kind::print;
    command.text = usage_help();
    return;
  }
  control::UsageRequest request{.json = options[3].given.has_value(),
                                .account = std::string(options[0].given.value_or("")),
                                .customer = std::string(options[1].given.value_or(""))};
  // An empty variable of a script would stand for all.
  for (const text::Option& option : {options[0], options[1]})
    if (problem.empty() && option.given && option.given->empty()) problem = std::string(option.name) + " is empty";
  if (const auto limit = options[2].given) {
    const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), request.limit);
    if (error != std::errc() || end != limit->data() + limit->size()) request.limit = 0;
  }
  if (problem.empty()) problem = control::usage_request_fault(request);
  if (!problem.empty()) return fail_usage(command, problem);
  command.kind = SluicectlCommand::Kind::ask;
  command.request = control::encode_usage_request(request);
}

std::string usage_help() { return std::string(kUsagePage); }

}  // namespace sluice::cli
