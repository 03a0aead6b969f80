#!/usr/bin/env python3
"""`sluicectl route test ADDRESS --connect` out in the world: hosts by their MX records from a real name server, TLS, and
next hops that say nothing, never end, or want no mail."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test
from lib.hop import close, reset, silent
from lib.mailq import ByDns
from lib.names import NameServer
from lib.relay import authority, free_port

FIRST, SECOND, THIRD, FOURTH = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"
RECORDS = [
    *(f"mx{number}.test. 300 IN A {address}" for number, address in enumerate((FIRST, SECOND, THIRD, FOURTH), 1)),
    *(f"four.test. 300 IN MX {10 * number} mx{number}.test." for number in (1, 2, 3, 4)),
    "one.test. 300 IN MX 5 mx1.test.",
    "null.test. 300 IN MX 0 .",
    "dangling.test. 300 IN MX 10 nobody.test.",
]
REPLY_S = 2


@shared
def name_server():
    return NameServer(RECORDS)


class World(ByDns):
    """A next hop at each of ADDRESSES, and a relay that finds them by DNS alone and waits for replies for REPLY_S."""

    def __init__(self, *addresses, context=None, **route):
        super().__init__(addresses, free_port(), name_server(), tls=context,
                         route={"ipv6": False, "reply_s": REPLY_S * TIMEOUT_FACTOR, **route})  # fmt: skip

    def tried(self, address, *words):
        return json.loads(self.relay.control("route", "test", address, "--connect", *words, "--json"))


def commands(host):
    return [step["text"].split(" ")[0] for step in host["steps"] if step["kind"] == "command"]


def notes(host):
    return " ".join(step["text"] for step in host["steps"] if step["kind"] == "note")


# ------------------------------------------------------------------------------------ who is asked


@test
def the_hosts_of_the_mx_records_are_tried_in_their_order():
    with World(FIRST, SECOND, THIRD, FOURTH) as world:
        world.hops[0].on["RCPT"] = b"550 5.1.1 Not here\r\n"
        world.hops[1].on["connect"] = b"554 5.7.1 Not you\r\n"
        found = world.tried("to@four.test")
        expect_equal((found["kind"], found["accepted"]), ("mx", True), "what came of it")
        expect_equal([(host["host"].split(":")[0], host["preference"], host["addresses"]) for host in found["hosts"]],
                     [("mx1.test", 10, [FIRST]), ("mx2.test", 20, [SECOND]), ("mx3.test", 30, [THIRD]), ("mx4.test", 40, [FOURTH])],
                     "the hosts")  # fmt: skip
        expect_equal([host["tried"] for host in found["hosts"]], [True, True, True, False], "which were tried")
        expect_in("Not here", found["hosts"][0]["fault"], "of the first")
        expect_in("Not you", found["hosts"][1]["fault"], "of the second")
        expect_equal(found["hosts"][2]["fault"], "", "of the third")
        expect_equal([len(hop.dialogs) for hop in world.hops], [1, 1, 1, 0], "connections")
        expect_equal([hop.seen for hop in world.hops], [[]] * 4, "messages")


@test
def three_are_tried_at_most():
    with World(FIRST, SECOND, THIRD, FOURTH) as world:
        for hop in world.hops:
            hop.on["MAIL"] = b"451 4.3.0 Later\r\n"
        found = world.tried("to@four.test")
        expect_equal([host["tried"] for host in found["hosts"]], [True, True, True, False], "which were tried")
        expect_equal(found["accepted"], False, "what came of it")
        expect_equal(len(world.hops[3].dialogs), 0, "connections to the fourth")


@cases(
    ("null.test", "takes no mail"),
    ("nowhere.test", ""),
    ("dangling.test", ""),
)
def a_domain_without_hosts_says_why(domain, words):
    with World() as world:
        found = world.tried(f"to@{domain}")
        expect_equal((found["accepted"], [host["tried"] for host in found["hosts"] if host["tried"]]), (False, []), "what came of it")
        why = found["fault"] or found["hosts"][0]["fault"]
        expect(why != "", f"no word on why there is no host: {found}")
        expect_in(words, why, "why there is no host")
        expect_in(why, world.relay.control("route", "test", f"to@{domain}", "--connect"), "the text")


# ------------------------------------------------------------------------------------ TLS


@test
def starttls_is_tried_and_its_certificate_checked():
    verified = {"tls": "required", "ca_file": authority().ca_file}
    with World(FIRST, context=authority().server_context("mx1.test"), **verified) as world:
        found = world.tried("to@one.test")
        host = found["hosts"][0]
        expect_equal((found["accepted"], host["fault"]), (True, ""), "what came of it")
        expect_equal(commands(host), ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "RSET", "QUIT"], "commands")
        expect_in("TLSv1.3", notes(host), "the version")
        expect_in("certificate verified", notes(host), "the certificate")
        expect(world.hops[0].dialogs[0].tls, "the next hop did not see TLS")


@test
def a_certificate_of_another_name_is_a_fault_before_mail_is_said():
    verified = {"tls": "required", "ca_file": authority().ca_file}
    with World(FIRST, context=authority().server_context("other.test"), **verified) as world:
        host = world.tried("to@one.test")["hosts"][0]
        expect_in("TLS", host["fault"], "the fault")
        expect_in("certificate", host["remedy"], "the remedy")
        expect_equal(commands(host), ["EHLO", "STARTTLS"], "commands")


@test
def tls_that_is_required_and_not_offered_is_a_fault():
    with World(FIRST, tls="required", verify=False) as world:
        host = world.tried("to@one.test")["hosts"][0]
        expect_in("not offered", host["fault"], "the fault")
        expect_equal(commands(host)[:1], ["EHLO"], "commands")
        expect_not_in("MAIL", commands(host), "commands")


# ------------------------------------------------------------------------------------ hosts that do wrong


def endless_lines(code):
    """A reply of which the last line never comes."""

    def say(dialog):
        while True:
            dialog.send(b"%d-" % code + b"x" * 70 + b"\r\n")

    return say


def a_byte_now_and_then(dialog):
    """So that there is always something new to read."""
    while True:
        dialog.send(b"2")
        time.sleep(0.2)


def took(seconds, factor=1):
    """That a test of one host ends in time: what it waits for, and what the machine may be late."""
    most = (factor * REPLY_S + 6) * TIMEOUT_FACTOR
    expect(seconds < most, f"it took {seconds:.1f} s, which is more than {most}")


@cases(*(f"{how}-{stage}" for stage in ("connect", "EHLO", "MAIL", "RCPT") for how in ("endless", "drip", "silent", "close", "reset")))
def a_host_that_never_comes_to_an_end_is_left(case):
    how, stage = case.split("-")
    with World(FIRST) as world:
        behaviours = {"endless": endless_lines(250), "drip": a_byte_now_and_then, "silent": silent, "close": close, "reset": reset}
        world.hops[0].on[stage] = behaviours[how]
        began = time.monotonic()
        found = world.tried("to@one.test")
        took(time.monotonic() - began)
        host = found["hosts"][0]
        expect_equal(found["accepted"], False, "what came of it")
        expect_in({"connect": "greeting"}.get(stage, stage), host["fault"], "the step that failed")
        expect(host["remedy"] != "", "no remedy is named")
        expect(len(json.dumps(host)) < 80_000, "what is shown has no bound")
        expect_equal((world.hops[0].seen, world.relay.counter("spool_messages")), ([], 0), "messages")


@cases("RSET", "QUIT")
def a_host_that_is_silent_at_the_end_has_taken_the_recipient(stage):
    with World(FIRST) as world:
        world.hops[0].on[stage] = silent
        began = time.monotonic()
        found = world.tried("to@one.test")
        took(time.monotonic() - began, factor=3)
        expect_equal((found["accepted"], found["hosts"][0]["fault"]), (True, ""), "what came of it")


@test
def a_long_reply_is_cut_with_a_mark():
    with World(FIRST) as world:
        world.hops[0].on["RCPT"] = b"".join(b"550-5.1.1 " + b"w" * 400 + b"\r\n" for _ in range(25)) + b"550 5.1.1 end\r\n"
        host = world.tried("to@one.test")["hosts"][0]
        shown = [step for step in host["steps"] if step["kind"] == "reply" and step["text"].startswith("550")]
        expect_equal([(len(step["text"]), step["cut"]) for step in shown], [(1024, True)], "replies to RCPT: their size, and the mark")
        greeting = next(step for step in host["steps"] if step["kind"] == "reply")
        expect_equal(greeting["cut"], False, "the mark at a reply that is whole")
        text = world.relay.control("route", "test", "to@one.test", "--connect")
        expect_equal(text.count("[cut]"), 1, "marks in the text")
        expect_in("for good", host["remedy"], "the remedy")


if __name__ == "__main__":
    main()
