#include "engine/cli/explain.h"

#include <array>
#include <utility>

#include "engine/cli/operands.h"
#include "engine/control/explain_request.h"
#include "engine/message/queue_id.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kExplainPage = R"(NAME
  sluicectl explain - see why something was refused, held, slowed, delayed or returned

SYNOPSIS
  sluicectl explain ID [--log FILE] [--time FORM] [--json]

DESCRIPTION
  Says in plain words what became of an id: the one at the end of a refusal
  ("id 0SB..."), of a message, or of an event account_noticed. It is looked for in
  the trace (trace.directory). For each recipient, or those of which the same is to
  be said, that shows

  state         Where the message is: taken by which host with which answer, or
                waiting since when, refused, given up, removed; what the next hop
                said, how often, and when the next try is.
  would change  What would change that.

  and when a DSN went to the sender. For what was refused, held or slowed, it shows

  reply       What the client was answered.
  rule        The rule that decided, and the setting that it comes from.
  figures     What the rule looked at: of a limit what is used of it, of an account
              that was noticed each reason with its figures and points.
  would pass  What would have let it pass, or what lifts it.

  and account, customer, addresses and the step of the ladder, where there are any.

  Without a trace, or where that does not know the id, the relay is asked through its
  control socket: it keeps its last decisions, some 30,000, in memory. Where it does
  not know the id, or does not answer, its log is read: log.file of the configuration, and
  beside it FILE.1, as logrotate leaves it with delaycompress; of each the last GiB,
  and of one id the first 1000 decisions. A line on standard error says so. Where
  the log goes to standard error, a line says how to get it from the journal.

OPTIONS
  --log FILE      Read this log, in either of its formats, and ask no relay. "-" is
                  standard input: of that the first GiB.
  --time FORM     Of moments: iso, which is the default (RFC 3339, in UTC, as the
                  log has them), local or epoch (seconds since 1970).
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
  A week later:
    zcat /var/log/sluice/sluice.log.7.gz | sluicectl explain 0SB6DNQ2W0004 --log -

SEE ALSO
  sluicectl usage --help, sluicectl contain --help, sluicectl --help
)";

}  // namespace

void parse_explain_command(const text::Words& words, SluicectlCommand& command) {
  std::array<text::Option, 3> options{text::Option{"--json", ""}, text::Option{"--log", "FILE"},
                                      text::Option{"--time", "FORM"}};
  control::ExplainRequest request;
  const auto take_id = [&request](std::string_view word) -> std::string {
    if (!request.id.empty()) return "takes one id";
    // As it is typed while it is read out on the telephone: in small letters.
    const auto id = message::parse_queue_id(word);
    request.id = id ? message::queue_id_text(*id) : std::string(word);
    return "";
  };
  if (!read_operands(words, options, explain_help, take_id, command)) return;
  request.json = options[0].given.has_value();
  if (const std::string problem = control::explain_request_fault(request); !problem.empty())
    return fail_command(command, words.front(), problem);
  if (options[1].given && options[1].given->empty()) return fail_command(command, words.front(), "--log is empty");
  ExplainCommand explain{.json = request.json, .id = request.id, .log = std::string(options[1].given.value_or(""))};
  if (options[2].given) {
    if (const std::string problem = read_text_time(*options[2].given, explain.json, explain.time); !problem.empty())
      return fail_command(command, words.front(), problem);
  }
  command.kind = SluicectlCommand::Kind::explain;
  command.explain = std::move(explain);
}

std::string explain_help() { return std::string(kExplainPage); }

}  // namespace sluice::cli
