#!/usr/bin/env python3
"""Device passwords: a printer logs in with its own, from where and as what it may, until it is revoked."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import expect, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import LISTENERS, Relay, control


@shared
def next_hop():
    return Hop()


@shared
def relay():
    return Relay(next_hop(), listeners={**LISTENERS, "devices": {"tls": "none", "auth": "clear", "device_only": True}})


def added(name, *words):
    """The password of a new device of SENDER's account."""
    said = control("account", "device", "add", SENDER, "--name", name, *words, config=relay().config_file)
    return re.search(r"password: (\S+)", said)[1]


def revoke(name):
    control("account", "device", "revoke", SENDER, "--name", name, config=relay().config_file)


@test
def a_device_logs_in_with_its_own_password_however_it_is_typed():
    password = added("printer")
    for typed in (password, password.upper(), password.replace("-", ""), password.replace("-", " ")):
        with relay().client(password=typed) as client:
            client.submit(mail.compose())
    expect_in("127.0.0.1", control("account", "device", "list", SENDER, "--json", config=relay().config_file), "where it was used from")
    revoke("printer")


@test
def a_listener_can_insist_on_device_passwords():
    password = added("scanner")
    with relay().connect("devices") as client:
        client.greeted()
        client.log_in(wanted="535")
    with relay().client("devices", password=password) as client:
        client.submit(mail.compose())
    # And elsewhere the mailbox's own is as good as before.
    with relay().client() as client:
        client.submit(mail.compose())
    revoke("scanner")


@test
def a_revoked_one_ends_its_session_and_logs_in_no_more():
    password = added("phone")
    with relay().client(password=password) as client:
        client.submit(mail.compose())
        revoke("phone")
        line = until(lambda: client.line(), "the session's end")
        expect(line.startswith("421"), f"what an open session was told: {line}")
    with relay().connect() as client:
        client.greeted()
        client.log_in(password=password, wanted="535")


@test
def it_is_taken_from_its_networks_alone():
    elsewhere = added("fax", "--network", "192.0.2.0/24")
    with relay().connect() as client:
        client.greeted()
        client.log_in(password=elsewhere, wanted="535")
    here = added("door", "--network", "192.0.2.0/24", "--network", "127.0.0.0/8")
    with relay().client(password=here) as client:
        client.submit(mail.compose())
    revoke("fax")
    revoke("door")


@test
def it_sends_as_its_addresses_alone():
    domain = SENDER.split("@")[1]
    password = added("sensor", "--sender", f"sensor@{domain}")
    with relay().client(password=password) as client:
        client.say(f"MAIL FROM:<{SENDER}>", "550 5.7.1")
        client.say(f"MAIL FROM:<sensor@{domain}>", "250")
        client.say("RCPT TO:<bob@elsewhere.test>", "250")
        client.say("DATA", "354")
        client.send(mail.compose() + b"\r\n.\r\n")
        client.wanted("550 5.7.1", "a From that is not the device's")
    revoke("sensor")


if __name__ == "__main__":
    main()
