#!/usr/bin/env python3
"""The queue as an operator sees and changes it: `sluicectl queue`."""

import json
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_between, expect_equal, expect_in, main, test, until
from lib.hop import Hop, each
from lib.mail import SENDER
from lib.mailq import BOB, LATER, STORE, THREE, ask, by_bob, closed_port, is_empty, keeps, killed, listed, only_queued
from lib.mailq import queue_id, refuse, reports, show, states, stays, with_routes
from lib.relay import BOB_PASSWORD, SLUICECTL, Relay, under

# ------------------------------------------------------------------------------------ what is shown


@test
def an_operator_sees_the_queue():
    name, _ = closed_port()
    with keeps(name, queue=LATER) as relay:
        with relay.client() as client:
            client.submit(mail.compose(b"x" * 500 + b"\r\n"), recipients=THREE)
        with relay.client(name=BOB, password=BOB_PASSWORD) as client:
            by_bob(client)
        first = listed(relay, "--customer", "acme")
        expect_equal(len(first), 1, "messages of acme")
        row = first[0]
        expect_equal([row[key] for key in ("customer", "account", "sender", "recipients", "destinations", "state")],
                     ["acme", SENDER, SENDER, THREE, ["default"], "waiting"], "its row")  # fmt: skip
        expect_between(row["bytes"], 600, 1200, "bytes")
        now = time.time() * 1000
        expect_between(row["arrived_ms"], now - 30_000, now, "when it came")
        expect_between(row["due_ms"] - row["arrived_ms"], 3_590_000, 3_610_000, "its wait")
        expect(row["last_response"] != "", "no word on why it waits")
        for filters, count in ((("--sender", BOB), 1), (("--sender", "@example.com"), 1), (("--recipient", "two@far.test"), 1),
                               (("--recipient", "@far.test"), 2), (("--recipient", "nobody@far.test"), 0),
                               (("--customer", "other", "--sender", SENDER), 0), (("--destination", "default"), 2), (("--destination", "x"), 0),
                               (("--customer", "acme", "--sender", BOB), 0), (("--limit", "1"), 1),
                               (("--id", row["id"]), 1), ((), 2)):  # fmt: skip
            expect_equal(len(listed(relay, *filters)), count, f"messages with {filters}")
        shown = show(relay, row["id"])
        expect_equal(states(shown), {one: "waiting" for one in THREE}, "states")
        expect_equal((shown["tries"], len(shown["attempts"])), (1, 1), "tries")
        expect_equal((shown["attempts"][0]["recipients"], shown["attempts"][0]["taken"]), (3, 0), "of the attempt")
        expect_in(row["id"], relay.control("queue", "list"), "the list as text")
        expect_in("two@far.test", relay.control("queue", "show", row["id"]), "the message as text")


@test
def a_message_that_is_not_there_is_an_error():
    with Hop() as hop, keeps(hop) as relay:
        for verb in ("show", "hold", "release", "flush", "remove"):
            expect_in("no such message", relay.control("queue", verb, "0123456789AB", wanted=1), f"{verb} of it")
        expect_equal(listed(relay), [], "the queue")


@test
def an_id_that_is_mistyped_is_an_error_that_says_which_is_meant():
    name, _ = closed_port()
    with keeps(name, route=STORE, queue=LATER) as relay:
        with relay.client() as client:
            client.submit(mail.compose())
        queue_id = listed(relay)[0]["id"]
        mistyped = queue_id[:4] + "Z" + queue_id[4:]
        for words in (("show",), ("hold",), ("remove",), ("show", "--message", "--reason", "x")):
            answer = relay.control("queue", words[0], mistyped, *words[1:], wanted=1)
            expect_in(f"no such message, did you mean {queue_id}?", answer, f"{words} of it")
        expect_equal([row["id"] for row in listed(relay)], [queue_id], "the queue")


@test
def a_customer_that_there_is_not_is_an_error():
    with Hop() as hop, keeps(hop) as relay:
        for verb in ("list", "hold", "release", "flush", "remove"):
            answer = relay.control("queue", verb, "--customer", "acmee", wanted=1)
            expect_equal(answer, "error: no such customer, did you mean acme?\n", f"{verb} of a customer whose name is mistyped")
            answer = relay.control("queue", verb, "--account", SENDER.replace("li", "il"), wanted=1)
            expect_equal(answer, f"error: no such account, did you mean {SENDER}?\n", f"{verb} of an account that is mistyped")
        expect_equal(relay.log("queue_order"), [], "orders about names that are nobody's")
        expect_equal(listed(relay, "--account", BOB), [], "mail of an account that has none")
        expect_equal(listed(relay, "--customer", "ACME"), [], "mail of a customer that has none")
        expect_in("0 were changed", relay.control("queue", "hold", "--customer", "acme"), "hold of no mail")


@test
def a_destination_that_there_is_not_is_an_error():
    name, _ = closed_port()
    with keeps(name, queue=LATER) as relay:
        mistyped = ("--destination", "defualt")
        for verb in ("hold", "release", "flush", "remove"):
            answer = relay.control("queue", verb, *mistyped, wanted=1)
            expect_in("no message waits for a destination of this name", answer, f"{verb} of a destination that is mistyped")
            expect_in(", did you mean default?", answer, f"{verb} of a destination that is mistyped")
        # What only shows has shown all there is; a route that has no mail is one.
        expect_equal(listed(relay, *mistyped), [], "what waits for it")
        expect_equal(ask(relay, "hold", "--destination", "default"), {"changed": 0}, "hold of a route without mail")


@test
def an_answer_that_is_cut_is_an_error():
    with Hop() as hop, Relay(hop) as relay:
        for words in ("sessions json", "pools json", "counters json", "status json", "queue list json"):
            with socket.socket(socket.AF_UNIX) as asking:
                asking.connect(relay.at("control.sock"))
                asking.sendall(words.encode() + b"\n")
                answer = asking.makefile("rb").read()
            expect(answer.endswith(b"\nend\n") and answer.count(b"\nend\n") == 1, f"{words}: {answer!r}")
    place = under("cut.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        for words in (("sessions", "--json"), ("status",), ("counters",), ("reload",)):
            asking = subprocess.Popen([SLUICECTL, "--control", place, *words], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)  # fmt: skip
            with listening.accept()[0] as answering:
                answering.recv(100)
                if words != ("reload",):
                    answering.sendall(b"[\n {}")
            _, said = asking.communicate(timeout=20 * TIMEOUT_FACTOR)
            expect_equal((asking.returncode, "cut off" in said), (1, True), f"{words}, which said {said!r}")


@test
def the_history_of_all_attempts_is_shown():
    words = [b"451 4.3.0 First\r\n", b"450-4.2.0 Second\r\n450 4.2.0 and more\r\n"]
    with Hop() as hop:
        hop.on["MAIL"] = each(*words)
        with keeps(hop, route=STORE) as relay, relay.client() as client:
            hop.on["RCPT"] = b"451 4.4.4 Never\r\n"
            taken = queue_id(client.submit(mail.compose()))
            attempts = until(lambda: (a := show(relay, taken)["attempts"]) and len(a) >= 3 and a, "three attempts", 15)
            expect_equal([one["code"] for one in attempts[:3]], [451, 450, 451], "codes")
            expect_in("First", attempts[0]["text"], "the first")
            expect_in("Second", attempts[1]["text"], "the second")
            expect_in("and more", attempts[1]["text"], "the second")
            expect_equal({one["next_hop"] for one in attempts[:3]}, {hop.name}, "who was asked")
            times = [one["at_ms"] for one in attempts]
            expect(times == sorted(times) and times[1] - times[0] >= 900, f"times: {times}")
            hop.on.clear()
            is_empty(relay)


@cases(
    ("escape", b"451 4.3.0 a\x1b[2Jb\r\n"),
    ("nul", b"451 4.3.0 a\0b\r\n"),
    ("lines", b"451-4.3.0 a\r\n451 4.3.0 b\r\n"),
    ("bare_cr", b"451 4.3.0 a\rb\r\n"),
    ("bare_lf", b"451 4.3.0 a\nb\r\n"),
    ("not_utf8", b"451 4.3.0 a\xff\xfe\x9bb\r\n"),
    ("quotes", b"451 4.3.0 a\"\\b\r\n"),
    ("long", b"451 4.3.0 a" + b"w" * 1500 + b"\r\n"),
    ("many", b"451-4.3.0 " + b"\r\n451-".join([b"w" * 400] * 50) + b"\r\n451 4.3.0 b\r\n"),
)
def a_next_hops_words_do_no_harm(name, words):
    with Hop() as hop:
        hop.on["RCPT"] = words
        with keeps(hop, route=STORE, queue=LATER) as relay, relay.client() as client:
            taken = queue_id(client.submit(mail.compose()))
            until(lambda: show(relay, taken)["tries"] == 1, "it was tried")
            for view in (("list",), ("show", taken), ("destinations",)):
                text = relay.control("queue", *view)
                expect(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), f"{view}: {text!r}")
                as_json = relay.control("queue", *view, "--json")
                expect(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", as_json), f"{view} --json: {as_json!r}")
                expect_between(len(as_json), 10, 6000, f"bytes of {view}")
                json.loads(as_json)
            shown = show(relay, taken)["attempts"][0]["text"]
            expect(not re.search(r"[\x00-\x1f\x7f-\x9f]", shown), f"the words: {shown!r}")
            if name in ("escape", "lines", "quotes"):
                expect(re.search(r"a.*b", shown), f"the words: {shown!r}")
            with open(relay.log_file, encoding="utf-8") as file:
                expect(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", file.read()), "a control character in the log")


# ------------------------------------------------------------------------------------ what is changed


@test
def what_is_held_is_not_tried_until_it_is_released():
    name, port = closed_port()
    with keeps(name) as relay, relay.client() as client:
        client.submit(mail.compose(), recipients=["held@far.test"])
        held = only_queued(relay)["id"]
        client.submit(mail.compose(), recipients=["free@far.test"])
        expect_equal(ask(relay, "hold", held), {"changed": 1}, "hold")
        until(lambda: show(relay, held)["state"] == "held", "it is held")
        with Hop(port=port) as hop:
            expect_equal(hop.only().recipients, ["free@far.test"], "who got it")
            ask(relay, "flush", "--all")
            stays(lambda: hop.messages == [], "what is held was sent")
            expect_equal([row["destinations"] for row in listed(relay)], [["default"]], "what is left")
            expect_equal(ask(relay, "destinations")[0]["held"], 1, "held, for the destination")
            expect_equal(ask(relay, "release", "--recipient", "held@far.test"), {"changed": 1}, "release")
            expect_equal(hop.only().recipients, ["held@far.test"], "who got it then")
            is_empty(relay)


@test
def what_is_released_is_tried_now():
    with Hop() as hop:
        hop.on["RCPT"] = each(b"450 4.2.0 Greylisted\r\n")
        with keeps(hop, queue={**LATER, "suspend_first_s": 1, "suspend_max_s": 1}) as relay, relay.client() as client:
            client.submit(mail.compose())
            held = only_queued(relay)["id"]
            ask(relay, "hold", held)
            ask(relay, "release", held)
            hop.only()
            is_empty(relay)


@cases("ID", "--sender", "--destination", "--all")
def flush_tries_now(how):
    name, port = closed_port()
    with keeps(name, queue=LATER) as relay, relay.client() as client:
        client.submit(mail.compose())
        row = only_queued(relay)
        until(lambda: listed(relay)[0]["tries"] == 1, "it was tried")
        words = {"ID": [row["id"]], "--sender": ["--sender", SENDER], "--destination": ["--destination", "default"],
                 "--all": ["--all"]}[how]  # fmt: skip
        with Hop(port=port) as hop:
            expect_equal(hop.messages, [], "messages before")
            expect_equal(ask(relay, "flush", *words), {"changed": 1}, "flush")
            hop.only()
            is_empty(relay)


@test
def flush_leaves_no_destination_alone():
    """The hop was down when the queue itself tried, so that the destination is suspended for an hour."""
    name, port = closed_port()
    with keeps(name, route=STORE, queue=LATER) as relay, relay.client() as client:
        taken = queue_id(client.submit(mail.compose()))
        suspended = until(lambda: (rows := ask(relay, "destinations")) and rows[0]["suspended_s"] > 0 and rows, "a suspension")
        expect_between(suspended[0]["suspended_s"], 3000, 3600, "seconds")
        expect(suspended[0]["last_response"] != "", "no word on why")
        with Hop(port=port) as hop:
            expect_equal(ask(relay, "flush", taken), {"changed": 1}, "flush")
            hop.only()
            is_empty(relay)


@test
def what_is_removed_is_gone_and_nobody_is_told():
    name, port = closed_port()
    with keeps(name) as relay, relay.client() as client:
        for recipient in ("gone@far.test", "kept@far.test"):
            client.submit(mail.compose(), recipients=[recipient])
        expect_equal(ask(relay, "remove", "--recipient", "gone@far.test"), {"changed": 1}, "remove")
        expect_equal([row["recipients"] for row in listed(relay)], [["kept@far.test"]], "what is left")
        killed(relay)
        relay.start()
        expect_equal([row["recipients"] for row in listed(relay)], [["kept@far.test"]], "what is left after a crash")
        with Hop(port=port) as hop:
            expect_equal(hop.only().recipients, ["kept@far.test"], "who got it")
            is_empty(relay)
            expect_equal((hop.messages, relay.counter("reports")), ([], 0), "more")


@test
def what_is_bounced_is_reported_in_the_operators_words():
    name, _ = closed_port()
    gone = {"name": "gone", "recipients": ["gone.test"], "hosts": [name], **STORE}
    text = "gone.test is closed, \u00fc: 100 %"
    with Hop() as hop:
        hop.on["RCPT"] = refuse("late", b"451 4.2.0 Not yet\r\n")
        with with_routes([gone, {"hosts": [hop.name], **STORE}], queue=LATER) as relay, relay.client() as client:
            taken = queue_id(client.submit(mail.compose(), recipients=["a@gone.test", "late@far.test"]))
            until(lambda: show(relay, taken)["tries"] == 2, "both were tried")
            for wrong in (("--text", "a\x1b[2J"), ("--text", "x" * 401), ("--status", "4.1.2"), ("--status", "5.1")):
                relay.control("queue", "bounce", taken, *wrong, wanted=2)
            words = ("--destination", "gone", "--text", text, "--status", "5.1.2")
            expect_equal(ask(relay, "bounce", *words), {"changed": 1}, "bounce")
            report = until(lambda: reports(hop), "a report")[0]
            expect_equal(report.actions(), {"a@gone.test": "failed"}, "the report")
            about = report.by_recipient()["a@gone.test"]
            expect_equal((about["Status"], about["Remote-MTA"]), ("5.1.2", None), "its status")
            expect_in("Rejected by the administrator: gone.test is closed", about["Diagnostic-Code"], "its words")
            expect_in("100 %", report.words.get_content(), "the words for a reader")
            expect_equal(states(show(relay, taken)), {"a@gone.test": "failed", "late@far.test": "waiting"}, "the others")
            order = relay.log("queue_order")[-1]
            expect_equal([order[key] for key in ("order", "text", "status", "messages")], ["reject", text, "5.1.2", 1], "the event")
            expect_equal(ask(relay, "bounce", taken), {"changed": 1}, "the rest of it")
            is_empty(relay)
            expect_equal([one.actions() for one in reports(hop)], [{"a@gone.test": "failed"}, {"late@far.test": "failed"}], "all reports")


@test
def a_recipient_filter_means_those_that_are_left():
    with Hop() as hop:
        hop.on["RCPT"] = refuse("two", b"451 4.2.0 Not yet\r\n")
        with keeps(hop, queue=LATER) as relay, relay.client() as client:
            client.submit(mail.compose(), recipients=THREE)
            only_queued(relay)
            expect_equal(len(listed(relay, "--recipient", "two@far.test")), 1, "messages that two waits for")
            expect_equal(len(listed(relay, "--recipient", "one@far.test")), 0, "messages that one waits for")


@test
def the_list_begins_with_what_is_tried_next():
    name, _ = closed_port()
    with keeps(name, route=STORE, queue=LATER, server={"cores": 1}) as relay, relay.client() as client:
        client.submit(mail.compose(), recipients=["tried@far.test"])
        until(lambda: listed(relay)[0]["tries"] == 1, "it was tried")
        # A message behind it has not been tried yet, and is due as soon as the destination is.
        client.submit(mail.compose(), recipients=["fresh@far.test"])
        expect_equal([row["recipients"] for row in listed(relay)], [["fresh@far.test"], ["tried@far.test"]], "the list")


@test
def a_message_for_two_destinations_is_one():
    name, _ = closed_port()
    far = {"name": "far", "recipients": ["far.test"], "hosts": [name], **STORE}
    with with_routes([far, {"hosts": [name], **STORE}], queue=LATER) as relay, relay.client() as client:
        client.submit(mail.compose(), recipients=["a@far.test", "b@near.test"])
        rows = listed(relay)
        expect_equal([sorted(row["destinations"]) for row in rows], [["default", "far"]], "the list")
        expect_equal(ask(relay, "hold", "--all"), {"changed": 1}, "hold")
        expect_equal(ask(relay, "remove", "--all"), {"changed": 1}, "remove")
        is_empty(relay)


@test
def a_page_of_a_long_queue_is_whole():
    name, _ = closed_port()
    with keeps(name, route=STORE, queue=LATER) as relay, relay.client() as client:
        for _ in range(600):
            client.submit(mail.compose())
        for limit in ((), ("--limit", "10000")):
            rows = listed(relay, *limit)
            expect_equal((len(rows), len({row["id"] for row in rows})), (600, 600), f"messages with {limit}")
        expect_equal(len(listed(relay, "--limit", "100")), 100, "messages with a limit")
        expect_equal(len(relay.control("queue", "list").splitlines()), 1 + 600, "lines for a reader")
        some = subprocess.run([SLUICECTL, "--config", relay.config_file, "queue", "list", "--limit", "100"],
                              capture_output=True, text=True, timeout=20 * TIMEOUT_FACTOR, check=True)  # fmt: skip
        expect_equal(len(some.stdout.splitlines()), 1 + 100, "lines with a limit")
        expect_equal(some.stderr, "sluicectl: there are more than these\n", "what is said of the rest")
        expect_equal(ask(relay, "remove", "--all"), {"changed": 600}, "remove")
        is_empty(relay)


if __name__ == "__main__":
    main()
