#include "engine/cli/destination.h"

#include <array>
#include <optional>

#include "engine/cli/operands.h"
#include "engine/cli/trace.h"
#include "engine/control/destination_request.h"
#include "engine/text/did_you_mean.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kDestinationPage = R"(NAME
  sluicectl destination - have mail for a place wait, or go slowly, for a time

SYNOPSIS
  sluicectl destination [list] [--json]
  sluicectl destination suspend PLACE [--for SPAN | --until TIME]
                        [--reason TEXT] [--json]
  sluicectl destination limit DESTINATION | @DOMAIN  [--connections N]
                        [--rate N/min] [--for SPAN | --until TIME]
                        [--reason TEXT] [--json]
  sluicectl destination resume PLACE [--json]

DESCRIPTION
  Tells the running relay about places where mail goes. An order holds on all
  cores, for mail of the queue and for mail that comes in: while one is in
  force, mail for that place is not passed on while its client waits but kept,
  answered with 250, and delivered from the queue. It ends by itself, survives a
  reload and a restart, and is an event of the log (destination_order).

  suspend   No attempt begins there. What is being transmitted goes on. Mail
            waits, and queue show, list and destinations say why; its time goes
            on, so that it fails and is reported when it is over. queue flush
            does not lift it.
  limit     No more than N transmissions at one time, and no more than N that
            begin in a minute, on all cores together; of each destination where
            the place has several. What the relay has learned to do holds, too.
  resume    Undo suspend or limit.
  list      What is in force: by whom, since when, until when, and why.

  A second order about the same PLACE takes the place of the first one. A
  suspension goes before a limit, and ROUTE/DOMAIN before @DOMAIN before ROUTE.
  At most 1000 orders are in force at one time.

PLACE
  DESTINATION     As sluicectl queue destinations shows it: ROUTE/DOMAIN where a
                  route has mx = true, or the name of a route, with all of its
                  domains.
  @DOMAIN         Recipients in this domain, whatever their route. Mail for them
                  is listed under a destination of its own, ROUTE/DOMAIN.
  host:NAME       A next hop, by its host name or address as configured or as
                  the MX record has it, whatever it is asked for, at any port.
                  Other hosts of a destination are used; where it has no other,
                  mail for it waits.

OPTIONS
  --for SPAN      How long: 90s, 30m, 2h, 3d; at most 366 days. Default: 24h.
  --until TIME    Until when: 2026-11-24T04:33:22Z, 2026-11-24 04:33 (UTC),
                  2026-11-24, or @SECONDS since 1970.
  --connections N Transmissions at one time.
  --rate N/min    Transmissions that begin in a minute.
  --reason TEXT   Why, up to 200 printable ASCII characters.
  --json          Print JSON (RFC 8259).
  --config FILE, --control PATH, --timeout S
                  As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done.
  1  It failed: there is no such route, nothing is in force to be lifted, or as
     many orders are in force as may be. Also where the order is in force but
     could not be written to the disk, and will end with the relay.
  2  The command line was not understood.

EXAMPLES
  A partner upgrades the server until noon:
    sluicectl destination suspend partner --for 3h --reason 'upgrade'

  A provider complains that too much comes at once:
    sluicectl destination limit @example.com --connections 2 --rate 60/min

SEE ALSO
  sluicectl queue --help
)";

enum DestinationOption : std::uint8_t {
  kOrderFor,
  kOrderUntil,
  kOrderConnections,
  kOrderRate,
  kOrderReason,
  kOrderJson
};

// Says what is wrong, or nothing.
std::string read_count(std::string_view text, std::string_view option, std::uint32_t& count) {
  return text::take_number(option, text, 1, control::kDestinationLimitMax, count);
}

std::string read_times(std::span<const text::Option> options, control::DestinationRequest& request) {
  constexpr WallMillis kSecond = 1000;
  if (options[kOrderFor].given) {
    // A span is how long ago a moment was, seen from 1970: before that there is no other.
    const auto ago = parse_moment(*options[kOrderFor].given, 0);
    if (!ago || *ago >= 0) return "--for needs a span: 90s, 30m, 2h or 3d";
    request.for_s = -*ago / kSecond;
  }
  if (options[kOrderUntil].given) {
    const auto until = parse_moment(*options[kOrderUntil].given, 0);
    if (!until || *until <= 0) return "--until is no time: 2026-11-24T04:33:22Z, 2026-11-24 04:33, or @SECONDS";
    request.until_ms = *until;
  }
  return "";
}

std::string read_limits(std::span<const text::Option> options, control::DestinationRequest& request) {
  if (options[kOrderConnections].given)
    if (std::string fault = read_count(*options[kOrderConnections].given, "--connections", request.connections);
        !fault.empty())
      return fault;
  if (!options[kOrderRate].given) return "";
  constexpr std::string_view kPerMinute = "/min";
  std::string_view rate = *options[kOrderRate].given;
  if (!rate.ends_with(kPerMinute)) return "--rate needs a number for a minute: 60/min";
  rate.remove_suffix(kPerMinute.size());
  return read_count(rate, "--rate", request.per_minute);
}

}  // namespace

// Without a verb: list.
void parse_destination_command(const text::Words& words, SluicectlCommand& command) {
  std::array<text::Option, 6> options{text::Option{"--for", "SPAN"},      text::Option{"--until", "TIME"},
                                      text::Option{"--connections", "N"}, text::Option{"--rate", "N/min"},
                                      text::Option{"--reason", "TEXT"},   text::Option{"--json", ""}};
  control::DestinationRequest request;
  bool has_verb = false;
  const auto take_operand = [&](std::string_view word) -> std::string {
    if (!has_verb) {
      constexpr std::array<std::string_view, 4> kKnown{"list", "suspend", "resume", "limit"};
      const auto verb = control::find_destination_verb(word);
      if (!verb) return "there is no such command" + text::or_meant(word, kKnown);
      request.verb = *verb;
      has_verb = true;
      return "";
    }
    if (!request.name.empty()) return "takes one place";
    if (word.empty()) return "the name of the place is empty";
    request.name = word;
    return "";
  };
  if (!read_operands(words, options, destination_help, take_operand, command)) return;
  request.json = options[kOrderJson].given.has_value();
  request.reason = options[kOrderReason].given.value_or("");
  std::string problem = read_times(options, request);
  if (problem.empty()) problem = read_limits(options, request);
  if (problem.empty()) problem = control::destination_request_fault(request);
  if (!problem.empty()) return fail_command(command, words.front(), problem);
  command.kind = SluicectlCommand::Kind::ask;
  command.request = control::encode_destination_request(request);
}

std::string destination_help() { return std::string(kDestinationPage); }

}  // namespace sluice::cli
