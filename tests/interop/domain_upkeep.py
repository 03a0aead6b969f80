#!/usr/bin/env python3
"""What the relay does for domains by itself, with a real name server (nsd) that loads the zone file the relay writes: a claim that
is proven, keys made, seen, used, kept back, rotated and revoked, a domain that fails and is right again."""

import contextlib
import http.client
import json
import os
import re
import socket
import sqlite3
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import dkim

from lib.dkim_verifiers import signatures_of, tags_of
from lib.harness import expect, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER, compose
from lib.nsd import Nsd, checked_zone
from lib.relay import BesideNames, Relay, folder, free_port, under

ZONE, TOP, DOMAIN = "dkim.isp.example", "test", "shop.test"
HALF_HOUR, NINE_DAYS = 1_800_000, 777_600_000
# But for the keys' and the proof.
RIGHT = [
    f"{DOMAIN}. IN MX 10 mx.{DOMAIN}.",
    f"mx.{DOMAIN}. IN A 192.0.2.1",
    'spf.test. IN TXT "v=spf1 ip4:192.0.2.0/24 ~all"',
]


@shared
def hop():
    return Hop()


def upkeep_config(**more):
    return {"enabled": True, "zone": ZONE, "zone_name_servers": ["ns.isp.example"], "record_ttl_s": 1, "spf_include": "spf.test",
            "check_every_s": 1, **more}  # fmt: skip


class World(BesideNames):
    """A relay that asks a name server, which has a customer's records and the zone that the relay writes."""

    def __init__(self, name, **dkim_keys):
        assert folder()
        self.serial = 0
        self.customer, self.isp = under(name + ".customer"), under(name + ".isp")
        self.publish([])
        self.names = Nsd({TOP: self.customer, ZONE: self.isp})
        metrics_port = free_port()
        self.metrics = f"http://127.0.0.1:{metrics_port}/metrics"
        self.relay = Relay(hop(), start=False, dkim=upkeep_config(zone_file=self.isp, **dkim_keys),
                           dns={"servers": [self.names.name], "timeout_ms": 1000, "tries": 1},
                           metrics={"listen": [f"127.0.0.1:{metrics_port}"]})  # fmt: skip

    def publish(self, records):
        """The customer's zone, with these records."""
        self.serial += 1
        with open(self.customer, "w", encoding="ascii") as file:
            file.write(f"$ORIGIN {TOP}.\n$TTL 1\n@ IN SOA ns.isp.example. hostmaster {self.serial} 3600 900 1209600 1\n")
            file.write("@ IN NS ns.isp.example.\n" + "\n".join([*RIGHT, *records]) + "\n")
        checked_zone(TOP, self.customer)
        if self.serial > 1:
            self.names.load(TOP, self.serial)

    def load_zone(self, part):
        """Has the name server load the ISP's zone, once the relay has written a file with this in it."""

        def written():
            with contextlib.suppress(FileNotFoundError), open(self.isp, encoding="ascii") as file:
                return file.read()
            return ""

        until(lambda: part in written(), f"{part} is in the zone file: {written()}", 60)
        checked_zone(ZONE, self.isp)
        self.names.load(ZONE, int(re.search(r"\( (\d+) ", written())[1]))

    def change(self, statement):
        """As if time had gone by."""
        with contextlib.closing(sqlite3.connect(self.relay.config["store"]["accounts"], timeout=20)) as store, store:
            return store.execute(statement).fetchall()

    def verdict(self):
        return self.change(f"SELECT verdict FROM domain WHERE name = '{DOMAIN}'")

    def reported(self, event, **fields):
        return until(lambda: [one for one in self.relay.log(event) if one.items() >= fields.items()],
                     f"{event} with {fields} is logged: {self.relay.log(event)}", 60)[-1]  # fmt: skip

    def signers(self):
        """Of a message, as the next hop has it: all its signatures are good."""
        with self.relay.client() as client:
            client.submit(compose(sender=f"alice@{DOMAIN}"), sender=f"alice@{DOMAIN}")
        text = hop().only().content
        fields = signatures_of(text)[0]
        for index in range(len(fields)):
            expect(dkim.DKIM(text).verify(index, dnsfunc=lambda name, timeout=5: self.names.text(name.decode())),
                   f"signature {index} of {text!r}")  # fmt: skip
        return sorted(tags_of(field)["s"] for field in fields)

    def signed_by(self, selectors):
        """Sends until it is so: what is known of keys is forgotten at a reload."""

        def signed():
            self.relay.control("reload")
            return self.signers() == selectors

        until(signed, f"mail is signed by {selectors}", 60)

    def metric(self, name):
        """Again where it is refused, as a test asks more often than it may."""

        def answered():
            with contextlib.suppress(ConnectionError, http.client.HTTPException, urllib.error.URLError):
                with urllib.request.urlopen(self.metrics, timeout=10) as answer:
                    return answer.read().decode()
            return None

        found = re.search(rf"^{re.escape(name)} (\S+)$", until(answered, "metrics are shown"), re.MULTILINE)
        return float(found[1]) if found else None


def added(world, *options):
    """Adds the domain, and returns the records that its customer is to publish."""
    world.relay.control("domain", "add", DOMAIN, "--customer", "acme", *options)
    return world.relay.control("domain", "records", DOMAIN, "--zone").splitlines()


@test
def a_claim_becomes_a_domain_whose_keys_sign():
    world = World("claim")
    records = added(world, "--prove")
    with world:
        world.publish(records)
        expect_equal(world.reported("domain_proof_seen", domain=DOMAIN)["state"], "proven", "the state")
        for selector in ("sl1e", "sl1r"):
            world.reported("signing_key_made", domain=DOMAIN, selector=selector, customer="acme")
        world.load_zone("sl1e.shop.test IN TXT")
        world.reported("signing_key_seen", domain=DOMAIN, selector="sl1e")
        world.signed_by(["sl1e", "sl1r"])


# The relay makes keys when nothing else wants the CPU, and one of RSA takes long: here those are sluicectl's.
@test
def keys_go_through_their_life():
    world = World("life", rotate_every_s=86400)
    records = added(world)
    with world:
        world.publish(records)
        world.load_zone("sl1e.shop.test IN TXT")
        world.reported("signing_key_seen", domain=DOMAIN, selector="sl1e")
        world.signed_by(["sl1e", "sl1r"])
        # It has signed for long enough.
        world.change("UPDATE signing_key SET since_ms = since_ms - 90000000 WHERE selector = 'sl1e'")
        world.reported("signing_key_made", domain=DOMAIN, selector="sl2e")
        expect_equal(world.signers(), ["sl1e", "sl1r"], "who signs while the next key is published")
        world.load_zone("sl2e.shop.test IN TXT")
        world.reported("signing_key_seen", domain=DOMAIN, selector="sl2e")
        world.signed_by(["sl1r", "sl2e"])
        world.change(f"UPDATE signing_key SET since_ms = since_ms - {NINE_DAYS} WHERE state = 'retired'")
        world.reported("signing_key_revoked", domain=DOMAIN, selector="sl1e")
        world.load_zone('sl1e.shop.test IN TXT "v=DKIM1; k=ed25519; p="')
        expect_equal(world.names.text(f"sl1e._domainkey.{DOMAIN}"), b"v=DKIM1; k=ed25519; p=", "the record of a revoked key")
        expect_equal(world.relay.log("domain_failing"), [], "lines about failing domains")
        expect_equal(world.relay.log("domain_upkeep_fault"), [], "faults")
        until(lambda: world.metric('sluice_domain_checks_total{verdict="right"}'), "checks are counted")


@test
def a_domain_that_fails_is_told_of_and_what_it_may_do_is_configured():
    world = World("failing", failing="send")
    records = added(world)
    with world:
        world.publish(records)
        world.load_zone("sl1e.shop.test IN TXT")
        world.reported("signing_key_seen", domain=DOMAIN, selector="sl1e")
        world.signed_by(["sl1e", "sl1r"])
        until(lambda: world.verdict() == [("right",)], "the domain is right")
        without_spf = [record for record in records if "v=spf1" not in record]
        expect_equal(len(without_spf), len(records) - 1, "records without SPF")
        world.publish(without_spf)
        until(lambda: world.verdict() == [("wrong",)], "the domain is wrong")
        expect_equal(world.relay.log("domain_failing"), [], "what is reported after one wrong check")
        world.signed_by(["sl1e", "sl1r"])

        # A check that is under way writes when the one before was.
        def half_an_hour_later():
            world.change(f"UPDATE domain SET checked_ms = checked_ms - {HALF_HOUR} WHERE failing_since_ms = 0")
            time.sleep(0.3)
            return world.relay.log("domain_failing")

        until(half_an_hour_later, "the domain is failing", 60)
        expect_in("SPF", world.reported("domain_failing", domain=DOMAIN, customer="acme")["finding"], "what is reported")
        world.signed_by([])
        world.publish(records)
        world.reported("domain_right", domain=DOMAIN)
        world.signed_by(["sl1e", "sl1r"])


@test
def a_key_that_does_not_fit_its_record_signs_no_more_until_it_does():
    # DKIM makes no domain failing here: it is the keys themselves, and the rule holds where none is left.
    world = World("unfit", failing="refuse", failing_records=["spf"])
    records = added(world)
    without_rsa = [record for record in records if not record.startswith(f"sl1r._domainkey.{DOMAIN}.")]
    without_both = [record for record in without_rsa if not record.startswith(f"sl1e._domainkey.{DOMAIN}.")]
    expect_equal(len(without_both), len(records) - 2, "records without the keys'")
    another = f'sl1e._domainkey.{DOMAIN}. IN TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="'

    def found_wrong(selector):
        """Half an hour goes by between two checks that find it so."""
        column = f"FROM signing_key WHERE selector = '{selector}'"
        until(lambda: world.change(f"SELECT 1 {column} AND wrong_since_ms <> 0"), f"the record of {selector} is found wrong", 60)
        expect_equal(world.change(f"SELECT kept_back {column}"), [(0,)], "whether it is kept back after one check")
        world.change(f"UPDATE signing_key SET wrong_since_ms = wrong_since_ms - {HALF_HOUR} WHERE selector = '{selector}'")
        return world.reported("signing_key_kept_back", domain=DOMAIN, customer="acme", selector=selector)["finding"]

    def shown():
        return {key["selector"]: (key["signs"], key["record"]) for key in
                json.loads(world.relay.control("domain", "show", DOMAIN, "--json"))["keys"]}  # fmt: skip

    with world:
        world.publish(records)
        world.load_zone("sl1e.shop.test IN TXT")
        world.reported("signing_key_seen", domain=DOMAIN, selector="sl1e")
        world.signed_by(["sl1e", "sl1r"])
        world.publish(without_rsa)
        expect_in(f"sl1r._domainkey.{DOMAIN}: there is no record", found_wrong("sl1r"), "what is reported")
        world.signed_by(["sl1e"])
        expect_equal(shown(), {"sl1e": ("yes", ""), "sl1r": ("no", "kept back")}, "what is shown")
        world.publish([*without_both, another])
        expect_in(f"sl1e._domainkey.{DOMAIN}: it is another key", found_wrong("sl1e"), "what is reported")
        world.relay.control("reload")
        with world.relay.client() as client:
            client.submit(compose(sender=f"alice@{DOMAIN}"), sender=f"alice@{DOMAIN}", wanted="550 5.7.1 Mail of this sender's domain")
        names = f"sl1e._domainkey.{DOMAIN}, sl1r._domainkey.{DOMAIN}"
        world.reported("message_not_signed", domain=DOMAIN, reason=f"no key fits its record: {names}")
        until(lambda: world.metric("sluice_signing_keys_kept_back") == 2, "the metric has both")
        # The records of before, one after the other.
        world.publish(without_rsa)
        world.reported("signing_key_fits", domain=DOMAIN, selector="sl1e")
        world.signed_by(["sl1e"])
        world.publish(records)
        world.reported("signing_key_fits", domain=DOMAIN, customer="acme", selector="sl1r")
        world.signed_by(["sl1e", "sl1r"])
        expect_equal(shown(), {"sl1e": ("yes", ""), "sl1r": ("yes", "")}, "what is shown")


@test
def without_an_answer_of_the_dns_nothing_changes():
    world = World("silent")
    records = added(world)
    with world:
        world.publish(records)
        world.load_zone("sl1e.shop.test IN TXT")
        world.reported("signing_key_seen", domain=DOMAIN, selector="sl1e")
        until(lambda: world.verdict() == [("right",)], "the domain is right")
        world.names.stop()
        unknown = 'sluice_domain_checks_total{verdict="unknown"}'
        before = world.metric(unknown)
        until(lambda: world.metric(unknown) > before + 6, "checks have no answer", 60)
        world.change(f"UPDATE domain SET checked_ms = checked_ms - {HALF_HOUR}")
        now = world.metric(unknown)
        until(lambda: world.metric(unknown) > now + 6, "checks have no answer", 60)
        expect_equal(world.verdict(), [("right",)], "the verdict")
        expect_equal(world.relay.log("domain_failing"), [], "what is reported")


@test
def a_zone_that_cannot_be_written_is_told_of():
    path = under("missing", "zone")
    with Relay(hop(), dkim=upkeep_config(zone_file=path)) as relay:
        expect_in("missing", relay.logged("zone_not_written", file=path)["reason"], "the reason")
        os.mkdir(under("missing"))
        until(lambda: relay.log("zone_written"), "the log has that the zone is written again", 60)
        checked_zone(ZONE, path)


@test
def a_relay_that_waits_for_a_name_server_ends():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(20)
        servers = [f"127.0.0.1:{silent.getsockname()[1]}"]
        with Relay(hop(), dkim=upkeep_config(), dns={"servers": servers, "timeout_ms": 10000, "tries": 5}):
            silent.recv(512)


if __name__ == "__main__":
    main()
