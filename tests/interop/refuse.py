#!/usr/bin/env python3
"""Who may send, and as whom: strangers relay nothing, customers send as themselves, and what a login is made of is
checked before the back end is asked.  The next hop counts what reaches it."""

import email
import email.policy
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import RECIPIENT, SENDER
from lib.relay import BOB_PASSWORD, PASSWORD, Relay, client_tls
from lib.wire import b64

FOREIGN = "bob@evil.test"


@shared
def next_hop():
    return Hop()


@shared
def the_relay():
    return Relay(next_hop())


class NothingArrives:
    """Within it the next hop may be asked for recipients, but no message begins."""

    def __enter__(self):
        self.before = next_hop().verbs().count("DATA")

    def __exit__(self, kind, *_):
        if kind is None:
            expect_equal(next_hop().verbs().count("DATA") - self.before, 0, "messages begun at the next hop")


# ------------------------------------------------------------------------------------ strangers

# The recipients of published open-relay tests, and the recipient that each may become once a customer has logged in.
VICTIM = "relaytest@victim.test"
TRICKS = [
    (VICTIM, VICTIM),
    ("relaytest%victim.test@mail.relay.test", "same"),
    ("relaytest%victim.test@[127.0.0.1]", "same"),
    ("relaytest%victim.test@example.com", "same"),
    ('"relaytest@victim.test"@mail.relay.test', "same"),
    ('"relaytest@victim.test"@[127.0.0.1]', "same"),
    ('"relaytest%victim.test"@mail.relay.test', "same"),
    ("victim.test!relaytest@mail.relay.test", "same"),
    ("victim.test!relaytest@[127.0.0.1]", "same"),
    ("mail.relay.test!victim.test!relaytest@example.com", "same"),
    ("@mail.relay.test:" + VICTIM, VICTIM),
    ("@[127.0.0.1]:" + VICTIM, VICTIM),
    ("@mail.relay.test,@example.com:" + VICTIM, VICTIM),
    ("@mail.relay.test:relaytest%victim.test@example.com", "relaytest%victim.test@example.com"),
    ("postmaster", "same"),
    ("relaytest@victim.test@mail.relay.test", None),
    ("relaytest@victim.test@[127.0.0.1]", None),
    ("relaytest@victim.test@", None),
    ("relaytest%victim.test", None),
    ('"relaytest@victim.test"', None),
    ('"relaytest%victim.test"', None),
    ("victim.test!relaytest", None),
    ("relaytest", None),
    ("<relaytest@victim.test>", None),
    ("relaytest@victim.test>,<x@example.com", None),
    ("relaytest@victim.test> <x@example.com", None),
    ("x@example.com,relaytest@victim.test", None),
    ("relaytest@[127.0.0.1", None),
    ("relaytest@[victim.test]", None),
    ("@mail.relay.test:@victim.test:x@y.test", None),
    ("@victim.test", None),
    ("", None),
]
FORGED = ("", SENDER, "spam@victim.test", "spam@mail.relay.test", "spam@[127.0.0.1]", "spam", "@example.com:spam@x.test")


@cases(*((recipient or "(nobody)", recipient) for recipient, _ in TRICKS))
def a_stranger_relays_nothing(_name, recipient):
    with NothingArrives():
        for how in ("clear", "starttls", "implicit"):
            with the_relay().client(how, name=None) as client:
                for sender in (FORGED if how == "clear" else FORGED[:2]):
                    client.say(f"MAIL FROM:<{sender}>", "530 5.7.0")
                client.say(f"RCPT TO:<{recipient}>", "503")
                client.say("DATA", "503")


@cases(*((recipient or "(nobody)", recipient, becomes) for recipient, becomes in TRICKS))
def a_trick_address_never_becomes_another_one(_name, recipient, becomes):
    with the_relay().client() as client:
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        client.say(f"RCPT TO:<{recipient}>", "250" if becomes else "501 5.")
        if not becomes:
            client.say("DATA", "5")
            return
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose()))
        client.wanted("250", "the message")
        expect_equal(next_hop().only().recipients, [recipient if becomes == "same" else becomes], "recipient")


@test
def the_verbs_need_a_login_however_they_are_asked():
    with NothingArrives(), the_relay().connect() as client:
        client.greeted()
        for line in (f"mail from:<{SENDER}>", f"MAIL FROM: <{SENDER}>", f"MAIL FROM:<{SENDER}> AUTH=<>",
                     f"MAIL FROM:<{SENDER}> AUTH={SENDER.replace('=', '+3D')}"):  # fmt: skip
            client.say(line, "530 5.7.0")
        client.chunk(b"x", True, "503")


@cases(
    ("local_64", "l" * 64 + "@example.com", True),
    ("local_65", "l" * 65 + "@example.com", False),
    ("label_63", "a@" + "d" * 63 + ".example.com", True),
    ("label_64", "a@" + "d" * 64 + ".example.com", False),
    ("path_256", "l" * 7 + "@" + ".".join(["d" * 61] * 3 + ["e" * 60]), True),
    ("path_257", "l" * 8 + "@" + ".".join(["d" * 61] * 3 + ["e" * 60]), False),
    ("eight_bit", "\u00fc@example.com", False),
    ("two_dots", "a..b@example.com", False),
    ("bare_hyphen", "a@-example.com", False),
    ("spaces_in_quotes", '"a b"@example.com', True),
    ("brackets_in_quotes", '"a>b<c"@example.com', True),
    ("backslash", '"a\\"b"@example.com', True),
)
def addresses_have_their_limits(_name, address, taken):
    with the_relay().client() as client:
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        got = client.say(f"RCPT TO:<{address}>")
        expect_equal(got.code == 250, taken, f"whether {address} is taken ({got!r})")


@cases(
    ("MAIL FROM:<alice@example.com> SIZE=1 SIZE=2", "501"),
    ("MAIL FROM:<alice@example.com> SIZE=-1", "501"),
    ("MAIL FROM:<alice@example.com> SIZE=123456789012345678901", "552"),
    ("MAIL FROM:<alice@example.com> SIZE=18446744073709551615", "552"),
    ("MAIL FROM:<alice@example.com> ENVID=a+0Ab", "501"),
    ("MAIL FROM:<alice@example.com> ENVID=a+00b", "501"),
    ("MAIL FROM:<alice@example.com> ENVID=a+GGb", "501"),
    ("MAIL FROM:<alice@example.com> RET=ALL", "501"),
    ("MAIL FROM:<alice@example.com> BODY=9BIT", "501"),
    ("MAIL FROM:<alice@example.com> FROBNICATE=1", "555"),
    ("MAIL FROM:<alice@example.com>SIZE=1", "501"),
    ("MAIL alice@example.com", "501"),
    ("MAIL FROM:alice@example.com bob@example.com", "501"),
    ("MAIL", "501"),
)
def bad_parameters_are_refused(line, wanted):
    with the_relay().client() as client:
        client.say(line, wanted)
        client.say(f"RCPT TO:<{RECIPIENT}>", "503")


# ------------------------------------------------------------------------------------ the envelope's sender


@cases(
    *((s, "550 5.7.1") for s in (
        "bob@example.net", FOREIGN, "alice@example.com.evil.test", "alice@evilexample.com", "alice@com",
        "alice@[127.0.0.1]", "@example.com:bob@evil.test", '"alice@example.com"@evil.test', "alice%example.com@evil.test",
        "alice@mail.relay.test")),
    *((s, "501") for s in ("alice", "alice@example.com@evil.test", "alice@example.com> <x@evil.test", '"alice@example.com"')),
    *((s, "250") for s in (SENDER, "anybody@EXAMPLE.com", "x@shop.example.com", "evil%evil.test@example.com", "")),
)  # fmt: skip
def an_envelope_sender_must_be_ones_own(sender, wanted):
    with NothingArrives(), the_relay().client() as client:
        client.say(f"MAIL FROM:<{sender}>", wanted)
        if wanted != "250":
            client.say(f"RCPT TO:<{RECIPIENT}>", "503")


@cases(("alice@example.com", "550 5.7.1"), ("alice@shop.example.com", "250"), ("x@deep.shop.example.com", "550 5.7.1"))
def an_account_can_be_narrowed(sender, wanted):
    with the_relay().client(name="carol@example.com") as client:
        client.say(f"MAIL FROM:<{sender}>", wanted)
        if wanted == "250":
            return
        client.envelope("c@shop.example.com")
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose(sender=sender)))
        client.wanted("550 5.7.1", "the message")


# ------------------------------------------------------------------------------------ the author

FORGED_AUTHORS = {
    "none": b"Subject: x",
    "foreign": b"From: bob@evil.test",
    "foreign_upper": b"FROM: bob@evil.test",
    "own_then_foreign": b"From: alice@example.com\r\nFrom: bob@evil.test",
    "foreign_then_own": b"From: bob@evil.test\r\nFrom: alice@example.com",
    "own_twice": b"From: alice@example.com\r\nFrom: alice@example.com",
    "space_before_colon": b"From : alice@example.com",
    "second_with_space_before_colon": b"From: alice@example.com\r\nFrom : bob@evil.test",
    "second_with_tab_before_colon": b"From: alice@example.com\r\nFrom\t: bob@evil.test",
    "leading_space": b" From: bob@evil.test\r\nFrom: alice@example.com",
    "folded_name": b"Fro\r\n m: bob@evil.test\r\nFrom: alice@example.com",
    "folded_before_colon": b"From\r\n : bob@evil.test\r\nFrom: alice@example.com",
    "group": b"From: friends: alice@example.com;",
    "empty_group": b"From: undisclosed:;",
    "several": b"From: alice@example.com, bob@evil.test",
    "several_own": b"From: alice@example.com, anna@example.com",
    "final_comma": b"From: alice@example.com,",
    "encoded_word_alone": b"From: =?utf-8?q?alice=40example.com?=",
    "encoded_word_in_the_address": b"From: <=?utf-8?q?bob=40evil.test=3E?=@example.com>",
    "own_as_display_name": b'From: "alice@example.com" <bob@evil.test>',
    "two_angles": b"From: <alice@example.com> <bob@evil.test>",
    "address_before_angle": b"From: bob@evil.test <alice@example.com>",
    "address_behind_angle": b"From: <alice@example.com> bob@evil.test",
    "angle_in_a_comment": b"From: alice@example.com (<bob@evil.test>)",
    "quoted_local_part": b'From: "bob@evil.test"@example.com',
    "quoted_with_angle": b'From: "<bob@evil.test>"@example.com',
    "foreign_display_name": b'From: "bob@evil.test" <alice@example.com>',
    "foreign_encoded_name": b"From: =?utf-8?q?bob=40evil.test?= <alice@example.com>",
    "foreign_comment": b"From: alice@example.com (bob@evil.test)",
    "another_sender": b"From: alice@example.com\r\nSender: bob@evil.test",
    "two_senders": b"From: alice@example.com\r\nSender: alice@example.com\r\nSender: alice@example.com",
    "another_resent_from": b"From: alice@example.com\r\nResent-From: bob@evil.test",
    "behind_a_line_of_blanks": b"Subject: x\r\n \r\nFrom: bob@evil.test",
    "source_route": b"From: <@example.com:bob@evil.test>",
    "empty": b"From:",
    "null": b"From: <>",
    "no_domain": b"From: root",
    "literal": b"From: alice@[127.0.0.1]",
    "longer_domain": b"From: alice@example.com.evil.test",
    "only_sender": b"Sender: alice@example.com",
    "only_resent_from": b"Resent-From: alice@example.com",
    "sender_is_own": b"From: bob@evil.test\r\nSender: alice@example.com",
    "folded_value": b"From:\r\n bob@evil.test",
    "second_on_a_folded_line": b"From: alice@example.com\r\n ,bob@evil.test",
    "blank_folded_line": b"From: alice@example.com\r\n \r\n bob@evil.test",
    "eight_bit": b"From: \xfcber@example.com",
    "full_width_at": "From: bob\uff20evil.test".encode(),
    "soft_hyphen": "From: alice@exam\u00adple.com".encode(),
    "unclosed_quote": b'From: "alice <alice@example.com>',
    "unclosed_angle": b"From: <alice@example.com",
    "long_value": b"From: " + b"x" * 900 + b"\r\n " + (b"y" * 900 + b"\r\n ") * 40 + b" <alice@example.com>",
    "many_addresses": b"From: " + b",\r\n ".join([b"alice@example.com"] * 20000),
}


@cases(*FORGED_AUTHORS)
def a_forged_author_is_refused(name):
    message = FORGED_AUTHORS[name] + b"\r\nTo: x@far.test\r\n\r\ntext\r\n"
    with NothingArrives(), the_relay().client() as client:
        wanted = "552" if name == "many_addresses" else "550 5."
        client.submit(message, wanted=wanted)
        at = len(message) // 2
        client.submit_chunks([message[:7], message[7:at], message[at:]], wanted=wanted)


@test
def an_author_cannot_hide_behind_dot_stuffing():
    with NothingArrives(), the_relay().client() as client:
        client.envelope()
        client.say("DATA", "354")
        client.send(b"From: alice@example.com\r\n.From: bob@evil.test\r\n\r\ntext\r\n.\r\n")
        client.wanted("550", "the message")


@cases(
    bare=b"From: alice@example.com",
    no_space=b"from:alice@example.com",
    upper=b"FROM: ALICE@EXAMPLE.COM",
    name=b"From: Alice <alice@example.com>",
    quoted_name=b'From: "Adams, Alice" <alice@shop.example.com>',
    folded=b"From:\r\n\tAlice\r\n <alice@example.com>",
    encoded_name=b"From: =?utf-8?q?Alice_=C3=9C?= <alice@example.com>",
    comment=b"From: alice@example.com (Alice)",
    display_name_is_the_address=b'From: "alice@example.com" <alice@example.com>',
    own_sender=b"From: alice@example.com\r\nSender: Alice <alice@shop.example.com>",
)
def an_own_author_is_taken_and_everybody_sees_the_same_one(_name, header):
    message = header + b"\r\nTo: x@far.test\r\nDate: Mon, 24 Nov 2025 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\ntext\r\n"
    with the_relay().client() as client:
        client.submit(message)
    content = next_hop().only().content
    mail.expect_intact(content, message)
    seen = email.message_from_bytes(content, policy=email.policy.default)["From"].addresses
    expect_equal([one.domain.lower().endswith("example.com") for one in seen], [True], f"authors seen: {seen}")


@test
def a_message_that_goes_in_circles_is_refused():
    with NothingArrives(), the_relay().client() as client:
        client.submit(mail.compose(header=["Received: from a by b; Mon, 24 Nov 2025 10:00:00 +0000"] * 100), wanted="554 5.4.6")


# ------------------------------------------------------------------------------------ logging in


@cases(*((f"{how}-{mechanism}", how, mechanism) for how in ("clear", "starttls", "implicit") for mechanism in ("PLAIN", "LOGIN")))
def a_wrong_password_and_an_unknown_name_get_the_same_answer(_name, how, mechanism):
    with the_relay().client(how, name=None) as client:
        wrong = client.log_in(SENDER, "wrong", mechanism, "535 5.7.8")
        unknown = client.log_in("nobody@example.com", PASSWORD, mechanism, "535 5.7.8")
        expect_equal(str(unknown), str(wrong), "the answer to an unknown name")
        client.say(f"MAIL FROM:<{SENDER}>", "530")
        client.log_in(SENDER, PASSWORD, mechanism)


@test
def a_suspended_account_is_told_why_and_only_with_the_right_password():
    with the_relay().client(name=None) as client:
        expect_in("unpaid since May", str(client.log_in("sam@example.com", PASSWORD, wanted="535 5.7.8")), "the answer")
        wrong = str(client.log_in("sam@example.com", "wrong", wanted="535 5.7.8"))
        expect("unpaid" not in wrong, f"shown to a stranger: {wrong}")


@test
def a_suspension_reaches_open_sessions_and_the_cache():
    with Relay(next_hop()) as relay, relay.client() as client:
        client.submit(mail.compose())
        next_hop().only()
        relay.control("account", "suspend", SENDER, "--reason", "stolen")
        client.wanted("421", "nothing")
        with relay.client(name=None) as again:
            again.log_in(wanted="535")
        relay.control("account", "activate", SENDER)
        until(lambda: logs_in(relay), "the account can log in again", 3)


def logs_in(relay, password=PASSWORD):
    with relay.client(name=None) as client:
        return client.log_in(password=password, wanted="").code == 235


@test
def a_new_password_replaces_the_old_one_at_once():
    with Relay(next_hop()) as relay:
        expect(logs_in(relay), "the first password")
        relay.control("account", "password", SENDER, "--password-stdin", said="another\n")
        until(lambda: not logs_in(relay), "the old password is worth nothing", 2)
        expect(logs_in(relay, "another"), "the new password")


@cases("starttls")
def no_password_is_taken_without_tls(how):
    checks = the_relay().counter("password_checks")
    with the_relay().connect(how) as client:
        client.greeted()
        for line in ("AUTH PLAIN " + b64(f"\0{SENDER}\0{PASSWORD}"), "AUTH LOGIN", "AUTH PLAIN"):
            client.say(line, "538 5.7.11")
        client.start_tls(client_tls())
        client.log_in()
    expect_equal(the_relay().counter("password_checks") - checks <= 1, True, "no check without TLS")


# The response, and the answer to it.  None of these is to reach a back end.
MALFORMED = {
    "no_nul": ("alice@example.com", "501"),
    "one_nul": ("\0alice@example.com", "501"),
    "three_nuls": ("\0alice@example.com\0x\0y", "501"),
    "nothing": ("", "501"),
    "empty_name": (f"\0\0{PASSWORD}", "535"),
    "empty_password": ("\0alice@example.com\0", "535"),
    "only_nuls": ("\0\0", "535"),
    "another_authzid": (f"bob@example.net\0{SENDER}\0{PASSWORD}", "535"),
    "line_end_in_the_name": (f"\0alice@example.com\r\nQUIT\0{PASSWORD}", "535"),
    "line_end_in_the_password": ("\0alice@example.com\0x\r\nQUIT", "535"),
    "not_utf8": (b"\0alice\xff@example.com\0x", "535"),
    "control": ("\0al\x1bice@example.com\0x", "535"),
    "long_name": ("\0" + "a" * 5000 + "\0x", "5"),
    "long_password": (f"\0{SENDER}\0" + "p" * 5000, "5"),
}


@cases(*MALFORMED)
def malformed_credentials_reach_no_back_end(name):
    response, wanted = MALFORMED[name]
    checks = the_relay().counter("password_checks")
    for initial in (True, False):
        with the_relay().client(name=None) as client:
            if initial:
                client.say("AUTH PLAIN " + (b64(response) or "="), wanted)
            else:
                client.say("AUTH PLAIN", "334")
                client.say(b64(response), wanted)
            client.say(f"MAIL FROM:<{SENDER}>", "530")
    expect_equal(the_relay().counter("password_checks"), checks, "password checks")


@cases(
    ("!!!!", "501 5.5.2"), ("Q", "501 5.5.2"), ("QQ", "501 5.5.2"), ("QUI", "501 5.5.2"), ("Q===", "501 5.5.2"),
    ("====", "501 5.5.2"), ("QQ==QQ==", "501 5.5.2"), ("QQ=Q", "501 5.5.2"), ("QQ==\x01", "50"), ("*", "501 5.7.0"),
    ("A" * 12288, "501"), ("A" * 12292, "500 5.5.6"), ("A" * 60000, "500 5.5.6"),
)  # fmt: skip
def a_response_that_cannot_be_decoded_is_refused(response, wanted):
    checks = the_relay().counter("password_checks")
    with the_relay().client(name=None) as client:
        client.say("AUTH PLAIN", "334")
        client.say(response, wanted)
        client.say("NOOP", "250")
        client.log_in(mechanism="LOGIN")
    expect(the_relay().counter("password_checks") - checks <= 1, "password checks")


@cases(
    ("AUTH", "501"), ("AUTH PLAIN a b", "501"), ("AUTH CRAM-MD5", "504 5.5.4"), ("AUTH EXTERNAL =", "504"),
    ("AUTH " + "X" * 21, "501"), ("AUTH PL@IN", "501"),
)  # fmt: skip
def auth_has_its_grammar(line, wanted):
    with the_relay().client(name=None) as client:
        client.say(line, wanted)


@test
def auth_has_its_place():
    with the_relay().connect() as client:
        client.wanted("220", "nothing")
        client.say("AUTH LOGIN", "503")
        client.say("HELO x", "250")
        client.say("AUTH LOGIN", "334")
        client.say("*", "501")
        client.ehlo()
        client.log_in()
        client.say("AUTH PLAIN " + b64(f"\0{SENDER}\0{PASSWORD}"), "503 5.5.1")
        client.envelope()
        client.say("AUTH LOGIN", "503")
        client.say("RSET", "250")


@test
def a_name_is_literal_to_the_store_and_escaped_in_the_log():
    names = ["*)(uid=*", "' OR 1=1 --", '"; DROP TABLE account; --', "%n%s%n", "alice@example.com\u202e", "%", "_lice@example.com"]
    for name in names:
        with the_relay().client(name=None) as client:
            client.log_in(name, PASSWORD, wanted="535")
    with the_relay().client("implicit", "bob@example.net", BOB_PASSWORD) as client:
        client.say("MAIL FROM:<bob@example.net>", "250")
    with open(the_relay().log_file, "rb") as file:
        raw = file.read()
    expect(re.fullmatch(rb"[ -~\n\x80-\xff]*", raw) and b"\xe2\x80\xae" not in raw, "the log has a control character in it")
    until(lambda: "%n%s%n" in [line.get("account") for line in the_relay().log("login")], "the name is in the log")


if __name__ == "__main__":
    main()
