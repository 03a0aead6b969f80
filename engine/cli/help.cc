#include "engine/cli/help.h"

#include "engine/base/version.h"
#include "engine/cli/account_grammar.h"
#include "engine/cli/command_line.h"
#include "engine/cli/view_options.h"
#include "engine/io/library_version.h"
#include "engine/text/figures.h"
#include "engine/tls/library_version.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kSluice = R"(NAME
  sluice - relay for outgoing mail

SYNOPSIS
  sluice serve [--config FILE]
  sluice check [--config FILE]
  sluice example
  sluice keys [--json]
  sluice events [--json]
  sluice certificate --out DIRECTORY [--config FILE] NAME ...
  sluice --help | --version

DESCRIPTION
  Sluice takes mail from customers who have logged in, lets each send only as
  the domains that are theirs, and passes it on to the next hop while it is
  still coming in. What it has answered 250 to, the next hop has taken, or it is
  in the spool and is delivered from there, or reported to its sender.

  serve     Runs the relay until it is stopped. It stays in the foreground
            and writes its log where the configuration says, by default to
            standard error. Started as root, it opens its ports and then becomes
            the configured user for good.
  check     Looks at all that serve needs: the configuration, the files and
            directories that it names, as server.user will see them, every
            certificate, the accounts' file and the customers that routes name,
            the spool and the space that it has, and the ports: one that another
            process holds is wrong, but not one of the relay that runs already.
            Changes nothing. Tells all that is wrong, one thing on a line; in
            the configuration's text as
            FILE:LINE:COLUMN: KEY: what is wrong; allowed: what may be there
  example   Prints a configuration that shows every key with its default.
  keys      Prints every key of the configuration, those within lists too, with
            what it is for, its default, what a number may be, and whether a
            change needs a restart. sluice.toml(5) is made of it.
  events    Prints what the log can say: every event, when it happens, and its
            keys with their types and what they mean.
  certificate
            Makes a self-signed certificate for host names and addresses, for
            trying things out: fullchain.pem and privkey.pem in DIRECTORY, where
            neither may be yet. Made by root, the key is server.user's.

OPTIONS
  --config FILE   The configuration. Default: /etc/sluice/sluice.toml
  --out DIRECTORY Where a certificate goes.
  --json          Print JSON (RFC 8259) instead of text.
  -h, --help      Print this page.
  --version       Print the version, and those of the libraries in the program.

SERVICE MANAGER
  Where NOTIFY_SOCKET is set (Type=notify of systemd), serve reports READY when
  all ports are open and every core runs, RELOADING and READY around a reload,
  STOPPING when it drains, and its state as STATUS. Where WATCHDOG_USEC is set,
  it reports WATCHDOG four times in that time, for as long as every core's loop
  makes turns.

SIGNALS
  SIGTERM, SIGINT  Take no new sessions, let open ones finish what they are at
                   for up to server.drain_s seconds, then end. Until then
                   sluicectl can ask what is waited for.
  SIGHUP           Read the configuration again and open the log file anew. If
                   anything in it is wrong, or needs a restart, the old one
                   stays and the log, which is opened anew all the same, says
                   why. Sessions that are open go on under the rules that they
                   began with.
  SIGUSR1          Open the log file anew, and nothing else. A log file that was
                   renamed or removed is noticed without it, too.

FILES
  /etc/sluice/sluice.toml      The configuration.
  /etc/sluice/tls/HOST/        fullchain.pem and privkey.pem of each host name;
                               read again by themselves when they change.
  /var/lib/sluice/accounts.db  Customers, domains and accounts; see sluicectl.
  /var/lib/sluice/spool/       Mail still to be delivered; see sluicectl.
  /run/sluice/control.sock     What sluicectl talks to.
  All but the first can be moved by the configuration.

EXIT STATUS
  0  What was asked for is done; serve: stopped, and everything had ended.
  1  It failed; the reason is on standard error or, once serve runs, in the log.
     check: something is wrong.
  2  The command line was not understood.

EXAMPLES
  Begin:
    sluice example > /etc/sluice/sluice.toml
    editor /etc/sluice/sluice.toml       # say where mail goes on to
    sluicectl customer add 'Example Ltd'
    sluicectl domain add example.com --customer 'Example Ltd'
    sluicectl account add user@example.com --customer 'Example Ltd' --generate
    sluice check && sluice serve

  Try a change before it is brought into force:
    sluice check --config ./new.toml

  What a key of the log means:
    sluice events | less

SEE ALSO
  sluicectl --help
)";

constexpr std::string_view kSluicectlHead = R"(NAME
  sluicectl - look after a running sluice, its queue and its accounts

SYNOPSIS
  sluicectl [OPTIONS] status | pools | counters [--cores] [--watch [S]] [--json]
  sluicectl [OPTIONS] reload | drain
  sluicectl [OPTIONS] sessions [list | end] ...
  sluicectl [OPTIONS] queue | review COMMAND ...
  sluicectl [OPTIONS] contain | release | suspend-outgoing | hold-outgoing NAME
  sluicectl [OPTIONS] destination [list | suspend | limit | resume] ...
  sluicectl [OPTIONS] route test ADDRESS ...
  sluicectl [OPTIONS] shield list | release
  sluicectl [OPTIONS] usage
  sluicectl [OPTIONS] noticed [release] ACCOUNT
  sluicectl [OPTIONS] explain ID [--log FILE]
  sluicectl [OPTIONS] trace [ID] [CONDITION ...]
  sluicectl [OPTIONS] notify test
  sluicectl [OPTIONS] policy replay | test
  sluicectl [OPTIONS] spool dump | check
  sluicectl [OPTIONS] host list | check
  sluicectl [OPTIONS] customer | domain | account COMMAND ...
  sluicectl [OPTIONS] store copy
  sluicectl --help | --version

DESCRIPTION
  All down to notify ask the running relay, through its control socket; contain and
  the like change the accounts before. trace, policy, spool and host read the trace,
  the log, the spool and the certificates from the disk, explain the log where the relay knows
  no more, and the last two edit the accounts'
  file or database, whether a relay runs or not; a running one notices within a
  second.

  status    How the relay is: sessions, messages, the queue, whether the spool
            accepts mail.
  pools     The connections to each next hop, and its last error; --by destination,
            host or reason.
  counters  What was counted since the start.
  reload    Read the configuration again, as SIGHUP does, and open the log anew;
            tells what is wrong, and whether the old configuration stays. Warns
            of certificates that cannot be shown or have expired.
  drain     Stop, as SIGTERM does: no new sessions, open ones may finish. Until
            the last has ended, all of this goes on working but for reload and
            queue flush: what is waited for is in sessions and queue list, and
            what is held, released or removed is so after the next start.

  sessions [list] | end
            The open sessions: account, address, and what each is waiting for; end
            those of an account, a customer or an address.
  queue list | show | destinations
            What is waiting to be delivered, to where, and why it waits.
  queue flush | hold | release | reject | bounce | remove
            Try messages now, or no more for a while, or again; give them up with
            a report to their sender (reject and bounce are one), or delete them.
  review [list] | release | reject | remove
            What is on hold, why, and how it begins; decide about it.
  destination [list] | suspend | limit | resume
            Have mail for a destination, a domain or a next hop wait, or go slowly,
            for a time.
  route test
            Which way mail for an address goes, and why; with --connect, tried to
            just before its text, with every word that is said.
  contain | release
            A stolen password, a customer or a network: no login, no session, no
            queued mail goes on; lift that.
  suspend-outgoing | hold-outgoing
            Steps of it.
  shield list | release
            Which addresses, networks and accounts have failed logins enough to be
            refused or slowed; forget these failures.
  usage     What accounts and customers have used of their limits, and what is left.
  noticed   What was noticed of an account that sends as spammers do; lift it.
  explain   Why a message or command was refused, held, slowed, delayed or returned, by
            its id: the rule or the next hop's words, and what would change it.
  trace     What happened to messages, by id, Message-ID, account, customer, sender,
            recipient, next hop, client, verdict, time or words of a reply; how many,
            by any of these.
  notify test
            Send a test to each webhook, to the operators and to syslog, and print
            what came of it.
  policy replay | test
            Whom the limits and the noticing of a configuration would have touched in
            recorded mail; what they do with one message.
  spool check | dump
            Whether the spool on the disk is sound, and what is in it. For root and
            for the user that the relay runs as.
  host list | check
            The certificates of the host names by which clients reach the relay:
            issuers, days left, and what does not fit.

)";

constexpr std::string_view kSluicectlTail = R"(
OPTIONS
  They may stand anywhere on the line.
  --json          Print JSON (RFC 8259) instead of text, where data is shown.
  --config FILE   The relay's configuration, which says where its control socket,
                  its spool and its accounts are.
                  Default: /etc/sluice/sluice.toml
  --control PATH  The control socket, whatever the configuration says.
  --store PATH    The accounts' file, whatever the configuration says.
  --timeout S     Seconds to wait for the relay at each step. Default: $(timeout),
                  $(queue timeout) behind queue, $(notify timeout) behind notify and route.
  -h, --help      Print this page; behind queue, review, destination, route,
                  contain, release, sessions, shield, usage, noticed, explain,
                  trace, notify, policy, spool, host, customer, domain, account or
                  store, and after each of their commands, more about that.
  --version       Print the version.

LISTS
  Options of status, pools, counters, queue list, queue destinations, sessions,
  shield list and usage, each as far as it means something there.
$(view options)

FILES
  /etc/sluice/sluice.toml      The configuration.
  /var/lib/sluice/accounts.db  Customers, domains and accounts.
  /var/lib/sluice/spool/       Mail that is still to be delivered.
                               Root works on these two as their owner.
  /run/sluice/control.sock     The control socket, for its owner and group.

EXIT STATUS
  0  What was asked for is done.
  1  It failed; the reason and what to do are on standard error.
  2  The command line was not understood.

EXAMPLES
  All clients, and what keeps a connection waiting:
    sluicectl sessions

  How it goes, again every five seconds:
    sluicectl status --watch 5

  Messages taken so far, for a script:
    sluicectl counters --json

  Bring a new configuration into force:
    sluice check && sluicectl reload

  A stolen password:
    sluicectl contain user@example.com --reason 'stolen, call 555-0100'
    sluicectl review --account user@example.com

SEE ALSO
  sluicectl queue --help, sluicectl spool --help, sluice --help
)";

}  // namespace

std::string sluice_version() {
  return "sluice " + std::string(kProgramVersion) + "\nwith wolfSSL " + tls::tls_library_version() + " and liburing " +
         io::uring_library_version() + ", linked statically\n";
}

std::string sluice_help() { return std::string(kSluice); }

std::string sluicectl_help() {
  return std::string(kSluicectlHead) + account_commands_overview() +
         text::with_figures(kSluicectlTail, {{"timeout", std::to_string(kTimeoutS)},
                                             {"queue timeout", std::to_string(kQueueTimeoutS)},
                                             {"notify timeout", std::to_string(kNotifyTimeoutS)},
                                             {"view options", std::string(kViewOptionsHelp)}});
}

}  // namespace sluice::cli
