#!/usr/bin/env python3
"""Where a client comes from: early talkers, networks that are trusted, and balancers that name the client."""

import os
import re
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect, expect_equal, expect_in, main, shared, test
from lib.hop import Hop
from lib.mail import RECIPIENT, SENDER
from lib.relay import Relay, client_tls
from lib.wire import Closed

HERE = "127.0.0.1/32"
MAIL = f"MAIL FROM:<{SENDER}>"


@shared
def next_hop():
    return Hop()


@shared
def platforms():
    """Listeners for those who come from somewhere special."""
    clear = {"tls": "none", "auth": "clear"}
    no_login = {"tls": "none", "auth": "off", "require_auth": False}
    return Relay(
        next_hop(),
        listeners={
            "slow_greeting": {**clear, "greet_delay_ms": 400},
            "trusted": {**no_login, "trusted": [HERE], "trusted_domains": ["example.org", "*.example.org"]},
            "trusted_any": {**no_login, "trusted": [HERE]},
            "trusted_elsewhere": {**no_login, "trusted": ["10.0.0.0/8"]},
            "trusted_or_login": {**clear, "trusted": ["10.0.0.0/8"]},
            "proxy": {**clear, "proxy": [HERE]},
            "proxy_elsewhere": {**clear, "proxy": ["127.0.0.2/32"]},
            "proxy_tls": {"tls": "implicit", "auth": "tls", "proxy": [HERE]},
            "proxy_trusted": {**no_login, "proxy": [HERE], "trusted": ["10.0.0.0/8"]},
            "hidden": {**clear, "hide_client": True},
        },
        limits={"handshake_s": 2},
    )


# ------------------------------------------------------------------------------------ early talkers


@test
def who_speaks_before_the_greeting_is_refused():
    with platforms().connect("slow_greeting") as client:
        client.send("EHLO early.test\r\n")
        client.wanted("554 ", "an early EHLO")
        expect_equal(client.rest(), b"", "what came after it")
    with platforms().connect("slow_greeting") as client:
        client.wanted("220", "nothing")


# ------------------------------------------------------------------------------------ trusted networks


@test
def a_trusted_network_needs_no_login_and_keeps_to_its_domains():
    next_hop().messages.clear()
    with platforms().client("trusted", name=None) as client:
        client.say("AUTH PLAIN AGEAYg==", "502")
        client.say(MAIL, "550 5.7.1")
        own = "cron@shop.example.org"
        client.submit(mail.compose(), sender=own, wanted="550 5.7.1")
        client.submit(mail.compose(sender=own), sender=own)
        received = mail.expect_intact(next_hop().only().content, mail.compose(sender=own))[0][1]
        expect_in(b" with ESMTP ", received.replace(b"\r\n\t", b" "), "Received")


@test
def a_network_that_is_trusted_with_any_domain():
    with platforms().client("trusted_any", name=None) as client:
        client.submit(mail.compose(sender="x@anywhere.test"), sender="y@elsewhere.test")
        next_hop().only()


@test
def nobody_else_is_trusted():
    for platform in ("trusted_elsewhere", "trusted_or_login"):
        with platforms().client(platform, name=None) as client:
            client.say(MAIL, "530 5.7.0")
            client.say(f"RCPT TO:<{RECIPIENT}>", "503")


@test
def a_client_can_be_hidden():
    with platforms().client("hidden") as client:
        client.ehlo("secret.client.test")
        client.submit(mail.compose())
    received = mail.expect_intact(next_hop().only().content, mail.compose())[0][1]
    expect(b"127.0.0.1" not in received and b"secret" not in received, f"Received: {received!r}")


# ------------------------------------------------------------------------------------ the PROXY protocol


def v1(source="192.0.2.7"):
    return f"PROXY TCP4 {source} 192.0.2.1 1000 25\r\n".encode()


def v2(source="192.0.2.7", command=1, more=b"", length=None):
    version_6 = ":" in source
    family = socket.AF_INET6 if version_6 else socket.AF_INET
    other = "2001:db8::25" if version_6 else "192.0.2.1"
    body = socket.inet_pton(family, source) + socket.inet_pton(family, other) + struct.pack(">HH", 1000, 25) + more
    size = len(body) if length is None else length
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack(">BBH", 0x20 | command, 0x21 if version_6 else 0x11, size) + body


PROXIES = {
    "v1": (v1(), "192.0.2.7"),
    "v1_ipv6": (b"PROXY TCP6 2001:db8::7 2001:db8::25 1000 25\r\n", "2001:db8::7"),
    "v1_unknown": (b"PROXY UNKNOWN ffff:f...f:ffff\r\n", "127.0.0.1"),
    "v2": (v2(), "192.0.2.7"),
    "v2_ipv6": (v2("2001:db8::7"), "2001:db8::7"),
    "v2_local": (v2(command=0), "127.0.0.1"),
    "v2_with_more": (v2(more=b"\x04\0\x10" + b"n" * 16), "192.0.2.7"),
}


@cases(*PROXIES)
def a_balancer_says_whom_it_speaks_for(name):
    header, client_ip = PROXIES[name]
    for listener in ("proxy", "proxy_tls"):
        for pieces in ([header], [bytes([byte]) for byte in header]):
            with platforms().connect(listener, tls=None) as client:
                for piece in pieces:
                    client.send(piece)
                if listener == "proxy_tls":
                    client.secure(client_tls())
                client.greeted()
                client.log_in()
                client.submit(mail.compose())
            received = mail.expect_intact(next_hop().only().content, mail.compose())[0][1].decode()
            expect_in(f"IPv6:{client_ip}]" if ":" in client_ip else f"[{client_ip}]", received, "Received")
            message_id = re.search(r"\sid (\w+)", received)[1]
            expect_equal(platforms().logged("message", id=message_id)["client"], client_ip, "client in the log")


@cases(
    no_header=b"EHLO x\r\n",
    v1_too_long=b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n",
    v1_bad_address=b"PROXY TCP4 192.0.2.999 192.0.2.1 1000 25\r\n",
    v1_bad_port=b"PROXY TCP4 192.0.2.7 192.0.2.1 1000 65536\r\n",
    v1_lf=b"PROXY TCP4 192.0.2.7 192.0.2.1 1000 25\nEHLO x\r\n" + b"x" * 100,
    v2_huge=v2(length=65535) + b"x" * 65535,
    v2_version_1=b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c" + bytes(12),
    twice=v1() + v1("192.0.2.8"),
    v2_twice=v2() + v2("192.0.2.8"),
)
def a_balancer_that_talks_nonsense_is_closed(_name, header):
    with platforms().connect("proxy") as client:
        client.send(header)
        try:
            expect_equal(client.rest(), b"", "what it got")
        except OSError:
            pass


@test
def a_balancer_that_says_nothing_is_closed():
    with platforms().connect("proxy") as client:
        expect_equal(client.rest(), b"", "what it got")


@test
def a_stranger_cannot_claim_another_address():
    for header in (v1("10.1.2.3"), v2("10.1.2.3")):
        for listener in ("proxy_elsewhere", "trusted_elsewhere"):
            with platforms().connect(listener) as client:
                client.send(header + b"EHLO x\r\n" + MAIL.encode() + b"\r\n")
                try:
                    said = until_closed_or_refused(client)
                except (Closed, OSError):
                    continue
                expect(b"250 2.1.0" not in said, f"a stranger was believed: {said!r}")


def until_closed_or_refused(client):
    """What is said until MAIL is answered, or the session ends."""
    while not any(word in client.unread for word in (b"\r\n530", b"\r\n503", b"\r\n250 2.1.0", b"\r\n421")):
        client.fill()
    return client.unread


@cases(("trusted", v1("10.1.2.3"), "250"), ("not_trusted", v1("192.0.2.7"), "530"), ("itself", v2(command=0), "530"))
def a_balancer_can_speak_for_trusted_hosts(_name, header, wanted):
    with platforms().connect("proxy_trusted") as client:
        client.send(header)
        client.greeted()
        client.say(MAIL, wanted)


if __name__ == "__main__":
    main()
