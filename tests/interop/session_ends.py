#!/usr/bin/env python3
"""How sessions end: the reply to the client, what the log says, and what TLS says before the connection goes."""

import os
import signal
import socket
import ssl
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import SLOW, cases, expect, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER, stuff
from lib.relay import PASSWORD, Relay, authority, client_tls
from lib.wire import Closed

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@shared
def next_hop():
    return Hop()


@shared
def relay_():
    return Relay(next_hop(), limits={"sessions_per_address": 40, "handshakes_per_address": 5}, server={"cores": 1})


def only(version):
    context = client_tls()
    context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


def ended(relay, reason, count=1, **fields):
    return relay.logged("session_ended", count, reason=reason, **fields)


# ------------------------------------------------------------------------------------ TLS


@cases("1.2", "1.3")
def quit_in_tls_is_answered_with_close_notify(version):
    with relay_().connect("starttls") as client:
        client.greeted()
        client.say("STARTTLS", "220")
        client.socket = only(version).wrap_socket(client.socket, server_hostname=client.name,
                                                  suppress_ragged_eofs=False)  # fmt: skip
        client.ehlo()
        client.say("QUIT", "221")
        # Without close_notify this is an SSLEOFError.
        expect_equal(client.socket.recv(100), b"", "what came behind the 221")


@test
def a_least_version_of_tls_is_kept():
    with Relay(next_hop(), tls={"min_version": "1.3"}) as relay:
        for listener in ("implicit", "starttls"):
            try:
                with relay.connect(listener, tls=only("1.2") if listener == "implicit" else None) as client:
                    client.greeted()
                    client.start_tls(only("1.2"))
                expect(False, f"{listener}: TLS 1.2 was spoken")
            except ssl.SSLError:
                pass
            ended(relay, "handshake_failed")
        with relay.connect("implicit", tls=only("1.3")) as client:
            client.greeted()
            client.quit()


@test
def a_least_version_of_tls_is_asked_of_next_hops():
    old = authority().server_context("localhost", "127.0.0.1")
    old.maximum_version = VERSIONS["1.2"]
    with Hop(tls=old) as hop:
        with Relay(hop, route={"tls": "required", "verify": False, "tls_min_version": "1.3"}) as relay:
            with relay.client() as client:
                client.say(f"MAIL FROM:<{SENDER}>", "250")
                # With one host, which has just failed, recipients are refused at once.
                if client.say("RCPT TO:<ralph@far.test>").code == 250:
                    client.say("DATA", "354")
                    client.send(stuff(mail.compose()))
                    client.wanted("451", "the message")
            until(lambda: hop.tls_failures, "a handshake that failed")
        with Relay(hop, route={"tls": "required", "verify": False}) as relay:
            with relay.client() as client:
                client.submit(mail.compose())


@test
def a_kept_connection_to_a_next_hop_ends_with_close_notify():
    heard = []

    def quit_heard(dialog):
        dialog.send(b"221 2.0.0 Bye\r\n")
        dialog.socket.suppress_ragged_eofs = False
        try:
            heard.append(dialog.socket.recv(100))
        except ssl.SSLError as error:
            heard.append(error)
        return b""

    with Hop(tls=authority().server_context("localhost", "127.0.0.1")) as hop:
        hop.on["QUIT"] = quit_heard
        with Relay(hop, route={"tls": "required", "verify": False, "idle_s": 1}) as relay, relay.client() as client:
            client.submit(mail.compose())
            until(lambda: heard, "QUIT was said")
            expect_equal(heard, [b""], "what came behind QUIT")


# ------------------------------------------------------------------------------------ excess


@test
def a_burst_of_stalled_handshakes_is_one_line_and_leaves_room():
    relay = relay_()
    stalled = [socket.create_connection(("127.0.0.1", relay.ports["implicit"])) for _ in range(60)]
    try:
        until(lambda: relay.counter("session_ended_handshakes_per_address") >= 20, "most of them are refused")
        with relay.client() as client:
            client.submit(mail.compose())
        lines = [line for line in relay.log("session_ended") if line["reason"] == "handshakes_per_address"]
        expect_equal(len(lines), 1, f"lines about them: {lines}")
    finally:
        for one in stalled:
            one.close()
    next_hop().messages.clear()
    until(lambda: relay.counter("sessions_live") == 0, "they have gone")


@test
def few_descriptors_leave_room_for_what_must_not_fail():
    used = len(os.listdir(f"/proc/{relay_().process.pid}/fd"))
    # UBSan asks by a pipe whether memory can be read: with no descriptor left it takes sound objects for broken ones.
    spare = 40 if SLOW else 8
    with Relay(next_hop(), server={"cores": 1}, program=("prlimit", f"--nofile={used + spare}")) as relay:
        clients = [socket.create_connection(("127.0.0.1", relay.ports["clear"])) for _ in range(20)]
        greetings = []
        for client in clients:
            client.settimeout(10)
            greetings.append(client.recv(100)[:4])
        expect(set(greetings) == {b"220 ", b"421 "}, f"greetings: {greetings}")
        # The control socket answers meanwhile.
        expect(relay.counter("sessions_live") >= 1, "a client is served")
        for client in clients:
            client.close()
        until(lambda: relay.counter("sessions_live") == 0, "they have gone")
        expect_in("LimitNOFILE", relay.logged("limit", what="open files")["remedy"], "the remedy")
        relay.logged("session_ended", reason="sessions_per_core")
        expect_equal(len([one for one in relay.log("session_ended") if one["reason"] == "sessions_per_core"]), 1,
                     "lines about those that were refused")  # fmt: skip


# ------------------------------------------------------------------------------------ accounts


@cases("suspend", "hold", "password", "customer")
def a_changed_account_is_told_so(what):
    relay = relay_()
    with relay.client() as client:
        if what == "password":
            relay.control("account", "password", SENDER, "--password-stdin", said=PASSWORD + "\n")
        elif what == "customer":
            relay.control("customer", "hold", "acme")
        else:
            relay.control("account", what, SENDER)
        try:
            said = client.wanted("421 4.7.0", "nothing")
            expect("shutting" not in str(said), f"it says {said!r}")
            ended(relay, "account_changed", account=SENDER, code=421)
        finally:
            relay.control("account", "activate", SENDER)
            relay.control("customer", "activate", "acme")
            # The change is known everywhere before the next test logs in.
            until(lambda: relay.counter("sessions_live") == 0, "the session has gone")


# ------------------------------------------------------------------------------------ a stop


@test
def a_stop_tells_everybody_what_became_of_it():
    """One message waits for the next hop's reply when the time is over: it is kept, and its client gets 250."""
    hop = Hop()
    held = threading.Event()
    hop.on["end"] = lambda _dialog: (held.wait(20), b"451 4.3.0 Late\r\n")[1]
    relay = Relay(hop, server={"drain_s": 1, "cores": 1}, route={"fallback": True})
    try:
        waiting, sending, chunking, quiet = (relay.client() for _ in range(4))
        waiting.envelope()
        waiting.say("DATA", "354")
        waiting.send(stuff(mail.compose()))
        sending.envelope()
        sending.say("DATA", "354")
        sending.send(b"From: alice@example.com\r\n")
        chunking.envelope()
        chunking.send(b"BDAT 1000 LAST\r\nFrom: ")
        until(lambda: hop.seen, "the next hop has it")
        relay.signal(signal.SIGTERM)
        quiet.wanted("421 4.3.2", "nothing")
        sending.wanted("421 4.3.2", "DATA")
        chunking.wanted("421 4.3.2", "BDAT")
        waiting.wanted("250", "the message")
        line = relay.logged("message")
        expect_equal((line["code"], line["reply_sent"]), (250, True), "what the log says of it")
        held.set()
        relay.wait()
        ended(relay, "shutting_down", 3)
    finally:
        held.set()
        relay.kill()
        for client in (waiting, sending, chunking, quiet):
            client.close()
        hop.listener.close()


@test
def a_stop_does_not_wait_for_one_that_owes_a_proxy_header():
    listeners = {"proxy": {"tls": "none", "auth": "clear", "proxy": ["127.0.0.0/8"]}}
    relay = Relay(next_hop(), listeners=listeners, server={"drain_s": 600})
    try:
        with relay.connect("proxy") as silent:
            until(lambda: relay.counter("sessions_live") == 1, "it is there")
            relay.signal(signal.SIGTERM)
            try:
                silent.fill()
                expect(False, f"it got {silent.unread!r}")
            except Closed:
                pass
            relay.wait()
    finally:
        relay.kill()


# ------------------------------------------------------------------------------------ the log


@test
def a_refusal_is_in_the_log_by_the_id_that_the_client_was_told():
    relay = relay_()
    with relay.client() as client:
        refused = str(client.say("MAIL FROM:<eve@evil.example>", "550"))
        token = refused[refused.index("(id ") + 4 : refused.rindex(")")].split(")")[0]
        line = relay.logged("refused", id=token)
        expect_equal((line["account"], line["command"], line["reason"], line["client"]),
                     (SENDER, "MAIL", "sender_domain", "127.0.0.1"), "the line")  # fmt: skip


@test
def a_message_that_is_given_up_is_in_the_log_with_its_next_hop():
    with Hop() as hop, Relay(hop, route={"dialog": "eager"}) as relay:
        hop.on["RCPT"] = b"451 4.3.0 Greylisted\r\n"
        with relay.client() as client:
            client.say(f"MAIL FROM:<{SENDER}>", "250")
            client.say("RCPT TO:<bob@far.test>", "451")
            client.say("RSET", "250")
            line = relay.logged("message_aborted", reason="rset")
            expect_equal((line["account"], line["from"], line["to"], line["recipients_taken"], line["next_hop"]),
                         (SENDER, SENDER, "bob@far.test", 0, hop.name), "the line")  # fmt: skip
            hop.on.clear()
            client.say(f"MAIL FROM:<{SENDER}>", "250")
            client.say("RCPT TO:<bob@far.test>", "250")
            client.say("DATA", "354")
            client.send(b"From: <" + SENDER.encode() + b">\r\nMessage-ID: <cut@off.test>\r\n\r\nhello\r\n")
            client.socket.shutdown(socket.SHUT_WR)
            line = relay.logged("message_aborted", reason="content_cut_off")
            expect_equal((line["to"], line["message_id"], line["next_hop_address"]),
                         ("bob@far.test", "<cut@off.test>", hop.name), "the line of the one that was cut off")  # fmt: skip
            expect_equal(relay.logged("session_ended", reason="content_cut_off")["id"], line["id"], "its id")


if __name__ == "__main__":
    main()
