#!/usr/bin/env python3
"""The relay on disks that fail, for real: small file systems that fill up, run out of inodes, turn read-only or refuse
writes, and spools that somebody has had his hands in.

A ledger here knows each message that got 250: it must come to the next hop, once. What fails at the sync of a write,
at each single operation, and when the power goes is left to the simulation (tests/unit/spool): no file system here fails so.
"""

import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import disks, mail
from lib.harness import PATIENCE, Failed, cases, expect, expect_equal, expect_in, main, test, until
from lib.hop import Hop
from lib.mail import RECIPIENT, SENDER, stuff
from lib.relay import SLUICE, Relay

MODES = ("store", "through")
DOWN = b"421 4.3.2 Not now\r\n"
LARGE = 400000
MANY = 400  # more large messages than any disk here can keep
REFUSED = "no mail is accepted that would need the spool"
AGAIN = "the spool takes mail again"
MIB = 1 << 20
# A segment's header: two copies in its first block, each with its checksum behind.
HEADS_AT = (0, 2048)
HEAD_BYTES = 32


def make_relay(hop, directory, mode="store", start=True, **spool):
    return Relay(
        hop, start=start, server={"cores": 1}, spool={"directory": directory, **spool},
        route={"mode": mode, "fallback": True},
        queue={"retry_s": [1], "jitter_percent": 0, "suspend_first_s": 1, "suspend_max_s": 1},
    )  # fmt: skip


class Ledger:
    """Sends numbered messages, and knows what became of each."""

    def __init__(self, relay, hop):
        self.relay, self.hop = relay, hop
        self.offered, self.taken, self.late = 0, {}, []

    def offer(self, octets=LARGE):
        """One message in a session of its own.  Returns the code that decided; 452 at MAIL, or 250 at its end."""
        self.offered += 1
        line = f"message {self.offered} ".ljust(76, "-").encode() + b"\r\n"
        message = mail.compose(line * (octets // len(line)), header=[f"X-Ledger: {self.offered}."])
        with self.relay.client() as client:
            answer = client.say(f"MAIL FROM:<{SENDER}>")
            if answer.code == 452:
                expect_in("4.3.1", str(answer), "the answer to MAIL")
                return 452
            expect_equal(answer.code, 250, "the answer to MAIL")
            client.say(f"RCPT TO:<{RECIPIENT}>", "250")
            client.say("DATA", "354")
            client.send(stuff(message))
            answer = client.reply()
            if answer.code == 250:
                self.taken[self.offered] = message
            else:
                self.late.append(str(answer))
            return answer.code

    def send(self, count, octets=LARGE):
        for _ in range(count):
            expect_equal(self.offer(octets), 250, "the message")

    def send_until_refused(self, octets=LARGE):
        """Whoever sends one after the other hears of it at MAIL, never after the message has been sent."""
        for _ in range(MANY):
            if self.offer(octets) == 452:
                break
            expect_equal(self.late, [], "messages that were refused after their end")
        else:
            expect(False, f"{MANY} messages were taken by a disk that has no room for them")
        expect_equal(self.offer(octets), 452, "the next MAIL")

    def until_taken(self, seconds=8):
        until(lambda: self.offer(1000) == 250, f"mail is taken again; refused: {self.late}", seconds)

    def numbers(self):
        """Of the messages that have come to the next hop."""
        return [int(re.search(rb"X-Ledger: (\d+)\.", message.content)[1]) for message in list(self.hop.messages)]

    def expect_delivered(self, lost=(), seconds=20):
        """All that got 250, once each, unchanged, but for those known to be LOST; and nothing stays in the spool."""
        wanted = sorted(set(self.taken) - set(lost))
        expect(wanted, "nothing was taken at all")
        missing = []

        def all_there():
            missing[:] = set(wanted) - set(self.numbers())
            return not missing

        try:
            until(all_there, "all that got 250 is delivered", seconds)
        except Failed as error:
            raise Failed(f"{error}; missing: {missing}") from None
        until(lambda: self.relay.counter("spool_messages") == 0, "the spool is empty", seconds)
        got = self.numbers()
        duplicates = len(got) - len(set(got))
        expect_equal(duplicates, 0, "duplicates")
        for number, message in zip(got, list(self.hop.messages)):
            if number in self.taken:
                expect(message.content.endswith(self.taken[number]), f"message {number} was changed")


def until_ready(relay):
    """It has started before its first segment is made, and says 452 until then."""
    until(lambda: "accepts" in relay.control("status"), "the relay accepts mail")


@contextmanager
def on_disk(mode="store", disk=None, hop_is_down=True, **spool):
    """A relay whose spool is on a small disk, and its ledger."""
    with ExitStack() as stack:
        disk = stack.enter_context(disk or disks.small_disk())
        hop = stack.enter_context(Hop())
        if hop_is_down:
            hop.on["connect"] = DOWN
        relay = stack.enter_context(make_relay(hop, disk.spool, mode, **spool))
        until_ready(relay)
        yield disk, relay, hop, Ledger(relay, hop)


def restart(relay):
    """A new log, too: nothing in it is of an earlier life."""
    if os.path.exists(relay.log_file):
        os.remove(relay.log_file)
    relay.start()


def told(relay, *words):
    """Whether an error of the spool with these words is in the log."""
    return [line["what"] for line in relay.log("spool") if all(word in line["what"] for word in words)]


def expect_told(relay, *words):
    until(lambda: told(relay, *words), f"{words} in the log: {relay.log('spool')}")


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
            expect_told(relay, why, REFUSED)
            expect_equal(len(told(relay, REFUSED)), 1, "how often it was told")
            expect_in(why, relay.control("status"), "what sluicectl says")
        ledger.until_taken()
        expect_told(relay, AGAIN)
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
        # Nobody makes room but the relay: what it has delivered.
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
        expect_told(relay, AGAIN)
        ledger.expect_delivered()


@cases(*MODES)
def a_relay_on_a_full_disk_can_be_stopped_and_started(mode):
    with on_disk(mode) as (disk, relay, hop, ledger):
        ledger.send(3)
        filler = disk.fill()
        ledger.send_until_refused()
        relay.stop()
        os.remove(filler)
        restart(relay)
        hop.on.clear()
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
            expect_told(relay, "No space left on device", REFUSED)
            ledger = Ledger(relay, hop)
            for _ in range(3):
                expect_equal(ledger.offer(), 452, "MAIL")
            os.remove(filler)
            ledger.until_taken()
            ledger.expect_delivered()


@cases(*MODES)
def less_space_than_is_wanted(mode):
    with on_disk(mode, hop_is_down=False, free_bytes_min=20 * MIB) as (disk, relay, _, ledger):
        ledger.send(2)
        filler = disk.fill(but=10 * MIB)
        expect_told(relay, "less than spool.free_bytes_min")
        for _ in range(3):
            expect_equal(ledger.offer(), 452, "MAIL")
        os.remove(filler)
        expect_told(relay, "enough again")
        ledger.send(2)
        ledger.expect_delivered()


# ------------------------------------------------------------------------------------ errors


@cases(*MODES)
def a_write_that_fails(mode):
    with on_disk(mode, disk=disks.FailingDisk()) as (disk, relay, hop, ledger):
        ledger.send(3)
        room = disk.refuse_writes(disks.segments(disk.spool)[-1])
        # The one that was being written cannot be answered for; those after it are refused at once.
        expect(ledger.offer() in (451, 452), "a message was taken that cannot have been written")
        until(lambda: ledger.offer() == 452, "MAIL is refused")
        expect_told(relay, "cannot write", "the segment is written no more")
        expect_told(relay, REFUSED)
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
            expect_told(relay, "Read-only file system")
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


def flip(path, mark, wanted=1):
    """Changes one bit right behind MARK."""
    with open(path, "r+b") as file:
        octets = file.read()
        expect_equal(octets.count(mark), wanted, f"how often {mark} is in {path}")
        at = octets.index(mark) + len(mark) + 100
        file.seek(at)
        file.write(bytes([octets[at] ^ 1]))


@cases(*[(f"{octets}, {mode}", octets, mode) for octets in (1000, 2 * MIB) for mode in MODES])
def a_flipped_bit_in_a_message(_name, octets, mode):
    with on_disk(mode) as (disk, relay, hop, ledger):
        ledger.send(3, octets)
        relay.stop()
        flip(disks.segments(disk.spool)[0], b"X-Ledger: 2.")
        hop.on.clear()
        restart(relay)
        ledger.expect_delivered(lost=[2])
        expect(2 not in ledger.numbers(), "a damaged message was delivered")
        reasons = {}
        for name in os.listdir(os.path.join(disk.spool, "quarantine")):
            with open(os.path.join(disk.spool, "quarantine", name), "rb") as file:
                reasons[name] = file.read()
        texts = [name for name in reasons if name.endswith(".txt")]
        expect(any(b"does not check" in reasons[name] for name in texts), f"no reason is given in quarantine: {texts}")
        expect(any(b"X-Ledger: 2." in kept for kept in reasons.values()), f"what lay there is not kept: {list(reasons)}")
        expect_told(relay, "does not check", "quarantine")
        expect_equal(relay.log("spool_opened")[-1]["messages"], 2, "messages that were found")
        expect(relay.log("spool_opened")[-1]["damaged"] > 0, "no damage is counted")


# ------------------------------------------------------------------------------------ what is no spool of ours


def expect_refused(relay):
    """It says why it does not start, with exit status 1; returns what it says."""
    done = subprocess.run([SLUICE, "serve", "--config", relay.config_file], capture_output=True, text=True,
                          timeout=20 * PATIENCE, check=False)  # fmt: skip
    expect_equal(done.returncode, 1, f"exit status of a relay that must not start, which said {done.stderr!r}")
    expect(re.fullmatch(r"sluice: spool\.directory: [^\n]+\n", done.stderr), f"not one sentence: {done.stderr!r}")
    return done.stderr


def name_of(spool):
    return disks.segments(spool)[0]


def hard_link(spool):
    os.link(name_of(spool), os.path.join(os.path.dirname(spool), "another-name"))


def symbolic_segment(spool):
    place = os.path.join(os.path.dirname(spool), "elsewhere")
    os.rename(name_of(spool), place)
    os.symlink(place, os.path.join(spool, "000000ff.log"))


def symbolic_free_file(spool):
    os.symlink("/etc/passwd", os.path.join(spool, "free-000000ff"))


def linked(name, make):
    def link(spool):
        path, place = os.path.join(spool, name), os.path.join(os.path.dirname(spool), "elsewhere")
        if os.path.exists(path):
            os.rename(path, place)
        else:
            with open(place, "w", encoding="ascii") as file:
                file.write("mail.relay.test\n")
        make(place, path)

    return link


def symbolic_directory(spool):
    os.rename(spool, spool + "-elsewhere")
    os.symlink(spool + "-elsewhere", spool)


def written(name, text):
    def write(spool):
        with open(os.path.join(spool, name), "w", encoding="ascii") as file:
            file.write(text)

    return write


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def spoil_heads(path, places=HEADS_AT, sealed=False):
    """Another version in the copies of a segment's header at PLACES.  SEALED: with a checksum that fits."""
    with open(path, "r+b") as file:
        for at in places:
            file.seek(at)
            head = bytearray(file.read(HEAD_BYTES + 4))
            expect_equal(bytes(head[:8]), b"SLUICE-L", "the mark of a segment")
            expect_equal(int.from_bytes(head[HEAD_BYTES:], "little"), crc32c(head[:HEAD_BYTES]), "its checksum")
            head[8] = 99
            if sealed:
                head[HEAD_BYTES:] = crc32c(head[:HEAD_BYTES]).to_bytes(4, "little")
            file.seek(at)
            file.write(head)


def version_of_segment(spool):
    spoil_heads(name_of(spool), sealed=True)


@cases(("one_copy", HEADS_AT[:1]), ("the_other_copy", HEADS_AT[1:]), ("both", HEADS_AT))
def a_damaged_header_of_a_segment(name, places):
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send(2, 1000)
        relay.stop()
        segment = name_of(disk.spool)
        spoil_heads(segment, places)
        hop.on.clear()
        restart(relay)
        until_ready(relay)
        ledger.send(1, 1000)
        ledger.expect_delivered(lost=[1, 2] if name == "both" else [])
        if name == "both":
            expect_told(relay, "its header is damaged", "quarantine")
            kept = os.path.join(disk.spool, "quarantine", os.path.basename(segment))
            with open(kept, "rb") as file:
                expect_in(b"X-Ledger: 2.", file.read(), "what is kept")


def owner(*names):
    return lambda spool: os.chown(os.path.join(spool, *names), 65534, 65534)


@cases(
    ("hard_link_to_a_segment", hard_link, "move it away"),
    ("symbolic_link_as_a_segment", symbolic_segment, "move it away"),
    ("symbolic_link_as_a_free_file", symbolic_free_file, "move it away"),
    ("symbolic_link_as_format", linked("format", os.symlink), "move it away"),
    ("hard_link_to_format", linked("format", os.link), "move it away"),
    ("symbolic_link_as_in_use_by", linked("in-use-by", os.symlink), "move it away"),
    ("symbolic_link_as_lock", linked("lock", os.symlink), "move it away"),
    ("symbolic_link_as_directory", symbolic_directory, "name the directory itself"),
    ("another_version", written("format", "sluice-spool 99\n"), "let the relay that wrote it deliver what is in it"),
    ("no_format_that_is_known", written("format", "nothing"), "another version"),
    ("a_segment_of_another_version", version_of_segment, "run that one until the spool is empty"),
    ("another_host", written("in-use-by", "old.relay.test\n"), "old.relay.test, or was when that one crashed"),
    ("directory_of_somebody_else", owner(), "chown"),
    ("segment_of_somebody_else", lambda spool: os.chown(name_of(spool), 65534, 65534), "give it to the user"),
    ("format_of_somebody_else", owner("format"), "give the directory to the relay's user"),
)
def a_spool_that_is_not_ours(_name, spoil, remedy):
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send(1, 1000)
        relay.stop()
        # What was there is untouched by the refusal: put back, it is delivered.
        backup = disk.at("backup")
        disks.run("cp", "-a", disk.spool, backup)
        spoil(disk.spool)
        expect_in(remedy, expect_refused(relay), "what it says")
        disks.run("rm", "-rf", disk.spool)
        os.rename(backup, disk.spool)
        restart(relay)
        hop.on.clear()
        ledger.expect_delivered()


@test
def a_host_that_has_gone_for_good():
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send(1, 1000)
        relay.kill()
        relay.config["server"]["hostname"] = "new.relay.test"
        relay.write_config()
        expect_in("remove " + os.path.join(disk.spool, "in-use-by"), expect_refused(relay), "what it says")
        os.remove(os.path.join(disk.spool, "in-use-by"))
        restart(relay)
        hop.on.clear()
        ledger.expect_delivered()


@test
def a_second_relay_on_the_same_directory():
    with on_disk() as (disk, _, hop, ledger):
        ledger.send(1, 1000)
        said = expect_refused(make_relay(hop, disk.spool, start=False))
        expect_in("another relay on this machine uses it", said, "what it says")
        ledger.send(1, 1000)
        hop.on.clear()
        ledger.expect_delivered()


if __name__ == "__main__":
    main()
