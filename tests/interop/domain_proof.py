#!/usr/bin/env python3
"""Domains that customers prove: the record in a real name server (nsd), and what a relay that runs makes of it."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import Failed, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import compose
from lib.nsd import HEAD, Nsd, checked_zone, zone_files
from lib.relay import BOB_PASSWORD, SLUICECTL, Relay, control, toml
from lib.wire import Closed

DOMAIN = "shop.test"
SENDER = "alice@" + DOMAIN
NAME = "_isp-challenge." + DOMAIN


@shared
def hop():
    return Hop()


class World:
    """A relay that runs, and the domain's zone in nsd, which sluicectl asks and the relay does not."""

    def __init__(self, records=(), **dkim):
        self.files = zone_files({DOMAIN: records})
        self.names = Nsd(self.files)
        self.serial = 1
        self.relay = Relay(hop(), dkim={"proof_label": "_isp-challenge", "record_ttl_s": 1, **dkim})
        self.asking = self.relay.at("asking.toml")
        with open(self.asking, "w", encoding="utf-8") as file:
            file.write(toml({**self.relay.config, "dns": {"servers": [self.names.name], "timeout_ms": 1000, "tries": 1}}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.names.stop()
        self.relay.stop()

    def publish(self, *records):
        self.serial += 1
        with open(self.files[DOMAIN], "w", encoding="ascii") as file:
            file.write(HEAD.format(zone=DOMAIN).replace(" 1 3600", f" {self.serial} 3600") + "\n".join(records) + "\n")
        checked_zone(DOMAIN, self.files[DOMAIN])
        self.names.load(DOMAIN, self.serial)

    def claim(self, customer="acme"):
        """The lines of a zone file that the customer is told to publish."""
        said = self.relay.control("domain", "add", DOMAIN, "--customer", customer, "--prove", "--zone")
        return said.splitlines()

    def prove(self, *words, wanted=0):
        return control("domain", "prove", DOMAIN, *words, config=self.asking, wanted=wanted)

    def states(self):
        """Of each who has it, or wants to prove it."""
        listed = json.loads(self.relay.control("domain", "list", "--json"))
        return {one["customer"]: one["state"] for one in listed if one["name"] == DOMAIN}

    def refused(self, **login):
        with self.relay.client(**login) as client:
            client.say(f"MAIL FROM:<{SENDER}>", "550 5.7.1")
            # Nor by the way of the author alone.
            own = login.get("name", "alice@example.com")
            client.submit(compose(sender=SENDER), sender=own, wanted="550 5.7.1")

    def taken(self, **login):
        """Once the relay has noticed, which ends the sessions that are open, with 421."""

        def sent():
            try:
                with self.relay.client(**login) as client:
                    if not str(client.say(f"MAIL FROM:<{SENDER}>")).startswith("250"):
                        return False
                    client.say("RSET", "250")
                    client.submit(compose(sender=SENDER), sender=SENDER)
                    return True
            except (Closed, Failed):
                return False

        until(sent, "mail from the domain is taken", 20)
        expect_equal(hop().only().sender, SENDER, "who sends")

    def checked(self):
        done = subprocess.run([SLUICECTL, "--config", self.asking, "domain", "check", DOMAIN, "--json"], capture_output=True,
                              text=True, timeout=60, check=False)  # fmt: skip
        return {one["record"]: one for one in json.loads(done.stdout)[0]["records"]}


BOB = {"name": "bob@example.net", "password": BOB_PASSWORD}


@test
def sends_nothing_until_its_proof_is_seen():
    with World() as world:
        lines = world.claim()
        expect_equal(re.sub("[0-9a-f]{40}", "TOKEN", lines[0]), f'{NAME}. IN TXT "token=TOKEN"', "the proof")
        world.refused()
        expect_in("there is no TXT record", world.prove(wanted=1), "what is said without the record")
        world.publish(f'{NAME}. IN TXT "token={"0" * 40}"')
        expect_in("another token", world.prove(wanted=1), "what is said of another record")
        world.publish(*lines)
        world.refused()
        expect_equal(world.prove(), f"domain {DOMAIN}: proven, of customer acme\n", "what is said")
        world.taken()
        expect_equal(world.states(), {"acme": "proven"}, "states")


@test
def of_two_customers_the_one_whose_record_is_there_has_it():
    with World() as world:
        world.claim()
        theirs = world.claim("other")
        expect_equal(world.states(), {"acme": "new", "other": "new"}, "states")
        world.publish(*theirs)
        expect_in("is not proven", world.prove("--customer", "acme", wanted=1), "what is said of the other one")
        expect_in("of customer other", world.prove(), "what is said")
        world.taken(**BOB)
        world.refused()
        expect_equal(world.states(), {"acme": "new", "other": "proven"}, "states")


@test
def the_operator_asserts_what_another_wants_to_prove():
    with World() as world:
        lines = world.claim()
        world.relay.control("domain", "add", DOMAIN, "--customer", "other")
        world.publish(*lines)
        expect_in('another customer has it, "other" (asserted)', world.prove(wanted=1), "what is said")
        world.refused()
        expect_equal(world.states(), {"acme": "new", "other": "asserted"}, "states")
        world.relay.control("domain", "remove", DOMAIN)
        world.prove()
        world.taken()


@test
def a_name_server_that_fails_changes_nothing():
    with World(None) as world:
        lines = world.claim()
        expect_in("nothing is changed", world.prove(wanted=1), "what is said")
        expect_equal(world.states(), {"acme": "new"}, "states")
        world.refused()
        world.publish(*lines)
        world.prove()
        expect_equal(world.states(), {"acme": "proven"}, "states")


@test
def a_record_behind_a_cname_proves_nothing():
    with World() as world:
        (proof,) = [line for line in world.claim() if "token=" in line]
        world.publish(f"*.{DOMAIN}. IN CNAME rented", proof.replace(NAME, f"rented.{DOMAIN}"))
        expect_in(f"a CNAME leads to rented.{DOMAIN}", world.prove(wanted=1), "what is said")
        world.refused()


@test
def its_keys_are_made_and_the_check_looks_for_the_proof():
    with World(enabled=True, zone="dkim.isp.example", zone_name_servers=["ns.isp.example"]) as world:
        lines = world.claim()
        expect_in(f"sl2e._domainkey.{DOMAIN}. IN CNAME sl2e.{DOMAIN}.dkim.isp.example.", lines, "the records")
        world.publish(*lines)
        expect_in("sl1r._domainkey", world.prove(), "what is said")
        shown = json.loads(world.relay.control("domain", "show", DOMAIN, "--json"))
        expect_equal([key["state"] for key in shown["keys"]], ["published", "published"], "its keys")
        expect_equal(world.relay.control("domain", "records", DOMAIN, "--zone").splitlines(), lines, "the records")
        expect_equal(world.checked()["proof"]["verdict"], "right", "what is said of the proof")
        world.publish()
        gone = world.checked()["proof"]
        expect_equal((gone["verdict"], gone["name"]), ("missing", NAME), "what is said of the proof")
        expect_not_in("proof", world.relay.control("domain", "records", "example.com"), "the records of what is asserted")


@test
def is_removed_and_nothing_is_looked_for():
    with World() as world:
        world.publish(*world.claim())
        world.relay.control("domain", "remove", DOMAIN)
        expect_equal(world.states(), {}, "states")
        expect_in("there is no domain", world.prove(wanted=1), "what is said")
        world.refused()


if __name__ == "__main__":
    main()
