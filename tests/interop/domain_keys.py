#!/usr/bin/env python3
"""Domains' keys from `sluicectl domain add` to a message that others verify: the records in a real name server (nsd), rotation,
keys that were another signer's, stores from before, and keys in PostgreSQL, which are sealed."""

import base64
import json
import os
import re
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import dkim

from lib.dkim_verifiers import signatures_of, tags_of
from lib.harness import expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER, compose
from lib.nsd import Nsd, checked_zone
from lib.relay import SLUICECTL, Relay, control, folder, toml, under
from lib.sharing import SharingRelay, copied, keys, next_hop, server

ZONE, DOMAIN = "dkim.isp.example", "example.com"
FIRST, SECOND = ["sl1e", "sl1r"], ["sl2e", "sl2r"]


@shared
def hop():
    return Hop()


def dkim_config(**more):
    return {"enabled": True, "zone": ZONE, "zone_name_servers": ["ns.isp.example"], "record_ttl_s": 1, "spf_include": "spf.isp.example", **more}


def written(name, content):
    assert folder()
    path = under(name)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o600)
    return path


def wrapping_key(name, seed=b"k"):
    return written(name, base64.b64encode(seed * 32) + b"\n")


def signers_of(text):
    """The selectors of its signatures."""
    return sorted(tags_of(field)["s"] for field in signatures_of(text)[0])


class World:
    """The domain of a relay's customer, its zone and the ISP's, in nsd."""

    def __init__(self, relay, name):
        self.relay, self.isp = relay, under(name + ".isp")
        records = relay.control("domain", "records", DOMAIN, "--zone")
        head = f"$ORIGIN {DOMAIN}.\n$TTL 1\n@ IN SOA ns.isp.example. hostmaster 1 3600 900 1209600 1\n@ IN NS ns.isp.example.\n"
        customer = written(name + ".customer", (head + records).encode())
        checked_zone(DOMAIN, customer)
        self.write()
        self.names = Nsd({ZONE: self.isp, DOMAIN: customer})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.names.stop()

    def write(self):
        """The serial of the ISP's zone."""
        said = self.relay.control("domain", "zone", "--output", self.isp)
        checked_zone(ZONE, self.isp)
        return int(re.search(r"serial (\d+)", said)[1])

    def publish(self):
        self.names.load(ZONE, self.write())

    def states(self):
        shown = json.loads(self.relay.control("domain", "show", DOMAIN, "--json"))
        return {key["selector"]: key["state"] for key in shown["keys"]}

    def activate(self):
        """And makes the relay look."""
        self.relay.control("domain", "activate", DOMAIN, "--seen")
        self.relay.control("reload")

    def sent(self):
        """A message as the next hop has it, and the selectors that have signed it; all signatures are good by now."""
        with self.relay.client() as client:
            client.submit(compose())
        text = hop().only().content
        selectors = signers_of(text)
        self.verify(text, len(selectors))
        return text, selectors

    def verify(self, text, count):
        def record(name, timeout=5):
            return self.names.text(name.decode() if isinstance(name, bytes) else name)

        for index in range(count):
            expect(dkim.DKIM(text).verify(index, dnsfunc=record), f"signature {index} of {text!r}")

    def signed_by(self, selectors):
        """A message, once it is signed by these; until then by those before, or none."""

        def signed():
            self.relay.control("reload")
            text, found = self.sent()
            return text if found == selectors else None

        return until(signed, f"mail is signed by {selectors}", 20)


@test
def a_domain_from_its_first_day():
    with Relay(hop(), start=False, dkim=dkim_config()) as relay:
        expect_equal(relay.control("domain", "remove", DOMAIN), f"domain {DOMAIN}: removed\n", "what is said")
        said = relay.control("domain", "add", DOMAIN, "--customer", "acme")
        for selector in FIRST + SECOND:
            expect_in(f"{selector}._domainkey.{DOMAIN}", said, "the records")
        expect_in("v=spf1 include:spf.isp.example ~all", said, "the records")
        relay.start()
        with World(relay, "first") as world:
            expect_equal(world.sent()[1], [], "signatures before the keys are active")
            world.activate()
            world.signed_by(FIRST)


@test
def keys_are_activated_once_the_dns_has_their_records():
    with Relay(hop(), dkim=dkim_config()) as relay:
        relay.control("domain", "remove", DOMAIN)
        relay.control("domain", "add", DOMAIN, "--customer", "acme")
        with World(relay, "seen") as world:
            # As sluicectl reads it; a relay that runs keeps its name servers.
            asking = relay.at("asking.toml")
            with open(asking, "w", encoding="utf-8") as file:
                file.write(toml({**relay.config, "dns": {"servers": [world.names.name], "timeout_ms": 1000, "tries": 1}}))
            control("domain", "activate", DOMAIN, config=asking)
            found = {one["record"]: one["verdict"] for one in checked_domain(asking)["records"]}
            for selector in FIRST:
                expect_equal(found[f"DKIM {selector}"], "right", "what is said of its record")
            world.signed_by(FIRST)
            relay.control("domain", "rotate", DOMAIN, "--algorithm", "ed25519-sha256")
            expect_in("key sl2e: sl2e._domainkey", control("domain", "activate", DOMAIN, config=asking, wanted=1), "the refusal")
            expect_equal(world.states()["sl2e"], "published", "the key's state")
            world.publish()
            control("domain", "activate", DOMAIN, config=asking)
            expect_equal(world.states()["sl2e"], "active", "the key's state")


def checked_domain(config):
    """What domain check says, whatever the rest of the domain is like."""
    done = subprocess.run([SLUICECTL, "--config", config, "domain", "check", DOMAIN, "--json"], capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    return json.loads(done.stdout)[0]


@test
def keys_are_rotated_and_revoked():
    with Relay(hop(), dkim=dkim_config()) as relay:
        relay.control("domain", "rotate", DOMAIN)
        with World(relay, "rotated") as world:
            world.activate()
            first = world.signed_by(FIRST)
            relay.control("domain", "rotate", DOMAIN)
            expect_equal(world.sent()[1], FIRST, "who signs while the next keys are published")
            world.publish()
            expect_equal(world.states(), {"sl1e": "active", "sl1r": "active", "sl2e": "published", "sl2r": "published"}, "states")
            world.activate()
            second = world.signed_by(SECOND)
            world.verify(first, 2)
            # As if it were long ago.
            with sqlite3.connect(relay.config["store"]["accounts"]) as store:
                store.execute("UPDATE signing_key SET since_ms = since_ms - 700000000")
            world.publish()
            expect_equal(world.states(), {"sl1e": "revoked", "sl1r": "revoked", "sl2e": "active", "sl2r": "active"}, "states")
            expect_equal(world.names.text(f"sl1r._domainkey.{DOMAIN}"), b"v=DKIM1; k=rsa; p=", "the record of a revoked key")
            world.verify(second, 2)
            relay.control("domain", "rotate", DOMAIN, "--algorithm", "rsa-sha256")
            expect_equal(world.states()["sl1r"], "published", "the slot that is free again")


@test
def one_domain_signs_for_those_below_it_and_for_what_its_customer_sends():
    below, other = "alice@a.b." + DOMAIN, "alice@other.example"
    with Relay(hop(), dkim=dkim_config()) as relay:
        relay.control("domain", "rotate", DOMAIN)
        relay.control("domain", "add", "other.example", "--customer", "acme", "--no-keys")
        with World(relay, "below") as world:
            world.activate()
            world.signed_by(FIRST)

            def signers(sender):
                """d= of each signature of SENDER's mail; all are good."""
                with relay.client() as client:
                    client.submit(compose(sender=sender), sender=sender)
                text = hop().only().content
                found = [tags_of(field)["d"] for field in signatures_of(text)[0]]
                world.verify(text, len(found))
                return found

            def signed_for(sender, wanted, why):
                """Once the relay has looked."""
                relay.control("reload")
                until(lambda: signers(sender) == wanted, why, 20)

            expect_equal(signers(other), [], "who signs for a domain without keys")
            # The customer has *.example.com as well.
            signed_for(below, [DOMAIN, DOMAIN], "the domain above signs")
            expect_equal(signers(other), [], "who signs for a domain without keys")
            relay.control("customer", "set", "acme", "--sign-as", DOMAIN)
            expect_equal(json.loads(relay.control("customer", "show", "acme", "--json"))["sign_as"], DOMAIN, "what is shown")
            signed_for(other, [DOMAIN, DOMAIN], "the customer's choice signs")
            relay.control("customer", "set", "acme", "--sign-as", "none")
            signed_for(other, [], "nobody signs")
            relay.config["dkim"]["unsigned"] = "refuse"
            relay.write_config()
            relay.control("reload")
            with relay.client() as client:
                client.submit(compose(sender=other), sender=other, wanted="550")
            relay.control("customer", "set", "acme", "--sign-as", DOMAIN)
            relay.control("reload")
            expect_equal(signers(other), [DOMAIN, DOMAIN], "who signs where unsigned mail is refused")


@test
def the_serial_rises_with_changes_alone():
    with Relay(hop(), dkim=dkim_config()) as relay:
        relay.control("domain", "rotate", DOMAIN)
        with World(relay, "serial") as world:
            serial = world.write()
            expect_equal(world.write(), serial, "the serial of the same zone")
            relay.control("domain", "add", "another.example", "--customer", "acme")
            expect(world.write() > serial, "the serial of another zone is no higher")


@test
def without_a_zone_the_customer_publishes_the_keys():
    with Relay(hop(), dkim=dkim_config(zone="")) as relay:
        relay.control("domain", "rotate", DOMAIN)
        records = relay.control("domain", "records", DOMAIN, "--zone")
        zone = f"$ORIGIN {DOMAIN}.\n$TTL 1\n@ IN SOA ns.isp.example. hostmaster 1 3600 900 1209600 1\n@ IN NS ns.isp.example.\n{records}"
        path = written("plain.customer", zone.encode())
        checked_zone(DOMAIN, path)
        names = Nsd({DOMAIN: path})
        try:
            expect(names.text(f"sl1r._domainkey.{DOMAIN}").startswith(b"v=DKIM1; k=rsa; p=MII"), "the record is another one")
        finally:
            names.stop()


@test
def a_store_from_before_keys_is_brought_up_to_date():
    with Relay(hop(), start=False, dkim=dkim_config()) as relay:
        with sqlite3.connect(relay.config["store"]["accounts"]) as store:
            store.execute("DROP TABLE domain_claim")
            store.execute("DROP INDEX domain_to_check")
            for column in ("proof_seen_ms", "taken_ms", "checked_ms", "verdict", "finding", "failing_since_ms"):
                store.execute(f"ALTER TABLE domain DROP COLUMN {column}")
            store.execute("DROP TABLE signing_key")
            store.execute("ALTER TABLE customer DROP COLUMN sign_as")
            store.execute("PRAGMA user_version = 9")
        relay.start()
        with relay.client() as client:
            client.submit(compose())
        hop().only()
        relay.control("domain", "rotate", DOMAIN)
        shown = json.loads(relay.control("domain", "show", DOMAIN, "--json"))
        expect_equal([key["selector"] for key in shown["keys"]], FIRST, "its keys")


@test
def keys_of_opendkim_sign_at_once_and_are_followed():
    paths = []
    for number, domain in enumerate((DOMAIN, "elsewhere.example")):
        paths.append(under(f"opendkim{number}.private"))
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", paths[-1], "2048"], check=True, capture_output=True, timeout=60)
        os.chmod(paths[-1], 0o600)
    table = written("KeyTable", f"one {DOMAIN}:mail:{paths[0]}\ntwo elsewhere.example:mail:{paths[1]}\n".encode())
    signing = written("SigningTable", f"*@{DOMAIN} one\n*@elsewhere.example two\n".encode())
    with Relay(hop(), dkim=dkim_config(wrapping_key_file=wrapping_key("imported.key"))) as relay:
        said = relay.control("domain", "import-keys", "--opendkim-key-table", table, "--signing-table", signing, wanted=1)
        expect_in(f'{table}:2: key mail: there is no domain "elsewhere.example"', said, "what is said of the other")
        with World(relay, "imported") as world:
            world.signed_by(["mail"])
            relay.control("domain", "rotate", DOMAIN)
            world.publish()
            # The customer's CNAMEs were published with the first of them.
            world.activate()
            world.signed_by(FIRST)


@test
def no_private_key_is_where_it_is_not_to_be():
    sealed_with = wrapping_key("sealed.key")
    with Relay(hop(), dkim=dkim_config(wrapping_key_file=sealed_with)) as relay:
        said = relay.control("domain", "rotate", DOMAIN) + relay.control("domain", "show", DOMAIN, "--json")
        path = relay.config["store"]["accounts"]
        with sqlite3.connect(path) as store:
            kept = [(base64.b64decode(text), sealed) for text, sealed in store.execute("SELECT private_key, sealed FROM signing_key")]
        expect_equal([sealed for _, sealed in kept], [1, 1], "which keys are sealed")
        for key, _ in kept:
            # PKCS #8 begins so, sealed or not sealed.
            expect_not_in(b"\x02\x01\x00\x30", key[:32], "a sealed key")
            expect_not_in(base64.b64encode(key).decode()[:40], said, "what is printed")
        relay.config["dkim"]["wrapping_key_file"] = wrapping_key("other.key", b"o")
        relay.write_config()
        expect_in("--old-key-file", relay.control("domain", "rewrap", wanted=1), "what is said where the key has changed")
        expect_in("2 keys sealed anew", relay.control("domain", "rewrap", "--old-key-file", sealed_with), "what is said")
        with World(relay, "sealed") as world:
            world.activate()
            world.signed_by(FIRST)
        with open(relay.log_file, "rb") as file:
            log = file.read()
        for key, _ in kept:
            expect_not_in(base64.b64encode(key)[:40], log, "the log")


@test
def keys_in_postgresql_are_always_sealed():
    server().create("signing")
    relay = SharingRelay(start=False, **keys("signing"))
    relay.config["dkim"] = dkim_config()
    relay.write_config()
    control("customer", "add", "acme", config=relay.config_file)
    refused = control("domain", "add", DOMAIN, "--customer", "acme", config=relay.config_file, wanted=1)
    expect_in("dkim.wrapping_key_file is not set", refused, "what is said without a wrapping key")
    expect_equal(json.loads(control("domain", "list", "--json", config=relay.config_file)), [], "domains")
    relay.config["dkim"]["wrapping_key_file"] = wrapping_key("shared.key")
    relay.write_config()
    control("domain", "add", DOMAIN, "--customer", "acme", config=relay.config_file)
    control("account", "add", SENDER, "--customer", "acme", "--password-stdin", config=relay.config_file, said="alice's secret\n")
    with relay:
        relay.start()
        with World(relay, "shared") as world:
            world.activate()

            def signed():
                relay.control("reload")
                with relay.client() as client:
                    client.submit(compose())
                text = next_hop().only().content
                return text if signers_of(text) == FIRST else None

            world.verify(until(signed, "mail is signed", 20), 2)


@test
def keys_that_are_not_sealed_are_not_copied_into_postgresql():
    server().create("copies")
    place = under("unsealed.db")
    control("customer", "add", "acme", store=place)
    with Relay(hop(), start=False, dkim=dkim_config(), store={"accounts": place}) as file:
        file.control("domain", "add", DOMAIN, "--customer", "acme")
        relay = SharingRelay(start=False, **keys("copies"))
        into = "config:" + relay.config_file
        expect_in("sluicectl domain rewrap", copied("--to", into, config=file.config_file, wanted=1), "what is said")
        file.config["dkim"]["wrapping_key_file"] = wrapping_key("copied.key")
        file.write_config()
        file.control("domain", "rewrap")
        copied("--to", into, config=file.config_file)
        shown = json.loads(control("domain", "show", DOMAIN, "--json", config=relay.config_file))
        expect_equal([key["selector"] for key in shown["keys"]], FIRST, "keys in the copy")


if __name__ == "__main__":
    main()
