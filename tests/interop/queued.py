#!/usr/bin/env python3
"""Mail that its next hop does not take at once: it is kept, the client gets its 250, and it is delivered later, once,
and to everybody.  Routes, late dialogs, restarts, fairness."""

import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect, expect_between, expect_equal, expect_in, main, test, until
from lib.hop import OFFERS, Hop, close, each, reset
from lib.mail import RECIPIENT, SENDER
from lib.mailq import BOB, STORE, THREE, ask, by_bob, closed_port, expect_report, is_empty, keeps, killed, listed, queue_id
from lib.mailq import refuse, reports, show, states, with_routes
from lib.relay import BOB_PASSWORD, Relay

CHUNKING = (*OFFERS, "CHUNKING")


# ------------------------------------------------------------------------------------ what is kept

FAILURES = {
    "greeting_4xx": ("connect", b"421 4.3.2 Not now\r\n"),
    "greeting_lost": ("connect", close),
    "ehlo_lost": ("EHLO", close),
    "mail_4xx": ("MAIL", b"451 4.3.0 Later\r\n"),
    "mail_lost": ("MAIL", reset),
    "rcpt_4xx": ("RCPT", b"450 4.2.0 Greylisted\r\n"),
    "rcpt_421": ("RCPT", b"421 4.3.2 Going down\r\n"),
    "data_4xx": ("DATA", b"451 4.3.0 Later\r\n"),
    "data_lost": ("DATA", reset),
    "body_lost": ("body", close),
    "end_4xx": ("end", b"452 4.3.1 Full\r\n"),
    "lost_after_the_dot": ("end", close),
    "reset_after_the_dot": ("end", reset),
}
LARGE = mail.text_of(3_000_000, "kept")


@cases(*((f"{name}-{by}-{size}", stage, behaviour, by, size) for name, (stage, behaviour) in FAILURES.items()
         for by in ("DATA", "BDAT") for size in ("small", "large")
         if not (by == "BDAT" and stage in ("connect", "EHLO", "DATA", "body"))
         and not (size == "large" and name not in ("rcpt_4xx", "body_lost", "lost_after_the_dot"))))  # fmt: skip
def what_the_next_hop_does_not_take_is_kept(_name, stage, behaviour, by, size):
    message = mail.compose(LARGE if size == "large" else mail.text_of(4000, "small"))
    with Hop(offers=OFFERS if by == "DATA" else CHUNKING) as hop:
        hop.on[stage] = each(behaviour)
        with keeps(hop) as relay, relay.client() as client:
            client.submit(message)
            expect_in("kept", relay.logged("message")["detail"], "the log's word on it")
            arrived = hop.only()
            is_empty(relay)
            expect_equal((arrived.sender, arrived.recipients), (SENDER, [RECIPIENT]), "envelope")
            mail.expect_intact(arrived.content, message)
            expect_equal(hop.messages, [], "more of it")
            expect_equal(relay.logged("delivery", verdict="relayed")["taken"], 1, "taken, in the log")
            expect_equal(len(hop.seen), 2 if stage == "end" else 1, "whole messages that the next hop saw")


@test
def a_next_hop_that_is_down_gets_its_mail_when_it_is_back():
    name, port = closed_port()
    messages = [mail.compose(mail.text_of(2000, seed)) for seed in range(3)]
    with keeps(name) as relay, relay.client() as client:
        for message in messages:
            client.submit(message)
        expect_equal(relay.counter("spool_messages"), 3, "messages in the spool")
        with Hop(port=port) as hop:
            arrived = hop.wait(3)
            is_empty(relay)
            expect_equal(sorted(mail.unstuff(one.content)[-50:] for one in arrived),
                         sorted(message[-50:] for message in messages), "what arrived")  # fmt: skip


@test
def nothing_is_kept_where_all_goes_well():
    with Hop(offers=CHUNKING) as hop, keeps(hop) as relay, relay.client() as client:
        for size in (10, 5000, 500_000):
            client.submit(mail.compose(mail.text_of(size, size)), recipients=THREE)
            expect_equal(hop.only().recipients, THREE, "recipients")
        expect_equal(relay.counter("spool_stored"), 0, "messages that were stored")


@test
def where_nothing_is_kept_the_client_gets_the_failure():
    name, _ = closed_port()
    with Relay(name) as relay, relay.client() as client:
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        client.say(f"RCPT TO:<{RECIPIENT}>", "451 4.4.1")


@cases("small", "large")
def a_message_in_store_mode_is_taken_before_anybody_is_asked(size):
    message = mail.compose(LARGE if size == "large" else b"Hello.\r\n")
    go_on = threading.Event()
    with Hop() as hop:
        hop.on["MAIL"] = lambda _: go_on.wait(20) and None
        with keeps(hop, route=STORE) as relay, relay.client() as client:
            taken = queue_id(client.submit(message, recipients=THREE))
            expect_equal([row["id"] for row in listed(relay)], [taken], "the queue")
            expect_equal(hop.messages, [], "messages at the next hop")
            go_on.set()
            arrived = hop.only()
            expect_equal(arrived.recipients, THREE, "recipients")
            mail.expect_intact(arrived.content, message)
            is_empty(relay)


@test
def what_the_next_hop_refuses_later_is_reported():
    with Hop() as hop:
        hop.on["RCPT"] = refuse("two")
        with keeps(hop, route=STORE) as relay, relay.client() as client:
            client.submit(mail.compose(), recipients=THREE)
            expect_report(hop, SENDER, {"two@far.test": "failed"})
            expect_equal(hop.messages[0].recipients, ["one@far.test", "three@far.test"], "recipients")
            is_empty(relay)


@test
def no_mail_is_taken_where_the_disk_is_low():
    with Hop() as hop, keeps(hop, spool={"free_bytes_min": 1 << 49}) as relay, relay.client() as client:
        until(lambda: all(core["spool"] != "accepts" for core in relay.status("status")), "all cores have looked at it")
        client.say(f"MAIL FROM:<{SENDER}>", "452 4.3.1")
        client.say(f"RCPT TO:<{RECIPIENT}>", "503")
        client.say("NOOP", "250")
        expect_equal(hop.verbs(), [], "what was said to the next hop")


# ------------------------------------------------------------------------------------ late dialogs


class OneSegment(threading.Thread):
    """A next hop that answers each transaction, which must come in one piece, in one piece."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.pieces = []
        self.start()

    def run(self):
        accepted, _ = self.listener.accept()
        accepted.sendall(b"220 hop.test ESMTP\r\n")
        hello = b"250-hop.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 CHUNKING\r\n"
        accepted.recv(65536)
        accepted.sendall(hello)
        while piece := accepted.recv(65536):
            self.pieces.append(piece)
            verbs = re.findall(rb"(?m)^(RSET|MAIL|RCPT|BDAT|QUIT|EHLO)\b", piece)
            accepted.sendall(b"".join(hello if verb == b"EHLO" else b"250 2.0.0 Ok\r\n" for verb in verbs))
        accepted.close()

    def stop(self):
        self.listener.close()


@test
def a_small_message_goes_in_one_segment():
    hop = OneSegment()
    with keeps(hop) as relay, relay.client() as client:
        for number in (1, 2, 3):
            message = mail.compose(b"Number %d.\r\n..dots\r\n" % number)
            client.submit(message, recipients=THREE)
            expect_equal(len(hop.pieces), number, "segments")
            piece = hop.pieces[-1]
            expect_equal([piece.count(verb) for verb in (b"MAIL FROM:", b"RCPT TO:", b"BDAT ")], [1, 3, 1], "commands")
            # EHLO, whose answer no other command has, shows that each reply was that of its command.
            hello = b"EHLO mail.relay.test\r\n"
            expect(piece.endswith(message + hello), f"the end of the segment: {piece[-100:]}")
            size = int(re.search(rb"BDAT (\d+) LAST\r\n", piece)[1])
            expect_equal(len(piece.split(b" LAST\r\n", 1)[1]), size + len(hello), "bytes behind BDAT")
    hop.stop()


@test
def late_the_next_hop_is_asked_nothing_before_data():
    with Hop() as hop, keeps(hop) as relay, relay.client() as client:
        client.envelope()
        time.sleep(0.3)
        expect_equal(hop.verbs(), [], "what was said to the next hop")
        client.say("RSET", "250")
        client.submit(mail.compose())
        hop.only()


@test
def eager_the_client_hears_each_recipients_answer():
    with Hop() as hop:
        hop.on["RCPT"] = refuse("two")
        with keeps(hop, route={"dialog": "eager"}) as relay, relay.client() as client:
            client.say(f"MAIL FROM:<{SENDER}>", "250")
            client.say("RCPT TO:<two@far.test>", "550 5.1.1")
            client.say("RCPT TO:<one@far.test>", "250")
            client.say("DATA", "354")
            client.send(mail.stuff(mail.compose()))
            client.wanted("250", "the message")
            expect_equal(hop.only().recipients, ["one@far.test"], "recipients")
            is_empty(relay)
            expect_equal(relay.counter("reports"), 0, "reports")


@cases(DATA=OFFERS, BDAT=CHUNKING)
def a_recipient_that_is_refused_late_is_reported(_name, offers):
    with Hop(offers=offers) as hop:
        hop.on["RCPT"] = refuse("two")
        with keeps(hop) as relay, relay.client() as client:
            client.submit(mail.compose(), recipients=THREE)
            got = expect_report(hop, SENDER, {"two@far.test": "failed"})
            expect_equal(hop.messages[0].recipients, ["one@far.test", "three@far.test"], "recipients")
            one = got.by_recipient()["two@far.test"]
            expect_equal(str(one["Status"]), "5.1.1", "Status")
            expect_equal(str(one["Diagnostic-Code"]), "smtp; 550 5.1.1 Nobody of that name", "Diagnostic-Code")
            is_empty(relay)
            expect_equal(len(hop.messages), 2, "messages at the next hop")


@cases(
    ("recipients", "RCPT", b"550 5.1.1 Nobody\r\n", "550 5.1.1"),
    ("sender", "MAIL", b"553 5.1.8 Not you\r\n", "553 5.1.8"),
    ("message", "end", b"554 5.7.1 Spam\r\n", "554 5.7.1"),
)
def what_is_refused_as_a_whole_is_the_clients_to_hear(_name, stage, words, wanted):
    for offers in (OFFERS, CHUNKING):
        with Hop(offers=offers) as hop:
            hop.on[stage] = words
            with keeps(hop) as relay, relay.client() as client:
                client.submit(mail.compose(), recipients=THREE, wanted=wanted)
                expect_equal(relay.counter("spool_stored"), 0, "messages that were stored")
                expect_equal(hop.messages, [], "messages at the next hop")


@cases(
    ("by_notify", SENDER, " NOTIFY=NEVER", ""),
    ("by_null_sender", "", "", ""),
)
def a_refusal_that_is_nobodys_to_hear_leaves_nothing(_name, sender, notify, _):
    """All is decided when such a message is kept, and nothing is to be reported."""
    with Hop() as hop:
        hop.on["RCPT"] = refuse("two")
        with keeps(hop) as relay, relay.client() as client:
            client.submit(mail.compose(), sender=sender, recipients=[(one, notify) for one in THREE])
            expect_equal(hop.only().recipients, ["one@far.test", "three@far.test"], "recipients")
            is_empty(relay)
            expect_equal(relay.counter("reports"), 0, "reports")
            expect_equal(hop.messages, [], "messages at the next hop")


@test
def recipients_that_are_too_many_for_the_next_hop_come_in_another_transaction():
    many = [f"r{number}@far.test" for number in range(7)]
    with Hop() as hop:
        hop.on["RCPT"] = lambda dialog: b"452 4.5.3 Too many\r\n" if len(dialog.recipients) >= 3 else None
        with keeps(hop) as relay, relay.client() as client:
            client.submit(mail.compose(), recipients=many)
            until(lambda: sum(len(one.recipients) for one in hop.messages) == 7, "all recipients have it", 12)
            expect_equal(sorted(r for one in hop.messages for r in one.recipients), many, "recipients")
            is_empty(relay)


# ------------------------------------------------------------------------------------ routes

FARM = {"name": "farm", "recipients": ["farm.test", "*.farm.test"]}
MIXED = ["a@farm.test", "b@shop.farm.test", "c@far.test", "d@away.test"]


@test
def a_message_for_two_routes_is_split():
    message = mail.compose(mail.text_of(9000, "split"))
    with Hop() as farm, Hop() as rest, with_routes([{**FARM, "hosts": [farm.name]}, {"hosts": [rest.name]}]) as relay:
        with relay.client() as client:
            client.submit(message, recipients=MIXED)
        for hop, recipients in ((farm, MIXED[:2]), (rest, MIXED[2:])):
            arrived = hop.only()
            expect_equal(arrived.recipients, recipients, "recipients")
            mail.expect_intact(arrived.content, message)
        is_empty(relay)
        expect_equal((farm.messages, rest.messages, relay.counter("reports")), ([], [], 0), "more")


@test
def each_recipient_has_its_own_state():
    refuses, waits = refuse("b@"), threading.Event()
    with Hop() as farm, Hop() as rest:
        farm.on["RCPT"] = refuses
        rest.on["RCPT"] = lambda dialog: b"451 4.2.0 Not yet\r\n" if "d@" in dialog.rcpt and not waits.is_set() else None
        with with_routes([{**FARM, "hosts": [farm.name]}, {"hosts": [rest.name]}]) as relay, relay.client() as client:
            taken = queue_id(client.submit(mail.compose(), recipients=MIXED))
            wanted = dict(zip(MIXED, ("relayed", "failed", "relayed", "waiting")))
            until(lambda: states(show(relay, taken)) == wanted, f"states {wanted}: {show(relay, taken)}")
            expect_report(rest, SENDER, {"b@shop.farm.test": "failed"})
            row = show(relay, taken)
            of = {one["recipient"]: one for one in row["recipients"]}
            expect_equal((of["d@away.test"]["code"], of["d@away.test"]["enhanced"]), (451, "4.2.0"), "the last word on d")
            expect_in("Not yet", of["d@away.test"]["text"], "the last response on d")
            expect_equal(of["b@shop.farm.test"]["next_hop"], farm.name, "who refused b")
            expect_equal({attempt["next_hop"] for attempt in row["attempts"]}, {farm.name, rest.name}, "who was asked")
            expect_equal(row["destinations"], ["default"], "where it is still bound for")
            waits.set()
            is_empty(relay)
            got = [one.recipients for one in rest.messages if one.sender]
            expect_equal(got, [["c@far.test"], ["d@away.test"]], "transactions")
            expect_equal([one.recipients for one in farm.messages], [["a@farm.test"]], "at the farm")
            expect_equal(len(reports(rest)), 1, "reports")


@test
def eager_a_recipient_that_goes_another_way_is_for_another_message():
    routes = lambda farm, rest: [{**FARM, "hosts": [farm.name], "dialog": "eager"},
                                 {"hosts": [rest.name], "dialog": "eager"}]  # fmt: skip
    with Hop() as farm, Hop() as rest, with_routes(routes(farm, rest)) as relay, relay.client() as client:
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        client.say("RCPT TO:<a@farm.test>", "250")
        client.say("RCPT TO:<c@far.test>", "452 4.5.3")
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose()))
        client.wanted("250", "the message")
        expect_equal((farm.only().recipients, rest.messages), (["a@farm.test"], []), "who has it")


@test
def a_route_is_found_by_customer_sender_and_recipient():
    hops = [Hop() for _ in range(4)]
    routes = [
        {"name": "bobs", "customers": ["other"]},
        {"name": "both", "senders": ["*.example.com"], "recipients": ["farm.test"]},
        {"name": "shop", "senders": ["*.example.com"]},
        {"name": "rest"},
    ]
    try:
        with with_routes([{**route, "hosts": [hop.name]} for route, hop in zip(routes, hops)]) as relay:
            with relay.client(name=BOB, password=BOB_PASSWORD) as client:
                by_bob(client, recipient="a@farm.test")
                hops[0].only()
            with relay.client() as client:
                for sender, recipient, hop in (("alice@shop.example.com", "a@farm.test", hops[1]),
                                               ("alice@shop.example.com", "a@far.test", hops[2]),
                                               (SENDER, "a@farm.test", hops[3])):  # fmt: skip
                    client.submit(mail.compose(sender=sender), sender=sender, recipients=[recipient])
                    expect_equal(hop.only().sender, sender, "the sender")
            expect_equal([len(hop.messages) for hop in hops], [0] * 4, "more")
    finally:
        for hop in hops:
            hop.stop()


@test
def a_message_for_a_mailbox_here_and_for_a_next_hop_gets_to_both():
    with Hop() as hop:
        relay = Relay([], start=False)
        maildir = relay.at("state", "mail")
        relay.config["route"] = [{**FARM, "maildir": maildir}, {"hosts": [hop.name], "tls": "none"}]
        relay.write_config()
        relay.start()
        with relay, relay.client() as client:
            client.submit(mail.compose(b"For both.\r\n"), recipients=MIXED)
            expect_equal(hop.only().recipients, MIXED[2:], "recipients at the next hop")
            new = os.path.join(maildir, "new")
            until(lambda: os.path.isdir(new) and len(os.listdir(new)) == 1, "one message in the mailbox")
            with open(os.path.join(new, os.listdir(new)[0]), "rb") as file:
                text = file.read()
            expect_in(b"For both.", text, "the message")
            expect_equal(re.findall(rb"Delivered-To: (\S+)", text), [b"a@farm.test", b"b@shop.farm.test"], "for whom")
            is_empty(relay)


# ------------------------------------------------------------------------------------ who logged in

XCLIENT = (*OFFERS, "XCLIENT NAME ADDR PROTO HELO LOGIN")


@cases("through", "store")
def xclient_tells_who_is_behind_a_message(mode):
    route = {"identify": "xclient", "mode": mode}
    with Hop(offers=XCLIENT) as hop, keeps(hop, route=route) as relay:
        with relay.client() as client:
            client.submit(mail.compose())
            expect_equal(hop.only().xclient["LOGIN"], SENDER, "LOGIN")
        with relay.client(name=BOB, password=BOB_PASSWORD) as client:
            by_bob(client)
            xclient = hop.only().xclient
            expect_equal(xclient["LOGIN"], BOB, "LOGIN of another")
            expect_equal((xclient["ADDR"], xclient["HELO"], xclient["PROTO"]), ("127.0.0.1", "client.test", "ESMTP"), "what else")
            expect_equal(xclient["NAME"], "[UNAVAILABLE]", "NAME, which is looked up nowhere")
        expect_equal(hop.verbs().count("XCLIENT"), 2, "times that XCLIENT was sent")


@test
def a_report_is_from_nobody_who_logged_in():
    with Hop(offers=XCLIENT) as hop, keeps(hop, route={**STORE, "identify": "xclient"}) as relay, relay.client() as client:
        hop.on["RCPT"] = refuse("two")
        client.submit(mail.compose(), recipients=["two@far.test"])
        got = expect_report(hop, SENDER, {"two@far.test": "failed"})
        expect_equal([got.taken.xclient[key] for key in ("LOGIN", "ADDR", "HELO")], ["[UNAVAILABLE]"] * 3, "what XCLIENT says")


@cases("through", "store")
def auth_tells_who_is_behind_a_message(mode):
    with Hop(login=("x", "y")) as hop:
        hop.clear_login = True
        with keeps(hop, route={"identify": "auth", "mode": mode}) as relay, relay.client() as client:
            client.submit(mail.compose(sender="alice@shop.example.com"), sender="alice@shop.example.com")
            expect_in(f"AUTH={SENDER}", hop.only().parameters, "parameters of MAIL")


@test
def nobody_is_told_who_logged_in_unless_the_route_says_so():
    with Hop(offers=XCLIENT, login=("x", "y")) as hop:
        hop.clear_login = True
        with keeps(hop) as relay, relay.client() as client:
            client.submit(mail.compose())
            arrived = hop.only()
            expect_equal(arrived.xclient, {}, "XCLIENT")
            expect("AUTH" not in " ".join(arrived.parameters), f"parameters: {arrived.parameters}")


# ------------------------------------------------------------------------------------ restarts


@cases("SIGTERM", "SIGKILL")
def a_restart_keeps_the_queue(how):
    name, port = closed_port()
    messages = {f"r{number}@far.test": mail.compose(mail.text_of(size, number))
                for number, size in enumerate((0, 100, 5000, 70_000, 2_500_000))}  # fmt: skip
    relay = keeps(name, queue={"retry_s": [2]})
    with relay:
        with relay.client() as client:
            for recipient, message in messages.items():
                client.submit(message, recipients=[recipient])
            ask(relay, "hold", "--recipient", "r1@far.test")
        before = {row["id"]: row["recipients"] for row in listed(relay)}
        expect_equal(len(before), 5, "messages before")
        if how == "SIGTERM":
            relay.stop()
        else:
            killed(relay)
        relay.start()
        expect_equal({row["id"]: row["recipients"] for row in listed(relay)}, before, "messages after")
        expect_equal([row["state"] for row in listed(relay, "--recipient", "r1@far.test")], ["held"], "what was held")
        tries = [row["tries"] for row in listed(relay)]
        expect(all(count >= 1 for count in tries), f"tries that are remembered: {tries}")
        with Hop(port=port) as hop:
            hop.wait(4, 15)
            ask(relay, "release", "--recipient", "r1@far.test")
            arrived = hop.wait(5)
            is_empty(relay)
            expect_equal(sorted(one.recipients[0] for one in arrived), sorted(messages), "who got one")
            for one in arrived:
                mail.expect_intact(one.content, messages[one.recipients[0]])


@test
def what_was_delivered_is_not_delivered_again_after_a_crash():
    with Hop() as hop:
        hop.on["RCPT"] = refuse("two", b"451 4.2.0 Not yet\r\n")
        relay = keeps(hop, route=STORE)
        with relay, relay.client() as client:
            taken = queue_id(client.submit(mail.compose(), recipients=THREE))
            until(lambda: states(show(relay, taken))["one@far.test"] == "relayed", "one has it")
            killed(relay)
            hop.on.clear()
            relay.start()
            is_empty(relay)
            got = [one.recipients for one in hop.messages]
            expect_equal(got, [["one@far.test", "three@far.test"], ["two@far.test"]], "transactions")


# ------------------------------------------------------------------------------------ fairness


@test
def one_customers_batch_does_not_delay_anothers_message():
    name, port = closed_port()
    batch = 300
    with keeps(name, route={**STORE, "concurrency": 2}, queue={"running": 4}, server={"cores": 1}) as relay:
        with relay.client() as client:
            for _ in range(batch):
                client.submit(mail.compose(), recipients=["a@far.test"])
        with Hop(port=port) as hop:
            hop.on["end"] = lambda _: time.sleep(0.02)
            hop.wait(30, 15)
            with relay.client(name=BOB, password=BOB_PASSWORD) as client:
                by_bob(client)
                before = len(hop.messages)
            hop.wait(batch + 1, 30)
            place = [one.sender for one in hop.messages].index(BOB)
            expect_between(place, 30, before + 6, f"place among {batch}, when {before} had been delivered")
            is_empty(relay)


if __name__ == "__main__":
    main()
