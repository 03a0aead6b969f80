#!/usr/bin/env python3
"""A password that was stolen: `sluicectl contain` stops all that goes on with it, `review` decides about its mail, and
`release` lets the account go on."""

import getpass
import json
import os
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.authenticator import Authenticator
from lib.backends import code_of_login
from lib.harness import expect, expect_between, expect_equal, expect_in, expect_not_in, main, test, until
from lib.hop import Hop
from lib.mail import SENDER, stuff
from lib.mailq import BOB, LATER, STORE, by_bob, closed_port, is_empty, keeps, listed, queue_id, report, show
from lib.relay import BOB_PASSWORD, PASSWORD, Relay, control
from lib.wire import Closed

ME = getpass.getuser()
ENDINGS = {"421 4.7.0 Session ended by the administrator, try again later",
           "421 4.7.0 Account changed or suspended, please log in again"}  # fmt: skip
CLEAR = {"clear": {"tls": "none", "auth": "clear"}}


def contain(relay, *words, wanted=0):
    return json.loads(relay.control("contain", *words, "--json", wanted=wanted))


def reviewed(relay, *filters):
    return json.loads(relay.control("review", *filters, "--json"))


def ending_of(client):
    """What a session is told as it ends."""
    lines = []
    try:
        while line := client.line():
            lines.append(line)
    except Closed:
        pass
    return lines


@test
def all_of_a_stolen_account_stops_and_nobody_elses():
    name, _ = closed_port()
    with keeps(name, queue=LATER, server={"cores": 2}) as relay:
        said = relay.control("account", "device", "add", SENDER, "--name", "printer")
        device = re.search(r"password: (\S+)", said)[1]
        idle, by_device, in_message = relay.client(), relay.client(password=device), relay.client()
        bob = relay.client(name=BOB, password=BOB_PASSWORD)
        for client in (idle, by_device):
            client.submit(mail.compose())
        by_bob(bob)
        in_message.envelope()
        in_message.say("DATA", "354")
        in_message.send(stuff(mail.compose(b"half of it\r\n" * 100))[:-5])
        until(lambda: [one for one in relay.status("sessions") if one["bytes"] > 1200], "some of it has come")

        done = contain(relay, SENDER.upper(), "--reason", "stolen, call 555-0100")
        expect_equal([done[key] for key in ("kind", "subject", "status", "actor", "passwords", "device_passwords", "done")],
                     ["account", SENDER, "suspended", ME, 1, 1, True], "what was done")  # fmt: skip
        # The relay may have seen the change of the store before it is asked, and ends who is idle for that then.
        expect_between(done["relay"].pop("sessions_ended"), 1, 3, "sessions that were ended")
        expect_equal(done["relay"], {"sessions_left": 0, "messages": 2, "under_way": 0}, "by the relay")
        for client in (idle, by_device, in_message):
            ending = ending_of(client)
            expect(set(ending) & ENDINGS, f"how it ends: {ending}")
        for password in (PASSWORD, device):
            with relay.connect() as client:
                client.greeted()
                expect_in("535", str(client.log_in(password=password, wanted="535")), "the login")
        bob.say("NOOP", "250")
        by_bob(bob)
        rows = {row["sender"]: row for row in listed(relay)}
        expect_equal((rows[SENDER]["state"], rows[BOB]["state"]), ("held", "waiting"), "states of the queue")
        reason = f"contained ({done['id']}) by {ME}: stolen, call 555-0100"
        expect_equal(rows[SENDER]["hold_reason"], reason, "why it is held")
        event = relay.logged("containment", step="contain", subject=SENDER)
        expect_equal([event[key] for key in ("containment", "kind", "actor", "uid", "reason", "messages")],
                     [done["id"], "account", ME, os.getuid(), "stolen, call 555-0100", 2], "the event")  # fmt: skip
        expect_between(event["sessions"], 1, 3, "sessions that were ended, as the event says")
        bob.close()

        # A second time nothing more is to be done, and it is the same containment.
        again = contain(relay, SENDER)
        expect_equal((again["id"], again["before"], again["reason"]), (done["id"], True, ""), "once more")
        expect_in("as before", relay.control("contain", SENDER), "as text")
        for verb in ("activate", "suspend", "hold"):
            expect_in("sluicectl release", relay.control("account", verb, SENDER, wanted=1), f"{verb} meanwhile")
        expect_in("stolen", relay.control("contain", "--list"), "the list")

        # So it is after a restart.
        relay.stop()
        relay.start()
        expect_equal(code_of_login(relay, SENDER, PASSWORD), "535", "the login after a restart")
        expect_equal({row["hold_reason"] for row in listed(relay, "--account", SENDER)}, {reason}, "after a restart")
        expect_in(f"on hold      {reason}", relay.control("queue", "show", rows[SENDER]["id"]), "the message as text")

        released = relay.control("release", SENDER)
        expect_in(f"account {SENDER}: released", released, "the release")
        for password in (PASSWORD, device):
            expect_equal(code_of_login(relay, SENDER, password), "535", "the stolen password after release")
        relay.control("account", "password", SENDER, "--password-stdin", said="new one\n")
        until(lambda: code_of_login(relay, SENDER, "new one") == "235", "the new password is good")
        expect_equal({row["state"] for row in listed(relay, "--account", SENDER)}, {"held"}, "its mail waits")
        relay.logged("containment", step="release", subject=SENDER, actor=ME)
        expect_in("was not contained", relay.control("release", SENDER), "a second release")
        relay.control("queue", "remove", "--all")


@test
def a_whole_message_that_is_not_committed_yet_is_refused():
    with Hop() as hop, keeps(hop) as relay:
        content = stuff(mail.compose(b"all of it\r\n"))
        client = relay.client()
        client.envelope()
        client.say("DATA", "354")
        client.send(content[:-3])
        contain(relay, SENDER)
        try:
            client.send(content[-3:])
        except OSError:
            pass
        expect_equal([one for one in ending_of(client) if one.startswith("250")], [], "what the client was told")
        expect_equal((len(hop.messages), listed(relay)), (0, []), "what went on")


@test
def a_session_that_waits_for_the_next_hop_is_told_and_its_mail_is_held_by_the_next_command():
    """The outcome of a message that the next hop has whole is the next hop's."""
    came, may = threading.Event(), threading.Event()

    def late(_dialog):
        came.set()
        may.wait(25)

    with Hop() as hop:
        hop.on["end"] = late
        with Relay(hop, server={"cores": 1}) as relay:
            client = relay.client()
            client.envelope()
            client.say("DATA", "354")
            client.send(stuff(mail.compose()))
            expect(came.wait(10), "the next hop has no message")
            expect_in("1 session still waiting", relay.control("contain", SENDER, wanted=1), "what is not done")
            may.set()
            client.close()
            until(lambda: contain(relay, SENDER)["done"], "all is done")


@test
def a_login_that_is_remembered_is_forgotten_at_every_back_end():
    with Hop() as hop, Authenticator({SENDER: "right", "eve@example.com": "hers"}) as asked:
        relay = Relay(hop, listeners=CLEAR, start=False, store={"granted_ttl_s": 3600})
        relay.config["backend"] = [{"name": "mailboxes", "kind": "http", "server": [asked.name], "path": "/auth", "tls": "none"}]
        relay.write_config()
        relay.start()
        with relay:
            eve = "eve@example.com"
            for _ in range(2):
                expect_equal(code_of_login(relay, eve, "hers"), "235", "the login")
            expect_in("--account", relay.control("contain", eve, wanted=1), "one that the store does not have has to be said")
            done = contain(relay, "--account", eve)
            expect_equal((done["subject"], done["passwords"], done["done"]), (eve, 0, True), "what was done")
            expect_equal(code_of_login(relay, eve, "hers"), "535", "the login that was remembered")
            expect_equal(code_of_login(relay, SENDER, "right"), "235", "another account")
            relay.stop()
            relay.start()
            expect_equal(code_of_login(relay, eve, "hers"), "535", "the login after a restart")
            relay.control("release", "--account", eve)
            expect_equal(code_of_login(relay, eve, "hers"), "235", "the login after release")


@test
def a_contained_account_does_not_log_in_by_another_spelling_of_its_name():
    """A directory takes no notice of blanks and width: with it, each of these was an account of its own."""
    spellings = (SENDER, SENDER.upper(), " " + SENDER, SENDER.replace("@", " @"), "\uff41" + SENDER[1:], "al\u00ad" + SENDER[2:])
    with Hop() as hop, Authenticator(dict.fromkeys(spellings, "right")) as asked:
        relay = Relay(hop, listeners=CLEAR, start=False, store={"granted_ttl_s": 3600})
        relay.config["backend"] = [{"name": "mailboxes", "kind": "http", "server": [asked.name], "path": "/auth", "tls": "none"}]
        relay.write_config()
        relay.start()
        with relay:
            expect_equal({code_of_login(relay, name, "right") for name in spellings}, {"235"}, "logins before")
            contain(relay, SENDER)
            expect_equal({code_of_login(relay, name, "right") for name in spellings}, {"535"}, "logins after")


@test
def no_session_comes_from_a_contained_network():
    name, _ = closed_port()
    with keeps(name, queue=LATER, server={"cores": 2}) as relay:
        there, here = relay.client(source="127.0.0.2"), relay.client()
        for client in (there, here):
            client.submit(mail.compose())
        done = contain(relay, "127.0.0.2", "--reason", "a botnet")
        expect_equal((done["kind"], done["relay"]["sessions_ended"], done["relay"]["messages"]), ("network", 1, 1), "what was done")
        expect(ending_of(there)[0].startswith("421"), "the session ends")
        here.say("NOOP", "250")
        here.close()

        def refused():
            with relay.connect(source="127.0.0.2") as client:
                expect_in("554 Access denied", client.line(), "the greeting")

        refused()
        relay.stop()
        relay.start()
        refused()
        relay.client().close()
        expect_equal([row["client"] for row in listed(relay, "--client", "127.0.0.0/30") if row["state"] == "held"],
                     ["127.0.0.2"], "what is held")  # fmt: skip
        expect_in("1 message released", relay.control("release", "127.0.0.2", "--with-mail"), "the release")
        relay.client(source="127.0.0.2").close()
        expect_equal({row["state"] for row in listed(relay)}, {"waiting"}, "what is held then")
        for wrong in ("0.0.0.0/0", "10.0.0.0/7", "2000::/3"):
            expect_in("too large", relay.control("contain", wrong, wanted=1), f"contain {wrong}")
        relay.control("queue", "remove", "--all")


@test
def a_customer_and_the_steps_singly():
    name, _ = closed_port()
    with keeps(name, queue=LATER) as relay:
        with relay.client() as client:
            client.submit(mail.compose())
        expect_in("1 message held", relay.control("hold-outgoing", "acme"), "hold-outgoing")
        with relay.client() as client:
            client.submit(mail.compose())
        # Each core shows its own: what came last need not be last.
        last = max(reviewed(relay), key=lambda row: row["arrived_ms"])
        expect_equal(last["hold_reason"].split(":")[0], "the account is held", "what it sends")
        expect_in("2", relay.control("queue", "release", "--account", SENDER), "released")
        done = json.loads(relay.control("suspend-outgoing", "ACME", "--reason", "unpaid", "--json"))
        expect_equal((done["passwords"], done["relay"]["messages"]), (0, 0), "suspend-outgoing")
        with relay.connect() as client:
            client.greeted()
            expect_in("unpaid", str(client.log_in(wanted="535")), "what who logs in is told")
        expect_equal(listed(relay)[0]["state"], "waiting", "its queued mail")
        relay.control("release", "acme")
        with relay.client() as client:
            client.submit(mail.compose())
        done = contain(relay, "--customer", "acme")
        expect_equal((done["passwords"], done["relay"]["messages"]), (3, 3), "contain")
        expect_equal(code_of_login(relay, SENDER, PASSWORD), "535", "one of its accounts")
        relay.client(name=BOB, password=BOB_PASSWORD).close()
        relay.control("release", "acme")
        expect_in("unpaid since May", json.loads(relay.control("account", "show", "sam@example.com", "--json"))["reason"], "as before")
        relay.control("queue", "remove", "--all")


@test
def mail_of_an_account_that_is_contained_still_is_not_released_with_its_customers():
    name, _ = closed_port()
    carol = "carol@example.com"
    with keeps(name, queue=LATER) as relay:
        for account, sender in ((SENDER, SENDER), (carol, "carol@shop.example.com")):
            with relay.client(name=account) as client:
                client.submit(mail.compose(sender=sender), sender=sender)
        for subject in (SENDER, "acme", "127.0.0.1"):
            contain(relay, subject)
        expect_in("0 messages released", relay.control("release", "acme", "--with-mail"), "of a network that is contained still")
        contain(relay, "acme")
        relay.control("release", "127.0.0.1")
        expect_in("1 message released", relay.control("release", "acme", "--with-mail"), "the customer's")
        expect_equal({row["account"]: row["state"] for row in listed(relay)}, {SENDER: "held", carol: "waiting"}, "what is held")
        expect_in("1 message released", relay.control("release", SENDER, "--with-mail"), "the account's")
        relay.control("queue", "remove", "--all")


@test
def without_a_relay_the_stores_part_is_done_and_the_rest_is_said():
    name, _ = closed_port()
    with keeps(name, queue=LATER) as relay:
        with relay.client() as client:
            client.submit(mail.compose())
        relay.stop()
        said = relay.control("contain", SENDER, wanted=1)
        for words in ("is sluice running?", "its queued mail is not held", "give the command again"):
            expect_in(words, said, "what is not done")
        relay.start()
        expect_equal(code_of_login(relay, SENDER, PASSWORD), "535", "the login")
        expect_equal(contain(relay, SENDER)["relay"]["messages"], 1, "what is held then")
        relay.control("queue", "remove", "--all")


@test
def a_name_that_is_none_or_two_things():
    with Hop() as hop, Relay(hop) as relay:
        expect_in(f"did you mean {SENDER}?", relay.control("contain", SENDER.replace("a", "aa", 1), wanted=1), "a mistyped name")
        expect_in("is no account, customer or network", relay.control("contain", "nothing like it", wanted=1), "a name of nothing")
        relay.control("customer", "add", SENDER)
        expect_in("both an account and a customer", relay.control("contain", SENDER, wanted=1), "a name of two things")
        expect_equal(contain(relay, "--customer", SENDER)["kind"], "customer", "the customer")
        relay.client().close()


# ------------------------------------------------------------------------------------ review


SPAM = b"\x1b]0;owned\x07 You\x1b[2J have won\r\n" + b"".join(b"line %d\r\n" % i for i in range(20))


def held_spam(relay, subjects):
    with relay.client() as client:
        for subject in subjects:
            content = mail.compose(SPAM).replace(b"A test", subject.encode())
            client.submit(content, recipients=["victim@far.test"])
    relay.control("queue", "hold", "--account", SENDER, "--reason", "looks like spam")


@test
def review_shows_what_is_held_and_lets_it_be_decided():
    name, port = closed_port()
    with keeps(name, queue={"retry_s": [1], "suspend_first_s": 1, "suspend_max_s": 1}, route=STORE) as relay:
        held_spam(relay, ("You have won", "Invoice 7", "=?utf-8?q?You_have_w=C3=B6n?=", "Hello"))
        with relay.client() as client:
            client.submit(mail.compose(), recipients=["free@far.test"])
        rows = reviewed(relay)
        expect_equal([row["hold_reason"] for row in rows], [f"held by {ME}: looks like spam"] * 4, "what is reviewed")
        by_subject = {row["header"]["Subject"]: row for row in rows}
        expect_equal(sorted(by_subject), ["Hello", "Invoice 7", "You have won", "You have wön"], "subjects")
        expect_equal((len(rows[0]["lines"]), rows[0]["more_lines"], rows[0]["lines"][1]), (8, True, "line 0"), "its text")
        expect(rows[0]["expires_ms"] > rows[0]["arrived_ms"], "when it expires")
        shown = relay.control("review", by_subject["Hello"]["id"])
        expect_not_in("\x1b", shown, "what a terminal is given")
        expect_not_in("\x07", shown, "what a terminal is given")
        expect_in(r"\u001b[2J have won", shown, "the text")
        expect_equal(len(reviewed(relay, "--subject", "you HAVE w")), 2, "by subject")
        expect_equal(len(reviewed(relay, "--client", "127.0.0.0/8", "--account", SENDER)), 4, "by account and client")
        expect_equal(reviewed(relay, "--account", BOB), [], "of another account")

        # Nothing that is not on hold is touched.
        free = listed(relay, "--recipient", "free@far.test")[0]["id"]
        expect_in("no such message is on hold", relay.control("review", "remove", free, wanted=1), "one that is not held")
        expect_in("2 were changed", relay.control("review", "remove", "--subject", "have w"), "removed")
        relay.logged("queue_order", order="remove", filter="held subject=have w", actor=ME, messages=2)
        with Hop(port=port) as hop:
            relay.control("review", "reject", by_subject["Invoice 7"]["id"], "--reason", "not from you")
            sent = report(hop)
            expect_equal(sent.actions(), {"victim@far.test": "failed"}, "the report")
            expect_in("Rejected by the administrator: not from you", str(sent.taken.content), "the report's words")
            relay.control("review", "release", "--all")
            is_empty(relay)
            texts = [one.content for one in hop.messages]
            expect_equal(len([one for one in texts if b"Subject: Hello" in one]), 1, "what was released")
            expect_equal([one for one in texts if b"Subject: You have won" in one], [], "what was removed")
        expect_in("nothing is on hold", relay.control("review"), "all is decided")


OFFER = ("Dear {}, our shop has watches, rings and clocks at prices that you will not find in any other town this year. "
         "Order number {} before Friday, and the parcel is on its way the same evening: http://shop.test/{}\r\n")  # fmt: skip


@test
def one_text_is_found_whatever_words_vary_in_it_and_whoever_sends_it():
    """Of one spammer with several accounts the text is what all messages have in common."""
    name, _ = closed_port()
    with keeps(name, queue=LATER, route=STORE) as relay:
        with relay.client() as alice, relay.client(name=BOB, password=BOB_PASSWORD) as bob:
            sent = []
            for number, person in enumerate(("Ann", "Ben", "Cid", "Dot")):
                client, sender = ((alice, SENDER), (bob, BOB))[number % 2]
                content = mail.compose(OFFER.format(person, 7 * number, number).encode(), sender=sender)
                # One by BDAT, and one with a header that is longer than what a preview reads of a message.
                long = b"".join(b"X-Filler-%d: %s\r\n" % (i, b"x" * 900) for i in range(90)) if number == 3 else b""
                submit = client.submit if number != 2 else lambda text, **keys: client.submit_chunks([text[:300], text[300:]], **keys)
                sent.append(queue_id(submit(long + content, sender=sender, recipients=["victim@far.test"])))
            letter = mail.compose(b"Could you send me the figures of last week? We meet on Monday at ten in the room upstairs.\r\n")
            other = queue_id(alice.submit(letter, recipients=["friend@far.test"]))
            short = queue_id(alice.submit(mail.compose(b"Thanks\r\n"), recipients=["friend@far.test"]))
        ids = lambda *words: {row["id"] for row in listed(relay, *words)}
        expect_equal(ids("--like", sent[0]), set(sent), "all with that text")
        expect_equal(ids("--like", sent[3].lower()), set(sent), "likewise, of another of them")
        expect_equal(ids("--like", sent[0], "--account", BOB), {sent[1], sent[3]}, "of one account")
        expect_equal(ids("--like", other), {other}, "a text that is its own")
        expect_in("too few words", relay.control("queue", "hold", "--like", short, wanted=1), "a text of one word")
        expect_in("--like: no such message", relay.control("queue", "hold", "--like", "1QZ3K5M7N9P0R2S4", wanted=1), "an id of nothing")
        expect_in("4 were changed", relay.control("queue", "hold", "--like", sent[2], "--reason", "spam"), "held")
        relay.logged("queue_order", order="hold", filter=f"like={sent[2]}", actor=ME, messages=4)
        expect_equal({row["id"] for row in reviewed(relay, "--like", sent[1])}, set(sent), "to be reviewed")
        expect_in("4 were changed", relay.control("review", "remove", "--like", sent[1]), "removed")
        expect_equal(ids(), {other, short}, "what is left")


@test
def a_held_message_expires_like_others():
    with Hop() as hop, keeps(hop, queue={**LATER, "expire_s": 5, "delay_report_s": 0}, route=STORE) as relay:
        hop.on["RCPT"] = b"451 4.4.4 Later\r\n"
        with relay.client() as client:
            taken = queue_id(client.submit(mail.compose()))
        relay.control("queue", "hold", taken, "--reason", "to be looked at")
        expect_equal(show(relay, taken)["hold_reason"], f"held by {ME}: to be looked at", "why it is held")
        hop.on.pop("RCPT")
        until(lambda: relay.log("delivery") and [one for one in relay.log("delivery") if one["verdict"] == "expired"], "it expires", 15)


if __name__ == "__main__":
    main()
