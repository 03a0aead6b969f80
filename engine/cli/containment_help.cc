#include <string>

#include "engine/cli/containment.h"
#include "engine/cli/queue_grammar.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kContainment = R"(NAME
  sluicectl contain, release, suspend-outgoing, hold-outgoing - stop the mail of
  one account, customer or network, and let it go on

SYNOPSIS
  sluicectl contain          NAME | NETWORK [--reason TEXT] [--json]
  sluicectl suspend-outgoing NAME | NETWORK [--reason TEXT] [--json]
  sluicectl hold-outgoing    NAME [--reason TEXT] [--json]
  sluicectl release          NAME | NETWORK [--with-mail] [--json]
  sluicectl contain --list [--time FORM | --json]

DESCRIPTION
  For a password that was stolen, in one command. NAME is an account or a
  customer; where it is both, say which with --account or --customer. NETWORK is
  an address or a network that clients come from.

  contain   No login is accepted any more, whatever its back end and mechanism.
            Passwords and device passwords in the store are worth nothing from
            now on, after release, too: new ones are to be set. Of a customer,
            those of all its accounts. The password of an account that another
            back end has is refused until release; have it changed there.
            What the relay remembers of logins is forgotten, and open sessions
            are ended; a message that is just coming in is refused. Then queued
            mail of it is held for review.
            From a network no session is taken any more, nor after a restart;
            open ones are ended, and queued mail that came from there is held.
            No password is touched.
  suspend-outgoing
            Of this, that no login is accepted, and that sessions end.
  hold-outgoing
            Queued mail of it is held, and so is what it sends from now on:
            taken, and kept for review.
  release   Lift any of these; account and customer are as they were before.
            Held mail waits for `sluicectl review`; with --with-mail, all that
            is held of it goes out, but for mail of what is contained still: of
            a customer's account, say.

  The log has an event of each (containment), with the user who asked; the store
  keeps it with its number. Given again, a command does what is left to be done.
  Nothing else changes the status of an account or a customer meanwhile.
  Client certificates of an account work again after release.

  Without a running relay the store's part is done, and the rest is said. A
  relay on another machine that shares the store notices within a second; there,
  a message that is coming in may still be taken, and queued mail is to be held
  with the same command.

OPTIONS
  --account NAME, --customer NAME, --network NETWORK
                  What the name is. An account that is not in the store, as
                  another back end has it, is named so.
  --reason TEXT   Why; up to 200 printable ASCII characters. A login is told.
  --with-mail     Release held mail, too.
  --list          What is contained now.
  --time FORM     Of --list: since when, as local, iso or epoch; see LISTS in
                  sluicectl --help.
  --json          Print JSON (RFC 8259).
  --config FILE, --control PATH, --store PATH, --timeout S
                  As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  All is done.
  1  It failed, or not all could be done: the relay was not reached, or a
     session still waits for a next hop's answer. Standard error says which;
     give the command again.
  2  The command line was not understood.

EXAMPLES
  A stolen password:
    sluicectl contain user@example.com --reason 'stolen, call 555-0100'
    sluicectl review --account user@example.com
    sluicectl review remove --account user@example.com --subject 'You have won'
    sluicectl account password user@example.com --generate
    sluicectl release user@example.com --with-mail

SEE ALSO
  sluicectl review --help, sluicectl queue --help, sluicectl sessions --help
)";

constexpr std::string_view kReview = R"(NAME
  sluicectl review - decide about mail that is on hold

SYNOPSIS
  sluicectl review [ID | FILTER ...] [--limit N] [--json]
  sluicectl review release | remove  ID | FILTER ... | --all  [--json]
  sluicectl review reject  ID | FILTER ... | --all  [--text TEXT]
                   [--status CODE] [--reason TEXT] [--json]

DESCRIPTION
  Asks the running relay about messages of its queue that are on hold: why, by
  whose order, and what they are about. Of each, some fields of the header and
  the first lines of its text are shown, decoded; what could be taken for
  anything but text by a terminal is escaped.

  (nothing) The messages, and when they expire: on hold they fail like others
            when their time is over, and that is reported.
  release   Undo hold; the messages are tried now.
  reject    Give the messages up, and send each sender a report that says so,
            with TEXT. One in a delivery attempt, which was held too late for
            that, is left out: give the command again.
  remove    Delete the messages. Nobody is told. This cannot be undone.

  Nothing that is not on hold is changed. All that is on hold is only meant if
  --all says so.

FILTERS
  A message must pass all that are given.
  --id, --customer, --sender, --recipient, --destination
                  As in sluicectl queue --help.
  --account ACCOUNT
                  Sent by a login of this account.
  --client ADDRESS|NETWORK
                  Came from there.
  --subject TEXT  TEXT is a part of its subject, without regard to case.
  --like ID       Has the text of that message, but for words that vary in it.

OPTIONS
  --all           Everything that is on hold, in place of ID and filters.
  --limit N       Show N at most, from 1 to 10000. Default: 100, and with --json
                  all there are.
  --reason TEXT   What the sender is told; up to 200 printable ASCII characters.
  --text TEXT, --status CODE
                  As of queue reject, in sluicectl queue --help.
  --json          Print JSON (RFC 8259).
  --config FILE, --control PATH, --timeout S
                  As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done; also if no message passed the filters.
  1  It failed, or no such message is on hold; the reason is on standard error.
  2  The command line was not understood.

EXAMPLES
  What a stolen account has left, and away with it:
    sluicectl review --account user@example.com
    sluicectl review reject --account user@example.com --reason 'not yours'

  The same text from many accounts:
    sluicectl queue hold --like 0DKGR2N4T0400 --reason 'spam'
    sluicectl review remove --like 0DKGR2N4T0400

SEE ALSO
  sluicectl contain --help, sluicectl queue --help
)";

}  // namespace

std::string containment_help() { return std::string(kContainment); }
std::string review_help() { return std::string(kReview); }

}  // namespace sluice::cli
