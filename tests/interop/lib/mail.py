"""Messages: how to make them, and what a relay may do to one on its way."""

import random
import re

from lib.harness import expect, expect_equal, shown

SENDER = "alice@example.com"
RECIPIENT = "ralph@far.test"


def compose(body=b"Hello.\r\n", sender=SENDER, recipient=RECIPIENT, header=(), bare=False):
    """A message with the given body.  BARE: without Date and Message-ID."""
    lines = [f"From: {sender}", f"To: {recipient}", "Subject: A test"]
    if not bare:
        lines += ["Date: Mon, 24 Nov 2025 10:00:00 +0000", "Message-ID: <1@client.test>"]
    return "\r\n".join([*lines, *header, "", ""]).encode() + body


def text_of(length, seed, line_bytes=(0, 78), dots=0.2):
    """LENGTH bytes of lines that end in CRLF, some of which begin with dots; the same ones for the same seed."""
    source = random.Random(seed)
    pool = bytes(source.choice(b"abcdefghijklmnopqrstuvwxyz .") for _ in range(4096))
    out, size = [], 0
    while size < length:
        start = source.randrange(2048)
        line = pool[start : start + source.randint(*line_bytes)] + b"\r\n"
        if source.random() < dots:
            line = b"." * source.randint(1, 3) + line
        out.append(line)
        size += len(line)
    text = b"".join(out)[:length]
    if length >= 2:
        text = text[:-2].rstrip(b"\r") + b"\r\n"
        text = b"x" * (length - len(text)) + text
    return text


def stuff(content):
    """CONTENT as it goes after DATA, with what ends it (RFC 5321 4.5.2)."""
    stuffed = re.sub(rb"(\A|\r\n)\.", rb"\1..", content)
    return stuffed + (b"" if content.endswith(b"\r\n") or not content else b"\r\n") + b".\r\n"


def unstuff(stuffed):
    return re.sub(rb"(\A|\r\n)\.", rb"\1", stuffed)


FIELD = re.compile(rb"([A-Za-z-]+):((?:[^\r\n]|\r\n[ \t])*)\r\n")


def added_fields(received, original):
    """What the relay put in front of ORIGINAL, which must be there byte by byte: [(name, value)]."""
    expect(received.endswith(original), f"the message was changed: sent {shown(original)}, received {shown(received)}")
    front = received[: len(received) - len(original)]
    fields, at = [], 0
    while at < len(front):
        found = FIELD.match(front, at)
        expect(found is not None, f"not a field in front of the message: {shown(front[at:])}")
        fields.append((found[1].decode(), found[2]))
        at = found.end()
    expect(all(len(line) <= 998 for line in front.split(b"\r\n")), "a line that was added is too long")
    return fields


def expect_intact(received, original, more=(), hops=1):
    """RECEIVED is ORIGINAL with a Received field of each of HOPS relays and the fields named in MORE in front."""
    fields = added_fields(received, original)
    expect_equal([name for name, _ in fields], ["Received"] * hops + list(more), "fields that were added")
    return fields
