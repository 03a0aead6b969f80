#!/usr/bin/env python3
"""Open sessions: sluicectl shows them and ends them, by account, customer, address and network, on all cores; each ends
after the message that it is at, with a reply of its own."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER, stuff
from lib.relay import Relay


@shared
def next_hop():
    return Hop()


@shared
def relay():
    return Relay(next_hop(), server={"cores": 2})


def sessions(*words):
    return relay().control("sessions", *words)


def told(client):
    line = until(lambda: client.line(), "the session's end")
    expect_equal(line, "421 4.7.0 Session ended by the administrator, try again later", "what an ended session was told")


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
        told(client)
        client.close()
    line = relay().logged("sessions_ended_by_operator", sessions=8)
    expect_in(value, line.values(), "the log line")
    relay().logged("session_ended", reason="ended_by_operator", account=SENDER)
    until(lambda: relay().counter("sessions_live") == 0, "they have gone")


@test
def others_stay():
    with relay().client() as client:
        for words in (("--account", "nobody@example.com"), ("--customer", "Nobody"), ("--address", "192.0.2.0/24")):
            expect_in("0 sessions on 0 cores", sessions("end", *words), "the answer")
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
        told(client)
    until(lambda: relay().counter("sessions_live") == 0, "it has gone")


@test
def behind_mail_there_is_no_message_any_more():
    with relay().client() as client:
        client.envelope()
        sessions("end", "--account", SENDER)
        told(client)
    until(lambda: relay().counter("sessions_live") == 0, "it has gone")


@test
def one_that_has_not_logged_in_ends_by_its_address():
    with relay().connect() as client:
        client.greeted()
        expect_in("1 session on 1 core", sessions("end", "--address", "127.0.0.1"), "the answer")
        told(client)
    until(lambda: relay().counter("sessions_live") == 0, "it has gone")


if __name__ == "__main__":
    main()
