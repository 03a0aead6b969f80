"""A relay whose spool is on a small disk, and a ledger outside it: each message that got 250 must come to the next hop,
once."""

import os
import re
import subprocess
from contextlib import ExitStack, contextmanager

from lib import disks, mail
from lib.harness import TIMEOUT_FACTOR, Failed, expect, expect_equal, expect_in, until
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
UNDER_WAY_MAX = 40  # two for each connection of the route: its message, and one whose end is not recorded yet


def make_relay(hop, directory, mode="store", start=True, **spool):
    return Relay(
        hop, start=start, server={"cores": 1}, spool={"directory": directory, **spool},
        route={"mode": mode, "fallback": True},
        queue={"retry_s": [1], "jitter_percent": 0, "suspend_first_s": 1, "suspend_max_s": 1},
    )  # fmt: skip


class Ledger:
    """Sends numbered messages, and counts what became of each."""

    def __init__(self, relay, hop):
        self.relay, self.hop = relay, hop
        self.offered, self.taken, self.late = 0, {}, []

    def offer(self, size=LARGE):
        """One message in a session of its own.  Returns the code that decided; 452 at MAIL, or 250 at its end."""
        self.offered += 1
        line = f"message {self.offered} ".ljust(76, "-").encode() + b"\r\n"
        message = mail.compose(line * (size // len(line)), header=[f"X-Ledger: {self.offered}."])
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

    def send(self, count, size=LARGE):
        for _ in range(count):
            expect_equal(self.offer(size), 250, "the message")

    def send_until_refused(self, size=LARGE):
        """A client that sends one after the other is refused at MAIL, never after the message has been sent."""
        for _ in range(MANY):
            if self.offer(size) == 452:
                break
            expect_equal(self.late, [], "messages that were refused after their end")
        else:
            expect(False, f"{MANY} messages were taken by a disk that has no room for them")
        expect_equal(self.offer(size), 452, "the next MAIL")

    def until_taken(self, seconds=8):
        until(lambda: self.offer(1000) == 250, f"mail is taken again; refused: {self.late}", seconds)

    def numbers(self):
        """Of the messages that have come to the next hop."""
        return [int(re.search(rb"X-Ledger: (\d+)\.", message.content)[1]) for message in list(self.hop.messages)]

    def expect_delivered(self, lost=(), seconds=20, kills=()):
        """All that got 250, once each, unchanged, but for those known to be LOST; and nothing stays in the spool.  KILLS: how
        many messages the next hop had at each kill -9 of the relay; what it got then may come once more."""
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
        first = {}
        for place, number in enumerate(got):
            if first.setdefault(number, place) != place:
                explained = any(kill - UNDER_WAY_MAX <= first[number] < kill + UNDER_WAY_MAX for kill in kills)
                expect(explained, f"message {number} came as {first[number]} and again as {place}; kills were at {kills}")
        expect(len(got) - len(set(got)) <= len(kills) * UNDER_WAY_MAX, "more duplicates than were under way at the kills")
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


def warnings_with(relay, *words):
    """Whether an error of the spool with these words is in the log."""
    return [line["what"] for line in relay.log("spool") if all(word in line["what"] for word in words)]


def expect_warned(relay, *words):
    """Within the 10 s, and a little, at which a spool without mail looks at its file system."""
    until(lambda: warnings_with(relay, *words), f"{words} in the log: {relay.log('spool')}", 15)


def expect_refused(relay):
    """It says why it does not start, with exit status 1; returns what it says."""
    done = subprocess.run([SLUICE, "serve", "--config", relay.config_file], capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, 1, f"exit status of a relay that must not start, which said {done.stderr!r}")
    expect(re.fullmatch(r"sluice: spool\.directory: [^\n]+\n", done.stderr), f"not one sentence: {done.stderr!r}")
    return done.stderr
