#!/usr/bin/env python3
"""Addresses that the machine gets and loses while the relay runs, in a network of the script's own: mail whose next hop is
at one of them would come back to the relay."""

import contextlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import Skipped, cases, expect_in, main, shared, test, until
from lib.mail import SENDER
from lib.mailq import ByDns
from lib.names import NameServer
from lib.network import own_network
from lib.relay import free_port

# What is sent there comes here by the route alone, until the address is an interface's.
HERE = own_network("local 198.18.5.0/24 dev lo", "local fd00:5::/64 dev lo")
FOUR, SIX = "198.18.5.2", "fd00:5::2"
RECORDS = [
    "four.test. 300 IN MX 10 four.mx.test.",
    f"four.mx.test. 300 IN A {FOUR}",
    "six.test. 300 IN MX 10 six.mx.test.",
    f"six.mx.test. 300 IN AAAA {SIX}",
]


@shared
def name_server():
    return NameServer(RECORDS)


def world():
    if not HERE:
        raise Skipped("no network can be made")
    return ByDns([FOUR, SIX], free_port(), name_server(), route={"fallback": False})


@contextlib.contextmanager
def has(address):
    """The machine, meanwhile."""
    subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "address", "del", address, "dev", "lo"], check=True)


def delivers(relay, recipient, before):
    with relay.client() as client:
        client.submit(mail.compose(), recipients=[recipient])
    before.wait(1).clear()


def refuses(relay, recipient):
    with relay.client() as client:
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        said = client.say(f"RCPT TO:<{recipient}>", "554")
        expect_in("5.4.6", str(said), "the reply")
        expect_in("is this relay", str(said), "the reply")


# Its own addresses were read once, at the start.
@cases(four=(FOUR, 32, 0), six=(SIX, 128, 1))
def a_next_hop_at_an_address_that_came_later_is_a_loop(family, about):
    address, bits, place = about
    with world() as here:
        recipient, hop = f"a@{family}.test", here.hops[place]
        delivers(here.relay, recipient, hop)
        for turn in (1, 2):
            with has(f"{address}/{bits}"):
                here.relay.logged("own_addresses", count=turn, added=address)
                refuses(here.relay, recipient)
            here.relay.logged("own_addresses", count=turn, removed=address)
            delivers(here.relay, recipient, hop)


# More notices than the socket holds: those that are lost must not be the ones that matter.
@test
def a_burst_of_changes_ends_in_what_is_so_after_it():
    with world() as here:
        burst = [f"address {verb} 198.18.6.{last}/32 dev lo" for _ in range(4) for verb in ("add", "del") for last in range(1, 251)]
        subprocess.run(["ip", "-batch", "-"], input="\n".join(burst), text=True, check=True)
        with has(f"{FOUR}/32"):
            until(lambda: any(FOUR in line.get("added", "").split(", ") for line in here.relay.log("own_addresses")), "it is noticed")
            refuses(here.relay, "a@four.test")


if __name__ == "__main__":
    main()
