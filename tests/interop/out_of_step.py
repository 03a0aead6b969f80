#!/usr/bin/env python3
"""A next hop that says one reply too many, and then refuses: over real sockets, for each way of sending, from the client
and from the queue.  What was answered with 250 comes to the next hop in the end."""

import contextlib
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import expect, expect_equal, main, test
from lib.hop import Hop, close, each, then
from lib.mailq import is_empty, keeps

BASE = ("SIZE 60000000", "8BITMIME", "ENHANCEDSTATUSCODES")
OFFERS = {
    "whole": (*BASE, "PIPELINING", "CHUNKING"),
    "data": (*BASE, "PIPELINING"),
    "bdat": (*BASE, "CHUNKING"),
    "plain": BASE,
}
SPAM = b"550 5.7.1 Spam\r\n"
SURPLUS = b"250 2.0.0 Ok\r\n"


def refuse_slowly(dialog):
    """Customers' messages alone: a DSN that is refused is at its end, and what it reported looked lost."""
    time.sleep(0.1)
    return None if dialog.sender == "" else SPAM


def leave_slowly(dialog):
    time.sleep(0.1)
    return then(b"421 4.3.2 bye\r\n", close)(dialog)


def say_late(seconds):
    """The usual answer, and the surplus one later, whatever is going on then: the relay may have left."""

    def say(dialog):
        with contextlib.suppress(OSError):
            dialog.send(SURPLUS)

    def behaviour(dialog):
        threading.Timer(seconds, say, [dialog]).start()

    return behaviour


# What it does at its stages, the first time that it comes there.
FAULTS = {
    "in_front": {"MAIL": [SURPLUS + b"250 2.1.0 Ok\r\n"], "end": [refuse_slowly]},
    "behind_rcpt": {"RCPT": [b"250 2.1.5 Ok\r\n" + SURPLUS], "end": [refuse_slowly]},
    "rcpt_again": {"RCPT": [say_late(0.03)], "end": [refuse_slowly]},
    "end_again": {"end": [lambda _dialog: b"250 2.0.0 Taken\r\n" + SURPLUS, refuse_slowly]},
    "end_again_4ms": {"end": [say_late(0.004), refuse_slowly]},
    "end_again_50ms": {"end": [say_late(0.05), refuse_slowly]},
    "rcpt_again_and_leave": {"RCPT": [say_late(0.03)], "end": [leave_slowly]},
    "ehlo_again": {"EHLO": [lambda dialog: hello(dialog) + SURPLUS], "end": [refuse_slowly]},
}


def hello(dialog):
    offers = dialog.hop.offers
    return b"250-hop.test\r\n" + b"".join(b"250-%s\r\n" % offer.encode() for offer in offers[:-1]) + (
        b"250 %s\r\n" % offers[-1].encode())  # fmt: skip


def numbers(hop):
    """Of what the next hop took: messages, and reports on them."""
    return {int(line.split(b":")[1]) for message in hop.messages for line in message.content.split(b"\r\n")
            if line.startswith(b"X-Number:")}  # fmt: skip


class Way(threading.Thread):
    """A next hop, a relay in front of it that sends in one way, and a client."""

    def __init__(self, way, mode):
        super().__init__(name=f"{way}-{mode}", daemon=True)
        self.hop = Hop(offers=OFFERS[way])
        self.relay = keeps(self.hop, route={"mode": mode})
        self.sent = 0
        self.taken = set()  # the numbers of what was answered 250

    def run(self):
        with self.relay.client() as client:
            for faults in FAULTS.values():
                self.hop.on = {stage: each(*behaviours) for stage, behaviours in faults.items()}
                for _ in range(2):
                    self.sent += 1
                    client.envelope()
                    client.say("DATA", "354")
                    client.send(mail.stuff(mail.compose(header=(f"X-Number: {self.sent}",))))
                    # A true refusal is the client's.
                    if client.reply().code == 250:
                        self.taken.add(self.sent)
            self.hop.on = {}

    def finish(self):
        self.join(60)
        is_empty(self.relay)
        expect_equal(self.sent, 2 * len(FAULTS), f"{self.name}: messages that were sent")
        expect(self.taken, f"{self.name}: nothing was taken")
        lost = sorted(self.taken - numbers(self.hop))
        expect_equal(lost, [], f"{self.name}: answered 250, and neither at the next hop nor reported")
        self.relay.stop()
        self.hop.wrong.clear()  # to a next hop that is out of step the relay is, too
        self.hop.stop()


@test
def what_is_answered_250_comes_to_the_next_hop():
    ways = [Way(way, mode) for way in OFFERS for mode in ("through", "store")]
    for way in ways:
        way.start()
    for way in ways:
        way.finish()


if __name__ == "__main__":
    main()
