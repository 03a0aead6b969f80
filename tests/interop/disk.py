#!/usr/bin/env python3
"""The relay on disks that fail, for real: small file systems that fill up, run out of inodes, turn read-only or refuse
writes.

A ledger here has each message that got 250: it must come to the next hop, once. What fails at the sync of a write,
at each single operation, and when the power goes is left to the simulation (tests/unit/spool): no file system here fails so.
"""

import os
import sys
from contextlib import contextmanager

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import disks
from lib.harness import cases, expect, expect_equal, expect_in, main, test, until
from lib.hop import Hop
from lib.ledger import (
    AGAIN,
    DOWN,
    MIB,
    MODES,
    REFUSED,
    Ledger,
    expect_refused,
    expect_warned,
    make_relay,
    on_disk,
    restart,
    warnings_with,
    until_ready,
)
from lib.mail import RECIPIENT, SENDER

# ------------------------------------------------------------------------------------ no room


@contextmanager
def filled_up(disk):
    path = disk.fill()
    yield
    os.remove(path)


@contextmanager
def without_inodes(disk):
    path = disk.use_up_inodes()
    yield
    for name in os.listdir(path):
        os.remove(os.path.join(path, name))


@contextmanager
def read_only(disk):
    disks.read_only_cover(disk.spool)
    try:
        yield
    finally:
        disks.unmount(disk.spool)


BROKEN = {
    "full": (filled_up, "No space left on device"),
    "no_inodes": (without_inodes, "No space left on device"),
    "read_only": (read_only, "Read-only file system"),
}


@cases(*[(f"{name}, {mode}", name, mode) for name in BROKEN for mode in MODES])
def a_disk_that_takes_no_more_while_mail_comes_in(_name, name, mode):
    broken, why = BROKEN[name]
    with on_disk(mode) as (disk, relay, hop, ledger):
        ledger.send(3)
        with broken(disk):
            ledger.send_until_refused()
            expect_warned(relay, why, REFUSED)
            expect_equal(len(warnings_with(relay, REFUSED)), 1, "how often it was logged")
            expect_in(why, relay.control("status"), "what sluicectl says")
        ledger.until_taken()
        expect_warned(relay, AGAIN)
        ledger.send(3)
        hop.on.clear()
        ledger.expect_delivered()


@cases(*MODES)
def what_is_queued_is_delivered_from_a_full_disk(mode):
    with on_disk(mode) as (disk, relay, hop, ledger):
        ledger.send(3)
        disk.fill()
        ledger.send_until_refused()
        hop.on.clear()
        # Nothing makes room but the relay: what it has delivered.
        ledger.expect_delivered()
        ledger.until_taken(15)
        ledger.expect_delivered()


@cases(*MODES)
def a_disk_that_is_full_of_mail_empties_itself(mode):
    with on_disk(mode) as (_, relay, hop, ledger):
        ledger.send_until_refused()
        hop.on.clear()
        ledger.expect_delivered()
        ledger.until_taken(15)
        expect_warned(relay, AGAIN)
        ledger.expect_delivered()


@test
def a_disk_that_is_full_of_mail_empties_itself_through_kills():
    """With no other space, and without a duplicate that the kills do not explain."""
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send_until_refused(100000)
        disk.fill()
        expect(disk.free_bytes() < disks.BLOCK, "the disk is not full")
        wanted, kills = len(ledger.taken), []
        hop.on.clear()
        for part in (1, 2, 3):
            until(lambda part=part: len(hop.messages) >= wanted * part // 4, "some of the mail is delivered", 20)
            relay.kill()
            kills.append(len(hop.messages))
            restart(relay)
        ledger.expect_delivered(kills=kills)
        ledger.until_taken(15)


@test
def nothing_is_attempted_whose_outcome_cannot_be_recorded():
    """The files that the relay keeps in reserve are gone, and others have their space."""
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send(2, 1000)
        relay.stop()
        for path in disks.segments(disk.spool)[1:]:
            os.remove(path)
        filler = disk.fill()
        hop.on.clear()
        commands = len(hop.commands)
        restart(relay)
        expect_warned(relay, "no delivery attempt starts", "No space left on device")
        shown = relay.control("queue", "list")
        expect_in("no delivery attempt starts", shown, "the last response")
        expect_in("no delivery attempt starts", relay.control("queue", "destinations"), "the destination's last response")
        expect_equal(len(hop.commands), commands, "commands to the next hop")
        os.remove(filler)
        ledger.expect_delivered()
        expect_warned(relay, "delivery attempts start again")


@cases(*MODES)
def a_relay_on_a_full_disk_can_be_stopped_and_started(mode):
    with on_disk(mode) as (disk, relay, hop, ledger):
        ledger.send(3)
        filler = disk.fill()
        ledger.send_until_refused()
        relay.stop()
        hop.on.clear()
        restart(relay)
        ledger.expect_delivered()
        os.remove(filler)
        ledger.until_taken()
        ledger.expect_delivered()


@cases(*MODES)
def a_full_disk_at_the_first_start(mode):
    with disks.small_disk() as disk, Hop() as hop:
        os.mkdir(disk.spool)
        filler = disk.fill()
        said = expect_refused(make_relay(hop, disk.spool, mode, start=False))
        expect_in("No space left on device", said, "what it says")
        expect_in(disk.spool, said, "what it says")
        os.remove(filler)
        with make_relay(hop, disk.spool, mode) as relay:
            until_ready(relay)
            ledger = Ledger(relay, hop)
            ledger.send(1)
            ledger.expect_delivered()


@cases(*MODES)
def a_disk_without_room_for_a_segment_at_start(mode):
    with disks.small_disk() as disk, Hop() as hop:
        filler = disk.fill(but=MIB)
        with make_relay(hop, disk.spool, mode) as relay:
            # From the very first client on: none is let in before this is known.
            ledger = Ledger(relay, hop)
            for _ in range(3):
                expect_equal(ledger.offer(), 452, "MAIL")
            expect_warned(relay, "No space left on device", REFUSED)
            os.remove(filler)
            ledger.until_taken()
            ledger.expect_delivered()


@cases(*MODES)
def less_space_than_is_wanted(mode):
    with on_disk(mode, hop_is_down=False, free_bytes_min=20 * MIB) as (disk, relay, _, ledger):
        ledger.send(2)
        filler = disk.fill(but=10 * MIB)
        expect_warned(relay, "less than spool.free_bytes_min")
        for _ in range(3):
            expect_equal(ledger.offer(), 452, "MAIL")
        os.remove(filler)
        expect_warned(relay, "enough again")
        ledger.send(2)
        ledger.expect_delivered()


@test
def what_can_go_through_without_the_spool_where_that_is_set():
    with on_disk("through", hop_is_down=False, free_bytes_min=20 * MIB, when_full="cut_through") as (disk, relay, hop, ledger):
        disk.fill(but=10 * MIB)
        expect_warned(relay, "less than spool.free_bytes_min")
        ledger.send(2)
        hop.wait(2)
        expect_equal(relay.counter("spool_messages"), 0, "messages in the spool")
        hop.on["RCPT"] = b"451 4.3.0 Not now\r\n"
        with relay.client() as client:
            client.say(f"MAIL FROM:<{SENDER}>", "250")
            client.say(f"RCPT TO:<{RECIPIENT}>", "451")
        hop.on.clear()
        ledger.send(1)
        ledger.expect_delivered()


@cases(*MODES)
def less_space_than_is_wanted_at_the_start(mode):
    with disks.small_disk() as disk, Hop() as hop:
        filler = disk.fill(but=16 * MIB)
        with make_relay(hop, disk.spool, mode, free_bytes_min=20 * MIB) as relay:
            ledger = Ledger(relay, hop)
            expect_equal(ledger.offer(), 452, "MAIL of the first client")
            expect_warned(relay, "less than spool.free_bytes_min")
            os.remove(filler)
            expect_warned(relay, "enough again")
            ledger.until_taken()
            ledger.expect_delivered()


# ------------------------------------------------------------------------------------ errors


@cases(*MODES)
def a_write_that_fails(mode):
    with on_disk(mode, disk=disks.FailingDisk()) as (disk, relay, hop, ledger):
        ledger.send(3)
        room = disk.refuse_writes(disks.segments(disk.spool))
        # The one that was being written cannot be answered for; those after it are refused at once.
        expect(ledger.offer() in (451, 452), "a message was taken that cannot have been written")
        until(lambda: ledger.offer() == 452, "MAIL is refused")
        expect_warned(relay, "cannot write", "the segment is written no more")
        expect_warned(relay, REFUSED)
        expect(relay.counter("spool_writes_failed") >= 1, "no failed write is counted")
        os.remove(room)
        ledger.until_taken()
        hop.on.clear()
        ledger.expect_delivered()


@test
def a_file_system_that_ends_itself():
    """Its own error makes it read-only, for good: the relay stops in order, and starts again once it is repaired."""
    disk = disks.small_disk(options="errors=remount-ro", only_ext4=True)
    with disk, Hop() as hop:
        hop.on["connect"] = DOWN
        relay = make_relay(hop, disk.spool)
        try:
            until_ready(relay)
            ledger = Ledger(relay, hop)
            ledger.send(3)
            disks.fail_file_system(disk)
            until(lambda: ledger.offer() == 452, "mail is refused")
            expect_warned(relay, "Read-only file system")
            relay.stop()
            disks.unmount(disk.place)
            disks.run("e2fsck", "-fy", disk.image, wanted=None)
            expect(disks.mount(disk.place, "-o", "loop", disk.image), "it cannot be mounted again")
            restart(relay)
            hop.on.clear()
            ledger.until_taken()
            ledger.expect_delivered()
            relay.stop()
        finally:
            relay.kill()


if __name__ == "__main__":
    main()
