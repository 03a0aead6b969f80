#!/usr/bin/env python3
"""Policy classes: how many recipients a message may have before and after a login, whose class counts, and what a change
of it, by the operator or by a reload, does to open sessions."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import Failed, expect, expect_equal, expect_in, main, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import PASSWORD, Relay

CAROL = "carol@example.com"
CLASSES = [
    {"name": "home", "recipients_per_message": 3},
    {"name": "wide", "recipients_per_message": 6},
    {"name": "printers", "recipients_per_message": 1},
]


class ClassRelay(Relay):
    """With three classes, and a listener of its own limit: 5."""

    def __init__(self, hop, classes=None):
        super().__init__(hop, start=False, limits={"recipients_per_message": 5}, policy={"default_class": "home"})
        self.config["class"] = classes or CLASSES
        self.write_config()
        self.start()


def most(client):
    """How many recipients of one message are taken; the next one is told 452 4.5.3."""
    client.say("MAIL FROM:<>", "250")  # which everybody may use
    for count in range(30):
        if str(client.say(f"RCPT TO:<r{count}@far.test>")).startswith("250"):
            continue
        client.say(f"RCPT TO:<again{count}@far.test>", "452 4.5.3")
        client.say("RSET", "250")
        return count
    return None


def limits_of(relay, name=SENDER, password=PASSWORD):
    """RCPTMAX before the login, after it and the next EHLO, and how many are taken after it."""
    with relay.connect() as client:
        before = client.greeted()["LIMITS"]
        client.log_in(name, password)
        taken = most(client)
        after = client.ehlo()["LIMITS"]
        expect_equal(most(client), taken, "recipients taken behind EHLO")
        return before, after, taken


@test
def the_nearest_class_counts_from_the_login_on():
    with Hop() as hop, ClassRelay(hop) as relay:
        def shows(wanted, *login):
            try:
                return limits_of(relay, *login) == ("RCPTMAX=5", f"RCPTMAX={wanted}", wanted)
            except Failed as failed:
                if "Account changed" not in str(failed):
                    raise
                return False  # the change came while this session was open

        def has(wanted, *login):
            """A change reaches the relay within a second."""
            until(lambda: shows(wanted, *login), f"{wanted} recipients", 3)

        expect_equal(limits_of(relay), ("RCPTMAX=5", "RCPTMAX=3", 3), "the default class")
        relay.control("customer", "set", "acme", "--class", "wide")
        has(6)
        relay.control("account", "set", CAROL, "--class", "home")
        has(3, CAROL)
        said = relay.control("account", "device", "add", SENDER, "--name", "printer", "--class", "printers")
        has(1, SENDER, re.search(r"password: (\S+)", said)[1])
        has(6)


@test
def what_is_over_the_limit_goes_in_a_message_of_its_own():
    with Hop() as hop, ClassRelay(hop) as relay, relay.client() as client:
        client.envelope(recipients=[f"r{i}@far.test" for i in range(3)])
        client.say("RCPT TO:<r3@far.test>", "452 4.5.3")
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose()))
        client.wanted("250", "the message")
        client.submit(mail.compose(), recipients=["r3@far.test"])
        until(lambda: len(hop.messages) == 2, "both messages at the next hop")
        expect_equal([len(one.recipients) for one in hop.messages], [3, 1], "recipients")


@test
def a_change_of_class_or_limit_ends_open_sessions_within_a_second():
    with Hop() as hop, ClassRelay(hop) as relay:
        for words in (("account", "set", SENDER, "--class", "wide"), ("customer", "set", "acme", "--class", "wide"),
                      ("account", "limit", SENDER, "recipients/day=7"),
                      ("customer", "limit", "acme", "recipients/hour=8"), ("customer", "limit", "acme", "recipients/hour=")):  # fmt: skip
            with relay.client() as client:
                client.submit(mail.compose())
                relay.control(*words)
                line = until(client.line, "the session's end")
                expect(line.startswith("421"), f"what an open session was told after {words}: {line}")
        shown = json.loads(relay.control("account", "show", SENDER, "--json"))
        expect_equal(shown["class"], "wide", "the account's class")
        expect_equal(shown["limits"], [{"quantity": "recipients", "window": "day", "amount": 7}], "its limits")
        expect_equal(json.loads(relay.control("customer", "show", "acme", "--json"))["limits"], [], "the customer's")


@test
def a_class_that_is_not_configured_is_refused_and_never_without_limits():
    with Hop() as hop, ClassRelay(hop) as relay:
        said = relay.control("account", "set", SENDER, "--class", "wiide", wanted=1)
        expect_in('no class "wiide" in the configuration, did you mean "wide"?', said, "what sluicectl says")
        relay.control("account", "set", SENDER, "--class", "wide")
        expect_equal(limits_of(relay)[2], 6, "recipients taken")
        # The operator takes it away again.
        relay.config["class"] = CLASSES[:1]
        relay.write_config()
        relay.control("reload")
        expect_equal(limits_of(relay), ("RCPTMAX=5", "RCPTMAX=3", 3), "the default class in its place")
        relay.logged("unknown_class", policy_class="wide", default_class="home", account=SENDER, customer="acme")


@test
def a_reload_changes_the_classes_of_later_sessions():
    with Hop() as hop, ClassRelay(hop) as relay:
        with relay.client() as before:
            relay.config["class"] = [{"name": "home", "recipients_per_message": 4}]
            relay.write_config()
            relay.control("reload")
            expect_equal(limits_of(relay)[1:], ("RCPTMAX=4", 4), "a later session")
            expect_equal(most(before), 3, "the session from before")
        relay.config["policy"] = {"default_class": "hone"}
        relay.write_config()
        said = relay.control("reload", wanted=1)
        expect_in('"hone" is no class, did you mean "home"?', said, "what a reload says")
        expect_equal(limits_of(relay)[2], 4, "the classes in force stay")


@test
def without_a_class_of_ones_own_there_are_the_built_in_ones():
    with Hop() as hop, Relay(hop) as relay:
        relay.control("customer", "set", "acme", "--class", "device")
        expect_equal(limits_of(relay), ("RCPTMAX=100", "RCPTMAX=20", 20), "the class device")


if __name__ == "__main__":
    main()
