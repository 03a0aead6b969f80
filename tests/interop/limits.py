#!/usr/bin/env python3
"""Limits and deadlines: floods, messages and lines that are too long, clients that are slow.  Who has logged in is
served meanwhile."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_between, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import LISTENERS, Relay, client_tls, settle

HERE = "127.0.0.1/32"
MB = 1024 * 1024
MAIL = f"MAIL FROM:<{SENDER}>"


@shared
def next_hop():
    return Hop()


@shared
def strict():
    """Small limits and short deadlines."""
    return Relay(
        next_hop(),
        listeners={**LISTENERS, "short_lines": {"tls": "none", "auth": "clear", "long_lines": False},
                   "tls_first": {"tls": "starttls", "require_tls": True, "auth": "tls"}},
        limits={"message_bytes": 65536, "header_bytes": 16384, "recipients_over": 30, "idle_s": 2, "data_s": 2,
                "unauthenticated_s": 3, "handshake_s": 2, "reply_s": 2},
        server={"policy_url": "https://relay.test/policy"},
    )  # fmt: skip


@shared
def roomy():
    return Relay(next_hop())


# ------------------------------------------------------------------------------------ messages and lines


@test
def a_message_that_is_too_big_is_refused_when_it_is_announced():
    with strict().client() as client:
        client.say(MAIL + " SIZE=65537", "552 5.3.4")
        client.say(MAIL + " SIZE=65536", "250")


@cases("DATA", "BDAT", "one chunk")
def a_message_that_is_too_big_is_refused_at_its_end(by):
    before = len(next_hop().messages)
    big = mail.compose(mail.text_of(2 * MB, by))
    with strict().client() as client:
        if by == "DATA":
            client.submit(big, wanted="552 5.3.4")
        elif by == "one chunk":
            client.submit_chunks([big], wanted="552 5.3.4")
        else:
            client.envelope()
            client.chunk(big[:40000], False, "250")
            client.chunk(big[40000:80000], False, "552 5.3.4")
            client.chunk(big[80000:90000], True, "503")
        client.submit(mail.compose())
    expect_equal(len(next_hop().wait(before + 1)) - before, 1, "messages at the next hop")


@test
def a_header_that_is_too_large_is_refused():
    header = [f"X-{i}: " + "v" * 900 for i in range(20)]
    with strict().client() as client:
        client.submit(mail.compose(header=header), wanted="552 5.3.4")
        client.submit_chunks([mail.compose(header=header)], wanted="552 5.3.4")


@cases("DATA", "BDAT")
def a_header_without_end_is_bounded(by):
    relay = roomy()
    with relay.client() as client:
        client.envelope()
        memory = relay.resident()
        content = b"From: alice@example.com\r\n" + (b"X: " + b"v" * 900 + b"\r\n") * 40000
        if by == "DATA":
            client.say("DATA", "354")
            client.send(content + b"\r\n.\r\n")
            client.wanted("552 5.3.4", "the message")
        else:
            client.chunk(content, True, "552 5.3.4")
        expect(relay.resident() - memory < 16 * MB, f"memory grew by {relay.resident() - memory}")


@cases(("998", 998, "250"), ("999", 999, "550 5.6.0"), ("sixty_thousand", 60000, "550 5.6.0"))
def a_text_line_has_its_limit_where_that_is_set(_name, size, wanted):
    with strict().client("short_lines") as client:
        message = mail.compose(b"z" * size + b"\r\n")
        client.submit(message, wanted=wanted)
        client.submit_chunks([message], wanted=wanted)


@test
def long_text_lines_are_taken_of_those_who_log_in():
    message = mail.compose(b"z" * 5000 + b"\r\n")
    next_hop().messages.clear()
    with strict().client() as client:
        client.submit(message)
    mail.expect_intact(next_hop().only().content, message)


@cases(("noop", b"NOOP ", 2100), ("mail", MAIL.encode() + b" X=", 5000), ("nothing", b"", 60000))
def a_command_line_has_its_limit(_name, start, size):
    with roomy().client() as client:
        client.say(start + b"x" * size, "500 5.5.6")
        client.say("NOOP", "250")


@cases("command", "auth", "greeting")
def a_line_without_end_is_bounded(where):
    relay = roomy()
    with relay.client(name=None) if where != "greeting" else relay.connect() as client:
        if where == "auth":
            client.say("AUTH LOGIN", "334")
        memory = relay.resident()
        try:
            for _ in range(300):
                client.send(b"x" * 65536)
        except OSError:
            pass
        try:
            said = client.rest()
            expect_in(b"421 ", said, "the last word")
        except Exception as error:
            expect(isinstance(error, OSError), repr(error))
        expect(relay.resident() - memory < 16 * MB, f"memory grew by {relay.resident() - memory}")


@test
def tls_can_be_required_before_anything_else():
    with strict().connect("tls_first") as client:
        client.greeted()
        for line in (MAIL, "AUTH LOGIN", "RSET", "VRFY x", "HELP"):
            client.say(line, "530 5.7.0")
        client.say("NOOP", "250")
        client.start_tls(client_tls())
        client.log_in()
        client.say(MAIL, "250")


# ------------------------------------------------------------------------------------ floods

FLOODS = {
    "noop": ("NOOP", "250", 101),
    "rset": ("RSET", "250", 101),
    "ehlo": ("HELO x", "250", 101),
    "vrfy": ("VRFY x", "252", 101),
    "junk": ("XYZZY", "500", 10),
    "bad_mail": ("MAIL FROM:x", "501", 10),
    "foreign_mail": ("MAIL FROM:<bob@evil.test>", "550", 10),
    "empty": ("", "500", 10),
}


@cases(*FLOODS)
def a_flood_ends_with_421(name):
    line, usual, count = FLOODS[name]
    with roomy().client() as client:
        client.send((line + "\r\n") * (count + 50))
        got = 0
        while True:
            reply = client.reply()
            if reply.code == 421:
                break
            expect(str(reply).startswith(usual), f"answer {got + 1} to {line}: {reply!r}")
            got += 1
        expect_between(got, count - 2, count + 1, "answers before the 421")
        expect_equal(client.rest(), b"", "what came after it")


@test
def a_flood_of_recipients_ends_with_421():
    with strict().client() as client:
        client.send(MAIL + "\r\n" + "".join(f"RCPT TO:<r{i}@far.test>\r\n" for i in range(200)))
        client.wanted("250", "MAIL")
        codes = []
        while not codes or codes[-1] != 421:
            codes.append(client.reply().code)
        expect_equal([codes.count(code) for code in (250, 452, 421)], [100, 31, 1], "answers 250, 452 and 421")


@test
def a_flood_of_wrong_logins_ends_with_421():
    with roomy().client(name=None) as client:
        for _ in range(3):
            client.log_in(password="wrong", wanted="535")
        client.wanted("421 4.7.0", "the third")
        expect_equal(client.rest(), b"", "what came after it")


@test
def counts_start_again_after_a_message():
    with roomy().client() as client:
        for _ in range(4):
            for _ in range(90):
                client.say("NOOP", "250")
            for _ in range(8):
                client.say("XYZZY", "500")
            client.submit(mail.compose())
    next_hop().messages.clear()


@test
def one_address_has_only_so_many_sessions():
    listeners = {"clear": LISTENERS["clear"], "trusted": {"tls": "none", "auth": "off", "trusted": [HERE]}}
    with Relay(next_hop(), listeners=listeners, limits={"sessions_per_address": 10}, server={"cores": 1}) as relay:
        clients = [relay.client(name=None) for _ in range(10)]
        with relay.connect() as one_more:
            expect_in(one_more.rest()[:4], (b"", b"421 "), "what the eleventh gets")
        until(lambda: relay.counter("sessions_refused") >= 1, "it is counted")
        friends = [relay.connect("trusted") for _ in range(15)]
        for friend in friends:
            friend.greeted()
        clients.pop().quit()
        until(lambda: relay.counter("sessions_live") == 24, "one has gone")
        with relay.client() as client:
            client.submit(mail.compose())
        for client in clients + friends:
            client.close()
    next_hop().messages.clear()


@test
def who_is_logged_in_is_served_while_others_flood():
    relay = roomy()
    over = threading.Event()

    def flood(kind):
        while not over.is_set():
            try:
                with relay.connect("implicit" if kind == "stalled" else "clear", tls=None) as client:
                    if kind == "stalled":
                        over.wait(1)
                    elif kind == "junk":
                        client.send(b"XYZZY\r\n" * 2000)
                        client.rest()
                    else:
                        client.greeted()
                        client.log_in("nobody@example.com", f"guess {time.monotonic()}", wanted="")
            except Exception:
                over.wait(0.01)

    threads = [threading.Thread(target=flood, args=(kind,), daemon=True)
               for kind in ["junk"] * 3 + ["stalled"] * 30 + ["guess"] * 4]  # fmt: skip
    with relay.client() as client:
        for thread in threads:
            thread.start()
        try:
            for _ in range(30):
                client.submit(mail.compose())
        finally:
            over.set()
            for thread in threads:
                thread.join(10)
    expect_equal(len(next_hop().wait(30)), 30, "messages at the next hop")
    next_hop().messages.clear()
    settle(relay, 15)


# ------------------------------------------------------------------------------------ deadlines


def ends(client, wanted=b"421 4.4.2"):
    """The relay ends it, while the client would still wait."""
    said = client.rest()
    expect(wanted is None or wanted in said, f"the last word: {said!r}")


@cases("nothing", "ehlo", "one_byte_at_a_time")
def a_stranger_has_only_so_long_to_log_in(what):
    with strict().connect() as client:
        client.wanted("220", "nothing")
        if what == "ehlo":
            client.ehlo()
        if what != "one_byte_at_a_time":
            ends(client)
            return
        # Each of them would do for idle_s.
        started = time.monotonic()
        try:
            while True:
                client.send(b"x")
                expect(time.monotonic() - started < 30 * TIMEOUT_FACTOR, "it goes on for ever")
                time.sleep(0.2)
        except OSError:
            pass


@cases("command", "data", "chunk")
def a_customer_has_only_so_long_for_each_step(where):
    with strict().client() as client:
        if where == "data":
            client.envelope()
            client.say("DATA", "354")
            client.send(b"From: al")
        elif where == "chunk":
            client.envelope()
            client.send(b"BDAT 100 LAST\r\nFrom: al")
        ends(client)


@cases("implicit", "starttls")
def a_handshake_has_only_so_long(how):
    with strict().connect(how, tls=None) as client:
        if how == "starttls":
            client.greeted()
            client.say("STARTTLS", "220")
        client.send(b"\x16\x03\x01")
        ends(client, None)


@test
def who_does_not_read_his_replies_is_not_read_from_either():
    relay = strict()
    with relay.client(receive_buffer=4096) as client:
        memory = relay.resident()
        client.socket.settimeout(0.2)
        try:
            for _ in range(2000):
                client.send("HELP\r\n" * 20 + MAIL + "\r\nRSET\r\n")
        except OSError:
            pass
        expect(relay.resident() - memory < 16 * MB, f"memory grew by {relay.resident() - memory}")
    settle(relay, 15)

if __name__ == "__main__":
    main()
