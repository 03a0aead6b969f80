#!/usr/bin/env python3
"""Bytes that could be taken for something else: false ends of a message, bare CR and LF, commands behind STARTTLS and
inside BDAT.  Whatever is tried, one message stays one message, and nothing that is not clean reaches the next hop."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect, expect_equal, expect_not_in, main, shared, test, until
from lib.hop import OFFERS, Hop
from lib.mail import SENDER
from lib.relay import LISTENERS, PASSWORD, Relay, client_tls, settle
from lib.wire import Closed, b64

# All but CRLF.CRLF.
FALSE_ENDS = {
    "lf_dot_lf": b"\n.\n",
    "lf_dot_crlf": b"\n.\r\n",
    "crlf_dot_lf": b"\r\n.\n",
    "cr_dot_crlf": b"\r.\r\n",
    "crlf_dot_cr": b"\r\n.\r",
    "cr_dot_cr": b"\r.\r",
    "lf_dot_cr": b"\n.\r",
    "crlf_nul_dot_crlf": b"\r\n\0.\r\n",
    "crlf_dot_nul_crlf": b"\r\n.\0\r\n",
    "crlf_dot_cr_crlf": b"\r\n.\r\r\n",
    "cr_crlf_dot_lf": b"\r\r\n.\n",
    "lf_crlf_dot_lf": b"\n\r\n.\n",
}
SMUGGLED = b"MAIL FROM:<%s>\r\nRCPT TO:<victim@far.test>\r\nDATA\r\nFrom: %s\r\n\r\nsmuggled" % ((SENDER.encode(),) * 2)
PAUSE_SECONDS = 0.002  # enough for two segments to be two reads


@shared
def by_data():
    return Hop()


@shared
def by_bdat():
    return Hop(offers=(*OFFERS, "CHUNKING"))


# Bare LFs are refused, as on listeners that ask for no login.
STRICT = {name: {**keys, "line_ends": "refuse"} for name, keys in LISTENERS.items()}


@shared
def to_data():
    return Relay(by_data(), listeners={**STRICT, "lax": LISTENERS["clear"]})


@shared
def to_bdat():
    return Relay(by_bdat(), listeners={**STRICT, "lax": LISTENERS["clear"]})


WAYS = (("clear-to_data", "clear", to_data), ("tls-to_data", "implicit", to_data), ("clear-to_bdat", "clear", to_bdat))


def seen():
    return len(by_data().seen) + len(by_bdat().seen)


def begin(client):
    client.envelope()
    client.say("DATA", "354")


def refused(client, wanted="5"):
    """The one answer to the message, and the dialog is in step."""
    client.wanted(wanted, "the message")
    client.say("NOOP one", "250 2.0.0 Ok")


# ------------------------------------------------------------------------------------ the end of a message


@cases(*((f"{end}-{way[0]}", FALSE_ENDS[end], *way[1:]) for end in FALSE_ENDS for way in WAYS))
def a_false_end_ends_nothing(_name, end, listener, relay):
    """Whole, byte by byte, and cut in two at each byte around the false end."""
    before = seen()
    text = mail.compose(b"text") + end + SMUGGLED + b"\r\n.\r\n"
    at = text.index(b"text" + end) + 4
    with relay().client(listener) as client:
        begin(client)
        client.send(text)
        refused(client)
        for cut in range(at - 2, at + len(end) + 7):
            begin(client)
            client.send(text[:cut])
            time.sleep(PAUSE_SECONDS)
            client.send(text[cut:])
            refused(client)
        begin(client)
        client.send(text[: at - 3])
        for byte in text[at - 3 : at + len(end) + 12]:
            client.send(bytes([byte]))
            time.sleep(PAUSE_SECONDS / 4)
        client.send(text[at + len(end) + 12 :])
        refused(client)
        client.quit()
    expect_equal(seen() - before, 0, "messages at the next hop")


HAS_BARE_CR = re.compile(rb"\r(?!\n)")


@cases(*((f"{end}-{way[0]}", FALSE_ENDS[end], way[2]) for end in FALSE_ENDS for way in WAYS if way[1] == "clear"))
def a_false_end_ends_nothing_where_line_ends_are_mended(_name, end, relay):
    """A bare LF becomes CRLF: one message, with one end.  A bare CR and a NUL are refused."""
    hop = by_data() if relay is to_data else by_bdat()
    before = seen()
    text = mail.compose(b"text") + end + SMUGGLED
    taken = not HAS_BARE_CR.search(text) and b"\0" not in text
    with relay().client("lax") as client:
        for cut in range(len(text) - len(SMUGGLED) - len(end) - 1, len(text) - len(SMUGGLED) + 5):
            begin(client)
            client.send(text[:cut])
            time.sleep(PAUSE_SECONDS)
            client.send(text[cut:] + b"\r\n.\r\n")
            refused(client, "250" if taken else "550 5.")
            if taken:
                content = hop.only().content
                expect(content.endswith(b"DATA\r\nFrom: %s\r\n\r\nsmuggled\r\n" % SENDER.encode()), "cut short")
                expect(not re.search(rb"(?<!\r)\n", content), "a bare LF went on")
        client.submit(mail.compose())
    hop.only()
    expect_equal(seen() - before, 1 + (len(end) + 6 if taken else 0), "messages at the next hop")


@cases(*FALSE_ENDS)
def a_false_end_where_the_message_begins(end):
    """In front of everything: where trace fields are put in."""
    before = seen()
    for text in {FALSE_ENDS[end], FALSE_ENDS[end].lstrip(b"\r\n")} - {b".\r\n"}:  # which is the true one there
        with to_data().client() as client:
            begin(client)
            client.send(text + SMUGGLED + b"\r\n.\r\n")
            refused(client)
    expect_equal(seen() - before, 0, "messages at the next hop")


@cases(*FALSE_ENDS)
def a_false_end_in_chunks(end):
    before = seen()
    for relay in (to_data, to_bdat):
        text = mail.compose(b"text") + FALSE_ENDS[end] + SMUGGLED + b"\r\n"
        at = text.index(b"text") + 5
        with relay().client() as client:
            for chunks in ([text], [text[:at], text[at:]], [text[:at], text[at : at + 1], text[at + 1 :]]):
                client.submit_chunks(chunks, wanted="5")
            client.say("NOOP one", "250 2.0.0 Ok")
    expect_equal(seen() - before, 0, "messages at the next hop")


@test
def the_true_end_in_a_chunk_is_content():
    message = mail.compose(b"text\r\n.\r\n" + SMUGGLED + b"\r\n.\r\n")
    for relay, hop in ((to_data, by_data), (to_bdat, by_bdat)):
        with relay().client() as client:
            client.submit_chunks([message])
        mail.expect_intact(hop().only().content, message)


@cases(*(way[:3] for way in WAYS))
def a_true_end_is_seen_however_it_is_cut(_name, listener, relay):
    message = mail.compose(b"one\r\n.\r\n..\r\n")
    text = mail.stuff(message)
    hop = by_data() if relay is to_data else by_bdat()
    with relay().client(listener) as client:
        for cut in range(len(text) - 18, len(text)):
            begin(client)
            client.send(text[:cut])
            time.sleep(PAUSE_SECONDS)
            client.send(text[cut:] + b"NOOP\r\n")
            client.wanted("250 2.0.0", "the message")
            client.wanted("250 2.0.0", "NOOP")
            mail.expect_intact(hop.only().content, message)
        begin(client)
        for byte in text:
            client.send(bytes([byte]))
        client.wanted("250", "the message")
        mail.expect_intact(hop.only().content, message)


@cases(
    lf_in_the_header=b"From: alice@example.com\nBcc: x@far.test\r\n\r\ntext\r\n",
    cr_in_the_header=b"From: alice@example.com\rBcc: x@far.test\r\n\r\ntext\r\n",
    lf_only=mail.compose(b"one\r\ntwo\r\n").replace(b"\r\n", b"\n") + b"\r\n",
    cr_only=mail.compose(b"one\r\ntwo\r\n").replace(b"\r\n", b"\r") + b"\r\n",
    lf_in_the_body=mail.compose(b"one\ntwo\r\n"),
    cr_in_the_body=mail.compose(b"one\rtwo\r\n"),
    cr_cr_lf=mail.compose(b"one\r\r\ntwo\r\n"),
    nul_in_the_body=mail.compose(b"one\0two\r\n"),
    nul_in_the_header=b"From: alice@example.com\r\nSubject: a\0b\r\n\r\ntext\r\n",
    late_lf=mail.compose(b"w" * 70 + b"\r\n" * 30000 + b"one\ntwo\r\n"),
)
def what_is_not_clean_is_never_handed_on(_name, message):
    before = seen()
    for relay in (to_data, to_bdat):
        with relay().client() as client:
            begin(client)
            client.send(mail.stuff(message))
            refused(client, "550 5.")
            client.submit_chunks([message], wanted="550 5.")
    expect_equal(seen() - before, 0, "messages at the next hop")


# ------------------------------------------------------------------------------------ commands


@cases(
    ehlo_lf=b"EHLO a\nMAIL FROM:<alice@example.com>",
    mail_lf=b"MAIL FROM:<alice@example.com>\nRCPT TO:<x@far.test>",
    mail_cr=b"MAIL FROM:<alice@example.com>\rRCPT TO:<x@far.test>",
    noop_lf=b"NOOP\n",
    noop_cr=b"NOOP\r",
    rset_cr=b"RSET\rx",
)
def a_bare_line_end_in_a_command_ends_the_session(_name, line):
    with to_data().client() as client:
        client.send(line + b"\r\nRCPT TO:<y@far.test>\r\n")
        client.wanted("500 5.5.2", line)
        client.wanted("421", line)
        expect_equal(client.rest(), b"", "what came after it")


@cases(nul=b"MAIL FROM:<alice@example.com>\0", esc=b"NOOP \x1b[2J", bs=b"MAIL FROM:<a\x08@example.com>", vt=b"RCPT\vTO:<a@b>")
def a_control_character_in_a_command_is_refused(_name, line):
    with to_data().client() as client:
        client.say(line, "500 5.5.2")
        client.say("NOOP", "250")


@test
def bytes_behind_quit_are_not_answered():
    with to_data().client() as client:
        client.send(b"QUIT\r\nNOOP\r\nMAIL FROM:<alice@example.com>\r\n")
        client.wanted("221", "QUIT")
        expect_equal(client.rest(), b"", "what came after it")


@test
def content_that_did_not_wait_for_354_is_never_read_as_commands():
    before = seen()
    with to_data().client() as client:
        client.send(b"MAIL FROM:<alice@example.com>\r\nDATA\r\n" + SMUGGLED + b"\r\n.\r\n")
        client.wanted("250", "MAIL")
        client.wanted("503", "DATA")
        client.wanted("421", "DATA")
        expect_equal(client.rest(), b"", "what came after it")
    expect_equal(seen() - before, 0, "messages at the next hop")


# ------------------------------------------------------------------------------------ STARTTLS


@cases(
    rset=b"RSET\r\n",
    ehlo=b"EHLO inside\r\n",
    auth=b"AUTH PLAIN " + b64(f"\0{SENDER}\0{PASSWORD}").encode() + b"\r\n",
    mail=b"MAIL FROM:<alice@example.com>\r\nRCPT TO:<x@far.test>\r\n",
    junk=b"x" * 5000,
)
def what_comes_behind_starttls_is_dropped(_name, injected):
    with to_data().connect("starttls") as client:
        client.greeted()
        client.send(b"STARTTLS\r\n" + injected)
        client.wanted("220", "STARTTLS")
        try:
            client.secure(client_tls())
        except OSError:
            return  # taken for the handshake, which failed: fine as well
        expect(client.quiet(0.2), f"answered inside TLS: {client.unread!r}")
        client.say("MAIL FROM:<alice@example.com>", "503")
        client.ehlo()
        client.say("MAIL FROM:<alice@example.com>", "530")


@test
def everything_is_forgotten_when_tls_starts():
    relay = Relay(by_data(), listeners={"both": {"tls": "starttls", "auth": "clear"}})
    with relay, relay.connect("both") as client:
        client.greeted("outside.test")
        client.log_in()
        client.say("STARTTLS", "220")
        client.secure(client_tls())
        client.say("MAIL FROM:<alice@example.com>", "503")
        client.ehlo("inside.test")
        client.say("RCPT TO:<x@far.test>", "503")
        client.say("MAIL FROM:<alice@example.com>", "530")
        client.say("STARTTLS", "503")
        client.log_in()
        client.submit(mail.compose())
        expect_not_in(b"outside.test", by_data().only().content, "Received")


@test
def starttls_takes_no_parameter():
    with to_data().connect("starttls") as client:
        client.greeted()
        client.say("STARTTLS now", "501")
        client.say("NOOP", "250")


# ------------------------------------------------------------------------------------ BDAT


@cases("", " x", " -1", " +5", " 1x", " 0x10", " 5 LAST x", " 5 FIRST", " 99999999999999999999999", " 18446744073709551616", " 5,5")
def bdat_that_cannot_be_read_ends_the_session(argument):
    """Content and commands cannot be distinguished any more."""
    before = seen()
    with to_data().client() as client:
        client.envelope()
        client.send(f"BDAT{argument}\r\nRSET\r\nMAIL FROM:<{SENDER}>\r\n")
        client.wanted("50", "BDAT" + argument)
        client.wanted("421", "BDAT" + argument)
        expect_equal(client.rest(), b"", "what came after it")
    expect_equal(seen() - before, 0, "messages at the next hop")


@cases("18446744073709551615", "9223372036854775807", "70000000000")
def a_huge_chunk_is_refused_in_flat_memory(size):
    relay = to_data()
    with relay.client() as client:
        client.envelope()
        memory = relay.resident()
        client.send(f"BDAT {size}\r\n")
        client.wanted("552 5.3.4", "BDAT " + size)
        client.wanted("421", "BDAT " + size)
        try:
            for _ in range(64):
                client.send(b"x" * 65536)
        except OSError:
            pass
        expect(relay.resident() - memory < 16 << 20, f"memory grew by {relay.resident() - memory} bytes")


INSIDE = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<victim@far.test>\r\nQUIT\r\n".encode()


@cases(
    before_login=("503", None, []),
    without_mail=("503", SENDER, []),
    without_recipients=("503", SENDER, [f"MAIL FROM:<{SENDER}>"]),
)
def a_refused_chunk_still_eats_its_bytes(_name, row):
    wanted, name, lines = row
    with to_data().client(name=name) as client:
        for line in lines:
            client.say(line, "250")
        client.chunk(INSIDE, True, wanted)
        client.chunk(INSIDE, False, wanted)
        client.say("NOOP", "250 2.0.0 Ok")


@test
def chunks_have_their_order():
    message = mail.compose(b"text\r\n" + INSIDE)
    with to_data().client() as client:
        client.envelope()
        client.chunk(message[:20], False, "250")
        client.say("DATA", "503")
        client.say(f"MAIL FROM:<{SENDER}>", "503")
        client.say("RCPT TO:<x@far.test>", "503")
        client.chunk(message[20:], True, "250")
        mail.expect_intact(by_data().only().content, message)
        client.chunk(INSIDE, True, "503")
        client.say("NOOP", "250")


@test
def rset_between_chunks_forgets_the_message():
    message = mail.compose()
    with to_data().client() as client:
        client.envelope()
        client.chunk(b"From: alice@example.com\r\nSubject: lost\r\n\r\nlost", False, "250")
        client.say("RSET", "250")
        client.submit_chunks([message])
        mail.expect_intact(by_data().only().content, message)


@test
def an_empty_last_chunk_alone_is_a_message_without_author():
    with to_data().client() as client:
        client.envelope()
        client.chunk(b"", True, "550 5.7.1")


@cases("data", "bdat")
def a_client_that_is_lost_in_the_middle_sends_nothing(by):
    before = seen()
    for relay in (to_data(), to_bdat()):
        for cut in (10, 200, 100000):
            text = mail.stuff(mail.compose(mail.text_of(300000, cut)))[: cut + 100]
            for leave in ("close", "reset"):
                client = relay.client()
                client.envelope()
                if by == "data":
                    client.say("DATA", "354")
                    client.send(text)
                else:
                    client.send(b"BDAT %d LAST\r\n" % (len(text) + 1) + text)
                getattr(client, leave)()
        settle(relay)
    expect_equal(seen() - before, 0, "messages at the next hop")
    with to_data().client() as client:
        client.submit(mail.compose())
        by_data().only()


@test
def binarymime_is_not_offered_and_not_taken():
    with to_data().client() as client:
        client.say(f"MAIL FROM:<{SENDER}> BODY=BINARYMIME", "5")


@test
def a_session_that_is_closed_after_a_refusal_leaves_nothing_behind():
    until(lambda: to_data().counter("sessions_live") == 0, "all sessions have ended")
    try:
        with to_data().client() as client:
            client.send(b"BDAT x\r\n" + b"y" * 100000)
            client.rest()
    except (Closed, OSError):
        pass
    settle(to_data())


if __name__ == "__main__":
    main()
