#!/usr/bin/env python3
"""Clients and next hops that vanish at random, many at a time: whatever got 250 has been handed on, and when it is
over nothing is left of any of them (Relay.stop() looks at the exit status and at what each core says when it ends)."""

import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect, expect_equal, main, test
from lib.hop import OFFERS, Hop, close, reset
from lib.mail import RECIPIENT, SENDER, stuff
from lib.relay import PASSWORD, Relay, client_tls, settle
from lib.wire import b64

ROUNDS = 25
CLIENTS = 8


class Unlucky(threading.Thread):
    """A client that sends messages, and vanishes in the middle of most of them."""

    def __init__(self, relay, number):
        super().__init__(daemon=True)
        self.relay, self.chance, self.number = relay, random.Random(number), number
        self.taken = []  # what was answered with 250

    def run(self):
        for turn in range(ROUNDS):
            try:
                self.once(mail.compose(mail.text_of(self.chance.choice((10, 2000, 200000)), f"{self.number} {turn}")))
            except Exception:
                pass  # the relay has closed it with 421, or the next hop is away

    def once(self, message):
        listener = self.chance.choice(("clear", "starttls", "implicit"))
        with self.relay.connect(listener) as client:
            if self.chance.random() < 0.1:
                return self.leave(client)
            client.greeted()
            if listener == "starttls":
                client.start_tls(client_tls())
            if self.chance.random() < 0.1:
                client.send("AUTH PLAIN " + b64(f"\0{SENDER}\0{PASSWORD}") + "\r\n")
                return self.leave(client)
            client.log_in()
            lines = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\n".encode()
            if self.chance.random() < 0.5:
                whole = lines + b"BDAT %d LAST\r\n" % len(message) + message
            else:
                client.send(lines + b"DATA\r\n")
                for wanted in ("250", "250", "354"):
                    client.wanted(wanted, "the envelope")
                lines, whole = b"", stuff(message)
            if self.chance.random() < 0.6:
                client.send(whole[: self.chance.randrange(len(whole))])
                return self.leave(client)
            client.send(whole)
            for wanted in ("250", "250") if lines else ():
                client.wanted(wanted, "the envelope")
            client.wanted("250", "the message")
            self.taken.append(message)
            return self.leave(client)

    def leave(self, client):
        if self.chance.random() < 0.5:
            client.reset()
        else:
            client.close()


def storm(relay, meanwhile=lambda: None):
    """Returns all messages that a client got 250 for."""
    clients = [Unlucky(relay, number) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    while any(client.is_alive() for client in clients):
        meanwhile()
        time.sleep(0.01)
    return [message for client in clients for message in client.taken]


def expect_handed_on(taken, hops):
    expect(taken, "nothing was taken at all")
    arrived = [message.content for hop in hops for message in hop.seen]
    for message in taken:
        expect(any(content.endswith(message) for content in arrived), "a message with a 250 was never handed on")


@test
def clients_vanish_at_random():
    with Hop(offers=(*OFFERS, "CHUNKING")) as hop, Relay(hop) as relay:
        expect_handed_on(storm(relay), [hop])
        settle(relay, 30)


def unlucky(stage, chance):
    """Vanishes at a stage, now and then."""

    def turn(dialog):
        if chance.random() < 0.15:
            return chance.choice((close, reset))(dialog)
        return None

    return turn


@cases("DATA", "BDAT")
def clients_and_next_hops_vanish_at_random(by):
    chance = random.Random(by)
    offers = (*OFFERS, "CHUNKING") if by == "BDAT" else OFFERS
    hops = [Hop(offers=offers), Hop(offers=offers)]
    for hop in hops:
        for stage in ("connect", "EHLO", "MAIL", "RCPT", "DATA", "body", "chunk", "end", "RSET"):
            hop.on[stage] = unlucky(stage, chance)
    with hops[0], hops[1], Relay(hops) as relay:
        taken = storm(relay)
        settle(relay, 60)
        expect_handed_on(taken, hops)


@test
def a_stop_in_the_middle_of_it_all():
    with Hop(offers=(*OFFERS, "CHUNKING")) as hop:
        relay = Relay(hop, server={"drain_s": 1})
        stopping = []

        def stop_once():
            if not stopping and len(hop.seen) >= 5:
                stopping.append(True)
                relay.signal(signal.SIGTERM)

        try:
            taken = storm(relay, stop_once)
            expect_equal(stopping, [True], "whether it was stopped")
            relay.wait(30)
            expect_handed_on(taken, [hop])
        finally:
            relay.kill()


if __name__ == "__main__":
    main()
