#include "engine/cli/route.h"

#include <array>

#include "engine/cli/operands.h"
#include "engine/control/route_request.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kRoutePage = R"(NAME
  sluicectl route - see which way mail for an address goes, and try it

SYNOPSIS
  sluicectl route test ADDRESS [--from ADDRESS] [--customer NAME] [--connect]
                  [--json]

DESCRIPTION
  Asks the running relay what it would do with a message for ADDRESS: which
  route it takes, and by which entry of the configuration; the destination that
  it would wait for, and the operator's order about it, if any; when it is
  passed on; which hosts are asked, with their preference and addresses, and
  from which address this machine would; and what the route says about TLS.

  With --connect hosts are tried as well, in their order, until one takes the
  recipient, three at most: a connection, EHLO, STARTTLS, the login where the
  route has one, MAIL and RCPT, then RSET and QUIT. No message is ever sent.
  Each command (>) and reply (<) is printed; of a login only that there was one.
  Behind a failure stands what may help. Hosts that the operator has suspended
  are not tried. A reply is waited for for 20 seconds, a connection for 10, or
  for as long as the route's reply_s and connect_s, where those are less.

OPTIONS
  --from ADDRESS  The envelope sender; "<>" for that of a report. Default:
                  postmaster at server.hostname.
  --customer NAME As if an account of this customer sent it.
  --connect       Try it.
  --json          Print JSON (RFC 8259).
  --config FILE, --control PATH, --timeout S
                  As in sluicectl --help. Default of S: 300
  -h, --help      Print this page.

EXIT STATUS
  0  It was found out; also if no host took the recipient.
  1  It failed, or there is no such customer; the reason is on standard error.
  2  The command line was not understood.

EXAMPLES
  Is it us or them?
    sluicectl route test user@example.com --from me@example.net --connect

SEE ALSO
  sluicectl queue --help, sluicectl destination --help
)";

enum RouteOption : std::uint8_t { kRouteFrom, kRouteCustomer, kRouteConnect, kRouteJson };

}  // namespace

void parse_route_command(const text::Words& words, SluicectlCommand& command) {
  std::array<text::Option, 4> options{text::Option{"--from", "ADDRESS"}, text::Option{"--customer", "NAME"},
                                      text::Option{"--connect", ""}, text::Option{"--json", ""}};
  control::RouteRequest request;
  bool tests = false;
  const auto take_operand = [&](std::string_view word) -> std::string {
    if (!std::exchange(tests, true)) return word == "test" ? "" : "knows one command: test";
    if (!request.to.empty()) return "test takes one address";
    request.to = word;
    return "";
  };
  if (!read_operands(words, options, route_help, take_operand, command)) return;
  for (const auto& [option, value] :
       {std::pair(kRouteFrom, &request.from), std::pair(kRouteCustomer, &request.customer)}) {
    if (!options[option].given) continue;
    // Else an empty variable of a script would stand for the default.
    if (options[option].given->empty())
      return fail_command(command, words.front(), std::string(options[option].name) + " needs a value");
    *value = *options[option].given;
  }
  request.connect = options[kRouteConnect].given.has_value();
  request.json = options[kRouteJson].given.has_value();
  if (const std::string problem = control::route_request_fault(request); !problem.empty())
    return fail_command(command, words.front(), problem);
  command.kind = SluicectlCommand::Kind::ask;
  command.request = control::encode_route_request(request);
}

std::string route_help() { return std::string(kRoutePage); }

}  // namespace sluice::cli
