#!/usr/bin/env python3
"""Orders about places where mail goes, and which way it goes: `sluicectl destination`, `sluicectl route test`."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect, expect_between, expect_equal, expect_in, main, test, until
from lib.hop import Hop
from lib.mailq import STORE, ask, closed_port, is_empty, keeps, killed, listed, queue_id, show, stays, with_routes
from lib.relay import Relay


def destination(relay, *words, wanted=0):
    """`sluicectl destination WORDS`, as values."""
    return json.loads(relay.control("destination", *words, "--json", wanted=wanted))


@cases("through", "store", "eager")
def mail_for_a_suspended_destination_waits_and_says_why(how):
    route = {"through": {}, "store": STORE, "eager": {"dialog": "eager"}}[how]
    with Hop() as hop, keeps(hop, route=route) as relay, relay.client() as client:
        order = destination(relay, "suspend", "default", "--for", "2h", "--reason", "upgrade")[0]
        expect_equal([order[key] for key in ("name", "order", "reason")], ["default", "suspended", "upgrade"], "the order")
        expect_between(order["until_ms"] - order["since_ms"], 7_200_000, 7_200_000, "its time")
        taken = queue_id(client.submit(mail.compose()))
        stays(lambda: hop.messages == [] and listed(relay), "mail went to a suspended destination", 1.5)
        ask(relay, "flush", "--all")
        why = "default: suspended until"
        for view in (("list",), ("show", taken), ("destinations",)):
            expect_in("upgrade", relay.control("queue", *view), f"{view}")
        expect_in(why, listed(relay)[0]["last_response"], "why it waits")
        expect_between(ask(relay, "destinations")[0]["suspended_s"], 7000, 7200, "seconds")
        expect_equal(show(relay, taken)["tries"], 0, "tries")
        expect_equal(hop.messages, [], "messages at the next hop")
        relay.control("destination", "resume", "default")
        hop.only()
        is_empty(relay)
        events = [(one["order"], one["place"], one.get("reason")) for one in relay.log("destination_order")]
        expect_equal(events, [("suspend", "default", "upgrade"), ("resume", "default", "upgrade")], "the log")


@test
def an_order_ends_by_itself():
    with Hop() as hop, keeps(hop) as relay, relay.client() as client:
        relay.control("destination", "suspend", "default", "--for", "2s")
        client.submit(mail.compose())
        expect_equal(hop.messages, [], "messages at the next hop")
        hop.only()
        until(lambda: [one["order"] for one in relay.log("destination_order")] == ["suspend", "ended"], "the log has its end")
        expect_equal(destination(relay), [], "the list")


@test
def orders_survive_a_reload_and_a_crash():
    with Hop() as hop, keeps(hop) as relay:
        relay.control("destination", "suspend", "@far.test", "--for", "3d")
        relay.control("destination", "limit", "default", "--connections", "2", "--rate", "600/min")
        relay.control("destination", "suspend", "host:mx.gone.test", "--for", "1s")
        before = [one for one in destination(relay) if one["name"] != "host:mx.gone.test"]
        relay.control("reload")
        time.sleep(1.1)
        killed(relay)
        relay.start()
        after = destination(relay)
        for one in before + after:
            one.pop("left_s")
        expect_equal(after, before, "the list after a crash")
        expect_equal(relay.log("destination_orders_restored")[-1]["orders"], 2, "the log")
        with relay.client() as client:
            client.submit(mail.compose(), recipients=["a@far.test"])
            client.submit(mail.compose(), recipients=["b@near.test"])
            expect_equal(hop.only().recipients, ["b@near.test"], "who got it")
            stays(lambda: hop.messages == [], "mail went to a suspended domain", 1)
            row = listed(relay)[0]
            expect_equal(row["destinations"], ["default/far.test"], "where it waits")
            relay.control("destination", "resume", "@far.test")
            hop.only()
            is_empty(relay)


@test
def another_host_is_used_while_one_is_suspended():
    with Hop() as first, Hop(address="127.0.0.2") as second, keeps([first, second]) as relay, relay.client() as client:
        relay.control("destination", "suspend", "host:127.0.0.1")
        for _ in range(4):
            client.submit(mail.compose())
        until(lambda: len(second.messages) == 4, "all went to the other")
        expect_equal(first.messages, [], "messages at the one that is suspended")
        relay.control("destination", "suspend", "host:127.0.0.2")
        taken = queue_id(client.submit(mail.compose()))
        stays(lambda: listed(relay) and len(second.messages) == 4, "mail went to a suspended host", 1)
        expect_in("host:127.0.0.", show(relay, taken)["attempts"] == [] and relay.control("queue", "list"), "why it waits")
        relay.control("destination", "resume", "host:127.0.0.1")
        first.only()
        is_empty(relay)


@test
def a_limit_holds_on_all_cores_together():
    with Hop() as hop, keeps(hop, server={"cores": 2}) as relay:
        relay.control("destination", "limit", "default", "--rate", "120/min")
        began = time.monotonic()
        for _ in range(3):
            with relay.client() as client:
                for _ in range(2):
                    client.submit(mail.compose())
        until(lambda: len(hop.messages) == 6, "all have come", 20)
        expect(time.monotonic() - began >= 2.4, "more than two began in a second")
        is_empty(relay)


@test
def what_is_no_order_is_an_error():
    with Hop() as hop, with_routes([{"hosts": [hop.name]}]) as relay:
        for words in (("suspend", "defualt"), ("suspend", "mx/far.test"), ("resume", "default")):
            expect_in("error: ", relay.control("destination", *words, wanted=1), f"{words}")
        expect_in("over already", relay.control("destination", "suspend", "default", "--until", "2001-01-01", wanted=1), "the past")
        expect_in("days ahead", relay.control("destination", "suspend", "default", "--until", "9999-01-01", wanted=1), "the far future")
        for words in (("suspend", "*.test"), ("suspend", "a\r\nb"), ("suspend", "\x1b[2J"), ("limit", "default")):
            relay.control("destination", *words, wanted=2)
        expect_equal(destination(relay), [], "the list")


@test
def orders_are_bounded():
    with Hop() as hop, Relay(hop) as relay:
        line = "".join(f"destination suspend name=@d{i}.test until_ms={int(time.time() * 1000) + 9_000_000} since_ms=1 by=root\n" for i in range(1000))
        relay.stop()
        with open(relay.at("state", "destination_orders"), "w", encoding="utf-8") as file:
            file.write(line.replace("since_ms=1", f"since_ms={int(time.time() * 1000)}") + "nonsense\n\x1b\n")
        relay.start()
        expect_equal(len(destination(relay)), 1000, "orders that were found")
        restored = relay.log("destination_orders_restored")[-1]
        expect_equal((restored["orders"], restored["damaged_lines"]), (1000, 2), "the log")
        expect_in("as may be: 1000", relay.control("destination", "suspend", "@more.test", wanted=1), "one more")
        relay.control("destination", "resume", "@d7.test")
        relay.control("destination", "suspend", "@more.test")
        expect_equal(len(destination(relay)), 1000, "orders")


# ------------------------------------------------------------------------------------ route test


def route_of(relay, address, *words):
    """`sluicectl route test ADDRESS WORDS`, as values."""
    return json.loads(relay.control("route", "test", address, *words, "--json"))


@test
def a_test_tells_the_route_and_why():
    routes = [{"name": "inside", "recipients": ["*.near.test"], "hosts": ["127.0.0.1:2"], "mode": "store"},
              {"name": "reports", "senders": ["<>"], "hosts": ["127.0.0.1:3"]},
              {"name": "gold", "customers": ["acme"], "hosts": ["127.0.0.1:4"]}, {"hosts": ["127.0.0.1:5"]}]  # fmt: skip
    with with_routes(routes) as relay:
        for words, name, rule in ((["a@x.near.test"], "inside", '"*.near.test"'), (["a@far.test", "--from", "<>"], "reports", '"<>"'),
                                  (["a@far.test", "--customer", "ACME"], "gold", '"acme"'), (["a@far.test"], "default", "no other does")):  # fmt: skip
            found = route_of(relay, *words)
            expect_equal((found["route"], found["destination"]), (name, name), f"{words}")
            expect_in(rule, found["rule"], f"{words}")
            expect_equal([one["addresses"] for one in found["hosts"]], [["127.0.0.1"]], "addresses")
            expect_equal(found["hosts"][0]["source"], "127.0.0.1", "the address that is sent from")
            expect_equal((found["connected"], found["hosts"][0]["steps"]), (False, []), "what was tried")
        expect_in("no such customer", relay.control("route", "test", "a@far.test", "--customer", "acmee", wanted=1), "a mistyped name")
        for wrong in ("far.test", "a@far.test\r\nDATA", "<a@far.test>"):
            relay.control("route", "test", wrong, wanted=2)
        relay.control("destination", "suspend", "inside", "--reason", "upgrade")
        expect_in("upgrade", relay.control("route", "test", "a@x.near.test"), "the order about it")


@test
def a_test_stops_just_before_the_message():
    with Hop() as hop, keeps(hop) as relay:
        found = route_of(relay, "to@far.test", "--from", "me@near.test", "--connect")
        expect_equal((found["accepted"], found["hosts"][0]["fault"]), (True, ""), "what came of it")
        said = [one["text"].split(" ")[0] for one in found["hosts"][0]["steps"] if one["kind"] == "command"]
        expect_equal(said, ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"], "commands")
        text = relay.control("route", "test", "to@far.test", "--connect")
        expect_in("> RCPT TO:<to@far.test>", text, "the text")
        expect_in("sender and recipient were taken; nothing was sent", text, "the text")
        expect_equal((hop.messages, relay.counter("spool_messages")), ([], 0), "messages")


@cases(
    ("connect", b"554 5.7.1 a\x1b[2J blocked\r\n", "block lists"),
    ("MAIL", b"451 4.7.1 later\r\n", "for now only"),
    ("RCPT", b"550-5.1.1 nobody\r\n550-" + b"w" * 900 + b"\r\n550 5.1.1 here\r\n", "for good"),
)
def a_test_tells_what_failed_and_what_may_help(where, words, remedy):
    with Hop() as hop:
        hop.on[where] = words
        with keeps(hop) as relay:
            found = route_of(relay, "to@far.test", "--connect")
            expect_equal(found["accepted"], False, "what came of it")
            expect_in(words[:3].decode(), found["hosts"][0]["fault"], "the fault")
            expect_in(remedy, found["hosts"][0]["remedy"], "the remedy")
            text = relay.control("route", "test", "to@far.test", "--connect")
            expect(not any(ord(one) < 32 and one != "\n" or ord(one) > 126 for one in text), f"a control character: {text!r}")


@test
def a_test_of_a_host_that_is_not_there_ends():
    name, _ = closed_port()
    with keeps(name) as relay:
        found = route_of(relay, "to@far.test", "--connect")
        expect_in("connect", found["hosts"][0]["fault"], "the fault")
        expect_in("reachable", found["hosts"][0]["remedy"], "the remedy")


if __name__ == "__main__":
    main()
