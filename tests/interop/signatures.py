#!/usr/bin/env python3
"""DKIM signatures, verified by others: dkimpy and OpenDKIM's library get strange messages, each signed with both kinds of keys
in one of four forms. What was signed is good to both, and nothing is good to either of them when one byte is changed."""

import base64
import itertools
import os
import random
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.dkim_messages import OVERSIGNED, SIGNED, Message
from lib.dkim_verifiers import OpenDkim, dkimpy_verdict
from lib.harness import cases, expect, expect_equal, expect_in, main, shared, test

DKIM_SIGN = os.path.join(os.path.dirname(os.environ["SLUICE"]), "tests", "tools", "dkim_sign")
MESSAGES = 500
PER_TEST = 10
LARGE_HEADER_BYTES = 100_000
FORMS = [(header, body) for header in ("relaxed", "simple") for body in ("relaxed", "simple")]
ADDED_BY_HOPS = (b"Received", b"Return-Path", b"Authentication-Results", b"X-Spam", b"List-Id", b"Resent-From")
SIGNED_NAMES = {name.lower() for name in (*SIGNED, b"From")}
FIELDS_OF_A_NAME_MAX = 32  # what is above them is not signed
DOMAIN, SELECTOR = "example.com", "s1"
U_DOMAIN, A_DOMAIN = "bücher.example", "xn--bcher-kva.example"


# ------------------------------------------------------------------------------------------------ the signer


class Signer:
    """dkim_sign, with a new pair of keys: started by each test, so that none is left with another's answers."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.keys = []
        for name, options in (("rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), ("ed25519", ["ED25519"])):
            self.keys.append(os.path.join(self.folder.name, name + ".der"))
            subprocess.run(["openssl", "genpkey", "-outform", "DER", "-out", self.keys[-1], "-algorithm", *options], check=True,
                           capture_output=True, timeout=60)  # fmt: skip
        rsa, ed25519 = self.run(b"").decode().split()
        self.records = {"rsa": f"v=DKIM1; k=rsa; p={rsa}", "ed25519": f"v=DKIM1; k=ed25519; p={ed25519}"}

    def run(self, given):
        done = subprocess.run([DKIM_SIGN, *self.keys], input=given, capture_output=True, check=False)
        expect_equal((done.returncode, done.stderr), (0, b""), "what dkim_sign ends with")
        return done.stdout

    def sign_all(self, messages):
        """For each (message, how it is signed) the two fields, RSA's first; none where there is no From."""
        output = self.run(b"".join(self.request(message, **how) for message, how in messages))
        answers, output = [], output.split(b"\n", 2)[2]
        for _ in messages:
            size, _, output = output.partition(b"\n")
            size = 0 if size == b"no-from" else int(size)
            answers.append(re.findall(rb"DKIM-Signature:.*?\r\n(?![ \t])", output[:size], re.DOTALL))
            output = output[size:]
        expect_equal(output, b"", "what follows the answers")
        return answers

    def sign(self, message, **how):
        return self.sign_all([(message, how)])[0]

    @staticmethod
    def request(message, header="relaxed", body="relaxed", domain=DOMAIN, agent="-", smtputf8=False, stuffed=False, piece=4096):
        head, rest = message.stuffed() if stuffed else (message.header, message.body)
        line = [header, body, domain, SELECTOR, agent, "smtputf8" if smtputf8 else "ascii", "stuffed" if stuffed else "literal",
                int(time.time()), piece, len(head), len(head + rest)]  # fmt: skip
        return " ".join(map(str, line)).encode() + b"\n" + head + rest

    def stop(self):
        self.folder.cleanup()


@shared
def signer():
    return Signer()


# --------------------------------------------------------------------------------------------- the verifiers


def records(*domains):
    return {f"{SELECTOR}-{kind}._domainkey.{domain}": value for domain in domains for kind, value in signer().records.items()}


@shared
def opendkim():
    return OpenDkim(records(DOMAIN, A_DOMAIN))


def verdicts(field, text, relaxed_header, domain=DOMAIN):
    """What the two say of TEXT with the signature FIELD in front of it."""
    found = {"OpenDKIM": opendkim().verdict(field + text)}
    # dkimpy's parser has no blanks before a colon (RFC 5322 4.5). The relaxed form has none either, and so they may go.
    header, end, body = text.partition(b"\r\n\r\n")
    unspaced = re.sub(rb"^([!-9;-~]+)[ \t]+:", rb"\1:", header, flags=re.MULTILINE)
    if unspaced == header or relaxed_header:
        found["dkimpy"] = dkimpy_verdict(field + unspaced + end + body, records(domain))
    return found


# ------------------------------------------------------------------------------------- one byte that is changed


def letters(text, begin=0):
    """Where letters and digits are, which every canonical form keeps."""
    return [begin + found.start() for found in re.finditer(rb"[0-9A-Za-z]", text)]


def signed_places(field, text):
    """Lists of offsets in FIELD + TEXT of bytes that are signed: in the values of the signature's field and of each signed
    field, and in the body."""
    header, _, body = text.partition(b"\r\n\r\n")
    name_size, counts = len("DKIM-Signature:"), {}
    # Not the last digit of base64: some of its bits count for nothing.
    places = [[at for at in letters(field[name_size:], name_size) if field[at + 1 : at + 2] != b"="]]
    lines = re.findall(rb".+?\r\n(?![ \t])", header + b"\r\n", re.DOTALL)
    ends = list(itertools.accumulate((len(line) for line in lines), initial=len(field)))[1:]
    for line, end in zip(reversed(lines), reversed(ends)):
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        counts[name] = counts.get(name, 0) + 1
        if name in SIGNED_NAMES and counts[name] <= FIELDS_OF_A_NAME_MAX:
            places.append(letters(value[:5000], end - len(value)))
    places.append(letters(body, len(field) + len(text) - len(body)))
    return [some for some in places if some]


def changed(whole, place, chance):
    other = chance.choice([c for c in b"abcdefXYZ0123456789" if c != whole[place]])
    return whole[:place] + bytes([other]) + whole[place + 1 :]


# ---------------------------------------------------------------------------------------------------- the tests


def about(seed):
    """How the message of this number is signed."""
    header, body = FORMS[seed % 4]
    return {"header": header, "body": body, "stuffed": seed % 3 == 0, "piece": (1, 7, 100, 4096, 1 << 20)[seed % 5],
            "agent": ("-", "joe@example.com", "@news.example.com")[seed % 3]}  # fmt: skip


def signed(first):
    """(its number, the message, how it is signed, its two signatures) of PER_TEST messages."""
    messages = [(Message(seed), about(seed)) for seed in range(first, first + PER_TEST)]
    return [(message.seed, message, how, fields) for (message, how), fields in zip(messages, signer().sign_all(messages))]


@cases(*range(0, MESSAGES, PER_TEST))
def strange_messages_are_good_to_both_verifiers(first):
    for seed, message, how, fields in signed(first):
        expect_equal(len(fields), 2, f"signatures of message {seed}")
        for field in fields:
            for who, verdict in verdicts(field, message.received(), how["header"] == "relaxed").items():
                expect_equal(verdict, "good", f"{who} on message {seed}, {how}, {field[:60]!r}")


@cases(*range(0, MESSAGES, PER_TEST))
def one_changed_byte_is_bad_to_both_verifiers(first):
    for seed, message, how, fields in signed(first):
        chance, text = random.Random(seed), message.received()
        for field in fields:
            kinds = signed_places(field, text)
            if len(message.header) > LARGE_HEADER_BYTES:
                kinds = [chance.choice(kinds)]  # the verifiers take a second for each
            for places in kinds:
                place = chance.choice(places)
                bad, size = changed(field + text, place, chance), len(field)
                for who, verdict in verdicts(bad[:size], bad[size:], how["header"] == "relaxed").items():
                    expect(verdict != "good", f"{who} takes message {seed}, {how}, with byte {place} changed")


@cases(*range(0, 100, PER_TEST))
def a_field_that_is_added_is_bad_to_both_verifiers(first):
    for seed, message, how, fields in signed(first):
        if len(message.header) > LARGE_HEADER_BYTES or seed % 50 == 7:
            continue
        for name in (*OVERSIGNED, *ADDED_BY_HOPS):
            text = name + b": added\r\n" + message.received()
            for who, verdict in verdicts(fields[seed % 2], text, how["header"] == "relaxed").items():
                expect_equal(verdict == "good", name in ADDED_BY_HOPS, f"{who} takes message {seed} with another {name.decode()}")


@test
def without_from_there_is_no_signature():
    message = Message(1)
    message.header = b"To: a\r\n\r\n"
    expect_equal(signer().sign(message), [], "signatures")


# RFC 8616: in SMTPUTF8 mail d= is in U-labels, elsewhere in A-labels, of one and the same domain.
@cases(("ascii", False, A_DOMAIN), ("smtputf8", True, U_DOMAIN))
def an_international_domain_is_written_as_the_message_is(_name, smtputf8, written):
    for domain in (A_DOMAIN, U_DOMAIN):
        message = Message(9)
        message.header = "From: jö@bücher.example\r\nSubject: Grüße\r\n\r\n".encode() if smtputf8 else b"From: a@b.example\r\n\r\n"
        for field in signer().sign(message, domain=domain, smtputf8=smtputf8, agent=f"joe@{domain}"):
            expect_in(f"d={written};".encode(), field, "the signature")
            expect_in(f"i=joe@{written};".encode(), field, "the signature")
            expect_equal(dkimpy_verdict(field + message.received(), records(written)), "good", "dkimpy")
            # OpenDKIM is older than RFC 8616: to it, a tag with anything but ASCII is a syntax error.
            if not smtputf8:
                expect_equal(opendkim().verdict(field + message.received()), "good", "OpenDKIM")


@test
def keys_are_as_their_records_have_them():
    expect_equal(len(base64.b64decode(signer().records["ed25519"].split("p=")[1])), 32, "bytes of the Ed25519 key")
    expect_in("p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", signer().records["rsa"], "RSA's SubjectPublicKeyInfo")


if __name__ == "__main__":
    main()
