#include "engine/cli/explain.h"

#include <array>
#include <utility>

#include "engine/cli/operands.h"
#include "engine/control/explain_request.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kExplainPage = R"(NAME
  sluicectl explain - see why something was refused, held or slowed

SYNOPSIS
  sluicectl explain ID [--json]

DESCRIPTION
  Asks the running relay, through its control socket, what it decided under an id:
  the one at the end of a refusal ("id 0SB..."), of a message, or of an event
  account_noticed. For each decision it shows

  reply       What the client was answered.
  rule        The rule that decided, and the setting that it comes from.
  figures     What the rule looked at: of a limit what is used of it, of an account
              that was noticed each reason with its figures and points.
  would pass  What would have let it pass, or what lifts it.

  and account, customer, addresses and the step of the ladder, where there are any.

  The relay keeps the last decisions, some 30,000, in memory; older ones and those
  of before its start are in the log, by the same id.

OPTIONS
  --json          Print JSON (RFC 8259): all keys of each event, and rule, figures
                  and remedy.
  --config FILE, --control PATH, --timeout S
                  As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done; also if nothing is known of the id.
  1  It failed; the reason is on standard error.
  2  The command line was not understood.

EXAMPLES
  A customer reads a refusal on the telephone:
    sluicectl explain 0SB6DNQ2W0004

SEE ALSO
  sluicectl usage --help, sluicectl contain --help, sluicectl --help
)";

}  // namespace

void parse_explain_command(const text::Words& words, SluicectlCommand& command) {
  std::array<text::Option, 1> options{text::Option{"--json", ""}};
  control::ExplainRequest request;
  const auto take_id = [&request](std::string_view word) -> std::string {
    if (!request.id.empty()) return "takes one id";
    request.id = word;
    return "";
  };
  if (!read_operands(words, options, explain_help, take_id, command)) return;
  request.json = options[0].given.has_value();
  if (const std::string problem = control::explain_request_fault(request); !problem.empty())
    return fail_command(command, words.front(), problem);
  command.kind = SluicectlCommand::Kind::ask;
  command.request = control::encode_explain_request(request);
}

std::string explain_help() { return std::string(kExplainPage); }

}  // namespace sluice::cli
