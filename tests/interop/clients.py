#!/usr/bin/env python3
"""Mail programs that people use log in and send through the relay: over STARTTLS, over implicit TLS, and in the clear
where a listener allows it.  What arrives at the next hop is what they sent, with trace fields in front."""

import contextlib
import functools
import json
import os
import re
import shutil
import smtplib
import ssl
import subprocess
import sys
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, relay
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import RECIPIENT, SENDER
from lib.relay import PASSWORD, Relay, authority, client_tls, under
from lib.wire import HOST

HERE = os.path.dirname(os.path.abspath(__file__))
RECIPIENTS = [RECIPIENT, "vera@away.test"]
# With what clients get wrong: lines of dots, a line of the longest length, an empty line at the end.
BODY = b"Hello.\r\n\r\n.\r\n..\r\n.a line that begins with a dot\r\n" + b"y" * 998 + b"\r\nlast line\r\n\r\n"


@shared
def next_hop():
    return Hop()


@shared
def the_relay():
    return Relay(next_hop())


def file_of(content, name):
    path = under(name)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o600)
    return path


def run(*command, said=b"", environment=None):
    done = subprocess.run(command, input=said, capture_output=True, timeout=30 * TIMEOUT_FACTOR, check=False,
                          env={**os.environ, **(environment or {})})  # fmt: skip
    why = done.stderr.decode(errors="replace")[-800:] + done.stdout.decode(errors="replace")[-800:]
    expect_equal(done.returncode, 0, f"exit status of {command[0]}, which said {why!r}")
    return done.stdout.decode(errors="replace")


# ------------------------------------------------------------------------------------ the programs
# Each sends MESSAGE from SENDER to RECIPIENTS, and logs in by MECHANISM.


def curl(how, mechanism, message):
    port = the_relay().ports[how]
    scheme = "smtps" if how == "implicit" else "smtp"
    options = ["--ssl-reqd"] if how == "starttls" else []
    for recipient in RECIPIENTS:
        options += ["--mail-rcpt", recipient]
    run("curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*",
        "--url", f"{scheme}://{HOST}:{port}", "--resolve", f"{HOST}:{port}:127.0.0.1",
        "--cacert", authority().ca_file, "--user", f"{SENDER}:{PASSWORD}", "--login-options", f"AUTH={mechanism}",
        "--mail-from", SENDER, *options, "--upload-file", file_of(message, "curl.eml"))  # fmt: skip


@functools.cache
def knows_verify_target():
    """Debian 12's swaks looks at the authority only, Debian 13's at the host as well."""
    with open(shutil.which("swaks"), encoding="utf-8") as program:
        return "--tls-verify-target" in program.read()


def swaks(how, mechanism, message):
    options = {"starttls": ["--tls"], "implicit": ["--tls-on-connect"], "clear": []}[how]
    if options:
        options += ["--tls-verify", "--tls-ca-path", authority().ca_file, "--tls-sni", HOST]
        options += ["--tls-verify-target", HOST] if knows_verify_target() else []
    # Its own massaging of the message is off: what it is given goes out as it is.
    data = file_of(mail.stuff(message)[: -len(b"\r\n")], "swaks.eml")
    said = run("swaks", "--server", "127.0.0.1", "--port", str(the_relay().ports[how]), *options,
               "--ehlo", "client.test", "--auth", mechanism, "--auth-user", SENDER, "--auth-password", PASSWORD,
               "--from", SENDER, "--to", ",".join(RECIPIENTS), "--data", "@" + data, "--no-data-fixup")  # fmt: skip
    expect_in("<~  235 " if options else "<-  235 ", said, "the dialog of swaks")


def msmtp(how, mechanism, message):
    settings = {
        "host": "127.0.0.1",
        "port": the_relay().ports[how],
        "domain": "client.test",
        "auth": mechanism.lower(),
        "user": SENDER,
        "password": f'"{PASSWORD}"',
        "from": SENDER,
        "set_date_header": "off",
        "set_msgid_header": "off",
        "tls": "off" if how == "clear" else "on",
        "tls_starttls": "on" if how == "starttls" else "off",
        "tls_trust_file": authority().ca_file,
        "tls_host_override": HOST,
    }
    if how == "clear":
        settings = {key: value for key, value in settings.items() if not key.startswith("tls_")}
    text = "account default\n" + "".join(f"{key} {value}\n" for key, value in settings.items())
    run("msmtp", "--file", file_of(text.encode(), "msmtprc"), "--", *RECIPIENTS, said=message.replace(b"\r\n", b"\n"))


def python(how, mechanism, message):
    port = the_relay().ports[how]
    kind = smtplib.SMTP_SSL if how == "implicit" else smtplib.SMTP
    options = {"context": client_tls()} if how == "implicit" else {}
    with contextlib.ExitStack() as stack:
        client = kind(timeout=20, local_hostname="client.test", **options)
        client._host = HOST  # the name that TLS looks for; the address is local
        client.connect("127.0.0.1", port)
        stack.callback(client.close)
        if how == "starttls":
            client.starttls(context=client_tls())
        client.ehlo()
        client.user, client.password = SENDER, PASSWORD
        client.auth(mechanism, client.auth_plain if mechanism == "PLAIN" else client.auth_login)
        refused = client.sendmail(SENDER, RECIPIENTS, message)
        expect_equal(refused, {}, "recipients refused")
        client.quit()


def nodemailer(how, mechanism, message):
    transport = {
        "host": "127.0.0.1",
        "port": the_relay().ports[how],
        "secure": how == "implicit",
        "requireTLS": how == "starttls",
        "ignoreTLS": how == "clear",
        "name": "client.test",
        "auth": {"user": SENDER, "pass": PASSWORD},
        "authMethod": mechanism,
        "tls": {"caFile": authority().ca_file, "servername": HOST},
    }
    file = file_of(message, "nodemailer.eml")
    what = json.dumps({"transport": transport, "envelope": {"from": SENDER, "to": RECIPIENTS}, "file": file})
    said = run("node", os.path.join(HERE, "lib", "send.js"), what)
    expect(said.startswith("250 2.0.0"), f"nodemailer got {said!r}")


PROGRAMS = (curl, swaks, msmtp, python, nodemailer)
HOWS = ("starttls", "implicit", "clear")
MECHANISMS = ("PLAIN", "LOGIN")


# ------------------------------------------------------------------------------------ the tests


@cases(*((f"{p.__name__}-{h}-{m}", p, h, m) for p in PROGRAMS for h in HOWS for m in MECHANISMS))
def sends(_name, program, how, mechanism):
    message = mail.compose(BODY)
    program(how, mechanism, message)
    arrived = next_hop().only()
    expect_equal((arrived.sender, arrived.recipients), (SENDER, RECIPIENTS), "envelope at the next hop")
    [(_, received)] = mail.expect_intact(arrived.content, message)
    text = re.sub(rb"\s+", b" ", received).decode()
    expect_in("by mail.relay.test", text, "Received")
    # Newer ones say SMTPUTF8 whenever it is offered.
    expect(re.search(r" with (ESMTP|UTF8SMTP)" + ("A" if how == "clear" else "SA") + " ", text), f"Received: {text}")
    expect_in("[127.0.0.1]", text, "Received")
    line = the_relay().logged("message", verdict="taken", id=re.search(r" id (\w+)", text)[1])
    expect_equal((line["account"], line["customer"], line["author"]), (SENDER, "acme", SENDER), "who, in the log")


@cases(*((p.__name__, p) for p in PROGRAMS))
def date_and_message_id_are_added_only_where_absent(_name, program):
    message = mail.compose(BODY, bare=True)
    program("clear", "PLAIN", message)
    content = next_hop().only().content
    fields = mail.expect_intact(content, message, ["Date", "Message-ID"])
    expect(re.fullmatch(rb" \w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", fields[1][1]), f"{fields[1]}")
    expect(re.fullmatch(rb" <[!-~]+@mail\.relay\.test>", fields[2][1]), f"{fields[2]}")


@test
def message_ids_that_are_added_differ():
    seen = set()
    with the_relay().client() as client:
        for _ in range(20):
            client.submit(mail.compose(bare=True))
    for arrived in next_hop().wait(20):
        seen.add(re.search(rb"\r\nMessage-ID: (\S+)\r\n", arrived.content)[1])
    next_hop().messages.clear()
    expect_equal(len(seen), 20, "different Message-IDs")


@cases("starttls", "implicit")
def a_certificate_is_chosen_by_the_name_that_the_client_asks_for(how):
    for name in (HOST, "mail.acme.test"):
        context = relay.client_tls()
        with the_relay().connect(how, name=name, tls=context if how == "implicit" else None) as client:
            client.greeted()
            if how == "starttls":
                client.start_tls(context)
            names = [value for kind, value in client.socket.getpeercert()["subjectAltName"] if kind == "DNS"]
            expect_equal(names, [name], "names in the certificate")
            client.quit()


@cases("starttls", "implicit")
def tls_before_1_2_is_refused(how):
    failures = the_relay().counter("tls_failures")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority().ca_file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with the_relay().connect(how, tls=None) as client:
        if how == "starttls":
            client.greeted()
            client.say("STARTTLS", "220")
        try:
            client.secure(context)
        except OSError:
            until(lambda: the_relay().counter("tls_failures") == failures + 1, "the relay has counted a failure")
            return
    expect(False, "a TLS 1.1 handshake went through")


@test
def the_relay_offers_what_it_has_and_auth_in_tls_only():
    with the_relay().connect("starttls") as client:
        offered = client.greeted()
        expect("AUTH" not in offered and "STARTTLS" in offered, f"before TLS: {offered}")
        offered = client.start_tls(client_tls())
        expect("STARTTLS" not in offered, f"in TLS: {offered}")
        expect_equal(sorted(offered["AUTH"].split()), ["LOGIN", "PLAIN"], "AUTH")
        expect_equal(offered["LIMITS"], "RCPTMAX=100", "LIMITS")
        expect_equal(offered["SIZE"], "52428800", "SIZE")
        for word in ("PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"):
            expect_in(word, offered, "what is offered")


if __name__ == "__main__":
    main()
