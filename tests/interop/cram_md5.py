#!/usr/bin/env python3
"""CRAM-MD5: old devices log in with a password of their own, by GNU SASL's gsasl and by Python's smtplib."""

import base64
import functools
import hmac
import os
import re
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, wire
from lib.harness import TIMEOUT_FACTOR, expect, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import PASSWORD, Relay, client_tls, control

MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5"]
LISTENERS = {
    "starttls": {"tls": "starttls", "auth": "tls", "mechanisms": MECHANISMS},
    "clear": {"tls": "none", "auth": "clear", "mechanisms": MECHANISMS},
    "devices": {"tls": "none", "auth": "clear", "device_only": True, "mechanisms": ["CRAM-MD5"]},
    "without": {"tls": "none", "auth": "clear"},
}


@shared
def next_hop():
    return Hop()


@shared
def relay():
    return Relay(next_hop(), listeners=LISTENERS)


def added(name, *words, account=SENDER):
    """The password of a new device."""
    said = control("account", "device", "add", account, "--name", name, *words, config=relay().config_file)
    return re.search(r"password: (\S+)", said)[1]


@functools.cache
def printer():
    return added("printer", "--cram-md5")


def revoke(name, account=SENDER):
    control("account", "device", "revoke", account, "--name", name, config=relay().config_file)


def gsasl(listener, name, password):
    """Its exit status, and all that it said."""
    tls = ["--x509-ca-file", ""] if listener == "starttls" else ["--no-starttls"]
    command = ["gsasl", "--smtp", "--connect", f"127.0.0.1:{relay().ports[listener]}", "--hostname", wire.HOST, *tls,
               "--mechanism", "CRAM-MD5", "-a", name, "-p", password, "--verbose"]  # fmt: skip
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=15 * TIMEOUT_FACTOR, check=False)
    return done.returncode, done.stdout + done.stderr


def logs_in(listener, name, password):
    before = len(relay().log("login"))
    code, said = gsasl(listener, name, password)
    expect_equal(code, 0, f"exit status of gsasl, which said {said}")
    expect_in("235 2.7.0", said, "what gsasl saw")
    until(lambda: [line for line in relay().log("login")[before:] if (line["result"], line["account"]) == ("granted", name)],
          "the login's line in the log")  # fmt: skip


def is_refused(listener, name, password, result="wrong"):
    before = len(relay().log("login"))
    code, said = gsasl(listener, name, password)
    expect(code != 0, f"gsasl was let in: {said}")
    expect_in("535 5.7.8", said, "what gsasl saw")
    until(lambda: [line for line in relay().log("login")[before:] if (line["result"], line["account"]) == (result, name)],
          "the login's line in the log")  # fmt: skip
    return said


def asked(client):
    """The challenge."""
    return base64.b64decode(str(client.say("AUTH CRAM-MD5", "334")).split()[1])


def digest(challenge, password):
    return hmac.digest(password.encode(), challenge, "md5").hex()


@test
def gsasl_logs_in_as_the_password_is_shown_and_without_hyphens():
    logs_in("clear", SENDER, printer())
    logs_in("clear", SENDER, printer().replace("-", ""))
    logs_in("starttls", SENDER, printer())


@test
def smtplib_picks_it_and_sends():
    with smtplib.SMTP("127.0.0.1", relay().ports["devices"], timeout=10 * TIMEOUT_FACTOR) as client:
        client.ehlo()
        expect_equal(client.esmtp_features["auth"].split(), ["CRAM-MD5"], "what is offered")
        expect_equal(client.login(SENDER, printer())[0], 235, "the reply to smtplib's login")
        refused = client.sendmail(SENDER, ["bob@elsewhere.test"], mail.compose())
        expect_equal(refused, {}, "recipients that were refused")


@test
def a_mailbox_with_its_own_password_is_refused():
    is_refused("clear", SENDER, PASSWORD)


@test
def wrong_passwords_and_unknown_names_are_refused_alike():
    is_refused("clear", SENDER, "aaaaa-aaaaa-aaaaa-aaaaa")
    is_refused("clear", "nobody@example.com", printer())
    is_refused("clear", "bob@example.net", printer())


@test
def a_device_that_was_not_made_for_it_is_refused():
    password = added("scanner")
    is_refused("clear", SENDER, password)
    with relay().client("clear", password=password) as client:
        client.submit(mail.compose())
    revoke("scanner")


@test
def a_name_with_a_blank_is_read_whole():
    # No account has such a name.
    is_refused("clear", "the front desk", printer())


@test
def a_suspended_account_is_told_why():
    password = added("fax", "--cram-md5", account="sam@example.com")
    said = is_refused("clear", "sam@example.com", password, "suspended")
    expect_in("unpaid since May", said, "the reason")
    revoke("fax", account="sam@example.com")


@test
def it_is_bound_to_its_networks():
    elsewhere = added("door", "--cram-md5", "--network", "192.0.2.0/24")
    is_refused("clear", SENDER, elsewhere)
    revoke("door")


@test
def it_is_listed_and_a_revoked_one_ends_its_session():
    password = added("phone", "--cram-md5")
    with relay().connect("clear") as client:
        client.greeted()
        challenge = asked(client)
        expect(re.fullmatch(rb"<[^<>@ ]{20,}\.[0-9]{10}@[^<>@ ]+>", challenge), f"the challenge: {challenge}")
        client.say(wire.b64(f"{SENDER} {digest(challenge, password)}"), "235")
        client.submit(mail.compose())
        listed = control("account", "device", "list", SENDER, "--json", config=relay().config_file)
        expect_in('"device":"phone"', listed, "the device")
        expect_in('"cram_md5":true', listed, "what it is good for")
        revoke("phone")
        line = until(lambda: client.line(), "the session's end")
        expect(line.startswith("421"), f"what an open session was told: {line}")


@test
def an_answer_is_good_for_its_challenge_alone():
    with relay().connect("clear") as client:
        client.greeted()
        answer = wire.b64(f"{SENDER} {digest(asked(client), printer())}")
        client.say("*", "501")
        client.say("AUTH CRAM-MD5", "334")
        client.say(answer, "535 5.7.8")
        client.say("AUTH CRAM-MD5 " + answer, "501")
        client.say("MAIL FROM:<x@example.com>", "530")


@test
def what_is_no_answer_is_refused():
    with relay().connect("clear") as client:
        client.greeted()
        asked(client)
        client.say("!!!", "501")
        asked(client)
        client.say(wire.b64(f"{SENDER}\0 " + "a" * 32), "535 5.7.8")
        client.say("MAIL FROM:<x@example.com>", "530")


@test
def it_is_not_offered_unless_it_is_asked_for():
    def offered(listener, tls=None):
        with relay().connect(listener) as client:
            said = client.greeted()
            return (client.start_tls(tls) if tls else said).get("AUTH", "").split()

    expect_equal(offered("without"), ["PLAIN", "LOGIN"], "what is offered by default")
    expect_equal(offered("starttls"), [], "what is offered before TLS")
    expect_equal(offered("starttls", client_tls()), MECHANISMS, "what is offered in TLS")
    with relay().connect("without") as client:
        client.greeted()
        client.say("AUTH CRAM-MD5", "504")


if __name__ == "__main__":
    main()
