#!/usr/bin/env python3
"""Open sessions: sluicectl shows them and ends them, by account, customer, address and network, on all cores; each ends
after the message that it is at, with a reply of its own."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.authenticator import Authenticator
from lib.backends import code_of_login
from lib.harness import cases, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER, stuff
from lib.mailq import BOB
from lib.relay import Relay, now


@shared
def next_hop():
    return Hop()


@shared
def relay():
    return Relay(next_hop(), server={"cores": 2})


def sessions(*words):
    return relay().control("sessions", *words)


def expect_ended(client):
    line = until(lambda: client.line(), "the session's end")
    expect_equal(line, "421 4.7.0 Session ended by the administrator, try again later", "what an ended session was given")


@cases("--account", "--customer", "--address")
def all_of_one_end_on_all_cores(option):
    clients = [relay().client() for _ in range(8)]
    shown = relay().status("sessions")
    expect_equal(len(shown), 8, f"sessions: {shown}")
    value = {"--account": SENDER.upper(), "--customer": shown[0]["customer"], "--address": "127.0.0.0/8"}[option]
    used = len({row["core"] for row in shown})
    said = sessions("end", option, value)
    expect_in(f"8 sessions on {used} core", said, "the answer")
    for client in clients:
        expect_ended(client)
        client.close()
    key = {"--address": "client"}.get(option, option.removeprefix("--"))
    relay().logged("sessions_ended_by_operator", sessions=8, **{key: value})
    relay().logged("session_ended", reason="ended_by_operator", account=SENDER)
    until(lambda: relay().counter("sessions_live") == 0, "they have gone")


@test
def others_stay():
    with relay().client() as client:
        for words in (("--account", BOB), ("--customer", "other"), ("--address", "192.0.2.0/24")):
            expect_in("0 sessions on 0 cores", sessions("end", *words), "the answer")
        for verb in ("list", "end"):
            answer = relay().control("sessions", verb, "--customer", "otter", wanted=1)
            expect_equal(answer, "error: no such customer, did you mean other?\n", "of a customer who is mistyped")
            answer = relay().control("sessions", verb, "--account", SENDER.replace("li", "il"), wanted=1)
            expect_equal(answer, f"error: no such account, did you mean {SENDER}?\n", "of an account that is mistyped")
        client.submit(mail.compose())
        expect_equal(len(relay().status("sessions")), 1, "it is still there")
        expect_equal(relay().status("sessions")[0]["messages"], 1, "messages that it sent")
    until(lambda: relay().counter("sessions_live") == 0, "it has gone")


@test
def a_message_on_its_way_is_taken_first():
    with relay().client() as client:
        client.envelope()
        client.say("DATA", "354")
        expect_in("1 session on 1 core", sessions("end", "--account", SENDER), "the answer")
        client.send(stuff(mail.compose()))
        client.wanted("250", "the message")
        expect_ended(client)
    until(lambda: relay().counter("sessions_live") == 0, "it has gone")


@test
def behind_mail_there_is_no_message_any_more():
    with relay().client() as client:
        client.envelope()
        sessions("end", "--account", SENDER)
        expect_ended(client)
    until(lambda: relay().counter("sessions_live") == 0, "it has gone")


@test
def one_that_has_not_logged_in_ends_by_its_address():
    with relay().connect() as client:
        client.greeted()
        expect_in("1 session on 1 core", sessions("end", "--address", "127.0.0.1"), "the answer")
        expect_ended(client)
    until(lambda: relay().counter("sessions_live") == 0, "it has gone")


# ------------------------------------------------------------------------------------ logins


def checked_by(authenticators, listeners, **store):
    # One core: each remembers logins by itself.
    at = Relay(next_hop(), listeners=listeners, start=False, server={"cores": 1}, store={"granted_ttl_s": 1, "refused_ttl_s": 1, **store},
               shield={"enabled": False, "refused_after_ms": 0})  # fmt: skip
    at.config["backend"] = [
        {"name": name, "kind": "http", "server": [where.name], "path": "/auth", "tls": "none", "failures": 1000}
        for name, where in authenticators.items()
    ]
    at.write_config()
    at.start()
    return at


CLEAR = {"tls": "none", "auth": "clear"}


@test
def what_was_granted_goes_on_for_the_grace_time():
    with Authenticator({SENDER: "right"}) as asked, checked_by({"mailboxes": asked}, {"clear": CLEAR}, grace_s=6) as at:
        expect_equal(code_of_login(at, SENDER, "right"), "235", "the right password")
        checked = now()
        asked.stop()
        time.sleep(1.1)
        expect_equal(code_of_login(at, SENDER, "right"), "235", "the same, in the grace time")
        until(lambda: [one for one in at.log("login") if one.get("reason", "").startswith("grace: mailboxes: ")],
              "the log says so")  # fmt: skip
        expect_equal(at.counter("logins_in_grace"), 1, "logins in the grace time")
        expect_equal(code_of_login(at, SENDER, "another"), "454", "one that was never granted")
        time.sleep(max(checked + 6.1 - now(), 0))
        expect_equal(code_of_login(at, SENDER, "right"), "454", "the same, past the grace time")
        # A refusal ends it at once.
        asked.start()
        expect_equal(code_of_login(at, SENDER, "right"), "235", "the right password")
        asked.users[SENDER] = "changed"
        time.sleep(1.1)
        expect_equal(code_of_login(at, SENDER, "right"), "535", "one that is refused now")
        asked.stop()
        time.sleep(1.1)
        expect_equal(code_of_login(at, SENDER, "right"), "454", "one that was refused")
        asked.start()


@test
def a_listener_has_its_own_back_ends():
    listeners = {"clear": CLEAR, "second": {**CLEAR, "back_ends": ["two"]}, "both": {**CLEAR, "back_ends": ["two", "one"]}}
    with Authenticator({SENDER: "one's"}) as one, Authenticator({SENDER: "two's"}) as two:
        with checked_by({"one": one, "two": two}, listeners) as at:
            wanted = {("clear", "one's"): "235", ("clear", "two's"): "535", ("second", "one's"): "535",
                      ("second", "two's"): "235", ("both", "two's"): "235", ("both", "one's"): "535"}  # fmt: skip
            for (listener, password), code in wanted.items():
                with at.connect(listener) as client:
                    client.greeted()
                    client.log_in(SENDER, password, wanted=code)


if __name__ == "__main__":
    main()
