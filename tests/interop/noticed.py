#!/usr/bin/env python3
"""A stolen account that sends as spammers do is noticed: its mail is held before it has left, or refused; the operator
sees why, and decides.  Others go on."""

import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import countries, mail
from lib.harness import expect, expect_between, expect_equal, expect_in, main, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.mailq import closed_port
from lib.relay import BOB_PASSWORD, PASSWORD, Relay

OTHER = "bob@example.net"
WORDS = ("watches", "pills", "loans", "prizes", "tickets", "phones", "shoes", "coins")


def dead_are_unknown(dialog):
    return b"550 5.1.1 User unknown\r\n" if dialog.rcpt.startswith("dead") else None


def offer(number):
    """One text, with another word in each."""
    return (f"Dear friend {number}, our warehouse is being cleared this week, and each of the {WORDS[number % 8]} that you\r\n"
            "see below is yours for a tenth of what others ask: write to us today, as only a few of them are left.\r\n"
            ).encode()  # fmt: skip


class WatchedRelay(Relay):
    def __init__(self, hop, **keys):
        super().__init__(hop, start=False, server={"cores": 2}, route={"fallback": True},
                         policy={"default_class": "home"})  # fmt: skip
        self.config["class"] = [{"name": "home", "recipients_per_message": 100, **keys}]
        self.write_config()
        self.start()


def burst(client, number, sender=SENDER, recipients=20, dead=12):
    """A message to strangers, more of which are no more than in any bought list, so that the test is short: the last
    reply."""
    for name in range(recipients):
        if name == 0:
            client.say(f"MAIL FROM:<{sender}>", "250")
        local = "dead" if name < dead else "r"
        said = str(client.say(f"RCPT TO:<{local}{number}.{name}@far.test>"))
        if not said.startswith("250"):
            client.say("RSET", "250")
            return said
    client.say("DATA", "354")
    client.send(mail.stuff(mail.compose(offer(number), sender=sender)))
    return str(client.reply())


def steal(relay, hop, **more):
    """Sends until mail is held or refused: how many recipients the next hop has taken mail for."""
    with relay.client() as client:
        for number in range(40):
            said = burst(client, number, **more)
            if relay.log("message_held") or said.startswith("5"):
                return sum(len(taken.recipients) for taken in hop.messages)
    expect(False, f"nothing is held: {relay.log('account_noticed')}")


@test
def a_stolen_account_is_held_explained_reviewed_and_released():
    with Hop() as hop:
        hop.on["RCPT"] = dead_are_unknown
        with WatchedRelay(hop, notice="hold") as relay:
            expect_between(steal(relay, hop), 1, 200, "recipients that mail of the thief went to")
            noticed = relay.logged("account_noticed", effect="hold")
            expect_equal((noticed["account"], noticed["policy_class"]), (SENDER, "home"), "who was noticed")
            expect_in("unknown", noticed["reasons"], "why")
            with relay.client() as client:
                burst(client, 900, dead=0)
            held = relay.logged("message_held")
            expect_equal(held["account"], SENDER, "whose mail is held")
            shown = relay.control("explain", held["id"])
            expect_in("noticed: ", shown, "the explanation")
            expect_in("sluicectl review", shown, "what is to be done")
            known = json.loads(relay.control("explain", noticed["id"], "--json"))
            step = next(each for each in known if each["event"] == "account_noticed")
            expect_equal(step["figures"], noticed["reasons"], "the reasons in the explanation")
            rows = json.loads(relay.control("review", "--json"))
            expect("noticed: " in rows[0]["hold_reason"], f"what is reviewed: {rows}")
            # Inside the customer's own domains, and for others, mail goes on.
            with relay.client() as client:
                before = len(hop.messages)
                client.submit(mail.compose(), recipients=["boss@example.com"])
                expect_equal(len(hop.messages), before + 1, "messages at the next hop")
            with relay.client(name=OTHER, password=BOB_PASSWORD) as client:
                client.submit(mail.compose(sender=OTHER), sender=OTHER, recipients=["friend@far.test"])
                expect_equal(len(hop.messages), before + 2, "messages at the next hop")
            relay.control("noticed", "release", SENDER)
            relay.logged("account_lifted", account=SENDER)
            with relay.client() as client:
                client.submit(mail.compose(), recipients=["friend@far.test"])
                expect_equal(len(hop.messages), before + 3, "messages at the next hop")


HOLD = 3  # of the ladder, which may go on to suspend; the class takes hold


def noticed_file(relay):
    with open(relay.at("state", "noticed"), "rb") as file:
        return file.read()


def step_on_disk(relay):
    """Of the account that was written last (policy/noticing/account_record.h, and the states' fields)."""
    left, step = noticed_file(relay)[17 + 16 + 4 :], None
    while len(left) >= 8 and len(left) >= 8 + struct.unpack_from("<I", left)[0]:
        at = 8 + 16 + 1 + left[8 + 16]
        at += 4 + 2 * struct.unpack_from("<H", left, at)[0] + 16
        step = left[at + 15]
        left = left[8 + struct.unpack_from("<I", left)[0] :]
    return step


def killed_when(relay, is_so, what):
    """Kills the relay when its file has come so far, and starts it again."""
    until(is_so, what)
    relay.kill()
    relay.start()


@test
def what_was_noticed_outlives_a_kill_and_so_does_its_release():
    with Hop() as hop:
        hop.on["RCPT"] = dead_are_unknown
        with WatchedRelay(hop, notice="hold") as relay:
            steal(relay, hop)
            killed_when(relay, lambda: (step_on_disk(relay) or 0) >= HOLD, "the hold is on the disk")
            expect_equal(os.stat(relay.at("state", "noticed")).st_mode & 0o777, 0o600, "who may read its key")
            restored = relay.logged("noticed_restored")
            expect_equal((restored["held"], restored["damaged_bytes"]), (1, 0), "what is restored")
            expect_in("hold", relay.control("noticed", SENDER), "its step")
            expect_in("unknown", relay.control("noticed", SENDER), "why")
            before = len(hop.messages)
            with relay.client() as client:
                burst(client, 900, dead=0)
            relay.logged("message_held", count=2, account=SENDER)
            expect_equal(len(hop.messages), before, "messages at the next hop")
            relay.control("noticed", "release", SENDER)
            killed_when(relay, lambda: step_on_disk(relay) == 0, "the release is on the disk")
            expect_equal(relay.log("noticed_restored")[-1]["held"], 0, "accounts that are held")
            with relay.client() as client:
                client.submit(mail.compose(), recipients=["friend@far.test"])
            expect_equal(len(hop.messages), before + 1, "messages at the next hop")


@test
def without_a_file_that_can_be_read_it_starts_and_says_so():
    with Hop() as hop, WatchedRelay(hop) as relay:
        with relay.client() as client:
            burst(client, 1, dead=0)
        relay.stop()
        path = relay.at("state", "noticed")
        whole = noticed_file(relay)
        for damaged, key in ((b"SLUICE-NOTICED 9\n" + whole[17:], "reason"), (whole[:-3], "damaged_bytes")):
            with open(path, "wb") as file:
                file.write(damaged)
            relay.start()
            line = relay.log("noticed_restored")[-1]
            expect_equal(line["level"], "warning", "how it is told")
            expect(line[key], f"what is wrong: {line}")
            with relay.client() as client:
                expect_in("250", burst(client, 2, recipients=2, dead=0), "mail goes on")
            relay.stop()
        relay.start()


@test
def what_is_queued_of_it_already_is_held_too():
    name, _ = closed_port()
    with WatchedRelay(name, ordinary_recipients=5, ordinary_first_time_recipients=5, ordinary_same_text=5) as relay, relay.client() as client:
        expect_in("250", burst(client, 1, recipients=2, dead=0), "the first message")
        with relay.client(name=OTHER, password=BOB_PASSWORD) as other:
            expect_in("250", burst(other, 2, sender=OTHER, recipients=2, dead=0), "another's message")
        expect_in("250", burst(client, 3, recipients=99, dead=0), "the one that is too much")
        relay.logged("account_noticed", account=SENDER, effect="hold")
        # The first; and the last one, held as it came, where it is in the queue by then.
        order = relay.logged("queue_order", order="hold", actor="sluice")
        expect_in(order["messages"], (1, 2), "messages held by the order")
        rows = {row["id"]: row for row in json.loads(relay.control("queue", "list", "--json"))}
        states = sorted((row["sender"], row["state"]) for row in rows.values())
        expect_equal(states, [(SENDER, "held"), (SENDER, "held"), (OTHER, "waiting")], "states of the queue")


@test
def in_shadow_it_is_told_and_nothing_is_done():
    with Hop() as hop:
        hop.on["RCPT"] = dead_are_unknown
        with WatchedRelay(hop, shadow=True) as relay, relay.client() as client:
            for number in range(8):
                expect_in("250", burst(client, number), "the last reply")
            line = relay.logged("account_noticed")
            expect_equal(line["effect"], "tell", "what was done")
            expect_equal(relay.log("message_held"), [], "messages on hold")


@test
def a_hop_that_calls_it_spam_is_told_of():
    with Hop() as hop:
        hop.on["end"] = b"554 5.7.1 Your message looks like SPAM\r\n"
        with WatchedRelay(hop) as relay, relay.client() as client:
            expect_in("554", burst(client, 1, recipients=1, dead=0), "the reply")
            line = relay.logged("refused_as_spam", account=SENDER)
            expect_equal(line["code"], 554, "its code")
            refused = relay.logged("message", verdict="refused")
            expect_in("554", relay.control("explain", refused["id"]), "the explanation")


@test
def what_a_limit_refuses_is_explained_with_its_figures():
    with Hop() as hop:
        relay = WatchedRelay(hop)
        relay.stop()
        relay.config["class"][0]["limit"] = []
        with open(relay.config_file, "a", encoding="utf-8") as file:
            file.write('[[class.limit]]\nof = "account"\nquantity = "recipients"\nwindow = "day"\namount = 2\n')
        relay.start()
        with relay, relay.client() as client:
            said = burst(client, 1, recipients=3, dead=0)
            expect_in("550 5.7.1", said, "the refusal")
            identity = said.split("id ")[-1].split()[0].rstrip(")")
            shown = until(lambda: "figures" in relay.control("explain", identity) and relay.control("explain", identity),
                          "the decision is known")  # fmt: skip
            expect_in(f"2 recipients a day of account {SENDER}: 2 are used", shown, "the figures")
            expect_in("sluicectl account limit", shown, "what would have let it pass")
            wanted = json.loads(relay.control("explain", identity, "--json"))
            # Once the relay has forgotten it the log says the same: beside a relay that was started anew, without one,
            # and of a log that has been rotated away.
            relay.stop()
            expect_equal(json.loads(relay.control("explain", identity, "--json")), wanted, "what the log says")
            relay.start()
            expect_equal(relay.control("explain", identity), shown, "what the log says, beside a relay")
            os.rename(relay.log_file, relay.log_file + ".1")
            relay.control("reload")
            expect_equal(relay.control("explain", identity), shown, "what the log of before says")
            os.rename(relay.log_file + ".1", relay.log_file + ".2")
            expect_equal(json.loads(relay.control("explain", identity, "--json")), [], "what is in no log")
            shown_again = relay.control("explain", identity, "--log", relay.log_file + ".2")
            expect_equal(shown_again, shown, "what a log says that is named")


def put(path, content):
    """Whole at once, as updaters of such files do."""
    with open(path + ".new", "wb") as file:
        file.write(content)
    os.replace(path + ".new", path)


def travel(relay, sender, password):
    """A message from each of five networks; what the log has noticed of the sender by then."""
    for number in range(1, 6):
        with relay.client(name=sender, password=password, source=f"127.{number}.0.1") as client:
            client.submit(mail.compose(sender=sender), sender=sender, recipients=["friend@far.test"])
    return [line["reasons"] for line in relay.log("account_noticed") if line["account"] == sender]


@test
def a_reload_brings_a_new_file_of_countries_and_a_corrupt_one_leaves_the_old_one_in_use():
    whole = countries.database({f"127.{number}.0.0/16": country for number, country in enumerate(("DE", "FR", "NZ", "AQ", "IS"), 1)})
    with Hop() as hop:
        relay = WatchedRelay(hop, notice="tell")
        relay.stop()
        path = relay.at("countries.mmdb")
        put(path, countries.database({"127.0.0.0/8": "DE"}))
        relay.config["policy"]["countries"] = path
        relay.write_config()
        relay.start()
        with relay:
            expect_equal(travel(relay, SENDER, PASSWORD), [], "what is noticed of one who stays in a country")
            put(path, whole)
            relay.control("reload")
            until(lambda: travel(relay, SENDER, PASSWORD), "mail from many countries is noticed", 30)
            expect_in("countries in a day", relay.logged("account_noticed", account=SENDER)["reasons"], "why")
            corrupt = (whole[: len(whole) // 2], whole.replace(b"\x47country", b"\xe7country"), b"")
            for errors, content in enumerate(corrupt, 1):
                put(path, content)
                said = relay.control("reload", wanted=1)
                expect_in(f"policy.countries: {path}: is ", said, "what reload says")
                expect_in(f"policy.countries: {path}: is ", relay.logged("reload", errors, level="error")["error"], "what the log says")
            travel(relay, OTHER, BOB_PASSWORD)
            expect_in("countries in a day", relay.logged("account_noticed", account=OTHER)["reasons"], "why")
            expect_equal({line["then"] for line in relay.log("reload") if line["level"] == "error"},
                         {"the old configuration stays"}, "what came of it")  # fmt: skip


if __name__ == "__main__":
    main()
