#!/usr/bin/env python3
"""SCRAM-SHA-256 and -PLUS: a client that is not ours logs in (GNU SASL's gsasl), bound to its TLS connection and not."""

import base64
import functools
import hashlib
import hmac
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, wire
from lib.harness import TIMEOUT_FACTOR, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import BOB_PASSWORD, PASSWORD, Relay, authority, checked, client_tls

MECHANISMS = ["PLAIN", "LOGIN", "SCRAM-SHA-256"]
LISTENERS = {
    "starttls": {"tls": "starttls", "auth": "tls", "mechanisms": MECHANISMS},
    "clear": {"tls": "none", "auth": "clear", "mechanisms": MECHANISMS},
    "without": {"tls": "none", "auth": "clear"},
}


@shared
def next_hop():
    return Hop()


def set_password(relay, name, password):
    relay.control("account", "password", name, "--password-stdin", said=password + "\n")


def started():
    """A relay whose accounts have no keys yet."""
    made = Relay(next_hop(), listeners=LISTENERS, start=False)
    made.config["login"] = {"scram_iterations": 4096}
    made.write_config()
    made.start()
    return made


@shared
def relay():
    """One whose accounts have keys."""
    made = started()
    for name, password in ((SENDER, PASSWORD), ("carol@example.com", PASSWORD), ("sam@example.com", PASSWORD),
                           ("bob@example.net", BOB_PASSWORD)):  # fmt: skip
        set_password(made, name, password)
    until(lambda: "SCRAM-SHA-256" in offered(made, "clear"), "SCRAM is offered")
    return made


def offered(relay, listener, tls=None):
    with relay.connect(listener) as client:
        said = client.greeted()
        return (client.start_tls(tls) if tls else said)["AUTH"].split()


def gsasl(relay, listener, mechanism, *words, name=SENDER, password=PASSWORD):
    """Its exit status, and all that it said."""
    # It takes the certificate to be for the address that it connects to, whatever --hostname says: it is not to look.
    tls = ["--x509-ca-file", ""] if listener == "starttls" else ["--no-starttls"]
    command = ["gsasl", "--smtp", "--connect", f"127.0.0.1:{relay.ports[listener]}", "--hostname", wire.HOST, *tls,
               "--mechanism", mechanism, "-a", name, "-p", password, "--verbose",
               *words]  # fmt: skip
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=15 * TIMEOUT_FACTOR, check=False)
    return done.returncode, done.stdout + done.stderr


def logs_in(*words, **named):
    before = len(relay().log("login"))
    code, said = gsasl(relay(), *words, **named)
    expect_equal(code, 0, f"exit status of gsasl, which said {said}")
    expect_in("235 2.7.0", said, "what gsasl saw")
    line = until(lambda: relay().log("login")[before:], "the login's line in the log")[0]
    expect_equal(line["result"], "granted", "the login's result")


def is_refused(result, reason, *words, **named):
    before = len(relay().log("login"))
    code, said = gsasl(relay(), *words, **named)
    expect(code != 0, f"gsasl was let in: {said}")
    expect_in("535 5.7.8", said, "what gsasl saw")
    line = until(lambda: relay().log("login")[before:], "the login's line in the log")[0]
    expect_equal((line["result"], line.get("reason", "")), (result, reason), "the login's result")


@test
def gsasl_logs_in_without_tls():
    logs_in("clear", "SCRAM-SHA-256")


@test
def gsasl_logs_in_bound_to_its_tls_connection():
    expect_equal(offered(relay(), "starttls", client_tls()), [*MECHANISMS, "SCRAM-SHA-256-PLUS"], "what is offered in TLS 1.3")
    logs_in("starttls", "SCRAM-SHA-256-PLUS")


@test
def gsasl_logs_in_by_tls_without_channel_binding():
    logs_in("starttls", "SCRAM-SHA-256", "--no-cb")


@test
def names_with_comma_and_equals_sign_go_through():
    relay().control("account", "add", "a,b=c@example.com", "--customer", "acme", "--password-stdin", said="x y\n")
    logs_in("clear", "SCRAM-SHA-256", name="a,b=c@example.com", password="x y")
    relay().control("account", "remove", "a,b=c@example.com")


@test
def a_password_is_prepared_the_same_on_both_sides():
    set_password(relay(), "carol@example.com", "caf\u00e9 \u2168\u00ad")
    logs_in("clear", "SCRAM-SHA-256", name="carol@example.com", password="cafe\u0301 IX")


@test
def a_wrong_password_is_wrong():
    is_refused("wrong", "", "clear", "SCRAM-SHA-256", password="wrong")
    is_refused("wrong", "", "starttls", "SCRAM-SHA-256-PLUS", password="wrong")
    is_refused("wrong", "", "clear", "SCRAM-SHA-256", name="nobody@example.com")


@test
def a_suspended_account_is_suspended():
    code, said = gsasl(relay(), "clear", "SCRAM-SHA-256", name="sam@example.com")
    expect(code != 0, "sam was let in")
    expect_in("unpaid since May", said, "the reason")


@test
def a_changed_password_is_the_only_one():
    set_password(relay(), "bob@example.net", "another")
    is_refused("wrong", "", "clear", "SCRAM-SHA-256", name="bob@example.net", password=BOB_PASSWORD)
    logs_in("clear", "SCRAM-SHA-256", name="bob@example.net", password="another")
    set_password(relay(), "bob@example.net", BOB_PASSWORD)


@test
def plus_needs_tls_1_3():
    import ssl

    old = wire.tls_context(authority().ca_file, max_version=ssl.TLSVersion.TLSv1_2)
    expect_equal(offered(relay(), "starttls", old), MECHANISMS, "what is offered in TLS 1.2")


@test
def a_listener_without_it_has_none_of_it():
    expect_equal(offered(relay(), "without"), ["PLAIN", "LOGIN"], "what is offered")


class Exchange:
    """SCRAM by hand: hashlib's PBKDF2, and a channel binding that the test chooses."""

    def __init__(self, client, name, password, mechanism="SCRAM-SHA-256", gs2="n,,", binding=b""):
        self.client, self.password, self.header, self.binding = client, password.encode(), gs2, binding
        self.bare = f"n={name},r=rOprNGfwEbeRWgbNEkqO"
        said = client.say(f"AUTH {mechanism} {wire.b64(gs2 + self.bare)}", "334")
        self.first = base64.b64decode(str(said).split()[1]).decode()
        self.fields = dict(field.split("=", 1) for field in self.first.split(","))

    def final(self):
        without = f"c={base64.b64encode(self.header.encode() + self.binding).decode()},r={self.fields['r']}"
        mac = functools.partial(hmac.digest, digest="sha256")
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(self.fields["s"]), int(self.fields["i"]))
        key = mac(salted, b"Client Key")
        signature = mac(hashlib.sha256(key).digest(), f"{self.bare},{self.first},{without}".encode())
        proof = bytes(a ^ b for a, b in zip(key, signature))
        return wire.b64(f"{without},p={base64.b64encode(proof).decode()}")


@test
def mail_goes_through_a_session_that_logged_in_by_scram():
    with relay().connect("clear") as client:
        client.greeted()
        exchange = Exchange(client, SENDER, PASSWORD)
        client.say(exchange.final(), "334")
        client.say("MAIL FROM:<x@example.com>", "501")  # that is no answer to the verdict
        client.say("MAIL FROM:<x@example.com>", "530")
        exchange = Exchange(client, SENDER, PASSWORD)
        client.say(exchange.final(), "334")
        client.say("", "235")
        client.submit(mail.compose())


@test
def a_client_that_was_not_shown_plus_is_refused():
    with relay().connect("starttls") as client:
        client.greeted()
        client.start_tls(client_tls())
        client.say("AUTH SCRAM-SHA-256 " + wire.b64(f"y,,n={SENDER},r=abc"), "535 5.7.8")
    relay().logged("login", result="malformed", reason="the client was not shown that channel binding is offered")


@test
def who_stands_between_two_tls_connections_is_refused():
    with relay().connect("starttls") as client:
        client.greeted()
        client.start_tls(client_tls())
        exchange = Exchange(client, SENDER, PASSWORD, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", bytes(32))
        client.say(exchange.final(), "535 5.7.8")
    relay().logged("login", result="malformed", reason="the channel binding is not that of this connection")


@test
def a_name_that_is_not_known_looks_like_one_that_is():
    def asked(name):
        with relay().connect("clear") as client:
            client.greeted()
            fields = Exchange(client, name, "x").fields
            return fields["s"], fields["i"]

    known, unknown = asked(SENDER), asked("nobody@example.com")
    expect_equal(asked("nobody@example.com"), unknown, "the salt of a name that is not known, the second time")
    expect_equal(asked(SENDER), known, "that of one that is known")
    expect_equal((len(known[0]), known[1]), (len(unknown[0]), unknown[1]), "length of the salt, and iterations")
    expect(asked("nobody2@example.com")[0] not in (unknown[0], known[0]), "two names have one salt")


@test
def it_is_offered_when_the_last_account_has_logged_in_by_plain():
    with started() as fresh:
        fresh.control("account", "activate", "sam@example.com")
        expect_not_in("SCRAM-SHA-256", offered(fresh, "clear"), "what is offered where no account has keys")
        with fresh.connect() as client:
            client.greeted()
            client.say("AUTH SCRAM-SHA-256", "504")
        for name in (SENDER, "carol@example.com", "sam@example.com"):
            fresh.client(name=name).close()
        expect_not_in("SCRAM-SHA-256", offered(fresh, "clear"), "what is offered where one has none")
        fresh.client(name="bob@example.net", password=BOB_PASSWORD).close()
        until(lambda: "SCRAM-SHA-256" in offered(fresh, "clear"), "SCRAM is offered")
        code, said = gsasl(fresh, "clear", "SCRAM-SHA-256")
        expect_equal(code, 0, f"exit status of gsasl, which said {said}")
        # One that is imported with a hash has no keys.
        hashes = fresh.at("passwd")
        with open(hashes, "w", encoding="ascii") as file:
            file.write("new@example.com:{SHA256}n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\n")
        fresh.control("account", "import", hashes, "--format", "passwd-file", "--customer", "acme")
        until(lambda: "SCRAM-SHA-256" not in offered(fresh, "clear"), "SCRAM is offered no more")


@test
def a_listener_with_scram_alone_says_that_nobody_can_log_in():
    with Relay(next_hop(), listeners={"clear": LISTENERS["clear"] | {"mechanisms": ["SCRAM-SHA-256"]}}) as alone:
        line = alone.logged("scram_alone", level="warning")
        expect_equal((line["listener"], line["missing"]), (f"127.0.0.1:{alone.ports['clear']}", 3), "where, and how many")
        expect_in("sluicectl account password", line["remedy"], "what to do")
        for reloads, mechanisms in enumerate((MECHANISMS, ["SCRAM-SHA-256"]), 1):
            alone.config["listener"][0]["mechanisms"] = mechanisms
            alone.write_config()
            alone.signal(signal.SIGHUP)
            alone.logged("reload", reloads)
        alone.logged("scram_alone", 2)


@test
def other_back_ends_have_no_keys():
    listener = [{"address": ["127.0.0.1:2525"], "tls": "none", "auth": "clear", "mechanisms": MECHANISMS}]
    relay = Relay(next_hop(), start=False)
    relay.config["listener"] = listener
    relay.config["backend"] = [{"name": "theirs", "kind": "file", "path": "/dev/null"}]
    relay.write_config()
    with open(relay.config_file, encoding="utf-8") as file:
        said = checked(next_hop(), text=file.read())
    expect_in("listener[1].mechanisms", said, "the key")
    expect_in("SCRAM works with the store's own accounts alone", said, "what is wrong")


if __name__ == "__main__":
    main()
