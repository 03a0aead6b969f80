#!/usr/bin/env python3
"""A thief who sends through both relays of a cluster is noticed as one who sends through one: what an account sends is counted
together, within the bounds of a single relay; with Redis gone each counts for itself."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, wire
from lib.harness import expect, expect_between, expect_equal, expect_not_in, main, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.redis import Redis
from lib.relay import PASSWORD, Relay

KEY = "a secret of the cluster, of more than 32 bytes"
WORDS = ("watches", "pills", "loans", "prizes", "tickets", "phones", "shoes", "coins")
BOUND = 200  # recipients until a stolen account is contained, where next hops refuse those that they do not know
DEAD = 40  # percent: more than of any bought list, so that the test is short


class Watcher(Relay):
    """A relay that shares what it notices, of classes as they are by default."""

    def __init__(self, name, server, hop, key=KEY):
        super().__init__(hop, start=False, server={"cores": 2}, route={"fallback": True}, policy={"default_class": "business"})
        self.config["cluster"] = {"server": server, "tls": "none", "node": name, "timeout_ms": 500, "grace_s": 1,
                                  "key_file": self.at("cluster.key")}  # fmt: skip
        with open(self.at("cluster.key"), "w", encoding="utf-8") as file:
            file.write(key + "\n")
        self.write_config()
        self.start()

    def noticed(self):
        return json.loads(self.control("noticed", SENDER, "--json"))

    def holds(self):
        return self.noticed()["effect"] in ("hold", "suspend")


def offer(number):
    """One text, with another word in each."""
    return (f"Dear friend {number}, our warehouse is being cleared this week, and each of the {WORDS[number % 8]} that you\r\n"
            "see below is yours for a tenth of what others ask: write to us today, as only a few of them are left.\r\n"
            ).encode()  # fmt: skip


def send(relay, number, recipients, source):
    """A message to strangers, from a network of its own: its last reply."""
    client = wire.Client(relay.ports["clear"], source=source)
    try:
        client.greeted()
        client.log_in(SENDER, PASSWORD)
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        for name in range(recipients):
            local = "dead" if (number * recipients + name) * 37 % 100 < DEAD else "r"
            said = str(client.say(f"RCPT TO:<{local}{number}.{name}@far.test>"))
            if not said.startswith("250"):
                return said
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose(offer(number), sender=SENDER)))
        return str(client.reply())
    finally:
        client.close()


def steal(relays, hop, recipients=10, most=2000):
    """In turn through all of them, until mail is held at one: how many recipients the next hop has taken mail for."""
    for number in range(most // recipients):
        said = send(relays[number % len(relays)], number, recipients, source=f"127.{60 + number // 4}.1.1")
        if said.startswith("550 5.7.1") or any(relay.log("message_held") for relay in relays):
            return sum(len(taken.recipients) for taken in hop.messages)
    expect(False, f"nothing is held: {[relay.log('account_noticed') for relay in relays]}")


def dead_are_unknown(dialog):
    return b"550 5.1.1 User unknown\r\n" if dialog.rcpt.startswith("dead") else None


@test
def a_thief_who_sends_through_two_relays_is_held_within_the_bound_of_one():
    with Hop() as hop, Redis() as redis:
        hop.on["RCPT"] = dead_are_unknown
        with Watcher("a", redis.server, hop) as a, Watcher("b", redis.server, hop) as b:
            out = steal([a, b], hop)
            expect_between(out, 1, BOUND, "recipients that mail of the thief went to")
            until(lambda: a.holds() and b.holds(), "it is held at both")
            # Half of it went through each; what was noticed is about all of it.
            holder = a if a.log("message_held") else b
            expect(holder.noticed()["answered"] >= out, f"{out} went out; what is known: {holder.noticed()}")
            said = redis.say("XRANGE", "sluice:{share}:sending", "-", "+")
            for word in (SENDER, "far.test", "127."):
                expect_not_in(word, said, "what Redis has")


@test
def what_an_account_sends_is_counted_together_until_redis_is_gone():
    with Hop() as hop, Redis() as redis, Watcher("a", redis.server, hop) as a, Watcher("b", redis.server, hop) as b:
        for number, relay in enumerate((a, b, a)):
            send(relay, number, 10, source=f"127.{60 + number}.1.1")
        for relay in (a, b):
            until(lambda relay=relay: relay.noticed()["recipients"] == 30, "all recipients at both")
            known = relay.noticed()
            expect_equal((known["first_time_recipients"], known["networks"]), (30, 3), "what is known of it")
            expect_equal((known["step"], relay.log("account_noticed")), ("pass", []), "what is taken")
        # Who is known at one is no stranger at the other.
        for _ in range(3):
            send(b, 0, 10, source="127.60.1.1")
        until(lambda: a.noticed()["recipients"] >= 50, "the next recipients, once they matter")
        known = [relay.noticed() for relay in (a, b)]
        expect_equal([each["first_time_recipients"] for each in known], [30, 30], "strangers")
        # What was heard outlives a restart, and is not heard again.
        b.stop()
        b.start()
        until(lambda: not b.log("cluster_sharing_fault") and b.noticed()["recipients"] == 60, "after the restart")
        redis.kill()
        before = a.noticed()["recipients"]
        send(a, 7, 10, source="127.70.1.1")
        expect_equal((a.noticed()["recipients"], b.noticed()["recipients"]), (before + 10, 60), "without Redis")
        redis.start()
        until(lambda: b.noticed()["recipients"] == 70, "what waited is told")


if __name__ == "__main__":
    main()
