#!/usr/bin/env python3
"""What a next hop must be able to do is asked of the message: keywords that a client says by habit, content and addresses
that are not ASCII, to next hops that offer nothing; and what arrives, as Python's own parser reads it."""

import email
import email.message
import email.policy
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect, expect_equal, main, test
from lib.hop import Hop
from lib.mail import RECIPIENT, SENDER
from lib.mailq import keeps, with_routes
from lib.relay import Relay


@test
def keywords_that_a_message_does_not_need_stop_nothing():
    """Go's library always says SMTPUTF8, Thunderbird always BODY=8BITMIME."""
    with Hop(offers=("PIPELINING",)) as hop, Relay(hop) as relay, relay.client() as client:
        message = mail.compose()
        client.submit(message, parameters=" BODY=8BITMIME SMTPUTF8")
        mail.expect_intact(hop.only().content, message)


@test
def what_needs_smtputf8_is_refused_where_it_is_not_offered():
    with Hop(offers=("PIPELINING",)) as hop, Relay(hop) as relay, relay.client() as client:
        client.submit(mail.compose(header=["X-Name: Gr\u00fc\u00dfe"]), parameters=" SMTPUTF8", wanted="550 5.6.7")
        client.say(f"MAIL FROM:<{SENDER}> SMTPUTF8", "250")
        client.say("RCPT TO:<b\u00f8b@far.test>", "550 5.6.7")
        client.say("RCPT TO:<bob@b\u00fccher.test>", "250")
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose()))
        client.wanted("250", "the message")
        expect_equal(hop.only().recipients, ["bob@xn--bcher-kva.test"], "recipients")


def eight_bit_tree():
    """Parts of all kinds, and what each of them holds."""
    message = email.message.EmailMessage(policy=email.policy.SMTP.clone(cte_type="8bit"))
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "A tree"
    message.set_content("Gr\u00fc\u00dfe, na\u00efve words.\n.\nFrom here on\n" + "x" * 300 + "\n", cte="8bit")
    message.add_alternative("<p>\u043f\u0440\u0438\u0432\u0435\u0442</p>\n", subtype="html", cte="8bit")
    message.add_attachment(bytes(range(256)) * 40, maintype="application", subtype="octet-stream", filename="a.bin")
    inner = email.message.EmailMessage(policy=message.policy)
    inner["Subject"] = "inside"
    inner.set_content("caf\u00e9\n", cte="8bit")
    message.add_attachment(inner)
    message.add_attachment("plain ascii\n", cte="7bit")
    return message


@cases("DATA", "BDAT", "long")
def eight_bit_content_is_made_seven_bit(way):
    """Python's parser finds the same in every part."""
    tree = eight_bit_tree()
    if way == "long":
        tree.add_attachment("\u00e9 line\n" * 30000, cte="8bit")
    content = tree.as_bytes()
    with Hop(offers=("PIPELINING", "CHUNKING") if way == "BDAT" else ("PIPELINING",)) as hop, keeps(hop) as relay:
        with relay.client() as client:
            client.submit(content)
        arrived = hop.only().content
    expect(arrived.isascii(), "what arrived is not 7-bit")
    read = email.message_from_bytes(arrived, policy=email.policy.SMTP)
    expect_equal([part.defects for part in read.walk() if part.defects], [], "defects")
    leaves = lambda message: [(part.get_content_type(), part.get_payload(decode=True)) for part in message.walk() if not part.is_multipart()]
    expect_equal(leaves(read), leaves(email.message_from_bytes(content, policy=email.policy.SMTP)), "leaves")


@cases("pass", "refuse")
def eight_bit_content_goes_as_the_route_says(rule):
    message = mail.compose("Gr\u00fc\u00dfe\r\n".encode())
    with Hop(offers=("PIPELINING",)) as hop, Relay(hop, route={"eight_bit": rule}) as relay, relay.client() as client:
        for parameters in ("", " BODY=8BITMIME"):
            client.submit(message, parameters=parameters, wanted="250" if rule == "pass" else "554 5.6.3")
            if rule == "pass":
                mail.expect_intact(hop.only().content, message)
        client.submit(mail.compose(), parameters=" BODY=8BITMIME")
        hop.only()


@cases("hdrs", "full")
def a_report_has_a_form_that_any_server_takes(ret):
    """About a recipient and a message that are not ASCII, to a next hop that offers nothing."""
    with Hop() as far, Hop(offers=()) as home:
        far.on["RCPT"] = b"550 5.1.1 No such user\r\n"
        routes = [{"name": "home", "senders": ["<>"], "hosts": [home.name]}, {"hosts": [far.name], "mode": "store"}]
        with with_routes(routes) as relay, relay.client() as client:
            client.say(f"MAIL FROM:<{SENDER}> SMTPUTF8 RET={ret.upper()}", "250")
            client.say("RCPT TO:<b\u00f8b@far.test>", "250")
            client.say("DATA", "354")
            client.send(mail.stuff(mail.compose("Gr\u00fc\u00dfe\r\n".encode(), header=["X-Name: Gr\u00fc\u00dfe"])))
            client.wanted("250", "the message")
            report = home.only()
    expect(report.content.isascii(), "the report is not ASCII")
    expect_equal(report.parameters, [], "parameters of MAIL")
    status = email.message_from_bytes(report.content, policy=email.policy.SMTP).get_payload()[1]
    text = status.get_payload(decode=True) or status.as_bytes()
    expect(b"b\\x{F8}b@far.test" in text or "b\u00f8b@far.test".encode() in text, f"the recipient: {text!r}")


if __name__ == "__main__":
    main()
