#!/usr/bin/env python3
"""Logins that a real Dovecot checks by POP3 and by IMAP: each mechanism, in TLS and in clear, and what becomes of a login
while the server is down, hangs, lies about its name or says half an answer."""

import os
import poplib
import socket
import ssl
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import dovecot_config, mail
from lib.dovecot import Dovecot
from lib.harness import Failed, Skipped, cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.relay import Relay, authority, checked, free_port, under

RIGHT = "mail:box=right%"
ODD = 'pä"ss\\wörd {5} <x>'
SECRETS = (RIGHT, ODD, "mailbox-wrong")
SUSPENDED = "nologin=y reason=unpaid"

# How each is reached. The logins of each have a domain of their own, so that one relay has them all.
WAYS = {
    "pop3s": {"kind": "pop3", "at": "pop3s"},
    "pop3-stls": {"kind": "pop3", "at": "pop3", "tls": "starttls"},
    "pop3-user": {"kind": "pop3", "at": "pop3", "tls": "none", "mechanism": "user"},
    "pop3-plain": {"kind": "pop3", "at": "pop3", "tls": "none", "mechanism": "plain"},
    "pop3-apop": {"kind": "pop3", "at": "pop3s", "mechanism": "apop"},
    "imaps": {"kind": "imap", "at": "imaps"},
    "imap-starttls": {"kind": "imap", "at": "imap", "tls": "starttls"},
    "imap-login": {"kind": "imap", "at": "imap", "tls": "none", "mechanism": "login"},
    "imaps-login": {"kind": "imap", "at": "imaps", "mechanism": "login"},
    "imap-plain": {"kind": "imap", "at": "imap", "tls": "none", "mechanism": "plain"},
}
MANY = 6


def name_of(local, way):
    return f"{local}@{way}.example.com"


def users():
    found = {}
    for way in WAYS:
        found.update({name_of("tim", way): RIGHT, name_of("sue", way): ODD, name_of("off", way): (RIGHT, SUSPENDED)})
    for i in range(MANY):
        found[name_of(f"many{i}", "many")] = RIGHT
    return found


def dovecot_files():
    return authority().issue(under("ca", "mailboxes"), "localhost", "127.0.0.1")


@shared
def dovecot():
    return Dovecot(users(), dovecot_files(), trusted="127.0.0.0/8")


@shared
def strict():
    """One that trusts nobody, takes no password in clear, and lets each user in once at a time."""
    names = [name_of(local, way) for way in ("once", "again", "strict-pop3", "strict-imap") for local in ("tim", "ann", "joe")]
    return Dovecot(dict.fromkeys(names, RIGHT), dovecot_files(), address="127.0.0.2", clear_refused=True,
                   connections_per_user=1)  # fmt: skip


class Scripted:
    """A server that says its lines, one for each line that comes, and then hangs up or says nothing more."""

    def __init__(self, *lines, hang_up=False):
        self.lines, self.hang_up, self.heard, self.open = lines, hang_up, [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.name = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(accepted)
            threading.Thread(target=self.serve, args=[accepted], daemon=True).start()

    def serve(self, accepted):
        reader = accepted.makefile("rb")
        try:
            for line in self.lines:
                accepted.sendall(line)
                self.heard.append(reader.readline())
        except OSError:
            pass
        if self.hang_up:
            accepted.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.listener.close()
        for each in self.open:
            each.close()


HALVES = {
    "silent": ((), False),
    "half-greeting": ((b"+O",), False),
    "half-list": ((b"+OK hi\r\n", b"+OK\r\nUSER\r\n"), False),
    "gone-at-user": ((b"+OK hi\r\n", b"-ERR\r\n"), True),
    "gone-at-pass": ((b"+OK hi\r\n", b"-ERR\r\n", b"+OK\r\n"), True),
    "half-verdict": ((b"+OK hi\r\n", b"-ERR\r\n", b"+OK\r\n", b"+OK in"), True),
    "garbage": ((b"+OK hi\r\n", b"-ERR\r\n", b"+OK\r\n", b"\0\xff\x1b[31m\r\n"), False),
    "flood": ((b"+OK hi\r\n", b"+OK\r\n" + b"X-MORE\r\n" * 20000), False),
}


@shared
def scripted():
    return Several({name: Scripted(*lines, hang_up=hang_up) for name, (lines, hang_up) in HALVES.items()})


class Several:
    def __init__(self, servers):
        self.servers = servers

    def stop(self):
        for each in self.servers.values():
            each.stop()


@shared
def sink():
    return Hop()


def backend(name, server, **keys):
    settings = {"name": name, "domains": [f"{name}.example.com"], "customer_from": "domain", "timeout_s": 8, "failures": 1000,
                "server": [server], "ca_file": authority().ca_file, **keys}  # fmt: skip
    if settings.get("tls") == "none":
        del settings["ca_file"]
    return settings


def backends():
    made = []
    for way, keys in WAYS.items():
        keys = dict(keys)
        made.append(backend(way, dovecot().at(keys.pop("at")), **keys))
    made.append(backend("many", dovecot().at("imaps"), kind="imap", connections=1))
    made.append(backend("down", f"127.0.0.1:{free_port()}", kind="pop3"))
    for name, server in scripted().servers.items():
        made.append(backend(name, server.name, kind="pop3", tls="none", timeout_s=1))
    made.append(backend("other-name", dovecot().at("pop3s"), kind="pop3", server_name="other.test"))
    stranger = authority().issue(under("ca", "stranger"), "stranger.test")[0]
    made.append(backend("stranger", dovecot().at("imap"), kind="imap", tls="starttls", ca_file=stranger))
    for way, kind in (("strict-pop3", "pop3"), ("strict-imap", "imap")):
        made.append(backend(way, strict().at(kind), kind=kind, tls="none"))
    for way, kind in (("once", "pop3"), ("again", "imap")):
        made.append(backend(way, strict().at(kind + "s"), kind=kind, server_name="localhost"))
    return made


@shared
def relay():
    made = Relay(sink(), start=False)
    made.config["backend"] = backends()
    made.write_config()
    made.start()
    return made


def log_in(name, password, wanted):
    """Returns the client's port."""
    with relay().client(name=None) as client:
        client.log_in(name, password, wanted=wanted)
        port = client.socket.getsockname()[1]
        client.quit()
        return port


def all_log_in(logins):
    """LOGINS: (name, password, reply), all at the same time.  A wrong password takes Dovecot half a second."""
    relay()  # made once, and not by several threads
    failed = []

    def one(name, password, wanted):
        try:
            log_in(name, password, wanted)
        except Exception as error:
            failed.append(f"{name}: {error}")

    threads = [threading.Thread(target=one, args=login) for login in logins]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    expect(not failed, "\n".join(failed))


def needs(way):
    if way == "pop3-apop" and "apop" not in dovecot_config.mechanisms():
        raise Skipped("this Dovecot has no APOP")


# ------------------------------------------------------------------------------------ who gets in


@cases(*WAYS)
def right_wrong_unknown_and_suspended(way):
    needs(way)
    # Suspended is wrong, too: neither protocol has a word for it that others could not be told by, too.
    tries = (("tim", RIGHT, "235"), ("sue", ODD, "235"), ("tim", SECRETS[2], "535 5.7.8"), ("nobody", RIGHT, "535 5.7.8"),
             ("off", RIGHT, "535 5.7.8"))  # fmt: skip
    all_log_in([(name_of(local, way), password, wanted) for local, password, wanted in tries])


@cases("pop3s", "pop3-stls", "pop3-user", "imaps", "imap-starttls")
def the_server_is_told_who_the_client_is(way):
    """The name is unknown, so that no cache answers."""
    name = name_of("told", way)
    port = log_in(name, RIGHT, "535")
    lines = until(lambda: [one for one in dovecot().said().split("\n") if name in one and "user=<" in one], "a line of Dovecot's")
    expect_in("rip=127.0.0.1", lines[0], "the client's address, in Dovecot's log")
    expect_in(f"rport={port}", dovecot().said(), "the client's port, in Dovecot's log")


@test
def a_customer_with_a_mailbox_sends_from_its_domain():
    with relay().client(name=name_of("sue", "pop3s"), password=ODD) as client:
        sender = "sue@pop3s.example.com"
        message = mail.compose(mail.text_of(3000, "pop3"), sender=sender)
        client.submit(message, sender=sender)
        client.say("MAIL FROM:<bob@example.net>", "550 5.7.1")
        client.quit()
    arrived = sink().only()
    expect_equal(arrived.sender, sender, "sender")
    mail.expect_intact(arrived.content, message)
    line = relay().logged("message", verdict="taken")
    expect_equal(line["account"], sender, "account, in the log")


@test
def logins_wait_for_one_another_and_none_is_lost():
    all_log_in([(name_of(f"many{i}", "many"), RIGHT, "235") for i in range(MANY)])


def pop3_login(name):
    """A mail program's session, and what the server refused it with."""
    context = ssl.create_default_context(cafile=authority().ca_file)
    context.check_hostname = False
    session = poplib.POP3_SSL("127.0.0.2", strict().ports["pop3s"], context=context, timeout=10)
    session.user(name)
    try:
        session.pass_(RIGHT)
    except poplib.error_proto as error:
        session.close()
        return None, str(error)
    return session, ""


def refused_as_in_use(name):
    session, error = pop3_login(name)
    if session:
        session.quit()
    return "[IN-USE]" in error or "Maximum number of connections" in error


@test
def a_mailbox_that_is_in_use_is_no_wrong_password():
    name = name_of("tim", "once")
    other, error = pop3_login(name)
    expect_equal(error, "", "what the first session was refused with")
    try:
        # Dovecot counts a session a moment after it has begun.
        until(lambda: refused_as_in_use(name), "the mailbox to be in use")
        # Dovecot 2.4 leaves the code out, and words alone grant nothing.
        log_in(name, RIGHT, "454 4.7.0" if dovecot_config.version() >= (2, 4) else "235")
        log_in(name, SECRETS[2], "535")
    finally:
        other.quit()


# ------------------------------------------------------------------------------------ who does not answer


@test
def a_server_that_gives_no_answer_is_no_wrong_password():
    names = ["down", *HALVES]
    all_log_in([(name_of("tim", name), RIGHT, "454 4.7.0") for name in names])
    for name in names:
        expect_in("127.0.0.1:", relay().logged("login", account=name_of("tim", name))["reason"], f"why {name} failed, in the log")


@cases("other-name", "stranger")
def a_certificate_that_does_not_fit_gets_no_password(name):
    log_in(name_of("tim", name), RIGHT, "454 4.7.0")
    expect_not_in(name_of("tim", name), dovecot().said(), "Dovecot's log")
    expect_in("TLS: ", relay().logged("login", account=name_of("tim", name))["reason"], "the log")


@cases("strict-pop3", "strict-imap")
def a_server_that_takes_no_password_in_clear_gets_none(name):
    log_in(name_of("tim", name), RIGHT, "454 4.7.0")
    expect_in("offers no login with a password", relay().logged("login", account=name_of("tim", name))["reason"], "the log")
    expect_not_in(name_of("tim", name), strict().said(), "Dovecot's log")


@test
def passwords_go_in_clear_to_this_machine_alone():
    keys = {"name": "away", "kind": "pop3", "tls": "none", "server": ["192.0.2.1:110"]}
    away = Relay(sink(), start=False)
    away.config["backend"] = [keys]
    away.write_config()
    with open(away.config_file, encoding="utf-8") as file:
        expect_in("backend[1].tls", checked(sink(), text=file.read()), "what sluice check says")


@test
def a_mechanism_that_is_none_is_refused_at_the_start():
    odd = Relay(sink(), start=False)
    odd.config["backend"] = [{"name": "odd", "kind": "imap", "server": ["localhost"], "mechanism": "apop"}]
    odd.write_config()
    try:
        odd.start()
    except Failed as why:
        expect_in('mechanism: "apop" is neither "plain" nor "login"', str(why).replace("\\", ""), "what the relay says")
    else:
        odd.kill()
        expect(False, "the relay has started")


@cases("once", "again")
def a_restart_of_the_server_costs_no_more_than_its_time(way):
    """Each login is another account's, so that no cache answers."""
    server = strict()
    log_in(name_of("ann", way), RIGHT, "235")
    server.stop()
    log_in(name_of("joe", way), RIGHT, "454 4.7.0")
    server.start()
    log_in(name_of("joe", way), RIGHT, "235")
    log_in(name_of("joe", way), SECRETS[2], "535 5.7.8")


@test
def no_secret_is_in_the_log():
    with open(relay().log_file, encoding="utf-8") as file:
        text = file.read()
    for secret in (*SECRETS, ODD.replace('"', '\\"').replace("\\w", "\\\\w")):
        expect_not_in(secret, text, "the log")


if __name__ == "__main__":
    main()
