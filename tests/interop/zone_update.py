#!/usr/bin/env python3
"""The zone of domains' keys, kept at a real name server (BIND) by signed updates: published, seen and used, removed; keys that are
refused, a server that is gone, and sluicectl in the relay's place."""

import contextlib
import http.client
import os
import re
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import dkim

from lib.bind import Bind, bind_key, knot_key
from lib.dkim_verifiers import signatures_of, tags_of
from lib.harness import expect, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import compose
from lib.nsd import zone_files
from lib.relay import BesideNames, Relay, folder, free_port, under

ZONE, TOP, DOMAIN = "dkim.isp.test", "test", "shop.test"
KEY = ("relay.isp.test", "a secret for tests only, of 40 bytes or so")
POLICY = "allow-transfer { key relay.isp.test; key reads.isp.test; }; update-policy { grant relay.isp.test zonesub TXT; };"
SPF = "v=spf1 ip4:192.0.2.0/24 -all"


@shared
def hop():
    return Hop()


def written(name, text):
    """The path of a file that its owner alone may read."""
    path = under(name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    return path


class World(BesideNames):
    """A relay, and a name server that it asks and updates."""

    def __init__(self, name, key=None, server_keys=None):
        assert folder()
        keys = server_keys or [bind_key(*KEY), bind_key("reads.isp.test", KEY[1])]
        files = zone_files({
            TOP: [f"{DOMAIN}. IN MX 10 ns", f'{DOMAIN}. IN TXT "{SPF}"', f'_dmarc.{DOMAIN}. IN TXT "v=DMARC1; p=none"',
                  *[f"{selector}._domainkey.{DOMAIN}. IN CNAME {selector}.{DOMAIN}.{ZONE}."
                    for selector in ("sl1r", "sl2r", "sl1e", "sl2e")]],
            ZONE: [f'{ZONE}. IN TXT "{SPF}"', 'own._domainkey IN TXT "v=DKIM1; p=AAAA"', 'sl1r.gone.test IN TXT "v=DKIM1; p=AAAA"'],
        })  # fmt: skip
        self.names = Bind(files, keys, {ZONE: POLICY})
        self.key_file = written(name + ".key", key or bind_key(*KEY))
        port = free_port()
        self.metrics = f"http://127.0.0.1:{port}/metrics"
        self.relay = Relay(hop(), start=False, metrics={"listen": [f"127.0.0.1:{port}"]},
                           dns={"servers": [self.names.name], "timeout_ms": 1000, "tries": 1},
                           dkim={"enabled": True, "zone": ZONE, "record_ttl_s": 1, "check_every_s": 1,
                                 "zone_update": self.names.name, "zone_update_key": self.key_file})  # fmt: skip

    def add(self, domain=DOMAIN):
        self.relay.control("domain", "add", domain, "--customer", "acme")

    def text(self, name):
        with contextlib.suppress(OSError):
            return self.names.text(f"{name}.{ZONE}" if name else ZONE)
        return None

    def key(self, name, timeout=5):
        """The record that a customer's CNAME leads to, which BIND leaves to the one who asks."""
        del timeout
        return self.text(name.decode().rstrip(".").replace("._domainkey.", "."))

    def published(self, name, begin):
        until(lambda: (self.text(name) or b"").startswith(begin), f"{name} is in the zone: {self.text(name)}; {self.relay.log()[-5:]}", 60)

    def gone(self, name):
        until(lambda: self.text(name) is None, f"{name} has gone from the zone; {self.names.said()}", 60)

    def fails(self):
        """What metrics say of the zone."""

        def answered():
            with contextlib.suppress(ConnectionError, http.client.HTTPException, urllib.error.URLError):
                with urllib.request.urlopen(self.metrics, timeout=10) as answer:
                    return answer.read().decode()
            return None

        return re.search(r"^sluice_zone_failing (\d)$", until(answered, "metrics are shown"), re.MULTILINE)[1]


@test
def keys_are_published_seen_used_and_removed():
    with World("life") as world:
        world.gone("sl1r.gone.test")
        world.add()
        world.published(f"sl1r.{DOMAIN}", b"v=DKIM1; k=rsa; p=")
        world.published(f"sl1e.{DOMAIN}", b"v=DKIM1; k=ed25519; p=")
        for selector in ("sl1e", "sl1r"):
            until(lambda selector=selector: [one for one in world.relay.log("signing_key_seen") if one["selector"] == selector],
                  f"{selector} is seen", 60)  # fmt: skip

        def signed():
            world.relay.control("reload")
            with world.relay.client() as client:
                client.submit(compose(sender=f"alice@{DOMAIN}"), sender=f"alice@{DOMAIN}")
            text = hop().only().content
            fields = signatures_of(text)[0]
            for index in range(len(fields)):
                expect(dkim.DKIM(text).verify(index, dnsfunc=world.key), f"signature {index} of {text!r}")
            return sorted(tags_of(field)["s"] for field in fields) == ["sl1e", "sl1r"]

        until(signed, "mail is signed with both keys", 60)
        world.relay.control("domain", "remove", DOMAIN)
        world.gone(f"sl1r.{DOMAIN}")
        world.gone(f"sl1e.{DOMAIN}")
        expect_equal(world.text(""), SPF.encode(), "what else is in the zone")
        expect_equal(world.text("own._domainkey"), b"v=DKIM1; p=AAAA", "the zone's own key")
        expect_equal(world.relay.log("zone_not_updated"), [], "what is told of the zone")


@test
def a_key_that_is_not_good_is_told_of_until_it_is():
    wrong = {
        "BADSIG": bind_key(KEY[0], "another secret than the one of the server"),
        "BADKEY": bind_key("nobody.isp.test", KEY[1]),
        "update-policy": bind_key("reads.isp.test", KEY[1]),
    }
    with World("wrong", key=wrong["BADSIG"]) as world:
        world.add()
        for said, key in wrong.items():
            written("wrong.key", key)
            world.relay.control("reload")
            line = until(lambda said=said: [one for one in world.relay.log("zone_not_updated") if said in one["reason"]],
                         f"{said} is told: {world.relay.log('zone_not_updated')}", 60)[-1]  # fmt: skip
            expect_equal((line["zone"], line["server"]), (ZONE, world.names.name), "which zone and server")
        until(lambda: world.fails() == "1", "metrics say that the zone fails")
        expect_equal(world.text(f"sl1e.{DOMAIN}"), None, "what is in the zone")
        written("wrong.key", bind_key(*KEY))
        world.relay.control("reload")
        world.published(f"sl1e.{DOMAIN}", b"v=DKIM1;")
        until(lambda: world.relay.log("zone_updated"), "the log has that the zone is updated again", 60)
        until(lambda: world.fails() == "0", "metrics say that the zone fails no more")


@test
def a_server_that_is_gone_is_told_of_and_made_good():
    with World("gone") as world:
        world.gone("sl1r.gone.test")
        world.names.stop()
        world.add()
        line = until(lambda: world.relay.log("zone_not_updated"), "the log has that the zone is not updated", 60)[0]
        expect_in("Connection refused", line["reason"], "the reason")
        world.names.start()
        until(lambda: world.relay.log("zone_updated"), "the log has that the zone is updated again", 60)
        world.published(f"sl1e.{DOMAIN}", b"v=DKIM1;")
        expect_equal(len(world.relay.log("zone_not_updated")), 1, "how often it was told")


@test
def sluicectl_does_it_without_the_relay():
    secret = "a secret of more bytes, for the longer of the two algorithms of TSIG"
    world = World("without", key=knot_key(KEY[0], secret, "hmac-sha512"), server_keys=[
        bind_key(KEY[0], secret, "hmac-sha512"), bind_key("reads.isp.test", KEY[1])])  # fmt: skip
    try:
        world.add()
        world.add("shop2.test")
        said = world.relay.control("domain", "zone", "--update")
        expect_equal(said, f"zone {ZONE}: 4 keys at {world.names.name}, 5 names changed\n", "what is said")
        world.published("sl1e.shop2.test", b"v=DKIM1;")
        said = world.relay.control("domain", "zone", "--update")
        expect_equal(said, f"zone {ZONE}: 4 keys at {world.names.name}, 0 names changed\n", "what is said the second time")
        os.chmod(world.key_file, 0o644)
        expect_in("chmod 600", world.relay.control("domain", "zone", "--update", wanted=1), "what is said of an open file")
    finally:
        world.names.stop()


if __name__ == "__main__":
    main()
