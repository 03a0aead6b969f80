#!/usr/bin/env python3
"""Delivery status notifications, read by Python's own parser: write_report makes them, `email` takes them apart."""

import email
import email.policy
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import cases, expect, expect_between, expect_equal, expect_in, expect_not_in, main, test

WRITE_REPORT = os.path.join(os.path.dirname(os.environ["SLUICE"]), "tests", "tools", "write_report")
ARRIVED = 1057056757999
ARRIVED_TEXT = "Tue, 01 Jul 2003 10:52:37 +0000"
HEADER = b"From: alice@example.com\r\nMessage-ID: <lunch@example.com>\r\nSubject: Lunch\r\n"
TYPES = {
    "headers": "text/rfc822-headers", "whole": "message/rfc822", "status": "message/delivery-status",
    "global_headers": "message/global-headers", "global": "message/global",
    "global_status": "message/global-delivery-status",
}  # fmt: skip


# ------------------------------------------------------------------------------------ making reports


def escaped(value):
    content = value if isinstance(value, bytes) else str(value).encode()
    return b"".join(bytes([c]) if 0x20 <= c < 0x7F and c != 0x5C else b"\\x%02X" % c for c in content)


def description(message, recipients):
    """The lines that write_report reads: MESSAGE's values, and those of each of RECIPIENTS."""
    lines = []
    for key, value in message.items():
        if value is True:
            lines.append(key.encode())
        elif value is not None and value is not False:
            lines.append(key.encode() + b" " + escaped(value))
    for one in recipients:
        one = dict(one)
        lines.append(b"recipient " + escaped(one.pop("address", "bob@example.net")))
        lines += [key.encode() + b" " + escaped(value) for key, value in one.items()]
    return b"\n".join(lines) + b"\n"


FAILED = {"fate": "failed", "code": 550, "enhanced": "5.1.1", "text": "No such user", "next_hop": "mx.example.net:25",
          "at": ARRIVED + 1000}  # fmt: skip


class Report:
    """What write_report said, as it is sent and as the parser sees it."""

    def __init__(self, *recipients, **message):
        message = {"reverse_path": "alice@example.com", "id": "0ORIGINAL", "arrived": ARRIVED, "now": ARRIVED + 2000,
                   "content": HEADER, **message}  # fmt: skip
        done = subprocess.run([WRITE_REPORT], input=description(message, recipients or [FAILED]),
                              capture_output=True, check=False, timeout=20)  # fmt: skip
        expect(done.returncode == 0, f"write_report: {done.returncode}, {done.stderr[-400:]!r}")
        envelope, _, self.content = done.stdout.partition(b"\r\n\r\n")
        self.envelope = envelope.decode().split("\r\n")
        if self.envelope == ["nothing", ""] or done.stdout == b"nothing\r\n":
            self.message = None
            return
        self.message = email.message_from_bytes(self.content, policy=email.policy.SMTP)
        self.check()

    def check(self):
        """What holds for every report."""
        expect_equal(self.envelope[0].split()[:2], ["FROM", "<>"], "the sender")
        lines = self.content.split(b"\r\n")
        expect_equal(lines.pop(), b"", "what follows the last line end")
        for line in lines:
            expect(not re.search(rb"[\0\r\n]", line) and len(line) <= 998, f"a line: {line!r}")
        if re.search(rb"[\x80-\xff]", self.content):
            expect_in("BODY=8BITMIME", self.envelope[0], "the envelope")
        message = self.message
        for part in message.walk():
            expect_equal(part.defects, [], f"defects of {part.get_content_type()}")
        expect_equal(message.get_content_type(), "multipart/report", "the type")
        expect_equal(message.get_param("report-type"), "delivery-status", "the kind of report")
        expect_equal(str(message["Auto-Submitted"]), "auto-replied", "Auto-Submitted")
        for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
            expect_equal(len(message.get_all(name, [])), 1, f"fields {name}")
        # RFC 6522: two parts or three.
        expect_between(len(message.get_payload()), 2, 3, "parts")
        expect_equal(message.get_payload(0).get_content_type(), "text/plain", "the first part")
        expect_in(message.get_payload(1).get_content_type(), (TYPES["status"], TYPES["global_status"]), "the second part")

    def words(self):
        return re.sub(r"\s+", " ", self.message.get_payload(0).get_content())

    def fields(self, index):
        """Of the message (0) or a recipient (from 1), unfolded."""
        block = self.raw_part(1)[1].split(b"\r\n\r\n")[index].decode()
        lines = re.sub(r"\r\n[ \t]", " ", block).strip("\r\n").split("\r\n")
        names = [line.split(":")[0] for line in lines]
        expect_equal(len(names), len(set(names)), f"names of {names}")
        return dict(line.split(": ", 1) for line in lines)

    def recipients(self):
        return len(self.raw_part(1)[1].rstrip(b"\r\n").split(b"\r\n\r\n")) - 1

    def raw_part(self, index):
        """Header and content of a part, with the boundary that the parser found."""
        line = b"\r\n--" + self.message.get_boundary().encode()
        part = self.content.split(line)[index + 1]
        header, _, content = part.partition(b"\r\n\r\n")
        return header + b"\r\n", content

    def third(self):
        """Type and content of what comes back of the original."""
        return self.message.get_payload(2).get_content_type(), self.raw_part(2)[1]


def recipient(**changes):
    return {**FAILED, **changes}


# ------------------------------------------------------------------------------------ what is said


@test
def a_failure_says_who_and_why():
    report = Report(recipient(orcpt="rfc822;Bob+2Bold@example.org"), envid="Q+2B1", policy_url="https://relay.test/rules")
    expect_equal(report.envelope[1], "TO <alice@example.com>", "the recipient")
    message = report.message
    expect_equal(message["To"].addresses[0].addr_spec, "alice@example.com", "To")
    expect_equal(message["From"].addresses[0].addr_spec, "MAILER-DAEMON@relay.test", "From")
    expect_equal(message["Date"].datetime.timestamp(), (ARRIVED + 2000) // 1000, "Date")
    expect_equal(str(message["In-Reply-To"]), "<lunch@example.com>", "In-Reply-To")
    expect_equal(str(message["References"]), "<lunch@example.com>", "References")
    expect_equal(
        report.fields(0),
        {"Original-Envelope-Id": "Q+1", "Reporting-MTA": "dns; relay.test", "X-Sluice-Queue-ID": "0ORIGINAL",
         "Arrival-Date": ARRIVED_TEXT},
        "the fields of the message",
    )  # fmt: skip
    expect_equal(
        report.fields(1),
        {"Original-Recipient": "rfc822; Bob+old@example.org", "Final-Recipient": "rfc822; bob@example.net",
         "Action": "failed", "Status": "5.1.1", "Remote-MTA": "dns; mx.example.net",
         "Diagnostic-Code": "smtp; 550 5.1.1 No such user", "Last-Attempt-Date": "Tue, 01 Jul 2003 10:52:38 +0000"},
        "the fields of the recipient",
    )  # fmt: skip
    # The parser's own view of the same.
    blocks = report.message.get_payload(1).get_payload()
    expect_equal(str(blocks[1]["Status"]), "5.1.1", "Status as the parser has it")
    words = report.words()
    for part in ("bob@example.net", "mx.example.net said: 550 5.1.1 No such user", "https://relay.test/rules", "0ORIGINAL"):
        expect_in(part, words, "the words")


@test
def a_delay_says_until_when():
    report = Report(recipient(fate="waiting", code=451, enhanced="4.7.1", text="Come back later"), kind="delay",
                    retry_until=ARRIVED + 86400000, ret="full", whole=True, content=HEADER + b"\r\nText\r\n")  # fmt: skip
    fields = report.fields(1)
    expect_equal((fields["Action"], fields["Status"]), ("delayed", "4.7.1"), "action and status")
    expect_equal(fields["Will-Retry-Until"], "Wed, 02 Jul 2003 10:52:37 +0000", "Will-Retry-Until")
    expect_in("no need to send the message again", report.words(), "the words")
    expect_equal(report.third(), (TYPES["headers"], HEADER), "what comes back")


@cases(("relayed", "relayed", "2.6.0"), ("delivered", "delivered", "2.6.0"))
def a_success_says_how_far(fate, action, status):
    report = Report(recipient(fate=fate, code=250, enhanced="2.6.0", text="queued"), kind="success")
    fields = report.fields(1)
    expect_equal((fields["Action"], fields["Status"]), (action, status), "action and status")


@test
def an_expired_message_has_failed():
    report = Report(recipient(fate="expired", code=450, enhanced="4.2.0", text="Busy"))
    fields = report.fields(1)
    expect_equal((fields["Action"], fields["Status"]), ("failed", "5.4.7"), "action and status")
    expect_equal(fields["Diagnostic-Code"], "smtp; 450 4.2.0 Busy", "the last response")


@test
def a_failure_without_a_reply_is_not_smtps():
    fields = Report(recipient(code=0, enhanced="", text="Connection refused")).fields(1)
    expect_equal(fields["Diagnostic-Code"], "X-Sluice; Connection refused", "Diagnostic-Code")


@test
def each_recipient_has_its_fields():
    report = Report(*[recipient(address=f"user{i}@example.net", text=f"no {i}") for i in range(1000)])
    expect_equal(report.recipients(), 1000, "recipients")
    expect_equal(report.fields(1000)["Final-Recipient"], "rfc822; user999@example.net", "the last one")
    expect_in("And 900 more.", report.words(), "the words")


@cases(null="", no_domain="nobody", two_ats="two@at@signs", line_end="line\r\nend@example.com")
def nobody_is_told_where_there_is_nobody(_name, reverse_path):
    expect(Report(reverse_path=reverse_path).message is None, "there is a report")


# ------------------------------------------------------------------------------------ what comes back

BODY = b"\r\n.dot\r\n\r\n--boundary\r\nFrom here\r\n\r\n"


@test
def all_of_it_comes_back_unchanged():
    report = Report(ret="full", whole=True, content=HEADER + BODY)
    expect_equal(report.third(), (TYPES["whole"], HEADER + BODY), "what comes back")
    inner = report.message.get_payload(2).get_payload(0)
    expect_equal(str(inner["Subject"]), "Lunch", "the Subject as the parser has it")


@test
def dots_are_unstuffed():
    stuffed = HEADER + BODY.replace(b"\r\n.", b"\r\n..")
    report = Report(ret="full", whole=True, dot_stuffed=True, content=stuffed)
    expect_equal(report.third(), (TYPES["whole"], HEADER + BODY), "what comes back")


@cases(("not_stated", {}), ("hdrs", {"ret": "hdrs"}))
def only_the_header_comes_back(_name, message):
    report = Report(whole=True, content=HEADER + BODY, **message)
    expect_equal(report.third(), (TYPES["headers"], HEADER), "what comes back")


@test
def eight_bit_content_comes_back_where_it_may():
    content = HEADER + b"\r\ncaf\xc3\xa9 \xff\r\n"
    report = Report(ret="full", whole=True, content=content)
    expect_equal(report.third(), (TYPES["whole"], content), "what comes back")
    expect_equal(str(report.message.get_payload(2)["Content-Transfer-Encoding"]), "8bit", "its encoding")
    report = Report(ret="full", whole=True, content=content, seven_bit=True)
    expect_equal(report.third(), (TYPES["headers"], HEADER), "what comes back in 7 bits")
    expect_in("only the header comes back", report.words(), "the words")


@cases(
    ("too_large", b"y" * 70 + b"\r\n", 1000),
    ("bare_cr", b"a\rb\r\n", 1),
    ("bare_lf", b"a\nb\r\n", 1),
    ("nul", b"a\0b\r\n", 1),
    ("long_line", b"y" * 999 + b"\r\n", 1),
)
def what_cannot_come_back_stays(_name, text, times):
    report = Report(ret="full", whole=True, content=HEADER + b"\r\n" + text * times)
    expect_equal(report.third(), (TYPES["headers"], HEADER), "what comes back")
    expect_in("only the header comes back", report.words(), "the words")


@test
def a_huge_header_is_cut():
    report = Report(content=b"".join(b"X-%d: a\r\n b\r\n" % i for i in range(100000)))
    kind, content = report.third()
    expect_equal(kind, TYPES["headers"], "the type")
    expect_between(len(content), 65000, 65536, "bytes")
    expect(content.endswith(b"\r\n b\r\n"), f"its end: {content[-40:]!r}")
    expect_in("is cut", report.words(), "the words")


# ------------------------------------------------------------------------------------ not ASCII

UTF8 = {"smtputf8": True, "content": "Subject: Grüße\r\n".encode()}
ODD = recipient(address="bøb@example.net", orcpt=rb"utf-8;b\x{F8}b\x{2B}1@example.net", text="ukjent bøb")


@test
def an_international_recipient_is_named_as_it_is():
    report = Report(ODD, **UTF8)
    expect_equal(report.message.get_payload(1).get_content_type(), TYPES["global_status"], "the second part")
    expect_equal(report.fields(1)["Final-Recipient"], "utf-8; bøb@example.net", "Final-Recipient")
    expect_equal(report.fields(1)["Diagnostic-Code"], "smtp; 550 5.1.1 ukjent bøb", "Diagnostic-Code")
    expect_in("bøb@example.net", report.words(), "the words")
    expect_equal(report.third(), (TYPES["global_headers"], UTF8["content"]), "what comes back")
    expect_not_in("SMTPUTF8", report.envelope[0], "the envelope")


@test
def an_international_recipient_is_named_in_seven_bits():
    report = Report(ODD, seven_bit=True, **UTF8)
    expect_equal(report.message.get_payload(1).get_content_type(), TYPES["status"], "the second part")
    expect_equal(report.fields(1)["Final-Recipient"], r"utf-8; b\x{F8}b@example.net", "Final-Recipient")
    expect_equal(report.fields(1)["Original-Recipient"], r"utf-8; b\x{F8}b\x{2B}1@example.net", "Original-Recipient")
    expect_in("bøb@example.net", report.words(), "the words")
    header, content = report.raw_part(2)
    expect_in(b"quoted-printable", header, "the encoding of what comes back")
    expect_equal(content, b"Subject: Gr=C3=BC=C3=9Fe\r\n", "what comes back")


@test
def an_international_sender_is_told():
    report = Report(reverse_path="åse@example.com", **UTF8)
    expect_in("SMTPUTF8", report.envelope[0], "the envelope")
    shown = report.message["To"].addresses[0].addr_spec.encode("utf-8", "surrogateescape").decode()
    expect_equal(shown, "åse@example.com", "To")


@test
def words_that_are_not_ascii_are_read():
    report = Report(recipient(text="boîte pleine = 100 %, " + "é" * 200))
    expect_in("boîte pleine = 100 %", report.words(), "the words")
    expect_equal(report.message.get_payload(1).get_content_type(), TYPES["status"], "the second part")
    expect_not_in("BODY", report.envelope[0], "the envelope")


# ------------------------------------------------------------------------------------ hostile

POISON = b"\0a\r\nBcc: evil@example.org\r\n\r\n--report.1.end\r\n.\r\n\x1b[2J\x7f\xff\xc3(\xe2\x80\xae\r\r\n\n" + b"w" * 1500


@cases("text", "next_hop", "address", "orcpt", "envid", "id", "reporting_mta", "postmaster", "policy_url", "content")
def a_hostile_value_adds_nothing(where):
    about = {where: POISON} if where in ("text", "next_hop", "address", "orcpt") else {}
    message = {} if about else {where: POISON}
    report = Report(recipient(**about), ret="full", whole=True, **message)
    expect("Bcc" not in report.message, "the report has a Bcc")
    expect_equal(report.recipients(), 1, "recipients")
    usual = set(Report().fields(0)) | set(Report().fields(1)) | {"Original-Recipient"}
    expect(set(report.fields(0)) | set(report.fields(1)) <= usual, f"fields: {report.fields(1)}")
    expect_not_in(b"\x1b", report.content, "the report")


@test
def a_boundary_that_was_guessed_ends_nothing():
    report = Report(ret="full", whole=True, content=HEADER + b"\r\n--report.1.end\r\nX: y\r\n--report.1.end--\r\n")
    expect_equal(len(report.message.get_payload()), 3, "parts")
    expect_equal(report.third()[1][-20:], b"\r\n--report.1.end--\r\n", "the end of what comes back")


def rubbish(chance, words):
    pieces = [b"\r\n", b"\0", b"\x1b", b" ", b"\t", b"--report.1.end", "é€".encode(), b"\xff", b"=", b"+0A", b";", b"@", b"<", b"."]
    return b"".join(chance.choice(pieces) if chance.random() < 0.4 else bytes([chance.randrange(33, 127)]) for _ in range(words))


@cases(*range(60))
def rubbish_is_still_a_report(seed):
    chance = random.Random(seed)
    about = [
        {
            "address": rubbish(chance, 20), "orcpt": b"rfc822;" + rubbish(chance, 20), "text": rubbish(chance, 900),
            "next_hop": rubbish(chance, 20), "fate": chance.choice(["waiting", "failed", "expired", "relayed"]),
            "code": chance.choice([0, 250, 421, 550]),
        }
        for _ in range(chance.randrange(1, 8))
    ]  # fmt: skip
    report = Report(
        *about, kind=chance.choice(["failure", "delay", "success"]), envid=rubbish(chance, 30), ret="full", whole=True,
        smtputf8=chance.random() < 0.5, seven_bit=chance.random() < 0.3, dot_stuffed=chance.random() < 0.3,
        content=b"Subject: " + rubbish(chance, chance.choice([10, 3000])), policy_url=rubbish(chance, 20),
    )  # fmt: skip
    expect_equal(report.recipients(), len(about), "recipients")


if __name__ == "__main__":
    main()
