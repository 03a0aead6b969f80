#!/usr/bin/env python3
"""Few file descriptors and many destinations: all mail arrives in the end, and what is short is called by its name."""

import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import expect, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mailq import is_empty, keeps, listed, show
from lib.names import NameServer
from lib.relay import free_port

DESCRIPTORS = 64
DOMAINS = [f"d{number}.test" for number in range(100)]
WAIT_S = 1  # of each delivery, for a connection
REASON = "outgoing connections are open, which is the most for a core (limits.outgoing_per_core)"


@shared
def name_server():
    return NameServer(["mx.test. 300 IN A 127.0.0.2", *(f"{domain}. 300 IN MX 10 mx.test." for domain in DOMAINS)])


def put_off(relay):
    """Deliveries for which there was no connection, as the log has them."""
    return [line for line in relay.log("delivery") if line["verdict"] == "not_attempted"]


@test
def a_hundred_domains_are_reached_with_64_descriptors():
    port, held = free_port(), threading.Event()
    route = {"mx": True, "port": port, "ipv6": False, "mode": "store", "connect_s": WAIT_S}
    with Hop(address="127.0.0.2", port=port) as hop:
        # While the first ones are held, nothing else can go out.
        hop.on["end"] = lambda _dialog: held.wait(20) and None
        with keeps([], route=route, dns={"servers": [name_server().name], "unwanted": []}, server={"cores": 1},
                   program=("prlimit", f"--nofile={DESCRIPTORS}")) as relay:  # fmt: skip
            most = relay.logged("limit", what="open files")["outgoing_per_core"]
            with relay.client() as client:
                for part in (DOMAINS[:50], DOMAINS[50:]):
                    client.submit(mail.compose(), recipients=[f"bob@{domain}" for domain in part])
            until(lambda: len(put_off(relay)) == 100 - most, "all but those that are held were put off")
            # Clients and the control socket are served meanwhile, and hear the reason.
            with relay.client() as client:
                client.say("NOOP", "250")
                shown = str([show(relay, row["id"]) for row in listed(relay)])
            expect("SERVFAIL" not in shown, f"what the queue shows: {shown}")
            for line in put_off(relay):
                expect_in(REASON, line["detail"], f"why {line['to']} was put off")
            said = relay.log("limit_reached")
            expect_equal([(line["what"], line["is"]) for line in said], [("outgoing connections of a core", most)],
                         "lines about it")  # fmt: skip
            expect_equal(relay.counter("next_hop_failures"), 0, "hosts that were blamed")
            held.set()

            def all_there():
                # What has waited too long for a connection again would be tried in some seconds.
                relay.control("queue", "flush", "--all")
                return len(hop.messages) >= len(DOMAINS)

            until(all_there, "all messages at the next hop", 20)
            is_empty(relay)
        arrived = sorted(recipient for message in hop.messages for recipient in message.recipients)
        expect_equal(arrived, sorted(f"bob@{domain}" for domain in DOMAINS), "whose mail has arrived")


if __name__ == "__main__":
    main()
