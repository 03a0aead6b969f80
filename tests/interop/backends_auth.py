#!/usr/bin/env python3
"""Logins that Dovecot's auth service checks, or an authenticator by HTTP that nginx's mail module accepts: the real ones
where they do right, and servers that a test plays where they do wrong."""

import os
import re
import signal
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.authenticator import Authenticator, Nginx
from lib.backends import devices_go_with_their_mailboxes
from lib.dovecot import Dovecot
from lib.harness import cases, expect_between, expect_equal, expect_in, expect_not_in, main, shared, test
from lib.hop import Hop
from lib.played import Played, says, silent, tls_front
from lib.relay import Relay, authority, checked, client_tls, under

TIM = "tim@example.com"
SECRET = "tim's 100% sécret +&="
CLIENT = "127.0.0.77"  # where the mail clients are
UNPAID = "Unpaid since May"


def fresh():
    """Of each name and secret, the relay keeps the answer for a while."""
    return f"wrong-{os.urandom(4).hex()}"


def backend(kind, server, **keys):
    server = server if isinstance(server, list) else [server]
    path = {"path": "/auth"} if kind == "http" else {}
    return {"name": "mailboxes", "kind": kind, "server": server, "tls": "none", "failures": 1000, **path, **keys}


class Served:
    """A relay whose logins are checked by these back ends, and the next hop behind it."""

    def __init__(self, *backends, cores=2):
        self.failed = 0
        self.hop = Hop()
        self.relay = Relay(self.hop, start=False)
        self.relay.config["backend"] = list(backends)
        self.relay.config["server"]["cores"] = cores
        self.relay.write_config()
        self.relay.start()

    def login(self, wanted, name=TIM, password=SECRET, listener="clear", mechanism="PLAIN", then=None):
        """A login from CLIENT, and its reply."""
        options = {"tls": client_tls()} if listener == "implicit" else {}
        with self.relay.connect(listener, source=CLIENT, **options) as client:
            client.greeted()
            reply = client.log_in(name, password, mechanism, wanted)
            self.failed += reply.code == 454
            if then:
                then(client)
            return str(reply)

    def delivers(self, name=TIM, password=SECRET, sender=mail.SENDER, **options):
        message = mail.compose(f"{os.urandom(8).hex()}\r\n".encode(), sender=sender)
        self.login("235", name, password, then=lambda client: client.submit(message, sender=sender), **options)
        mail.expect_intact(self.hop.only().content, message)

    def reason(self):
        """Why the last login had no answer."""
        return self.relay.logged("login", self.failed, result="unavailable")["reason"]

    def alive(self):
        return self.relay.alive()

    def stop(self):
        try:
            self.relay.stop()
            with open(self.relay.log_file, encoding="utf-8") as file:
                expect_not_in(SECRET, file.read(), "the log")
        finally:
            self.hop.stop()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.relay.kill()
            self.hop.stop()


# ------------------------------------------------------------------------------------ Dovecot


USERS = {
    TIM: SECRET,
    "off@example.com": (SECRET, f"nologin=y reason={UNPAID.replace(' ', '_')}"),
    "anyone@example.com": ("", "nopassword=y proxy=y host=192.0.2.7"),
    "shop@elsewhere.test": (SECRET, "customer=acme domains=shop.example.com"),
    "lost@elsewhere.test": (SECRET, "customer=nobody"),
}


@shared
def dovecot():
    return Dovecot(USERS)


@cases("unix", "tcp")
def dovecot_checks(way):
    server = dovecot().auth_socket if way == "unix" else dovecot().at("auth")
    with Served(backend("dovecot", server)) as served:
        served.delivers()
        served.delivers(listener="implicit", mechanism="LOGIN")
        served.login("535", password=fresh())
        served.login("535", name="unknown@example.com")
        expect_in(UNPAID.replace(" ", "_"), served.login("535", name="off@example.com"), "the reply to a suspended login")
        served.login("535", name="off@example.com", password=fresh())
        served.login("454", name="anyone@example.com", password=fresh())
        expect_in("(proxy)", served.reason(), "the reason")
        said = dovecot().said()
        expect_in(f"rip={CLIENT}", said, "what Dovecot logs")
        expect_not_in("BUG", said, "what Dovecot logs")


@test
def dovecot_says_whose_it_is():
    with Served(backend("dovecot", dovecot().auth_socket, customer_from="answer")) as served:
        served.delivers(name="shop@elsewhere.test", sender="x@shop.example.com")
        refused = lambda client: client.say(f"MAIL FROM:<{mail.SENDER}>", "550 5.7.1")  # noqa: E731
        served.login("235", name="shop@elsewhere.test", then=refused)
        served.login("535", name="lost@elsewhere.test")
    with Served(backend("dovecot", dovecot().auth_socket, customer_from="answer", customer_field="nothing")) as served:
        served.login("535", name="shop@elsewhere.test")


@test
def devices_go_with_the_users_of_dovecot():
    with Served(backend("dovecot", dovecot().auth_socket, userdb_socket=dovecot().userdb_socket)) as served:
        devices_go_with_their_mailboxes((served.relay, TIM, "unknown@example.com"))


@test
def many_logins_at_once_at_dovecot():
    names = {f"user{i}@example.com": f"password {i}" for i in range(40)}
    with Dovecot(names) as mailboxes, Served(backend("dovecot", mailboxes.auth_socket)) as served:
        wrong = []

        def one(name, password):
            try:
                served.login("235", name, password)
                served.login("535", name, password + "x")
            except Exception as error:
                wrong.append(repr(error))

        threads = [threading.Thread(target=one, args=each, daemon=True) for each in names.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expect_equal(wrong, [], "logins")


def auth_process(mailboxes):
    """The number of Dovecot's auth process, as it says itself."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        probe.connect(mailboxes.auth_socket)
        probe.sendall(b"VERSION\t1\t2\nCPID\t%d\n" % os.getpid())  # 2.4 waits for that
        said = b""
        while b"\nDONE\n" not in said:
            said += probe.recv(4096)
    return int(re.search(rb"\nSPID\t(\d+)\n", said)[1])


@test
def dovecot_restarts_in_mid_run():
    with Dovecot(USERS) as mailboxes, Served(backend("dovecot", mailboxes.at("auth"), timeout_s=3)) as served:
        served.delivers()
        left = auth_process(mailboxes)
        mailboxes.stop()
        os.kill(left, signal.SIGKILL)  # it stays for the clients that stay
        served.login("454", password=fresh())
        expect_in("cannot be reached", served.reason(), "the reason")
        mailboxes.start()
        served.login("535", password=fresh())
        served.login("535", password=fresh())



@test
def a_dovecot_that_is_not_there():
    with Served(backend("dovecot", [under("no-socket"), "127.0.0.1:1"], timeout_s=1)) as served:
        served.login("454")
        expect_in("No such file", served.reason(), "the reason")
        expect_in("Connection refused", served.reason(), "the reason")


# ------------------------------------------------------------------------------------ an authenticator


# Each with a login of its own: the relay keeps an answer for a while.
LISTENERS = {"clear": TIM, "implicit": "tom@example.com"}


@test
def nginx_and_the_relay_ask_an_authenticator_alike():
    """And both take its answers alike: one that nginx accepts serves the relay unchanged."""
    files = authority().issue(under("nginx-tls"), "mail.relay.test")
    busy = {"Auth-Status": "Try again", "Auth-Error-Code": "451 4.3.0", "Auth-Wait": "1"}
    with Hop() as mails, Authenticator(dict.fromkeys(LISTENERS.values(), SECRET), mails.port, extra={"busy@example.com": busy}) as authenticator:
        requests = {}

        def go_through(who, connect, hop):
            for listener, name in LISTENERS.items():
                with connect(listener, source=CLIENT, **({"tls": client_tls()} if listener == "implicit" else {})) as client:
                    client.greeted("pc.example")
                    client.log_in(name, SECRET, "LOGIN" if listener == "implicit" else "PLAIN")
                    client.submit(mail.compose())
                mail.expect_intact(hop.only().content, mail.compose(), hops=0 if who == "nginx" else 1)
                requests[who, listener] = authenticator.asked(name)
            with connect("clear", source=CLIENT) as client:
                client.greeted()
                client.log_in(TIM, fresh(), wanted="535")
            with connect("clear", source=CLIENT) as client:
                client.greeted()
                client.log_in("busy@example.com", fresh(), wanted="45")

        with Nginx(authenticator, files) as nginx:
            go_through("nginx", nginx.connect, mails)
        with Served(backend("http", authenticator.name)) as served:
            go_through("the relay", served.relay.connect, served.hop)
        for listener in LISTENERS:
            ours, theirs = requests["the relay", listener], requests["nginx", listener]
            expect_equal(ours[0], theirs[0], "the path")
            ignored = ("Host", "Connection", "Auth-SSL-Protocol", "Auth-SSL-Cipher")
            bare = lambda fields: [field for field in fields if field[0] not in ignored]  # noqa: E731
            # nginx tells the client's EHLO only where it asks without a password.
            helo = ("Auth-SMTP-Helo", "pc.example")
            expect_in(helo, ours[1], "the request")
            expect_equal([field for field in bare(ours[1]) if field != helo], bare(theirs[1]), f"the request of {listener}")
            expect_in(("Client-IP", CLIENT), ours[1], "the request")
            expect_equal(("Auth-SSL", "on") in ours[1], listener == "implicit", "Auth-SSL")


@test
def an_authenticator_says_whose_it_is():
    fields = {"Auth-User": "Shop@elsewhere.test", "X-Customer": "acme", "X-Domains": "shop.example.com, x.example"}
    with Authenticator({"shop@elsewhere.test": SECRET}, fields=fields) as authenticator:
        with Served(backend("http", authenticator.name, customer_from="answer")) as served:
            served.delivers(name="shop@elsewhere.test", sender="x@shop.example.com")
            expect_equal(served.relay.logged("message")["account"].lower(), "shop@elsewhere.test", "the account in the log")


@test
def an_authenticator_is_asked_on_kept_connections():
    with Authenticator({TIM: SECRET}) as authenticator:
        with Served(backend("http", authenticator.name, connections=2), cores=1) as served:
            for _ in range(5):
                served.login("535", password=fresh())
            expect_equal(len(authenticator.connections), 1, "connections")
            threads = [threading.Thread(target=served.login, args=("535", TIM, fresh())) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            expect_equal(len(authenticator.requests), 17, "requests")
            expect_between(len(authenticator.connections), 1, 2, "connections")


@test
def an_authenticator_restarts_in_mid_run():
    with Authenticator({TIM: SECRET}) as authenticator:
        with Served(backend("http", authenticator.name, timeout_s=3)) as served:
            served.delivers()
            authenticator.stop()
            served.login("454", password=fresh())
            expect_in("cannot be reached", served.reason(), "the reason")
            authenticator.start()
            served.login("535", password=fresh())


# ------------------------------------------------------------------------------------ servers that do wrong


GREETING = b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\nCUID\t1\nCOOKIE\tab\nDONE\n"
OK = b"HTTP/1.1 200 OK\r\nAuth-Status: OK\r\n"
# Kind, what it does, what it is played by, and what the log is to say.
WRONG = (
    ("dovecot", "silent", silent, "did not answer in time"),
    ("dovecot", "silent_behind_its_greeting", lambda s: (s.sendall(GREETING), silent(s)), "did not answer in time"),
    ("dovecot", "half_a_greeting", says(GREETING[:40]), "connection closed"),
    ("dovecot", "half_an_answer", says(GREETING, b"OK\t1\tuser=ti"), "connection closed"),
    ("dovecot", "another_version", says(b"VERSION\t2\t0\n"), "another version"),
    ("dovecot", "another_protocol", says(b"220 mx.test ESMTP\r\n"), "does not speak Dovecot's"),
    ("dovecot", "without_plain", says(b"VERSION\t1\t1\nMECH\tLOGIN\nDONE\n"), "does not offer PLAIN"),
    ("dovecot", "flood", says(GREETING, b"OK\t77\n" * 100000), "answered what nobody had asked"),
    ("http", "silent", silent, "did not answer in time"),
    ("http", "half_a_header", says(OK), "connection closed"),
    ("http", "half_a_body", says(OK + b"Content-Length: 9\r\n\r\nabc"), "connection closed"),
    ("http", "a_redirect", says(b"HTTP/1.1 302 Found\r\nLocation: /\r\nAuth-Status: OK\r\nContent-Length: 0\r\n\r\n"), "status 302"),
    ("http", "an_error", says(b"HTTP/1.1 503 Busy\r\nAuth-Status: OK\r\nContent-Length: 0\r\n\r\n"), "status 503"),
    ("http", "in_chunks", says(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "no plain Content-Length"),
    ("http", "without_end", says(OK + b"\r\n" + b"x" * 1000000), "does not come to an end"),
    ("http", "a_header_without_end", says(OK + b"X: y\r\n" * 100000), "does not speak HTTP"),
    ("http", "another_protocol", says(b"220 mx.test ESMTP\r\n"), "does not speak HTTP"),
    ("http", "without_a_status", says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "without one Auth-Status"),
)


def domain_of(kind, name):
    return f"{kind}-{name.replace('_', '-')}.test"


class Wrongdoers(Served):
    """A relay with a back end for each of them, which logins of a domain of its own go to."""

    def __init__(self):
        self.servers = {(kind, name): Played(play, local=kind == "dovecot") for kind, name, play, _ in WRONG}
        super().__init__(*(backend(kind, server.name, name=f"{kind}-{name}", domains=[domain_of(kind, name)], timeout_s=1)
                           for (kind, name), server in self.servers.items()))  # fmt: skip

    def stop(self):
        try:
            super().stop()
        finally:
            for server in self.servers.values():
                server.stop()


@shared
def wrongdoers():
    return Wrongdoers()


@cases(*((f"{kind}-{name}", kind, name, why) for kind, name, _, why in WRONG))
def a_server_that_does_wrong_is_no_answer(_name, kind, name, why):
    served = wrongdoers()
    served.login("454", name=f"tim@{domain_of(kind, name)}")
    reason = served.reason()
    expect_in(f"{kind}-{name}: {served.servers[kind, name].name}: ", reason, "the reason")
    expect_in(why, reason, "the reason")


# ------------------------------------------------------------------------------------ TLS


@cases("dovecot", "http")
def a_server_in_tls_is_checked(kind):
    right, wrong = authority().server_context("localhost"), authority().server_context("other.test")
    with Authenticator({TIM: SECRET}) as authenticator:
        port = authenticator.port if kind == "http" else dovecot().ports["auth"]
        for context in (right, wrong):
            with tls_front(context, port) as front:
                server = front.name.replace("127.0.0.1", "localhost")
                with Served(backend(kind, server, tls="implicit", ca_file=authority().ca_file, timeout_s=3)) as served:
                    if context is right:
                        served.delivers()
                        continue
                    served.login("454")
                    expect_in("TLS", served.reason(), "the reason")
        expect_equal(len(authenticator.requests), 1 if kind == "http" else 0, "requests, none of them with a wrong name")


@cases("dovecot", "http")
def passwords_do_not_leave_in_clear(kind):
    relay = Relay("127.0.0.1:25", start=False)
    relay.config["backend"] = [backend(kind, "192.0.2.1:12345")]
    relay.write_config()
    with open(relay.config_file, encoding="utf-8") as file:
        expect_in("backend[1].tls", checked("127.0.0.1:25", text=file.read()), "what sluice check says")


if __name__ == "__main__":
    main()
