#include "engine/cli/usage.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "engine/cli/usage_listing.h"
#include "engine/cli/view_options.h"
#include "engine/control/usage_request.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kUsagePage = R"(NAME
  sluicectl usage - see what is used of the limits, and who uses most

SYNOPSIS
  sluicectl usage [--account NAME] [--customer NAME] [--limit N | --top N]
                  [--sort KEY] [--by KEY] [--watch [S]] [--time FORM] [--json]

DESCRIPTION
  Asks the running relay, through its control socket, what accounts and customers
  have used of their limits, what else they did lately, and what was decided about
  them last: three tables.

  The first has a line for each window of each limit that is in use, the fullest
  first. Limits come with the class of an account or customer (sections [policy] and
  [[class]] of the configuration, and sluicectl account set --class).

  subject   account, device (ACCOUNT/DEVICE), customer, network (a listener's trusted
            hosts, by its address) or relay: whose use it is. A customer's is that
            of all its accounts together, the relay's that of all mail.
  quantity  recipients, messages, bytes (in KiB), sessions that have named a recipient,
            or first_time_recipients: those that the account had not written to. A
            message to 50 recipients is one message and 50 recipients.
  window    minute, hour, day or month (30 days); each ends now.
  used      Within the window, with what is reserved for messages under way. In a
            cluster (section [cluster]) by all relays together, with what others
            have leased ahead of need, which they give back when it is needed, or
            within some seconds.
  limit, left
            What the limit allows, and what is left of it, by the class of who sent
            last; "-" where that has none, or nobody has sent since the start, and
            where the cluster's use is not known.
  used_here What this relay has used of it.
  scope     "cluster": what is used is that of all its relays, as Redis has it.
            "relay": it is this relay's, as there is no cluster, or Redis does not
            answer within 2 seconds, or there are more than 4,096 limits in use: of
            those next to their limit here Redis is asked. A note says which.
  name      Of the account or customer.

  What is used outlives the relay, however it ends. After a kill what was reserved
  counts as used; the event limits_restored says how much that is.

  The second has a line for each account that has sent something since the start of
  the relay, of the last 49,152, and one for each customer, which is the sum of its
  accounts; those of whose recipients most are unknown come first. All of it is of
  the last 24 hours, but for the answers of next hops, which count for half after two
  weeks. Networks and answers outlive the relay, the rest begins anew with it.

  networks  Distinct ones that the account sent from; "-" of a customer, and where
            its class has notice = "off".
  answered, unknown, unknown_percent
            Recipients that next hops have answered for good: of those how many do
            not exist. Each that does not exist counts once.
  large_messages
            Messages with more than 50 recipients: they are taken, and go behind
            smaller ones.
  refused   Commands and messages that were refused or deferred, by this relay or by
            a next hop while the client waited.
  held      Messages that were held for review.

  The third has the last ten decisions: refusals, what was held and noticed, with
  the id that sluicectl explain takes.

OPTIONS
  --account NAME  Of this account alone, with its device passwords in the first table.
  --customer NAME Of this customer, with its accounts in the second and third table.
  --limit N       Show N lines at most of the first and second table, from 1 to
                  10000.
  --top N         Show, from 1 to 100, the N that have used most of each quantity in
                  each window, of accounts, customers and each other subject; in the
                  second table those with most networks, unknown recipients (of 20
                  answers and more), large messages, refusals and held messages:
                  column "most" says which. With --customer: of its accounts. With
                  --sort or --by, which show one table alone: its first N.
  --sort KEY      The first table sorted by a column of it, or the second by one
                  that the first has not: what is most first, names from A on;
                  with -KEY the other way round.
  --by KEY        The second table put together by customer or account.
  --watch [S], --time FORM
                  As in sluicectl --help.
  --json          Print JSON (RFC 8259): an object of "windows", "senders" and
                  "decisions", each an array; with --sort or --by that one array.
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
  Who sends most, and who is refused most:
    sluicectl usage --top 5

SEE ALSO
  sluicectl explain --help, sluicectl noticed --help, sluicectl account --help
)";

void fail_usage(SluicectlCommand& command, const std::string& problem) {
  command.kind = SluicectlCommand::Kind::error;
  command.text = text::with_advice("sluicectl", "usage: " + problem, "sluicectl usage");
}

// All options that are given.  Says what is wrong, or nothing.
std::string take_usage_options(const text::Words& words, std::span<text::Option> options, bool& asks_for_help) {
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

std::string take_count(const text::Option& option, std::uint32_t most, std::uint32_t& count) {
  const std::string_view given = *option.given;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), count);
  if (error == std::errc() && end == given.data() + given.size() && count >= 1 && count <= most) return "";
  return std::string(option.name) + " is a whole number from 1 to " + std::to_string(most);
}

}  // namespace

void parse_usage_command(const text::Words& words, SluicectlCommand& command) {
  std::vector<text::Option> options{text::Option{"--account", "NAME"}, text::Option{"--customer", "NAME"},
                                    text::Option{"--limit", "N"}, text::Option{"--json", ""}};
  std::ranges::copy(ViewWords::all(), std::back_inserter(options));
  bool asks_for_help = false;
  std::string problem = take_usage_options(ViewWords::with_watch(words), options, asks_for_help);
  if (asks_for_help) {
    command.kind = SluicectlCommand::Kind::print;
    command.text = usage_help();
    return;
  }
  control::UsageRequest request{.account = std::string(options[0].given.value_or("")),
                                .customer = std::string(options[1].given.value_or(""))};
  // An empty variable of a script would stand for all.
  for (const text::Option& option : {options[0], options[1]})
    if (problem.empty() && option.given && option.given->empty()) problem = std::string(option.name) + " is empty";
  if (options[2].given && problem.empty()) problem = take_count(options[2], control::kUsageRowsMax, request.limit);
  ViewCommand view{.usage = true, .options = {.json = options[3].given.has_value()}};
  if (problem.empty())
    view.view = read_usage_options(std::span(options).last(ViewWords::kCount), view.options, problem);
  // Of all tables together it is the relay's word: who has most of each figure.
  if (view.view == nullptr) request.top = std::exchange(view.options.top, std::nullopt).value_or(0);
  if (problem.empty()) problem = control::usage_request_fault(request);
  if (!problem.empty()) return fail_usage(command, problem);
  view.as_it_is = view.view == nullptr && view.options.json;
  command.kind = SluicectlCommand::Kind::view;
  command.view = std::move(view);
  command.request = control::encode_usage_request(request);
}

std::string usage_help() { return std::string(kUsagePage); }

}  // namespace sluice::cli
