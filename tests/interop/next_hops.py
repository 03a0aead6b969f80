#!/usr/bin/env python3
"""What the relay hands on to: Postfix, smtp-sink, aiosmtpd, npm's smtp-server and a scripted next hop; with TLS and
without, by DATA and by BDAT on either side, from one byte to 25 MB, one message or many."""

import os
import random
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_between, expect_equal, expect_in, main, shared, test, until
from lib.hop import OFFERS, Hop
from lib.mail import RECIPIENT, SENDER
from lib.relay import Relay, authority, checked, under
from lib.sinks import AioSmtpd, Postfix, SmtpServer, SmtpSink

HOP = "hop.relay.test"
TWO = [RECIPIENT, "vera@away.test"]
LOGIN = ("relay@hop.test", "the hop's:secret")
CHUNKING = (*OFFERS, "CHUNKING")


def hop_files():
    """The certificate of a next hop on this machine."""
    return authority().issue(under("ca", HOP), "localhost", "127.0.0.1", HOP)


def hop_context():
    return authority().server_context("localhost", "127.0.0.1")


def secret_file(text):
    path = under("hop-password")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    return path


TLS_OF = {
    "no_tls": {"tls": "none"},
    "opportunistic": {"tls": "opportunistic"},
    "required": {"tls": "required", "verify": False},
}


def verified():
    return {"tls": "required", "ca_file": authority().ca_file}


@shared
def postfix():
    return Postfix(hop_files())


@shared
def smtp_sink():
    return SmtpSink()


@shared
def aiosmtpd():
    return AioSmtpd(tls=hop_context())


@shared
def npm():
    return SmtpServer(files=hop_files())


@shared
def scripted():
    return Hop(tls=hop_context(), offers=CHUNKING)


@shared
def by_data():
    """A next hop that takes DATA only, and the relay in front of it."""
    return InFront(Hop())


@shared
def by_bdat():
    return InFront(Hop(offers=CHUNKING))


class InFront:
    """A next hop and a relay that hands on to it."""

    def __init__(self, hop, **route):
        self.hop = hop
        self.relay = Relay(hop, route=route)

    def alive(self):
        return self.relay.alive()

    def stop(self):
        try:
            self.relay.stop()
        finally:
            self.hop.stop()


# ------------------------------------------------------------------------------------ who they are


HOPS = (postfix, smtp_sink, aiosmtpd, npm, scripted)


@cases(*((f"{hop.__name__}-{tls}", hop, tls) for hop in HOPS for tls in (*TLS_OF, "verified")
         if hop is not smtp_sink or tls in ("no_tls", "opportunistic")))  # fmt: skip
def takes_what_it_is_handed(name, hop, tls):
    hop = hop()
    with Relay(hop, route=TLS_OF.get(tls) or verified()) as relay:
        for by in ("DATA", "BDAT"):
            message = mail.compose(mail.text_of(5000, name + by))
            with relay.client() as client:
                if by == "DATA":
                    client.submit(message, recipients=TWO)
                else:
                    message = message[:-2]
                    client.submit_chunks([message[:3000], message[3000:]], recipients=TWO)
                client.quit()
            arrived = hop.only()
            expect_equal((arrived.sender, sorted(arrived.recipients)), (SENDER, sorted(TWO)), "envelope")
            content = arrived.content
            if not message.endswith(b"\r\n") and content.endswith(b"\r\n"):
                content = content[:-2]  # DATA has no other way to end a last line
            mail.expect_intact(content, message, hops=2 if hop is postfix() else 1)
            line = relay.logged("message", 1 if by == "DATA" else 2, verdict="taken")
            with_tls = tls != "no_tls" and hop is not smtp_sink()
            expect_equal("next_hop_tls" in line, with_tls, f"TLS to the next hop, in the log: {line}")
            attempt = relay.logged("delivery", 1 if by == "DATA" else 2, verdict="relayed", attempt=1)
            expect_equal(attempt.get("next_hop_certificate"),
                         {"no_tls": None, "verified": "verified"}.get(tls, "not_verified") if with_tls else None,
                         f"the next hop's certificate, in the log: {attempt}")
            expect_equal("next_hop_tls_group" in attempt, with_tls, f"the group of its TLS, in the log: {attempt}")
            if hop is not postfix():
                expect_equal(arrived.tls, with_tls, "TLS, as the next hop sees it")


@cases("required", "verified")
def mail_waits_where_tls_is_required_and_not_offered(tls):
    hop = Hop(login=LOGIN)
    hop.clear_login = True
    login = {"login": LOGIN[0], "password_file": secret_file(LOGIN[1])}
    with hop, Relay(hop, route={**(TLS_OF.get(tls) or verified()), **login}) as relay, relay.client() as client:
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        client.say(f"RCPT TO:<{RECIPIENT}>", "451 4.4.1")
        client.say("DATA", "554")
        client.quit()
        expect("AUTH" not in hop.verbs() and "MAIL" not in hop.verbs(), f"said without TLS: {hop.verbs()}")


@cases(
    ("another_name", "other.test", True),
    ("an_authority_that_nobody_knows", "localhost", False),
)
def mail_waits_where_the_certificate_is_wrong(_name, subject, known):
    context = authority().server_context(subject)
    route = verified()
    if not known:
        # A certificate that vouches for itself.
        other = authority().issue(under("ca", "stranger"), "stranger.test")[0]
        route["ca_file"] = other
    with Hop(tls=context) as hop, Relay(f"localhost:{hop.port}", route=route) as relay, relay.client() as client:
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        client.say(f"RCPT TO:<{RECIPIENT}>", "451 4.4.1")
        client.quit()
        expect("MAIL" not in hop.verbs(), f"said to a stranger: {hop.verbs()}")


@test
def a_wrong_certificate_is_no_matter_where_tls_is_opportunistic():
    context = authority().server_context("other.test")
    with Hop(tls=context) as hop, Relay(hop, route={"tls": "opportunistic"}) as relay, relay.client() as client:
        client.submit(mail.compose())
        expect(hop.only().tls, "the message did not come in TLS")


@cases(*((f"{kind}-{how}", kind, how) for kind in ("aiosmtpd", "npm", "scripted") for how in ("right", "wrong")))
def logs_in_to_the_next_hop(_name, kind, how):
    if kind == "aiosmtpd":
        hop = AioSmtpd(hop_context(), LOGIN)
    elif kind == "npm":
        hop = SmtpServer(hop_files(), LOGIN)
    else:
        hop = Hop(hop_context(), login=LOGIN)
    secret = LOGIN[1] if how == "right" else "another"
    try:
        route = {**verified(), "login": LOGIN[0], "password_file": secret_file(secret)}
        with Relay(hop, route=route) as relay, relay.client() as client:
            if how == "right":
                client.submit(mail.compose())
                got = hop.only().login
                expect_in(LOGIN[0], got, "who has logged in at the next hop")
            else:
                client.say(f"MAIL FROM:<{SENDER}>", "250")
                client.say(f"RCPT TO:<{RECIPIENT}>", "451 4.4.1")
            with open(relay.log_file, encoding="utf-8") as file:
                expect(secret not in file.read(), "the secret is in the log")
    finally:
        hop.stop()


@test
def takes_a_password_that_systemd_gives_as_a_credential():
    with Hop(hop_context(), login=LOGIN) as hop:
        directory, name = os.path.split(secret_file(LOGIN[1]))
        route = {**verified(), "login": LOGIN[0], "password_file": f"credential:{name}"}
        with Relay(hop, route=route, program=("env", f"CREDENTIALS_DIRECTORY={directory}")) as relay, relay.client() as client:
            client.submit(mail.compose())
            expect_equal(hop.only().login, LOGIN, "login at the next hop")
        expect_in(f"LoadCredential={name}:PATH", checked(hop, route=route), "what is said of a credential that nobody gave")


@cases("LOGIN", "PLAIN LOGIN", "CRAM-MD5 LOGIN")
def logs_in_by_what_the_next_hop_offers(mechanisms):
    with Hop(hop_context(), login=LOGIN) as hop:
        hop.mechanisms = mechanisms
        route = {**verified(), "login": LOGIN[0], "password_file": secret_file(LOGIN[1])}
        with Relay(hop, route=route) as relay, relay.client() as client:
            client.submit(mail.compose())
            expect_equal(hop.only().login, LOGIN, "login at the next hop")


@test
def a_login_goes_without_tls_only_to_this_machine():
    login = {"tls": "opportunistic", "login": LOGIN[0], "password_file": secret_file(LOGIN[1])}
    with Hop(login=LOGIN) as hop:
        hop.clear_login = True
        with Relay(hop, route=login) as relay, relay.client() as client:
            client.submit(mail.compose())
            expect_equal(hop.only().login, LOGIN, "login at the next hop")
    said = checked("192.0.2.1:25", route=login)
    expect_in("route[1].login", said, "what sluice check says of another machine")


@test
def mail_waits_where_a_login_is_due_and_not_offered():
    with Hop() as hop:
        route = {"login": LOGIN[0], "password_file": secret_file(LOGIN[1])}
        with Relay(hop, route=route) as relay, relay.client() as client:
            client.say(f"MAIL FROM:<{SENDER}>", "250")
            client.say(f"RCPT TO:<{RECIPIENT}>", "451 4.4.1")
            expect("MAIL" not in hop.verbs(), f"said without login: {hop.verbs()}")


@test
def a_host_that_does_not_answer_is_passed_over():
    dead = Hop()
    dead.stop()
    with Hop() as hop, Relay([dead, hop]) as relay, relay.client() as client:
        for _ in range(6):
            client.submit(mail.compose())
        expect_equal(len(hop.wait(6)), 6, "messages at the other host")


# ------------------------------------------------------------------------------------ what they know


@test
def a_next_hop_that_knows_only_helo():
    with Hop(offers=()) as hop:
        hop.on["EHLO"] = b"502 5.5.1 What is that?\r\n"
        with Relay(hop) as relay, relay.client() as client:
            message = mail.compose(mail.text_of(3000, "helo"))
            client.submit(message, recipients=TWO)
            mail.expect_intact(hop.only().content, message)
            expect_equal(hop.verbs()[:2], ["EHLO", "HELO"], "how the relay began")


@test
def parameters_go_on_where_they_are_offered():
    asked = " SIZE=300 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb"
    with Hop() as hop, Relay(hop) as relay, relay.client() as client:
        client.say(f"MAIL FROM:<{SENDER}>{asked}", "250")
        client.say("RCPT TO:<üzgür@far.test> NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;x+2By", "250")
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose("Gr\u00fc\u00dfe\r\n".encode())))
        client.wanted("250", "the message")
        expect_equal(sorted(hop.only().parameters), sorted(asked.split()), "parameters of MAIL")
        rcpt = next(line for _, line in hop.commands if line.startswith(b"RCPT"))
        expect_equal(rcpt.decode().strip(), "RCPT TO:<üzgür@far.test> NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;x+2By", "RCPT")


@test
def parameters_stay_here_where_they_are_not_offered():
    with Hop(offers=("PIPELINING",)) as hop, Relay(hop) as relay, relay.client() as client:
        client.submit(mail.compose(), parameters=" SIZE=300 RET=FULL ENVID=x")
        expect_equal(hop.only().parameters, [], "parameters of MAIL")


@cases(("one", [RECIPIENT, "no@far.test", "vera@away.test"]), ("all_but_one", ["no@far.test"] * 3 + [RECIPIENT]))
def recipients_are_refused_one_by_one(_name, recipients):
    with Hop() as hop:
        hop.on["RCPT"] = lambda dialog: b"550 5.1.1 Nobody of that name\r\n" if "no@" in dialog.rcpt else None
        with Relay(hop) as relay, relay.client() as client:
            client.say(f"MAIL FROM:<{SENDER}>", "250")
            for one in recipients:
                client.say(f"RCPT TO:<{one}>", "550 5.1.1" if "no@" in one else "250 2.1.5")
            client.say("DATA", "354")
            client.send(mail.stuff(mail.compose()))
            client.wanted("250", "the message")
            expect_equal(hop.only().recipients, [one for one in recipients if "no@" not in one], "recipients")


# ------------------------------------------------------------------------------------ sizes and shapes


def pieces(data, seed):
    """DATA cut anywhere, some pieces empty."""
    source = random.Random(seed)
    cuts = sorted(source.randrange(len(data) + 1) for _ in range(source.randint(0, 6)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]


def goes_through(message, seed):
    """MESSAGE goes through by DATA and by BDAT, to a next hop that takes DATA and to one that takes BDAT."""
    for place, to in ((by_data(), "DATA"), (by_bdat(), "BDAT")):
        with place.relay.client() as client:
            for by in ("DATA", "BDAT", "BDAT 0 LAST"):
                if by == "DATA" and not message.endswith(b"\r\n"):
                    continue
                if by == "DATA":
                    client.submit(message)
                else:
                    client.submit_chunks(pieces(message, seed) + ([b""] if "0" in by else []))
                arrived = place.hop.only()
                expect_equal(arrived.by, to, "how it was handed on")
                content = arrived.content
                if to == "DATA" and not message.endswith(b"\r\n"):
                    content = content.removesuffix(b"\r\n")
                mail.expect_intact(content, message)


MB = 1024 * 1024


@cases(0, 1, 2, 3, 500, 998, 4096, 65535, 65536, 131071, 131072, 131073, 262144, 262145, MB)
def a_body_of_so_many_bytes(size):
    goes_through(mail.compose(mail.text_of(size, size)), size)


@test
def a_body_of_25_mb():
    body = b"".join(mail.text_of(MB, f"25-{i}") for i in range(25))
    goes_through(mail.compose(body), "25 MB")


@cases(
    only_dots=b".\r\n" * 700,
    two_dots=b"..\r\n.\r\n...\r\n" * 300,
    empty_lines=b"\r\n" * 5000,
    longest_lines=(b"." + b"z" * 997 + b"\r\n") * 300,
    no_final_line_end=b"one\r\n.two",
    ends_in_a_dot=b"one\r\n.",
    ends_in_a_dot_line=b"one\r\n.\r\n",
    eight_bit=bytes(range(128, 256)) + b"\r\n",
    controls=bytes(set(range(1, 32)) - {10, 13}) + b"\x7f\r\n",
)
def a_body_of_that_shape(name, body):
    goes_through(mail.compose(body), name)


@test
def a_header_of_200_kb():
    header = [f"X-Field-{i}: " + "v" * 800 + "\r\n " + "w" * 150 for i in range(200)]
    goes_through(mail.compose(header=header), "header")


@test
def a_message_without_a_body():
    goes_through(mail.compose(b"")[:-2], "no body")


# ------------------------------------------------------------------------------------ many


@cases("DATA", "BDAT")
def whole_transactions_in_one_segment(by):
    place = by_data()
    messages = [mail.compose(mail.text_of(700, f"{by}{i}")) for i in range(10)]
    text = b""
    for message in messages:
        text += b"MAIL FROM:<%s>\r\nRCPT TO:<a@far.test>\r\nRCPT TO:<b@far.test>\r\n" % SENDER.encode()
        if by == "DATA":
            text += b"DATA\r\n" + mail.stuff(message)
        else:
            text += b"BDAT 300\r\n" + message[:300] + b"BDAT %d LAST\r\n" % (len(message) - 300) + message[300:]
    with place.relay.client() as client:
        client.send(text + b"QUIT\r\n")
        for _ in messages:
            for wanted in ("250", "250", "250", "354" if by == "DATA" else "250", "250 2.0.0"):
                client.wanted(wanted, "a pipelined command")
        client.wanted("221", "QUIT")
    arrived, place.hop.messages = place.hop.wait(10), []
    for got, sent in zip(arrived, messages):
        mail.expect_intact(got.content, sent)
        expect_equal(got.recipients, ["a@far.test", "b@far.test"], "recipients")


@test
def many_messages_on_one_connection():
    with Hop() as hop, Relay(hop, route={"messages_per_connection": 0}) as relay:
        with relay.client() as client:
            for i in range(300):
                client.submit(mail.compose(b"%d\r\n" % i))
            client.quit()
        expect_equal([m.content.rsplit(b"\r\n\r\n")[-1] for m in hop.messages], [b"%d\r\n" % i for i in range(300)], "order")
        expect_equal(len(hop.dialogs), 1, "connections to the next hop")
        expect_equal(relay.counter("next_hop_reused"), 299, "reused connections")


@test
def a_connection_to_the_next_hop_ends_after_its_share():
    with Hop() as hop, Relay(hop, route={"messages_per_connection": 5}) as relay, relay.client() as client:
        for _ in range(23):
            client.submit(mail.compose())
        expect_equal(sorted(m.connection for m in hop.wait(23)), sorted([1, 2, 3, 4] * 5 + [5] * 3), "connections")
        until(lambda: hop.verbs().count("QUIT") == 4, "QUIT on those that are over")


@test
def a_hundred_recipients_are_taken_and_the_rest_can_be_sent_separately():
    place = by_data()
    many = [f"r{i}@far.test" for i in range(103)]
    with place.relay.client() as client:
        client.send(f"MAIL FROM:<{SENDER}>\r\n" + "".join(f"RCPT TO:<{one}>\r\n" for one in many))
        client.wanted("250", "MAIL")
        for i, one in enumerate(many):
            client.wanted("250" if i < 100 else "452 4.5.3", one)
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose()))
        client.wanted("250", "the message")
        expect_equal(place.hop.only().recipients, many[:100], "recipients")
        client.submit(mail.compose(), recipients=many[100:])
        expect_equal(place.hop.only().recipients, many[100:], "recipients")


@test
def many_clients_share_few_connections():
    clients, each = 40, 5
    with Hop() as hop, Relay(hop, route={"connections_per_host": 2, "messages_per_connection": 0}, server={"cores": 2}) as relay:
        wrong = []

        def one(number):
            try:
                with relay.client(listener="implicit" if number % 4 == 0 else "clear") as client:
                    for i in range(each):
                        client.submit(mail.compose(b"%d-%d\r\n" % (number, i)))
                    client.quit()
            except Exception as error:
                wrong.append(repr(error))

        threads = [threading.Thread(target=one, args=(n,), daemon=True) for n in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20 * TIMEOUT_FACTOR)
        expect_equal(wrong, [], "what went wrong")
        bodies = sorted(re.search(rb"\r\n\r\n(.*)\r\n$", m.content)[1] for m in hop.messages)
        expect_equal(bodies, sorted(b"%d-%d" % (n, i) for n in range(clients) for i in range(each)), "messages, once each")
        expect_between(len(hop.dialogs), 1, 4, "connections to the next hop")


if __name__ == "__main__":
    main()
