#!/usr/bin/env python3
"""Strange messages through the relay, on every way out: both signatures of each are good to two verifiers (dkimpy and OpenDKIM's
library) as a real next hop receives it, and neither is once a byte is changed."""

import os
import random
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.dkim_messages import Message
from lib.dkim_verifiers import KeyDirectory, OpenDkim, dkimpy_verdict, signatures_of, tags_of
from lib.harness import cases, expect, expect_equal, main, shared
from lib.hop import OFFERS, Hop
from lib.mailq import SOON, STORE
from lib.relay import Relay, under

DOMAIN, SENDER = "example.com", "joe@example.com"
MESSAGES, KINDS = 500, 10
TOO_LARGE = (111, 212, 313, 414)  # these are signed in signatures.py
WAYS = {"cut_through": {"fallback": True}, "eager": {"fallback": True, "dialog": "eager"}, "alone": {"fallback": False}, "queue_first": STORE}
CHUNKING = (*OFFERS, "CHUNKING")


@shared
def keys():
    return KeyDirectory(under("keys"), ((DOMAIN, "one", "rsa", "PEM"), (DOMAIN, "two", "ed25519", "PEM")))


@shared
def opendkim():
    return OpenDkim(keys().records)


def bad_ones(fields, rest):
    """Which of these signatures of REST are not good, and to which verifier.  What dkimpy does not parse, blanks before a colon (RFC
    5322 4.5), the relaxed form does not have, and so they may go."""
    header, end, body = rest.partition(b"\r\n\r\n")
    unspaced = re.sub(rb"^([!-9;-~]+)[ \t]+:", rb"\1:", header, flags=re.MULTILINE) + end + body
    found = []
    for field in fields:
        verdicts = {"dkimpy": dkimpy_verdict(field + unspaced, keys().records), "OpenDKIM": opendkim().verdict(field + rest)}
        found += [(who, verdict, field) for who, verdict in verdicts.items() if verdict != "good"]
    return found


def expect_signed(content, sent, seed):
    fields, rest = signatures_of(content)
    expect_equal([tags_of(field)["a"] for field in fields], ["rsa-sha256", "ed25519-sha256"], f"signatures of message {seed}")
    # Lines of blanks alone, which some take for the end of a header, go before it is signed.
    header, end, body = sent.partition(b"\r\n\r\n")
    header = re.sub(rb"\r\n[ \t]+(?=\r\n|\Z)", b"", header)
    expect(rest.endswith(header + end + body), f"message {seed} was changed")
    expect_equal(bad_ones(fields, rest), [], f"signatures of message {seed} that are not good")
    at = rest.index(SENDER.encode())
    expect_equal(len(bad_ones(fields, rest[:at] + b"J" + rest[at + 1 :])), 4, f"bad signatures of message {seed} with one byte changed")


def submit(client, seed, chunks):
    """What was sent, and how the relay answered."""
    text = b"X-Seed: %d\r\n" % seed + Message(seed, relayed=True).received()
    parameters = " BODY=8BITMIME SMTPUTF8"
    if chunks:
        cut = random.Random(seed).randrange(len(text))
        reply = client.submit_chunks([text[:cut], text[cut:]], sender=SENDER, wanted="", parameters=parameters)
    else:
        reply = client.submit(text, sender=SENDER, wanted="", parameters=parameters)
    return text, str(reply)


@cases(*((f"{way}-{'bdat' if chunks else 'data'}", way, chunks, 2 * place + chunks)
         for place, way in enumerate(WAYS) for chunks in (False, True)))  # fmt: skip
def strange_messages_are_signed(_name, way, chunks, share):
    seeds = [seed for seed in range(MESSAGES) if seed // KINDS % (2 * len(WAYS)) == share]
    dkim = {"enabled": True, "key_directory": keys().path}
    sent = {}
    with Hop(offers=CHUNKING if chunks else OFFERS) as hop, Relay(hop, route=WAYS[way], dkim=dkim, queue=SOON) as relay:
        for seed in seeds:
            with relay.client() as client:
                text, reply = submit(client, seed, chunks)
            if seed in TOO_LARGE:
                expect(reply.startswith("552 5.3.4"), f"answer to message {seed}, whose header is too large: {reply}")
                continue
            expect(reply.startswith("250"), f"answer to message {seed}: {reply}")
            sent[seed] = text
        for arrived in hop.wait(len(sent), 20):
            seed = int(re.search(rb"^X-Seed: (\d+)\r$", arrived.content, re.MULTILINE)[1])
            expect_signed(arrived.content, sent.pop(seed), seed)
        expect_equal(sent, {}, "messages that did not come")


if __name__ == "__main__":
    main()
