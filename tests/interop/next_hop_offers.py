#!/usr/bin/env python3
"""Next hops that offer what they cannot do, and what they say when they refuse: mail goes without that, and what was said
is found where an operator looks."""

import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect_equal, expect_in, main, test
from lib.hop import OFFERS, Hop, close, each, reset
from lib.mailq import LATER, ask, keeps, only_queued, show
from lib.relay import authority


def answers(data):
    """To the ClientHello."""

    def behaviour(dialog):
        dialog.send(b"220 2.0.0 Go on\r\n")
        dialog.fill()
        dialog.send(data)
        return close(dialog)

    return behaviour


HANDSHAKE_FAILURE = struct.pack("!BHHBB", 21, 0x0301, 2, 2, 40)
BROKEN_TLS = {
    "closed": close,
    "reset": reset,
    "closed_behind_220": answers(b""),
    "alert": answers(HANDSHAKE_FAILURE),
    "plain_text": answers(b"500 5.5.1 What?\r\n"),
}


@cases(*BROKEN_TLS.items())
def where_tls_does_not_work_it_goes_in_clear_and_the_log_says_so(_name, behaviour):
    with Hop(tls=authority().server_context("localhost", "127.0.0.1")) as hop:
        hop.on["STARTTLS"] = behaviour
        with keeps(hop, route={"tls": "opportunistic"}, server={"cores": 1}) as relay, relay.client() as client:
            for number in range(2):
                client.submit(mail.compose(b"Number %d.\r\n" % number))
                expect_equal(hop.only().tls, False, "TLS")
            line = relay.logged("next_hop", avoided="STARTTLS")
            expect_equal(line["host"], hop.name, "the host, in the log")
            expect_equal(hop.verbs().count("STARTTLS"), 1, "times that it was tried")
            expect_equal(relay.counter("next_hop_tls_given_up"), 1, "hosts whose TLS was given up")


@test
def where_bdat_is_not_known_data_is_used_at_once():
    with Hop(offers=(*OFFERS, "CHUNKING")) as hop:
        hop.on["end"] = each(b"500 5.5.1 What?\r\n")
        with keeps(hop, server={"cores": 1}) as relay, relay.client() as client:
            client.submit(mail.compose())
            arrived = hop.only()
            expect_equal((arrived.by, arrived.connection), ("DATA", 2), "how it came")
            expect_equal(relay.logged("next_hop")["avoided"], "CHUNKING", "the log's word on it")
            expect_equal(relay.counter("next_hop_offers_given_up"), 1, "offers that were given up")


REFUSALS = {
    "greeting": ("connect", b"554 5.7.1 You are on a list\r\n"),
    "ehlo": ("EHLO", b"554 5.7.1 You are on a list\r\n"),
    "rcpt": ("RCPT", b"450 4.2.1 Come back later\r\n"),
}


@cases(*((name, *row) for name, row in REFUSALS.items()))
def what_a_next_hop_said_is_in_log_list_and_show(_name, stage, words):
    said = words.decode().strip()

    def say_and_close(dialog):
        dialog.send(words)
        return close(dialog)

    with Hop() as hop:
        hop.on[stage] = say_and_close if stage != "RCPT" else words
        with keeps(hop, queue=LATER) as relay, relay.client() as client:
            client.submit(mail.compose())
            expect_in(said, relay.logged("message")["detail"], "the log")
            row = only_queued(relay)
            text = said.split(" ", 2)[2]
            expect_in(text, str(row), "the list")
            shown = show(relay, row["id"])
            expect_in(text, str(shown["recipients"]), "what is shown of the recipient")
            expect_in(said[:3], str(shown["recipients"]), "its code")
            expect_in(said.split(" ")[1], str(shown["recipients"]), "its enhanced code")
            expect_in(text, str(ask(relay, "destinations")), "the destinations")
        hop.wrong.clear()


if __name__ == "__main__":
    main()
