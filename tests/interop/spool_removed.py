#!/usr/bin/env python3
"""The spool is taken away under a relay that runs: what is answered with 250 is on a disk where the next start finds it, and
what was there before is delivered as long as the relay lives."""

import errno
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import disks, mail
from lib.harness import cases, expect, expect_equal, expect_in, main, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.mailq import SOON, STORE, closed_port, is_empty, keeps, listed, queue_id
from lib.relay import under

SPOOLS = iter(range(100))


def remove(place):
    """All of it, and what the relay, which runs, makes in it meanwhile."""

    def gone():
        try:
            shutil.rmtree(place)
        except FileNotFoundError:
            pass  # what the relay removed itself
        except OSError as fault:
            if fault.errno != errno.ENOTEMPTY:
                raise
        return not os.path.exists(place)

    until(gone, f"{place} is removed")


def waits(relay):
    """A message that the relay keeps; its ID."""
    with relay.client() as client:
        return queue_id(client.submit(mail.compose()))


def attempt(relay):
    """What the relay says to a further message, at the first command that it refuses, or at its end."""
    with relay.client() as client:
        for line in (f"MAIL FROM:<{SENDER}>", "RCPT TO:<b@far.test>", "DATA"):
            said = str(client.say(line))
            if said[0] not in "23":
                return said
        client.send(mail.stuff(mail.compose()))
        return str(client.reply())


def spool_states(relay):
    return [core["spool"] for core in relay.status("status")]


def errors(relay):
    return [line["what"] for line in relay.log("spool") if line["level"] == "error"]


# It went on answering 250 until the next segment was needed, and all of that was lost with the process.
@test
def a_spool_that_is_removed_takes_no_more_mail_and_is_emptied():
    name, port = closed_port()
    place = under(f"spool-{next(SPOOLS)}")
    with keeps(name, route=STORE, queue=SOON, server={"cores": 1}, spool={"directory": place}) as relay:
        kept = [waits(relay) for _ in range(3)]
        remove(place)
        # At once, and not when something has looked: the message itself brings it about.
        expect_equal(attempt(relay)[:1], "4", "the first reply that is no 2xx or 3xx")
        until(lambda: "was removed" in spool_states(relay)[0], f"status tells it: {spool_states(relay)}")
        expect_equal(attempt(relay)[:9], "452 4.3.1", "the reply to MAIL")
        # A look in the midst of the removal takes it for a move, until the next look.
        wrong = f"{place}/00000001.log: was removed while the relay writes to it"
        lines = until(lambda: [line for line in errors(relay) if wrong in line], "the log tells it")
        expect_equal(len(lines), 1, f"lines of the log: {errors(relay)}")
        expect_in("do not stop it before `sluicectl queue list` is empty", lines[0], "the remedy")
        expect_equal({row["id"] for row in listed(relay)}, set(kept), "the queue")
        with Hop(port=port) as hop:
            hop.wait(3)
            is_empty(relay)
        relay.stop()
        expect("are lost" not in " ".join(errors(relay)), f"nothing is lost: {errors(relay)}")


@test
def what_was_only_in_removed_files_is_logged_at_the_end():
    name, _ = closed_port()
    place = under(f"spool-{next(SPOOLS)}")
    with keeps(name, route=STORE, server={"cores": 1}, spool={"directory": place}) as relay:
        waits(relay)
        remove(place)
        until(lambda: "was removed" in spool_states(relay)[0], "an idle relay notices")
        relay.stop()
        expect(any("1 messages that were not delivered are lost" in line for line in errors(relay)), f"{errors(relay)}")


@cases("moved", "unmounted")
def a_spool_that_is_away_takes_mail_again_once_it_is_back(how):
    place, aside = under(f"spool-{next(SPOOLS)}"), under(f"aside-{next(SPOOLS)}")
    name, _ = closed_port()
    if how == "unmounted":
        os.mkdir(aside)
        disks.mount(place, "--bind", aside)
    with keeps(name, route=STORE, server={"cores": 1}, spool={"directory": place}) as relay:
        kept = [waits(relay)]
        if how == "moved":
            os.rename(place, aside)
        else:
            disks.unmount(place, lazy=True)
        until(lambda: all("is not at its path" in state for state in spool_states(relay)), f"status tells it: {spool_states(relay)}")
        expect_equal(attempt(relay)[:9], "452 4.3.1", "the reply to MAIL")
        until(lambda: any("moved, or its file system unmounted" in line for line in errors(relay)), "the log tells it")
        expect_equal([row["id"] for row in listed(relay)], kept, "the queue")
        if how == "moved":
            os.rename(aside, place)
        else:
            disks.mount(place, "--bind", aside)
        until(lambda: spool_states(relay) == ["accepts"], f"it takes mail again: {spool_states(relay)}")
        kept.append(waits(relay))
        relay.stop()
        relay.start()
        expect_equal({row["id"] for row in listed(relay)}, set(kept), "the queue after the next start")
    if how == "unmounted":
        disks.unmount(place)


if __name__ == "__main__":
    main()
