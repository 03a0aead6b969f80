#!/usr/bin/env python3
"""Notifications: webhooks that answer, refuse and hang, mail to operator and owner by a server of its own, syslog."""

import email
import email.policy
import json
import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import expect, expect_equal, expect_in, expect_not_in, main, test, until
from lib.hop import Hop, silent
from lib.mail import SENDER
from lib.mailq import closed_port
from lib.relay import Relay, authority, checked, under
from lib.webhook import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OPERATOR = "noc@example.org"


def secret_file(text=SECRET):
    path = under("webhook.secret")
    with open(path, "w", encoding="ascii") as file:
        file.write(text + "\n")
    return path


class NotifyingRelay(Relay):
    """Its own next hop is one at which nothing listens: what it tells goes other ways."""

    def __init__(self, webhooks=(), start=True, classes=None, **notify):
        super().__init__(closed_port()[0], start=False)
        self.config["route"][0]["fallback"] = True
        if notify:
            self.config["notify"] = {"tls": "none", **notify}
        self.config["webhook"] = [{"url": one, "secret_file": secret_file()} if isinstance(one, str) else one for one in webhooks]
        if classes:
            self.config["policy"] = {"default_class": classes[0]["name"]}
            self.config["class"] = classes
        self.write_config()
        if start:
            self.start()

    def contain(self, times=1):
        """Contains and releases, and so on."""
        for i in range(times):
            self.control(*(("contain", SENDER) if i % 2 == 0 else ("release", SENDER)))


    def order(self, number):
        """Orders to the queue, each an event, which need no program of their own."""
        for i in range(number):
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(self.config["server"]["control"])
                control.sendall(f"queue hold all reason=order%20{i}\n".encode())
                while control.recv(4096):
                    pass


def webhook_table(url, **keys):
    return {"url": url, "secret_file": secret_file(), **keys}


def parsed(message):
    return email.message_from_bytes(message.content, policy=email.policy.default)


def subjects(hop):
    return [str(parsed(one)["subject"]) for one in hop.messages]


# ------------------------------------------------------------------------------------ webhooks


@test
def a_webhook_gets_signed_events_with_all_keys_of_the_log():
    context = authority().server_context("127.0.0.1")
    with Webhook(SECRET, context) as receiver, NotifyingRelay(
        [webhook_table(receiver.origin + "/hooks/T0?token=hidden", ca_file=authority().ca_file)]
    ) as relay:
        relay.contain(2)
        until(lambda: receiver.types() == ["contained", "released"], "both events")
        for got in receiver.taken:
            expect_equal(got["subject"], f"account {SENDER}", "the subject")
            expect_in(got["data"], relay.log("containment"), "the event")
            expect_equal(got["timestamp"], got["data"]["time"], "its time")
        expect_equal(len({got["id"] for got in receiver.taken}), 2, "ids")
        expect_equal(receiver.wrong, [], "what is wrong with the requests")
        with open(relay.log_file, encoding="utf-8") as file:
            log = file.read()
        with open(f"/proc/{relay.process.pid}/cmdline", encoding="utf-8") as file:
            log += file.read()
        for secret in ("hidden", SECRET, SECRET[6:]):
            expect_not_in(secret, log, "log and command line")


@test
def what_is_not_taken_is_tried_again_with_the_same_id():
    with Webhook(SECRET) as receiver, NotifyingRelay([receiver.origin]) as relay:
        receiver.on = [500]
        relay.contain(2)
        until(lambda: receiver.types() == ["contained", "released"], "both events")
        expect_equal(len(receiver.requests), 3, "requests")
        ids = [header["webhook-id"] for _, header, _ in receiver.requests]
        expect(ids[0] == ids[1] != ids[2], f"ids: {ids}")
        relay.logged("webhook_back")
        expect_equal([len(relay.log(name)) for name in ("webhook_failed", "webhook_back", "notifications_lost")], [1, 1, 0], "events")
        expect_in("500", relay.log("webhook_failed")[0]["reason"], "the reason")


@test
def a_refusal_ends_the_tries_and_a_redirect_is_not_followed():
    with Webhook(SECRET) as receiver, NotifyingRelay([receiver.origin]) as relay:
        receiver.on = [410, 400, (307, {"Location": receiver.origin + "/elsewhere"})]
        relay.contain(3)
        until(lambda: len(receiver.requests) >= 3, "three requests")
        relay.logged("notifications_lost")
        until(lambda: receiver.types() == ["contained"], "the third event, tried again")
        expect_equal([path for path, _, _ in receiver.requests], ["/"] * 4, "paths")
        # The second one is counted, too, at the latest with the stop.
        expect_equal(len(relay.log("webhook_failed")), 1, "webhook_failed")
        relay.stop()
        expect_equal(sum(line["lost"] for line in relay.log("notifications_lost")), 2, "lost")


@test
def a_certificate_that_is_not_trusted_gets_nothing():
    context = authority().server_context("127.0.0.1")
    with Webhook(SECRET, context) as receiver, NotifyingRelay([receiver.origin]) as relay:
        relay.contain()
        expect_in("certificate", relay.logged("webhook_failed")["reason"].lower(), "the reason")
        expect_equal(receiver.requests, [], "requests")


@test
def a_webhook_that_hangs_costs_its_own_queue():
    events = 100
    with Webhook(SECRET) as hangs, Webhook(SECRET) as other, Hop() as hop:
        hangs.usual = hangs.hang
        relay = NotifyingRelay(
            [webhook_table(hangs.origin, timeout_s=60, queue=3), webhook_table(other.origin)],
            operator=[OPERATOR], server=hop.name)  # fmt: skip
        with relay:
            relay.contain()
            until(lambda: hangs.requests, "the request that hangs")
            relay.order(events)
            # Everything else comes while it hangs, and in order.
            until(lambda: len(other.types()) == events + 1, "all events elsewhere")
            expect_equal([one["data"] for one in other.taken], relay.log("containment") + relay.log("queue_order"),
                         "events elsewhere and in the log")  # fmt: skip
            until(lambda: len(hop.messages) == 2, "a mail of each cause")
            expect_equal(len(hangs.requests), 1, "requests that hang")
            expect_equal(hangs.taken, [], "what the webhook took")
        # Of what it was to get, the first hangs, two more wait, and a stop waits for neither.
        expect_equal(sum(line["lost"] for line in relay.log("notifications_lost")), events + 1, "lost")
        expect(all(line["channel"] == f"webhook[1] {hangs.origin}" for line in relay.log("notifications_lost")), "whose")


@test
def a_webhook_that_answers_ten_megabytes_is_not_read_to_their_end():
    """Its status counts, whatever comes behind it, and the next event goes out."""
    written = []

    def floods(status):
        def step(handler):
            handler.send_response(status)
            handler.send_header("Content-Length", str(10_000_000))
            handler.end_headers()
            try:
                for _ in range(1000):
                    handler.wfile.write(b"x" * 10_000)
                    written.append(10_000)
            except OSError:
                pass

        return step

    with Webhook(SECRET) as webhook, NotifyingRelay([webhook_table(webhook.origin)]) as relay:
        webhook.on = [floods(503), floods(200)]
        relay.contain()
        until(lambda: len(webhook.requests) == 2, "the second try")
        relay.order(1)
        until(lambda: webhook.types() == ["queue_order"], "the next event")
        ids = [headers["webhook-id"] for _, headers, _ in webhook.requests]
        expect_equal((len(ids), ids[0] == ids[1], ids[1] == ids[2]), (3, True, False), "what was tried again")
        expect(sum(written) < 10_000_000, f"{sum(written)} bytes were read")
        expect_in("too long", relay.logged("webhook_failed")["reason"], "the log")


@test
def only_the_chosen_causes_go_to_a_webhook():
    with Webhook(SECRET) as receiver, NotifyingRelay([webhook_table(receiver.origin, events=["released"])]) as relay:
        relay.contain(4)
        until(lambda: receiver.types() == ["released"] * 2, "the releases")


# ------------------------------------------------------------------------------------ mail


@test
def operator_and_owner_get_one_mail_of_a_cause_and_subject_and_a_count():
    with Hop() as hop:
        with NotifyingRelay(operator=[OPERATOR], owner=True, server=hop.name, **{"from": "relay@example.org"}) as relay:
            relay.contain(7)
            until(lambda: len(hop.messages) == 4, "two mails each")
        # The stop mails what was counted: 3 further ones contained, 2 released.
        until(lambda: len(hop.messages) == 8, "the counts")
        expect_equal(hop.wrong, [], "what is wrong about the dialogs")
        host = relay.config["server"]["hostname"]
        for one in hop.messages:
            got = parsed(one)
            expect_equal(one.sender, "", "the reverse-path")
            expect_equal(got["auto-submitted"], "auto-generated", "Auto-Submitted")
            expect_equal(str(got["from"]), "Sluice <relay@example.org>", "From")
            expect(re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", got["message-id"]), f"Message-ID: {got['message-id']}")
            expect(got["date"].datetime is not None, "Date")
            expect_equal(str(got["to"]), one.recipients[0], "To")
            expect(str(got["subject"]).startswith(f"[{host}] "), f"Subject: {got['subject']}")
            expect("sluicectl" not in got.get_content() or one.recipients == [OPERATOR], "an operator's word to an owner")
        expect_equal(len({parsed(one)["message-id"] for one in hop.messages}), 8, "ids")
        expect_equal(sorted(one.recipients[0] for one in hop.messages), sorted([OPERATOR, SENDER] * 4), "recipients")
        counts = [re.search(r"since the last such mail: (\d+)", parsed(one).get_content()) for one in hop.messages]
        expect_equal(sorted(int(found[1]) for found in counts if found), [1, 1, 2, 2], "further ones")


@test
def an_owner_hears_of_a_limit_while_the_queue_goes_nowhere():
    tight = {"name": "tight", "recipients_per_message": 100}
    with Hop() as hop:
        relay = NotifyingRelay(operator=[OPERATOR], owner=True, server=hop.name, events=["limit_reached"], classes=[tight], start=False)
        with open(relay.config_file, "a", encoding="utf-8") as file:
            file.write('limit = [{of = "account", quantity = "recipients", window = "day", amount = 1}]\n')
        relay.start()
        with relay, relay.client() as client:
            client.submit(mail.compose())  # it waits for a next hop that is not there
            client.say("MAIL FROM:<" + SENDER + ">", "250")
            client.say("RCPT TO:<two@far.test>", "550 5.7.1")
            until(lambda: len(hop.messages) == 2, "a mail to each")
            got = {one.recipients[0]: parsed(one).get_content() for one in hop.messages}
            expect_in("What is over the limit is not sent for now.", got[SENDER], "what the owner reads")
            expect_in(f"sluicectl usage --account {SENDER}", got[OPERATOR], "what the operator reads")
            expect_in("  limit: 1\n", got[SENDER].replace("\r", ""), "the figures")
            expect_equal(len(json.loads(relay.control("queue", "list", "--json"))), 1, "messages that wait")


@test
def an_owner_hears_of_a_devices_limit_and_operators_of_those_of_networks_and_the_relay():
    tight = {"name": "tight", "recipients_per_message": 100}
    with Hop() as hop:
        relay = NotifyingRelay(operator=[OPERATOR], owner=True, server=hop.name, events=["limit_near", "limit_reached"], classes=[tight],
                               start=False)  # fmt: skip
        relay.config["listener"][0].update(trusted=["127.0.0.2/32"], trusted_class="tight")
        relay.write_config()
        with open(relay.config_file, "a", encoding="utf-8") as file:
            file.write('limit = [{of = "device", quantity = "recipients", window = "day", amount = 2},\n'
                       '  {of = "network", quantity = "recipients", window = "day", amount = 2}]\n'
                       '[[policy.limit]]\nquantity = "recipients"\nwindow = "hour"\namount = 5\n')  # fmt: skip
        relay.start()
        with relay:
            said = relay.control("account", "device", "add", SENDER, "--name", "printer")
            with relay.client(password=re.search(r"password: (\S+)", said)[1]) as printer:
                printer.say("MAIL FROM:<" + SENDER + ">", "250")
                printer.say("RCPT TO:<one@far.test>", "250")
                printer.say("RCPT TO:<two@far.test>", "250")
                printer.say("RCPT TO:<more@far.test>", "550 5.7.1")
                with relay.connect("starttls", source="127.0.0.2") as host:
                    host.greeted()
                    host.say("MAIL FROM:<" + SENDER + ">", "250")
                    for name, code in (("three", "250"), ("four", "250"), ("five", "550 5.7.1")):
                        host.say(f"RCPT TO:<{name}@far.test>", code)
                    with relay.client() as owner:
                        owner.say("MAIL FROM:<" + SENDER + ">", "250")
                        owner.say("RCPT TO:<six@far.test>", "250")
                        owner.say("RCPT TO:<seven@far.test>", "550 5.7.1")
            place = f"127.0.0.1:{relay.ports['starttls']}"
            wanted = {f"{what}: {subject}" for what in ("Limit near", "Limit reached")
                      for subject in (f"device {SENDER}/printer", f"network {place}", "relay all")}  # fmt: skip
            until(lambda: len(hop.messages) >= 7, "a mail of each")
            got = [(one.recipients[0], str(parsed(one)["subject"]).split("] ", 1)[1]) for one in hop.messages]
            expect_equal({subject for to, subject in got if to == OPERATOR}, wanted, "what the operator hears of")
            expect_equal([subject for to, subject in got if to == SENDER], [f"Limit reached: device {SENDER}/printer"], "what the owner hears of")
            [text] = [parsed(one).get_content() for one in hop.messages if one.recipients == [SENDER]]
            expect_in("What this device sends over its limit is not sent for now.", text, "what the owner reads")
            rows = json.loads(relay.control("usage", "--account", SENDER, "--json"))["windows"]
            expect_equal([row["name"] for row in rows], [f"{SENDER}/printer"], "the use of the account's devices")


@test
def a_mail_server_that_fails_is_tried_again_and_one_that_hangs_keeps_nothing():
    with Webhook(SECRET) as receiver, Hop() as hop:
        first = []

        def once(_dialog):
            first.append(1)
            return b"451 4.3.0 Later\r\n" if len(first) == 1 else None

        hop.on = {"MAIL": once}
        with NotifyingRelay([receiver.origin], operator=[OPERATOR], server=hop.name) as relay:
            relay.contain()
            until(lambda: len(hop.messages) == 1, "the mail")
            relay.logged("notify_mail_back")
            expect_equal(len(relay.log("notify_mail_failed")), 1, "notify_mail_failed")
            hop.on = {"MAIL": silent}
            relay.order(6)
            until(lambda: len(receiver.types()) == 7, "all events at the webhook")
            expect_equal(len(hop.messages), 1, "mails")


@test
def mail_goes_inside_tls_with_a_certificate_that_is_checked():
    with Hop(tls=authority().server_context("127.0.0.1")) as hop:
        with NotifyingRelay(operator=[OPERATOR], server=hop.name, tls="starttls", ca_file=authority().ca_file) as relay:
            relay.contain()
            until(lambda: len(hop.messages) == 1, "the mail")
            expect(hop.messages[0].tls, "it went in clear")
        with NotifyingRelay(operator=[OPERATOR], server=hop.name, tls="starttls") as relay:
            relay.contain()
            expect_in("certificate", relay.logged("notify_mail_failed")["reason"].lower(), "the reason")
            expect_equal(len(hop.messages), 1, "mails")


# ------------------------------------------------------------------------------------ syslog, tests, configuration


@test
def syslog_gets_the_events():
    place = under("dev-log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(place)
        server.settimeout(8)
        with NotifyingRelay(syslog=place) as relay:
            relay.contain()
            got = server.recv(65536).decode("utf-8")
            found = re.fullmatch(r"<20>1 (\S+) (\S+) sluice - contained - \ufeff(.*)", got)
            expect(found, f"the message: {got}")
            expect_equal(json.loads(found[3]), relay.log("containment")[0], "the event")
            expect_equal(found[2], relay.config["server"]["hostname"], "the host")
    os.unlink(place)


@test
def a_test_shows_what_came_back():
    with Webhook(SECRET) as receiver, Hop() as hop:
        with NotifyingRelay([receiver.origin], operator=[OPERATOR], server=hop.name) as relay:
            expect_equal(relay.control("notify", "test"),
                         f"webhook[1] {receiver.origin}: delivered: 204\nmail {hop.name}: delivered: 250\n", "what it prints")  # fmt: skip
            expect_equal((receiver.types(), len(hop.messages)), (["test"], 1), "what came")
            receiver.usual = 401
            hop.on = {"RCPT": b"550 5.1.1 Unknown\r\n"}
            said = relay.control("notify", "test", wanted=1)
            expect_in("refused, would not be tried again: 401", said, "of the webhook")
            expect_in(f"mail {hop.name}: refused, would not be tried again: ", said, "of the mail")
            expect_equal(relay.log("webhook_failed"), [], "a test is no failure")
    with NotifyingRelay() as relay:
        expect_in("nobody is notified", relay.control("notify", "test", wanted=1), "without any")


@test
def what_is_wrong_with_a_configuration_is_said():
    def said(**sections):
        relay = NotifyingRelay(start=False)
        relay.config.update(sections)
        relay.write_config()
        with open(relay.config_file, encoding="utf-8") as file:
            return checked("127.0.0.1:2525", text=file.read())

    expect_in("secret_file", said(webhook=[{"url": "https://example.net/", "secret_file": "/nowhere/secret"}]), "a file that is not there")
    weak = said(webhook=[{"url": "https://example.net/", "secret_file": secret_file("whsec_c2hvcnQ=")}])
    expect_in("is no secret of a webhook", weak, "a short secret")
    expect_not_in("c2hvcnQ", weak, "what is said")
    expect_in("http, and not at a loopback", said(webhook=[webhook_table("http://example.net/")]), "a URL in clear")
    expect_in('did you mean "contained"', said(webhook=[webhook_table("https://example.net/", events=["containd"])]), "a cause")
    expect_in("notify.server: is missing", said(notify={"operator": [OPERATOR]}), "mail without a server")
    itself = {"operator": [OPERATOR], "server": "127.0.0.1:2588", "tls": "none"}
    expect_in("is this relay itself, at 127.0.0.1:2588", said(notify=itself, listener=[{"address": ["127.0.0.1:2588"]}]), "itself")
    expect_in("notify.operator", said(notify={"operator": ["noc"], "server": "127.0.0.1:25"}), "no address")
    expect_in("notify.syslog", said(notify={"syslog": "dev/log"}), "no place")


if __name__ == "__main__":
    main()
