#!/usr/bin/env python3
"""Client certificates: EXTERNAL with real TLS clients (Python's ssl, openssl s_client), of a private authority alone."""

import functools
import os
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, wire
from lib.harness import TIMEOUT_FACTOR, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import Relay, authority, checked, under

CLIENT = "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n"
MECHANISMS = ["PLAIN", "LOGIN", "EXTERNAL"]
BOB = "bob@example.net"


def openssl(*words, said=None):
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, input=said, timeout=20 * TIMEOUT_FACTOR, check=False)
    expect_equal(done.returncode, 0, f"exit status of openssl {' '.join(words)} ({done.stderr})")
    return done.stdout


def at(name):
    os.makedirs(under("clients"), exist_ok=True)
    return under("clients", name)


def written(name, text):
    with open(at(name), "w", encoding="ascii") as file:
        file.write(text)
    return at(name)


@functools.cache
def issuer(name):
    """An authority of the operator's own: its certificate's file."""
    extensions = written(name + ".ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at(name + ".key"),
            "-subj", "/CN=" + name, "-out", at(name + ".csr"))  # fmt: skip
    openssl("x509", "-req", "-in", at(name + ".csr"), "-extfile", extensions, "-days", "30", "-signkey",
            at(name + ".key"), "-out", at(name + ".pem"))  # fmt: skip
    return at(name + ".pem")


class Certificate:
    """Of a client: files, and its fingerprint as openssl prints it."""

    def __init__(self, name, signed_by="ours", extensions=CLIENT, san="", expired=False):
        self.name, self.file, self.key = name, at(name + ".pem"), at(name + ".key")
        issuer(signed_by)
        ext = written(name + ".ext", extensions + (f"subjectAltName={san}\n" if san else ""))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-subj", "/CN=" + name, "-out", at(name + ".csr"))  # fmt: skip
        if expired:
            written("index", "")
            written("serial", "01\n")
            cnf = written("ca.cnf", f"[ca]\ndefault_ca=x\n[x]\ndatabase={at('index')}\nserial={at('serial')}\n"
                          f"new_certs_dir={under('clients')}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")  # fmt: skip
            openssl("ca", "-batch", "-notext", "-config", cnf, "-extfile", ext, "-cert", issuer(signed_by), "-keyfile",
                    at(signed_by + ".key"), "-startdate", "200101000000Z", "-enddate", "210101000000Z",
                    "-in", at(name + ".csr"), "-out", self.file)  # fmt: skip
        else:
            openssl("x509", "-req", "-in", at(name + ".csr"), "-extfile", ext, "-days", "20", "-CA", issuer(signed_by),
                    "-CAkey", at(signed_by + ".key"), "-CAcreateserial", "-out", self.file)  # fmt: skip
        self.fingerprint = openssl("x509", "-in", self.file, "-noout", "-fingerprint", "-sha256").strip()

    @property
    def digits(self):
        return self.fingerprint.split("=")[1].replace(":", "").lower()

    def context(self, version=None):
        context = wire.tls_context(authority().ca_file)
        if version:
            context.minimum_version = context.maximum_version = version
        context.load_cert_chain(self.file, self.key)
        return context


@functools.cache
def certificate(name, **how):
    return Certificate(name, **how)


LISTENERS = {
    "starttls": {"tls": "starttls", "auth": "tls", "mechanisms": MECHANISMS},
    "implicit": {"tls": "implicit", "auth": "tls", "mechanisms": ["EXTERNAL"]},
    "san": {"tls": "implicit", "auth": "tls", "mechanisms": MECHANISMS, "client_san": True},
    "without": {"tls": "implicit", "auth": "tls"},
}


@shared
def next_hop():
    return Hop()


@shared
def relay():
    listeners = {name: {**keys, **({} if name == "without" else {"client_ca": issuer("ours")})} for name, keys in LISTENERS.items()}
    made = Relay(next_hop(), listeners=listeners)
    made.control("account", "certificate", "add", SENDER, "--fingerprint", certificate("alice").fingerprint)
    return made


def connected(listener, context):
    """A client inside TLS, which was greeted; and what it is offered."""
    if listener == "starttls":
        client = relay().connect(listener)
        client.greeted()
        return client, client.start_tls(context).get("AUTH", "").split()
    client = relay().connect(listener, tls=context)
    return client, client.greeted().get("AUTH", "").split()


def logs_in(client, authorization=None, wanted="235 2.7.0"):
    if authorization is None:
        client.say("AUTH EXTERNAL", "334")
        client.say("", wanted)
    else:
        client.say("AUTH EXTERNAL " + (wire.b64(authorization) or "="), wanted)


@test
def a_certificate_that_the_account_was_given_logs_in():
    for listener in ("starttls", "implicit"):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for authorization in (None, "", SENDER, SENDER.upper()):
                client, offered = connected(listener, certificate("alice").context(version))
                with client:
                    expect_in("EXTERNAL", offered, f"what {listener} offers")
                    logs_in(client, authorization)
                    client.submit(mail.compose())
    relay().logged("login", result="granted", account=SENDER)


@test
def a_client_without_one_logs_in_otherwise():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = wire.tls_context(authority().ca_file)
        context.minimum_version = context.maximum_version = version
        client, offered = connected("starttls", context)
        with client:
            expect_equal(offered, ["PLAIN", "LOGIN"], "what is offered without a certificate")
            client.say("AUTH EXTERNAL =", "504")
            client.log_in()
            client.submit(mail.compose())
        client, offered = connected("implicit", context)
        with client:
            expect_equal(offered, [], "what is offered where there is nothing else")


@test
def before_tls_it_is_not_offered():
    with relay().connect("starttls") as client:
        said = client.greeted()
        expect("AUTH" not in said, f"what is offered before TLS: {said}")
        client.say("AUTH EXTERNAL =", "538")


def goes_on_without_external(shown, reason):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client, offered = connected("starttls", shown.context(version))
        with client:
            expect_equal(offered, ["PLAIN", "LOGIN"], "what is offered")
            client.say("AUTH EXTERNAL =", "504")
            client.log_in()
    relay().logged("client_certificate", count=2, fingerprint=shown.digits, reason=reason)


@test
def one_of_another_authority_is_good_for_nothing():
    goes_on_without_external(certificate("strange", signed_by="theirs"), "is not signed by an authority of client_ca")


@test
def one_that_has_expired_is_good_for_nothing():
    old = certificate("old", expired=True)
    relay().control("account", "certificate", "add", SENDER, "--fingerprint", old.digits)
    goes_on_without_external(old, "has expired")


@test
def one_for_servers_is_good_for_nothing():
    shown = certificate("server", extensions="basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    goes_on_without_external(shown, "is not for client authentication (extended key usage)")


@test
def one_that_no_account_has_is_refused():
    spare = certificate("spare", san="email:" + SENDER)
    client, offered = connected("starttls", spare.context())
    with client:
        expect_in("EXTERNAL", offered, "what is offered")
        logs_in(client, wanted="535 5.7.8")
        logs_in(client, SENDER, "535 5.7.8")
        client.log_in()
    relay().logged("login", result="wrong", account=SENDER, reason=f"certificate {spare.digits}: it is not of the account that the client asks for")
    relay().logged("login", result="wrong", reason=f"certificate {spare.digits}: no account has it")


@test
def nobody_logs_in_as_somebody_else():
    client, _ = connected("starttls", certificate("alice").context())
    with client:
        logs_in(client, BOB, "535 5.7.8")
        client.say("AUTH EXTERNAL " + wire.b64(SENDER + "\0"), "535 5.7.8")
        client.say("MAIL FROM:<x@example.com>", "530")


@test
def a_suspended_account_is_told_why():
    sam = certificate("sam")
    relay().control("account", "certificate", "add", "sam@example.com", "--fingerprint", sam.digits)
    client, _ = connected("implicit", sam.context())
    with client:
        client.say("AUTH EXTERNAL =", "535 5.7.8")
    relay().logged("login", result="suspended", account="sam@example.com")


@test
def a_revoked_one_ends_its_session_and_logs_in_no_more():
    scanner = certificate("scanner")
    relay().control("account", "certificate", "add", BOB, "--fingerprint", scanner.fingerprint)
    expect_in(scanner.digits, relay().control("account", "certificate", "list", BOB, "--json"), "the list")
    client, _ = connected("implicit", scanner.context())
    with client:
        logs_in(client)
        relay().control("account", "certificate", "revoke", BOB, "--fingerprint", scanner.digits)
        line = until(lambda: client.line(), "the session's end")
        expect(line.startswith("421"), f"what an open session was told: {line}")
    client, _ = connected("implicit", scanner.context())
    with client:
        logs_in(client, wanted="535 5.7.8")
    expect_not_in(scanner.digits, relay().control("account", "certificate", "list"), "the list")


@test
def addresses_in_certificates_name_accounts_where_the_listener_says_so():
    one = certificate("one", san="email:" + SENDER.capitalize())
    client, _ = connected("san", one.context())
    with client:
        logs_in(client)
        client.submit(mail.compose())
    two = certificate("two", san=f"email:{SENDER},email:{BOB},DNS:mx.example.com")
    client, _ = connected("san", two.context())
    with client:
        logs_in(client, wanted="535 5.7.8")
        logs_in(client, BOB)
    relay().logged("login", result="wrong", reason=f"certificate {two.digits}: it is for several addresses, and the client asks for none of them")
    relay().logged("login", result="granted", account=BOB)
    unknown = certificate("unknown", san="email:nobody@example.com")
    client, _ = connected("san", unknown.context())
    with client:
        logs_in(client, wanted="535 5.7.8")
        logs_in(client, SENDER, "535 5.7.8")
    # What the account was given is good there, too.
    client, _ = connected("san", certificate("alice").context())
    with client:
        logs_in(client)


def s_client(listener, shown, said, *words):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{relay().ports[listener]}", "-servername", wire.HOST, "-CAfile",
               authority().ca_file, "-cert", shown.file, "-key", shown.key, "-ign_eof", *words]  # fmt: skip
    done = subprocess.run(command, input=f"EHLO x\r\n{said}\r\nQUIT\r\n", capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    return done.stdout + done.stderr


@test
def no_session_is_resumed():
    for version in ("-tls1_2", "-tls1_3"):
        # As openssl resumes one where there may be.
        kept = at("session" + version)
        s_client("without", certificate("alice"), "NOOP", version, "-sess_out", kept)
        expect_in("Reused, ", s_client("without", certificate("alice"), "NOOP", version, "-sess_in", kept), "elsewhere")
        os.remove(kept)
        first = s_client("san", certificate("alice"), "AUTH EXTERNAL =", version, "-sess_out", kept)
        expect_in("235 2.7.0", first, f"what openssl s_client {version} saw")
        expect_not_in("TLS session ticket:", first, "what openssl s_client was given")
        # It keeps nothing where it was given nothing to resume by.
        again = ["-sess_in", kept] if os.path.exists(kept) else []
        second = s_client("san", certificate("alice"), "AUTH EXTERNAL =", version, *again)
        expect_in("235 2.7.0", second, f"what openssl s_client {version} saw the second time")
        expect_in("New, ", second, "whether the session is new")
        expect_not_in("Reused, ", second, "whether the session was resumed")


@test
def a_listener_without_it_asks_for_none_and_has_no_such_mechanism():
    client, offered = connected("without", certificate("alice").context())
    with client:
        expect_equal(offered, ["PLAIN", "LOGIN"], "what is offered by default")
        client.say("AUTH EXTERNAL =", "504")


@test
def another_authority_takes_over_at_a_reload():
    ours = written("both.pem", open(issuer("ours"), encoding="ascii").read())
    listener = {"tls": "implicit", "auth": "tls", "mechanisms": MECHANISMS, "client_ca": ours}
    with Relay(next_hop(), listeners={"only": listener}) as other:
        other.control("account", "certificate", "add", SENDER, "--fingerprint", certificate("alice").fingerprint)
        new = certificate("new", signed_by="theirs")
        other.control("account", "certificate", "add", SENDER, "--fingerprint", new.fingerprint)

        def offered(shown):
            with other.connect("only", tls=shown.context()) as client:
                return client.greeted()["AUTH"].split()

        expect_equal(offered(new), ["PLAIN", "LOGIN"], "what the new authority's gets before")
        written("both.pem", open(issuer("theirs"), encoding="ascii").read())
        other.control("reload")
        until(lambda: "EXTERNAL" in offered(new), "the new authority's certificate is good")
        expect_equal(offered(certificate("alice")), ["PLAIN", "LOGIN"], "what the old authority's gets behind it")
        written("both.pem", "no certificate\n")
        other.control("reload", wanted=1)
        until(lambda: "holds no certificate" in str(other.log("reload")), "the reload's line in the log")
        expect_in("EXTERNAL", offered(new), "what is offered by the configuration before")


@test
def check_names_the_file():
    listener = dict(address=["127.0.0.1:2525"], tls="implicit", auth="tls", mechanisms=MECHANISMS)

    def said(**keys):
        other = Relay(next_hop(), start=False)
        other.config["listener"] = [{**listener, **keys}]
        other.write_config()
        with open(other.config_file, encoding="utf-8") as file:
            return checked(next_hop(), text=file.read())

    expect_in("client_ca: /nowhere/ca.pem", said(client_ca="/nowhere/ca.pem"), "a file that is not there")
    expect_in(f"client_ca: {certificate('alice').file}: certificate 1 is not that of an authority",
              said(client_ca=certificate("alice").file), "a certificate of a client")  # fmt: skip
    expect_in("EXTERNAL needs client_ca", said(), "EXTERNAL alone")


if __name__ == "__main__":
    main()
