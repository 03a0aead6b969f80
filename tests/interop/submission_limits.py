#!/usr/bin/env python3
"""Limits in windows: exactly as much as is allowed, over all sessions and cores, through reloads, stops and kills; what a
client is told, and what the operator sees."""

import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import expect, expect_between, expect_equal, expect_in, main, test, until
from lib.hop import Hop
from lib.limited import LimitedRelay, limit, next_hop, send
from lib.mail import SENDER
from lib.relay import BOB_PASSWORD

BOB = "bob@example.net"
CAROL = "carol@example.com"
MAIL = f"MAIL FROM:<{SENDER}>"


def send_until_refused(relay, sessions, most, listener="clear"):
    """Many sessions at once, each until it is refused: how many messages of one recipient were taken."""
    taken, lock, failed = [], threading.Lock(), []

    def run():
        try:
            with relay.client(listener) as client:
                for _ in range(most):
                    codes, word = send(client)
                    if codes != ["250"]:
                        return
                    if word == "250":
                        with lock:
                            taken.append(1)
        except Exception as error:  # a session that a kill has met; others are told below
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(taken), failed


@test
def many_sessions_on_two_cores_get_exactly_what_the_limit_allows():
    with LimitedRelay(limit(57), limit(1000, of="customer")) as relay:
        taken, failed = send_until_refused(relay, 40, 10)
        expect_equal(failed, [], "sessions that failed")
        expect_equal(taken, 57, "messages taken")
        expect_equal(relay.used(), 57, "used, as sluicectl says")


@test
def what_is_refused_says_which_limit_and_when_there_is_room():
    with LimitedRelay(limit(2)) as relay, relay.client() as client:
        client.say(MAIL, "250")
        client.say("RCPT TO:<a@far.test>", "250")
        client.say("RCPT TO:<b@far.test>", "250")
        said = str(client.say("RCPT TO:<c@far.test>", "550 5.7.1"))
        expect_in("The limit of this account is 2 recipients a day; room in ", said, "the refusal")
        refused = relay.logged("refused", reason="limit_reached", account=SENDER, argument="c@far.test")
        expect_in(": 2 are used", relay.control("explain", refused["id"].lower()), "as it is typed on the telephone")
        reached = relay.logged("submission_limit_reached", subject="account", name=SENDER, window="day", effect="refuse")
        expect_equal((reached["limit"], reached["used"]), (2, 2), "the event's figures")
        near = relay.logged("submission_limit_near", name=SENDER)
        expect_equal(near["quantity"], "recipients", "what is near its limit")


@test
def a_minute_defers_and_what_no_window_could_take_is_refused_for_good():
    with LimitedRelay(limit(1, quantity="messages", window="minute"), recipients_per_message=7) as relay:
        with relay.client() as client:
            expect_equal(send(client), (["250"], "250"), "the first")
            client.say(MAIL, "250")
            said = str(client.say("RCPT TO:<a@far.test>", "451 4.7.1"))
            expect_in("is 1 message a minute; room in ", said, "the deferral")
    with LimitedRelay(limit(10_000, quantity="bytes", window="minute")) as relay, relay.client() as client:
        client.say(f"{MAIL} SIZE=20000", "250")
        said = str(client.say("RCPT TO:<a@far.test>", "550 5.7.1"))
        expect_in("and this is more than that", said, "the refusal")


@test
def recipients_that_are_sent_at_once_are_deferred_as_if_they_came_one_by_one():
    with LimitedRelay(limit(5, window="minute")) as relay, relay.client() as client:
        client.send(f"{MAIL}\r\n" + "".join(f"RCPT TO:<r{number}@far.test>\r\n" for number in range(7)))
        said = [str(client.reply()) for _ in range(8)]
        expect_equal([one[:3] for one in said], ["250"] * 6 + ["451"] * 2, "replies")
        expect_in("is 5 recipients a minute; room in ", said[-1], "the last one")
        expect_in(": 5 are used", relay.logged("refused")["detail"], "its figures")


@test
def messages_that_exceed_a_limit_of_bytes_are_slowed_though_none_said_its_size():
    with LimitedRelay(limit(3000, quantity="bytes", action="slow")) as relay, relay.client() as client:
        took = []
        for _ in range(2):
            began = time.monotonic()
            expect_equal(send(client, body=b"x" * 2000 + b"\r\n"), (["250"], "250"), "a message")
            took.append(time.monotonic() - began)
        expect(took[1] >= 3, f"the second one took {took[1]:.2f} s, the first {took[0]:.2f} s")


@test
def the_whole_relay_has_limits_that_all_share():
    with LimitedRelay(limit(100)) as relay:
        relay.stop()
        with open(relay.config_file, "a", encoding="utf-8") as file:
            file.write('[[policy.limit]]\nquantity = "recipients"\nwindow = "day"\namount = 3\n')
        relay.start()
        with relay.client() as alice, relay.client(name=BOB, password=BOB_PASSWORD) as bob:
            expect_equal(send(alice, 2), (["250"] * 2, "250"), "what alice sends")
            expect_equal(send(bob, 2, sender=BOB), (["250", "550"], "250"), "what bob sends")
            bob.say(f"MAIL FROM:<{BOB}>", "250")
            expect_in("The limit of this relay is 3 recipients a day", str(bob.say("RCPT TO:<a@far.test>", "550")), "why")
        rows = [row for row in relay.usage() if row["subject"] == "relay"]
        expect_equal([(row["used"], row["limit"]) for row in rows], [(3, 3)], "its use")


@test
def trusted_hosts_of_a_listener_share_limits():
    with LimitedRelay(limit(2, of="network"), limit(1)) as relay:
        relay.stop()
        relay.config["listener"][0].update(trusted=["127.0.0.0/8"], trusted_class="limited")
        relay.write_config()
        relay.start()
        with relay.connect("starttls", source="127.0.0.2") as one, relay.connect("starttls", source="127.0.0.3") as two:
            one.greeted()
            two.greeted()
            expect_equal(send(one), (["250"], "250"), "the first host")
            expect_equal(send(two, 2), (["250", "550"], "250"), "the second host")
        row = next(row for row in relay.usage() if row["subject"] == "network")
        expect_equal((row["name"], row["used"]), (f"127.0.0.1:{relay.ports['starttls']}", 2), "its use")


@test
def a_device_password_has_limits_of_its_own():
    with LimitedRelay(limit(1, of="device"), limit(3)) as relay:
        said = relay.control("account", "device", "add", SENDER, "--name", "printer")
        secret = re.search(r"password: (\S+)", said)[1]
        with relay.client(password=secret) as printer:
            expect_equal(send(printer, 2), (["250", "550"], "250"), "what the printer sends")
            printer.say(MAIL, "250")
            expect_in("The limit of this device is 1 recipient a day", str(printer.say("RCPT TO:<a@far.test>", "550")), "why")
        with relay.client() as owner:
            expect_equal(send(owner, 3), (["250", "250", "550"], "250"), "what its owner sends")


@test
def sessions_count_when_they_send():
    with LimitedRelay(limit(2, quantity="sessions", window="hour")) as relay:
        for _ in range(3):
            with relay.client() as idle:
                idle.say("NOOP", "250")
        for _ in range(2):
            with relay.client() as client:
                expect_equal(send(client), (["250"], "250"), "the first message of a session")
                expect_equal(send(client), (["250"], "250"), "its second one")
        with relay.client() as client:
            client.say(MAIL, "250")
            said = str(client.say("RCPT TO:<a@far.test>", "550 5.7.1"))
            expect_in("is 2 sessions an hour", said, "the refusal")


@test
def first_time_recipients_have_a_limit_of_their_own():
    with LimitedRelay(limit(2, quantity="first_time_recipients")) as relay, relay.client() as client:
        expect_equal(send(client, 2), (["250", "250"], "250"), "two that it has never written to")
        expect_equal(send(client, 3), (["250", "250", "550"], "250"), "the same two, and a new one")
        client.say(MAIL, "250")
        said = str(client.say("RCPT TO:<r9@far.test>", "550 5.7.1"))
        expect_in("is 2 first-time recipients a day; room in", said, "the refusal")
        rows = [(row["quantity"], row["used"], row["limit"], row["left"]) for row in relay.usage("--account", SENDER)]
        expect_equal(rows, [("first_time_recipients", 2, 2, 0)], "its use")
        event = relay.logged("submission_limit_reached")
        expect_equal((event["quantity"], event["effect"]), ("first_time_recipients", "refuse"), "the event")


@test
def a_recipient_is_first_time_once_whatever_restarts():
    with LimitedRelay(limit(3, quantity="first_time_recipients")) as relay:
        with relay.client() as client:
            expect_equal(send(client, 2), (["250", "250"], "250"), "two that it has never written to")
        relay.stop()
        relay.start()
        with relay.client() as client:
            expect_equal(send(client, 2), (["250", "250"], "250"), "the same two")
            expect_equal(relay.used(), 2, "first-time recipients")
            expect_equal(send(client, 4), (["250", "250", "250", "550"], "250"), "the same two, and two new ones")
            expect_equal(relay.used(), 3, "first-time recipients")


@test
def a_customers_accounts_share_its_limit():
    with LimitedRelay(limit(100), limit(5, of="customer")) as relay:
        with relay.client() as client:
            expect_equal(send(client, 3)[0], ["250"] * 3, "alice's recipients")
        with relay.client(name=CAROL) as client:
            client.say(f"MAIL FROM:<{CAROL.replace('@', '@shop.')}>", "250")
            for number in range(2):
                client.say(f"RCPT TO:<r{number}@far.test>", "250")
            said = str(client.say("RCPT TO:<x@far.test>", "550 5.7.1"))
            expect_in("The limit of this customer is 5 recipients a day", said, "the refusal")
            rows = relay.usage("--customer", "ACME")
            expect_equal([(row["used"], row["limit"], row["left"]) for row in rows], [(5, 5, 0)], "use of the customer")


@test
def a_message_that_is_not_taken_costs_nothing():
    with LimitedRelay(limit(3)) as relay, relay.client() as client:
        for _ in range(5):
            client.say(MAIL, "250")
            client.say("RCPT TO:<a@far.test>", "250")
            client.say("RSET", "250")
        client.say(MAIL, "250")
        client.say("RCPT TO:<a@far.test>", "250")
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose(sender="eve@evil.test")))
        client.wanted("550", "the reply to a foreign author")
        expect_equal(send(client, 4)[0], ["250"] * 3 + ["550"], "recipients")


@test
def a_stop_forgets_nothing_and_a_kill_never_lets_more_through():
    with LimitedRelay(limit(60)) as relay:
        with relay.client() as client:
            for _ in range(10):
                send(client)
        relay.stop()
        relay.start()
        expect_equal(relay.used(), 10, "used, after a stop")
        taken = 10
        for _ in range(2):
            with relay.client() as client:
                for _ in range(5):
                    taken += send(client)[1] == "250"
            relay.kill()
            relay.start()
        lost = sum(line["recipients"] for line in relay.log("limits_restored"))
        more, failed = send_until_refused(relay, 10, 100)
        expect_equal(failed, [], "sessions that failed")
        # What was spent and not yet settled is among what was held.
        expect_between(taken + more, 60 - lost, 60, "taken in all")


@test
def beyond_a_limit_that_holds_messages_wait_for_review():
    with LimitedRelay(limit(2, action="hold"), fallback=True) as relay, relay.client() as client:
        before = len(next_hop().messages)
        expect_equal(send(client, 2), (["250"] * 2, "250"), "within the limit")
        expect_equal(send(client, 3, body=b"Too much.\r\n"), (["250"] * 3, "250"), "beyond it")
        until(lambda: len(next_hop().messages) == before + 1, "the first message at the next hop")
        held = relay.logged("message", recipients=3)
        expect_in("on hold: over 2 recipients a day of account alice@example.com", held["detail"], "the log")
        listed = relay.control("review")
        expect_in("over 2 recipients a day of account alice@example.com", listed, "the reason in review")
        expect_in("Too much.", listed, "the preview")
        relay.stop()
        relay.start()
        expect_in("over 2 recipients a day", relay.control("review"), "the reason after a restart")
        expect_equal(len(next_hop().messages), before + 1, "messages at the next hop")
        relay.control("review", "release", held["id"])
        until(lambda: len(next_hop().messages) == before + 2, "the released message at the next hop")
        expect_equal(len(next_hop().messages[-1].recipients), 3, "its recipients")


@test
def where_a_route_keeps_no_mail_what_is_to_be_held_is_to_be_tried_again():
    with LimitedRelay(limit(1, action="hold")) as relay, relay.client() as client:
        before = len(next_hop().messages)
        expect_equal(send(client, 1), (["250"], "250"), "within the limit")
        said = str(client.submit(mail.compose(), wanted="451 4.7.1 This message has to wait for review"))
        expect_in("route.fallback = true", relay.control("explain", re.search(r"id (\w+)", said)[1]), "what explain says")
        expect_equal(len(next_hop().messages), before + 1, "messages at the next hop")


@test
def what_is_held_at_its_end_gets_into_no_mailbox_before_it_is_released():
    """How large a message is, is known when all of it is there, and so is what the noticing makes of it."""
    with LimitedRelay(limit(5000, action="hold", quantity="bytes"), maildir=("state", "mail")) as relay:
        new = relay.at("state", "mail", "new")
        arrived = lambda: len(os.listdir(new)) if os.path.isdir(new) else 0
        with relay.client() as client:
            expect_equal(send(client, 1), (["250"], "250"), "a small message")
            until(lambda: arrived() == 1, "it is in the mailbox")
            expect_equal(send(client, 2, body=b".Large.\r\n" * 10_000), (["250"] * 2, "250"), "a large one")
        expect_in("over 4 KB a day of account alice@example.com", relay.control("review"), "what waits for review")
        expect_equal(arrived(), 1, "messages in the mailbox")
        relay.control("review", "release", "--all")
        until(lambda: arrived() == 2, "it is in the mailbox")
        sizes = sorted(os.path.getsize(os.path.join(new, name)) for name in os.listdir(new))
        expect_between(sizes[1], 90_000, 91_500, "bytes of the large message")


@test
def what_passes_several_limits_is_held_if_one_of_them_holds():
    """A limit that only tells, of the same quantity, of another subject or of the session, hides none that holds."""
    tells = [limit(1, action="tell", window="month"), limit(1, of="customer", action="tell")]
    for holds in (limit(1, action="hold"), limit(1, action="hold", quantity="sessions")):
        with LimitedRelay(holds, *tells, fallback=True) as relay:
            for number in range(2):
                with relay.client() as client:
                    for _ in range(1 if number == 0 else 2):
                        expect_equal(send(client, number + 1), (["250"] * (number + 1), "250"), "what is sent")
            held = lambda: [line["recipients"] for line in relay.log("message") if f"on hold: over 1 {holds['quantity'][:-1]} a day" in line["detail"]]
            until(lambda: held() == [2, 2], f"what is held of {holds['quantity']}")


@test
def what_was_given_back_beyond_a_limit_is_still_beyond_it():
    with LimitedRelay(limit(2, action="hold"), fallback=True) as relay, relay.client() as client:
        expect_equal(send(client, 2), (["250"] * 2, "250"), "within the limit")
        client.say(MAIL, "250")
        for number in range(3):
            client.say(f"RCPT TO:<r{number}@far.test>", "250")
        client.say("RSET", "250")
        expect_equal(send(client, 3), (["250"] * 3, "250"), "beyond it")
        expect_in("on hold: over 2 recipients", relay.logged("message", recipients=3)["detail"], "the log")


@test
def usage_shows_no_lease_as_used():
    """Far from its limit a core leases many recipients at once, which nobody has sent to."""
    with LimitedRelay(limit(100_000), limit(50_000, quantity="messages")) as relay:
        with relay.client() as client, relay.client() as other:
            expect_equal((send(client, 3), send(other, 2)), ((["250"] * 3, "250"), (["250"] * 2, "250")), "two messages")
            other.say(MAIL, "250")
            other.say("RCPT TO:<a@far.test>", "250")
            used = {row["quantity"]: (row["used"], row["left"]) for row in relay.usage()}
            expect_equal(used, {"recipients": (6, 99_994), "messages": (3, 49_997)}, "with the message under way")
            other.say("RSET", "250")
            used = {row["quantity"]: row["used"] for row in relay.usage()}
            expect_equal(used, {"recipients": 5, "messages": 2}, "without it")
            expect_equal(send(client, 2), (["250"] * 2, "250"), "one more")


@test
def usage_has_what_else_an_account_did_and_who_did_most():
    hop = Hop()
    hop.on["RCPT"] = lambda dialog: b"550 5.1.1 User unknown\r\n" if dialog.rcpt.startswith("dead") else None
    with hop, LimitedRelay(limit(70), hosts=hop) as relay:
        with relay.client() as client:
            expect_equal(send(client, 51), (["250"] * 51, "250"), "a message to many")
            expect_equal(send(client, 20)[0], ["250"] * 19 + ["550"], "up to the limit")
        with relay.client(name=BOB, password=BOB_PASSWORD, source="127.0.0.2") as client:
            client.say(f"MAIL FROM:<{BOB}>", "250")
            for name in ("dead1", "dead2", "alive"):
                client.say(f"RCPT TO:<{name}@far.test>", "250" if name == "alive" else "550")
            client.say("DATA", "354")
            client.send(mail.stuff(mail.compose(sender=BOB)))
            client.wanted("250", "the reply to the message")

        def figures(*words):
            rows = relay.all_usage(*words)["senders"]
            return {row["name"]: tuple(row[key] for key in ("networks", "answered", "unknown", "large_messages", "refused", "held"))
                    for row in rows}  # fmt: skip

        until(lambda: figures("--account", SENDER) == {SENDER: (1, 70, 0, 1, 1, 0)}, "the figures of alice")
        until(lambda: figures("--account", BOB) == {BOB: (1, 3, 2, 0, 2, 0)}, "the figures of bob")
        expect_equal(set(figures("--customer", "acme")), {SENDER, "acme"}, "who is acme")
        last = relay.all_usage("--account", SENDER)["decisions"]
        expect_equal([(each["event"], each["reason"]) for each in last], [("refused", "limit_reached")], "the last decisions")
        expect_in("70 recipients a day of account", relay.control("explain", last[0]["id"]), "what explain says of it")
        expect_equal({each["account"] for each in relay.all_usage("--customer", "other")["decisions"]}, {BOB}, "who was decided about")
        most = relay.all_usage("--top", "1")
        busiest = [(row["name"], row["used"]) for row in most["windows"] if row["subject"] == "account"]
        expect_equal(busiest, [(SENDER, 70)], "who has used most")
        tops = {(row["most"], row["subject"]): row["name"] for row in most["senders"]}
        expect_equal(tops[("large_messages", "account")], SENDER, "who has sent most large messages")
        expect_equal(tops[("refused", "customer")], "other", "which customer is refused most")
        expect_in("large_messages", relay.control("usage"), "what operators read")


main()
