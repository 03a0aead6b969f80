#!/usr/bin/env python3
"""Mail over IPv6: from a client, and to recipients' own servers, in a network whose every address of fd00:5::/64 is this
machine's."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import Skipped, cases, expect_equal, expect_in, main, shared, test
from lib.hop import Hop
from lib.mailq import ByDns, is_empty, keeps
from lib.names import NameServer
from lib.network import own_network
from lib.relay import free_port
from lib.wire import Client

HERE = own_network("local fd00:5::/64 dev lo")
SIX, OTHER_SIX, DEAD_SIX = "fd00:5::2", "fd00:5::3", "fd00:5::9"
FOUR = "127.0.0.2"
PLACES = (SIX, OTHER_SIX, FOUR)
RECORDS = [
    "six.test. 300 IN MX 10 six.mx.test.",
    f"six.mx.test. 300 IN AAAA {SIX}",
    "both.test. 300 IN MX 10 both.mx.test.",
    f"both.mx.test. 300 IN AAAA {SIX}",
    f"both.mx.test. 300 IN A {FOUR}",
    "half.test. 300 IN MX 10 half.mx.test.",
    f"half.mx.test. 300 IN AAAA {DEAD_SIX}",
    f"half.mx.test. 300 IN A {FOUR}",
    "backup.test. 300 IN MX 10 dead.mx.test.",
    "backup.test. 300 IN MX 20 six.mx.test.",
    f"dead.mx.test. 300 IN AAAA {DEAD_SIX}",
    f"bare.test. 300 IN AAAA {OTHER_SIX}",
]


@shared
def name_server():
    return NameServer(RECORDS)


class World(ByDns):
    """A server at each of PLACES."""

    def __init__(self, **route):
        if not HERE:
            raise Skipped("no network can be made")
        super().__init__(PLACES, free_port(), name_server(), route=route)

    def send(self, recipient):
        """The addresses to which it came."""
        with self.relay.client() as client:
            client.submit(mail.compose(), recipients=[recipient])
        is_empty(self.relay)
        return [address for address, hop in zip(PLACES, self.hops, strict=True) for _ in hop.messages]


@cases("through", "store")
def an_mx_host_that_has_ipv6_alone_gets_its_mail(mode):
    with World(mode=mode) as world:
        expect_equal(world.send("a@six.test"), [SIX], "where it went")


@test
def one_of_both_addresses_gets_it_once():
    with World() as world:
        expect_equal(len(world.send("a@both.test")), 1, "copies")


@cases("half", "backup")
def what_is_dead_by_ipv6_is_passed_over(domain):
    with World() as world:
        expect_equal(world.send(f"a@{domain}.test"), [FOUR if domain == "half" else SIX], "where it went")


@test
def a_domain_without_mx_hosts_has_its_ipv6_address():
    with World() as world:
        expect_equal(world.send("a@bare.test"), [OTHER_SIX], "where it went")


@test
def an_address_literal_of_ipv6_is_where_mail_goes():
    with World() as world:
        expect_equal(world.send(f"a@[IPv6:{SIX}]"), [SIX], "where it went")


@test
def a_route_without_ipv6_asks_for_none():
    with World(ipv6=False) as world:
        expect_equal(world.send("a@both.test"), [FOUR], "where it went")


@test
def a_client_by_ipv6_is_named_so_in_received():
    if not HERE:
        raise Skipped("no network can be made")
    with Hop(address=SIX) as hop:
        relay = keeps(hop, start=False)
        relay.config["listener"][2]["address"] = [f"[::1]:{relay.ports['clear']}"]
        relay.write_config()
        relay.start()
        with relay, Client(relay.ports["clear"], address="::1") as client:
            client.wanted("220", "the greeting")
            client.ehlo()
            client.log_in()
            client.submit(mail.compose())
            expect_in(b"[IPv6:::1]", hop.only().content.split(b"\r\nFrom:")[0], "Received")


if __name__ == "__main__":
    main()
