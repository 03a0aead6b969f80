#include <string>

#include "engine/cli/queue_grammar.h"
#include "engine/cli/view_options.h"
#include "engine/text/figures.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kQueue = R"(NAME
  sluicectl queue - look after the mail that is waiting to be delivered

SYNOPSIS
  sluicectl queue list [FILTER ...] [--limit N] [--sort KEY] [--top N]
                  [--by KEY] [--watch [S]] [--time FORM] [--json]
  sluicectl queue show ID [--json]
  sluicectl queue show ID --message --reason TEXT [--json]
  sluicectl queue flush | release | remove  ID | FILTER ... | --all [--json]
  sluicectl queue hold  ID | FILTER ... | --all [--reason TEXT] [--json]
  sluicectl queue reject | bounce  ID | FILTER ... | --all [--text TEXT]
                  [--status CODE] [--reason TEXT] [--json]
  sluicectl queue review [ID | FILTER ...] [--limit N] [--json]
  sluicectl queue destinations [--destination DESTINATION] [--limit N]
                  [--sort KEY] [--top N] [--by KEY] [--cores] [--watch [S]]
                  [--json]

DESCRIPTION
  Asks the running relay, through its control socket, about messages that it
  has taken over and not yet delivered to all recipients. A message has an ID,
  which the log tells, too, and the client was given with its 250 where the
  message was kept.

  list      The messages, one on a line, those that are tried next first: ID,
            age, size, sender, recipients that are left, when it is tried next,
            and the last response on those that are left: why it is still here.
            All there are; more than 10000 come in no order without --sort.
            --by customer, account, destination (a message for several counts
            at each) or reason counts messages, recipients and bytes, and shows
            the age of the oldest.
  show      All about one message: each recipient with the last word on it, and
            the tries. With --message the message itself, its header and text,
            each line escaped as in the log; the log gets who has read it, and
            TEXT, as event message_shown. Not on a support desk's socket
            (server.support_control).
  flush     Try messages now, and leave no destination of theirs alone any
            longer. Those on hold stay there. Refused while the relay is being
            stopped: no delivery attempt starts any more; the others work.
  hold      Try messages no more, until they are released. Their time goes on:
            what is still on hold when it is over fails, and is reported. TEXT
            and who has ordered it stay with the message, and are shown.
  release   Undo hold; the messages are tried now.
  remove    Delete messages, for all recipients that are left. Nobody is told:
            no report goes to the sender. This cannot be undone. What is being
            transmitted at this moment may still arrive.
  reject    Give messages up now, and send each sender a report (RFC 3464) that
            says so, with TEXT: for all recipients that are left or, with
            --destination, for those alone that wait for that destination; the
            others of the message go on. What is being transmitted there at this
            moment is left alone, and not counted.
  bounce    Another name of reject.
  review    What is on hold, with the beginning of its text: see
            sluicectl review --help.
  destinations
            Where messages wait for, one on a line: how many, how many are being
            transmitted, how long it is left alone yet, and what it said last,
            to mail of the queue or to mail that was passed on at once. --by
            destination or reason.
            The name (DSN to send) is no place: messages are listed there that
            have a report to their sender to send, whatever else they wait for.

  flush, hold, release, reject and remove tell how many messages they were
  about. All of the queue is only meant if --all says so.

FILTERS
  A message must pass all that are given.
  --id ID         The message with this ID; the same as ID alone.
  --customer NAME Sent by a customer of this name.
  --sender ADDRESS
                  Its envelope sender: "user@example.com", "@example.com" for
                  everybody in that domain, "<>" for reports, which have none.
  --recipient ADDRESS
                  One of its recipients that are left: "user@example.com",
                  "@example.com", or "postmaster". The message as a whole is
                  meant then, with its other recipients.
  --destination DESTINATION
                  Bound for there, as `queue destinations` writes it: the name
                  of a route or, where that has mx = true, ROUTE/DOMAIN.
  --account ACCOUNT
                  Sent by a login of this account. Reports have none.
  --client ADDRESS|NETWORK
                  Came from this address or network.
  --subject TEXT  TEXT is a part of its Subject field, decoded, in any case.
                  Each message is read for that, as the spool's records do not
                  have it: of a long queue this takes a while.
  --like ID       Has the text of the message with this ID, but for words that
                  vary in it: names, numbers, links. That message is meant, too.
                  Each message is read for that, as for --subject.

OPTIONS
  --all           Every message there is, in place of ID and filters.
  --held          Only what is on hold.
  --message       Of show: what is in the message. Needs --reason.
  --reason TEXT   Of hold, reject and show --message: why, up to 200 printable
                  ASCII characters. The senders of what is rejected are told,
                  unless --text says something else; then it is for the log
                  alone.
  --text TEXT     Of reject: what the senders are told, behind "Rejected by the
                  administrator: ". Up to 400 bytes of UTF-8.
  --status CODE   Of reject: the status code in the reports (RFC 3463), 5.X.Y.
                  Default: 5.7.1, not authorized. Others that fit: 5.1.2, no
                  such domain; 5.4.0, a fault of the network or the route;
                  5.6.0, of the message.
  --limit N       Look for N at most, from 1 to 10000, whichever they are; of
                  review 100 without it or --json. What is cut says so, on
                  standard error.
$(view options)
  --json          Print JSON (RFC 8259).
  --config FILE, --control PATH, --timeout S
                  As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done; also if no message passed the filters.
  1  It failed, or the answer was cut off, or there is no message of this ID or
     no customer of this name; the reason is on standard error. Also if messages
     were to be changed by a --destination that is no route's name and for which
     none waits: it is mistyped, or all for ROUTE/DOMAIN is delivered. What only
     shows them says so on standard error, and is 0.
  2  The command line was not understood.

EXAMPLES
  What waits for one domain, and why:
    sluicectl queue list --recipient @example.com
    sluicectl queue destinations

  The partner's server is up again:
    sluicectl queue flush --destination partner

  A stolen password was used to send; keep what is left, look, delete it:
    sluicectl queue hold --account user@example.com --reason 'stolen'
    sluicectl review --account user@example.com --limit 10
    sluicectl review remove --account user@example.com

  Who has most mail waiting, and the largest messages:
    sluicectl queue list --by customer --top 10
    sluicectl queue list --sort bytes --top 10

  Mail for a domain that is gone need not wait for days to come back:
    sluicectl queue bounce --destination mx/gone.example --status 5.1.2
        --text 'gone.example does not exist any more'

  IDs of all reports that are stuck, for a script:
    sluicectl queue list --sender '<>' --json

SEE ALSO
  sluicectl --help, sluicectl spool --help
)";

constexpr std::string_view kSpool = R"(NAME
  sluicectl spool - read the spool from the disk, without the relay

SYNOPSIS
  sluicectl spool check [--directory DIR] [--json]
  sluicectl spool dump [--directory DIR] [--json]

DESCRIPTION
  The spool is where messages are kept that are still to be delivered: files
  of records, some for each core. These commands only read it. Beside a running
  relay they see what it has written so far; the end of what is being written
  at that moment may then be shown as torn.

  check     Reads every record and checks its sums, tells what is wrong and
            where, and counts the messages that are complete and those that are
            still to be delivered.
  dump      Prints every record: where it is, of which kind, of which message,
            and what it says. The text of messages is left out.

OPTIONS
  --directory DIR The spool. Default: spool.directory of the configuration.
  --json          Print JSON (RFC 8259), one value for each line.
  --config FILE   The configuration. Default: /etc/sluice/sluice.toml
  -h, --help      Print this page.

EXIT STATUS
  0  It was read; with check: and nothing is wrong in it.
  1  It could not be read, or check has found something; it is on standard
     error or among what was printed.
  2  The command line was not understood.

EXAMPLES
  Before a copy of a spool is put to use:
    sluicectl spool check --directory /mnt/old/sluice/spool

  What became of one message:
    sluicectl spool dump | grep 1QZ3K5M7N9P0R2S4

SEE ALSO
  sluicectl --help, sluicectl queue --help
)";

constexpr std::string_view kShield = R"(NAME
  sluicectl shield - see and lift what the shield against guessing does

SYNOPSIS
  sluicectl shield list [--sort KEY] [--top N] [--watch [S]] [--json]
  sluicectl shield release ADDRESS | NETWORK | ACCOUNT | --all [--json]

DESCRIPTION
  The running relay counts failed logins for each client address, network and
  account, and overall, as the section [shield] of its configuration says.
  Logins from an address or a network that has reached its limit are refused
  with 454; those at an account that has, or while all together have, wait
  before their password is checked.

  list      What is refused and slowed at this moment, one on a line: what it
            is, how many failures there were within the window, and in how many
            seconds it is free again if nothing else fails.
  release   Forget the failures of an address; of a network, with all networks
            and addresses in it; of an account; of everything. Tells how many
            entries went: 0 if nothing was known of it. An address stays refused
            while its network is.

OPTIONS
  --all           Everything there is, in place of an operand.
$(view options)
  --json          Print JSON (RFC 8259).
  --config FILE, --control PATH, --timeout S
                  As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done.
  1  It failed; the reason is on standard error.
  2  The command line was not understood.

EXAMPLES
  An office whose copier has had many wrong passwords:
    sluicectl shield release 192.0.2.17

SEE ALSO
  sluicectl --help
)";

constexpr std::string_view kHost = R"(NAME
  sluicectl host - look at the certificates that clients are shown

SYNOPSIS
  sluicectl host list [NAME] [--time FORM] [--json]
  sluicectl host check [NAME] [--days N] [--json]

DESCRIPTION
  Reads the files in the directory that the configuration names in
  tls.certificates, whether a relay runs or not, as the user that the relay runs
  as where root asks. A host is a folder:

    HOST/fullchain.pem and HOST/privkey.pem
    HOST/fullchain.ecdsa.pem and HOST/privkey.ecdsa.pem
    HOST/fullchain.rsa.pem and HOST/privkey.rsa.pem
    HOST/policy_url

  One pair is enough. Of several each client gets the one with a kind of key
  that it takes, ECDSA before RSA; what kind it is, the certificate says. The
  folder of a wildcard is _.example.com. policy_url names the page that refusals
  and HELP mention on connections to this host, in place of server.policy_url.

  list      Every pair, one on a line: its kind of key, who issued it, until
            when it is good, in days too, and how much is wrong with it.
  check     What is wrong, one on a line: a key that does not fit its
            certificate, as in the midst of a renewal; a certificate that has
            expired or soon will, or that is for other names than the folder's; a
            chain that is not complete; files that the relay cannot read, or that
            others can read or change; two pairs with the same kind of key; a
            policy_url that is none; a folder that is no host name.

  The relay goes on showing the last pair that fitted until both files of the new
  one fit. It looks at a host's files when a client asks for the name, at most
  once a second, so that a renewal needs no restart and no reload.

OPTIONS
  --days N        What expires within so many days is wrong. Default: 14
  --directory DIR
                  The directory, whatever the configuration says.
  --time FORM     Of a list: the moment at which a certificate ends, as local, iso
                  (RFC 3339, in UTC) or epoch (seconds since 1970). Without it the
                  day, in UTC.
  --json          Print JSON (RFC 8259).
  --config FILE   As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done; with check, nothing is wrong.
  1  It failed, or something is wrong.
  2  The command line was not understood.

EXAMPLES
  For a monitoring system, once a day:
    sluicectl host check --days 20

SEE ALSO
  sluicectl --help
)";

constexpr std::string_view kSessions = R"(NAME
  sluicectl sessions - see and end the sessions of clients

SYNOPSIS
  sluicectl sessions [list] [FILTER ...] [--limit N] [--sort KEY] [--top N]
                  [--by KEY] [--watch [S]] [--json]
  sluicectl sessions end FILTER ... [--json]

DESCRIPTION
  Asks the running relay about the sessions that are open at this moment.

  list      The sessions, one on a line: core, client, listener, customer,
            account, for how long, messages that it has sent, and what it is
            waiting for. --by customer, account, host (that of the client) or
            reason (what is waited for) counts sessions, and sums what they
            sent.
  end       End sessions, with 421: at once where the client is between two
            commands, and after the message whose content is on its way. Tells
            how many there were, on how many cores. Nobody is kept from logging
            in again: that is what sluicectl account suspend and customer
            suspend do, which end the sessions, too.

FILTERS
  A session must pass all that are given.
  --account ACCOUNT
                  Logged in as this account, such as user@example.com.
  --customer NAME Logged in with an account of this customer.
  --address ADDRESS | NETWORK
                  From this address or network, such as 192.0.2.0/24, logged in
                  or not.

OPTIONS
  --limit N       Show N at most, from 1 to 1000000, whichever they are. What is
                  cut says so, on standard error.
$(view options)
  --json          Print JSON (RFC 8259).
  --config FILE, --control PATH, --timeout S
                  As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done; also if no session passed the filters.
  1  It failed; the reason is on standard error.
  2  The command line was not understood.

EXAMPLES
  A host in an office floods; it may come back:
    sluicectl sessions end --address 192.0.2.17

SEE ALSO
  sluicectl --help, sluicectl account --help
)";

std::string with_view_options(std::string_view page) {
  return text::with_figures(page, {{"view options", std::string(kViewOptionsHelp)}});
}

}  // namespace

std::string queue_help() { return with_view_options(kQueue); }

std::string spool_help() { return std::string(kSpool); }

std::string shield_help() { return with_view_options(kShield); }

std::string host_help() { return std::string(kHost); }

std::string sessions_help() { return with_view_options(kSessions); }

}  // namespace sluice::cli
