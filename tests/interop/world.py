#!/usr/bin/env python3
"""Mail to the recipients' own servers: their MX hosts come from a real name server, and each has an address of
its own on this machine.  What they do at each stage, and what senders are told."""

import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect, expect_between, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import OFFERS, Hop, close, each, reset, then
from lib.mail import SENDER
from lib.mailq import ByDns, expect_report, is_empty, only_queued, queue_id, reports, show, states, stays
from lib.names import NameServer

# Whose address is whose.  127.0.0.1 is the relay's own; at 127.0.0.9 no server listens.
FIRST, SECOND, THIRD, DEAD = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.9"
ADDRESSES = {"first": FIRST, "second": SECOND, "third": THIRD, "dead": DEAD}


def mx(domain, *hosts):
    """HOSTS: (preference, name below mx.test)."""
    return [f"{domain}. 300 IN MX {preference} {name}.mx.test." for preference, name in hosts]


RECORDS = [
    *(f"{name}.mx.test. 300 IN A {address}" for name, address in ADDRESSES.items()),
    *mx("one.test", (10, "first")),
    *mx("two.test", (10, "second")),
    *mx("order.test", (20, "second"), (10, "first")),
    *mx("backup.test", (10, "dead"), (20, "second")),
    *mx("gone.test", (10, "dead")),
    *mx("ties.test", (10, "first"), (10, "second"), (20, "third")),
    "null.test. 300 IN MX 0 .",
    f"bare.test. 300 IN A {THIRD}",
    "empty.test. 300 IN TXT nothing",
    "lost.test. 300 IN MX 10 nowhere.test.",
    # Ours is the relay's own name.
    *mx("behind.test", (10, "first")),
    "behind.test. 300 IN MX 20 mail.relay.test.",
    *mx("behind.test", (30, "second")),
    "ours.test. 300 IN MX 10 mail.relay.test.",
    *mx("ours.test", (20, "second")),
    "mail.relay.test. 300 IN A 127.0.0.1",
    "alias.test. 300 IN CNAME one.test.",
    *mx("sender.test", (10, "third")),
    "example.com. 300 IN MX 10 third.mx.test.",
    *mx("xn--bcher-kva.test", (10, "first")),
]


def port_everywhere():
    """A port that is free on all of ADDRESSES."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            for address in ADDRESSES.values():
                with socket.create_server((address, port)):
                    pass
            return port
        except OSError:
            continue


@shared
def name_server():
    return NameServer(RECORDS)


class World(ByDns):
    """Three servers, who are the first, second and third of the records above.  The reports come to the third."""

    def __init__(self, route=None, offers=OFFERS, **sections):
        super().__init__((FIRST, SECOND, THIRD), port_everywhere(), name_server(), offers, {"ipv6": False, **(route or {})}, **sections)
        self.first, self.second, self.third = self.hops

    def counts(self):
        return [len(hop.messages) for hop in self.hops]

    def send(self, *recipients, wanted="250", message=None, **more):
        with self.relay.client() as client:
            return client.submit(message or mail.compose(), recipients=recipients, wanted=wanted, **more)


# ------------------------------------------------------------------------------------ the hosts that DNS names


@cases("through", "store")
def the_best_mx_host_is_asked(mode):
    with World(route={"mode": mode}) as world:
        message = mail.compose(mail.text_of(5000, "mx"))
        for count in (1, 2, 3):
            world.send("a@order.test", message=message)
            mail.expect_intact(world.first.wait(count)[-1].content, message)
        is_empty(world.relay)
        expect_equal(world.counts(), [3, 0, 0], "messages")
        expect_equal(world.relay.counter("spool_stored"), 3 if mode == "store" else 0, "messages that were stored")


@cases("through", "store")
def the_next_best_is_asked_where_the_best_is_down(mode):
    with World(route={"mode": mode}) as world:
        for count in (1, 2, 3):
            world.send("a@backup.test")
            world.second.wait(count)
        is_empty(world.relay)
        expect_equal(world.counts(), [0, 3, 0], "messages")
        expect_equal(world.relay.counter("reports"), 0, "reports")


@test
def mx_hosts_of_the_same_preference_share_the_mail():
    with World() as world:
        for _ in range(20):
            world.send("a@ties.test")
        first, second, third = world.counts()
        expect_equal((first + second, third), (20, 0), "messages")
        expect_between(first, 1, 19, "messages of the first")


@test
def a_domain_without_mx_hosts_is_its_own():
    with World() as world:
        world.send("a@bare.test")
        expect_equal(world.third.only().recipients, ["a@bare.test"], "recipients")


@test
def an_alias_has_the_mx_hosts_of_its_canonical_name():
    with World() as world:
        world.send("a@alias.test")
        expect_equal(world.first.only().recipients, ["a@alias.test"], "recipients")


@test
def an_international_domain_is_asked_for_by_its_other_name():
    with World(route={"mode": "store"}) as world, world.relay.client() as client:
        for recipient in ("a@b\u00fccher.test", "b@B\u00dcCHER.test", "c@xn--bcher-kva.test"):
            client.submit(mail.compose(), recipients=[recipient], parameters=" SMTPUTF8")
        world.first.wait(3)
        is_empty(world.relay)
        expect_equal(sorted(r for one in world.first.messages for r in one.recipients),
                     ["a@b\u00fccher.test", "b@B\u00dcCHER.test", "c@xn--bcher-kva.test"], "recipients, as they were given")  # fmt: skip
        expect_equal([pool["destination"] for pool in world.relay.status("pools")], ["default/xn--bcher-kva.test"], "destinations")


@test
def an_address_literal_is_where_mail_goes():
    with World() as world:
        world.send(f"a@[{SECOND}]")
        expect_equal(world.second.only().recipients, [f"a@[{SECOND}]"], "recipients")


@test
def mx_hosts_that_are_not_better_than_ourselves_are_left_out():
    with World() as world:
        world.send("a@behind.test")
        world.first.only()
        world.first.on["MAIL"] = b"421 4.3.2 Not now\r\n"
        world.send("a@behind.test")
        stays(lambda: world.counts() == [0, 0, 0], "a worse MX host than ourselves was asked")
        expect_not_in("MAIL", world.second.verbs(), "what was said to the second")
        world.first.on.clear()
        world.first.only()


ROUTING_FAILURES = {
    "null_mx": ("a@null.test", "556", "5.1.10"),
    "no_such_domain": ("a@nosuch.test", "550", "5.1.2"),
    "neither_mx_host_nor_address": ("a@empty.test", "550", "5.1.2"),
    "an_mx_host_without_address": ("a@lost.test", "550", "5.4.4"),
    "we_are_the_best": ("a@ours.test", "554", "5.4.6"),
}


@cases(*((name, *row) for name, row in ROUTING_FAILURES.items()))
def where_no_mail_can_go_the_client_hears_so(_name, recipient, code, enhanced):
    with World() as world:
        world.send(recipient, wanted=f"{code} {enhanced}")
        expect_equal(world.relay.counter("spool_stored"), 0, "messages that were stored")


@cases(*((name, *row) for name, row in ROUTING_FAILURES.items()))
def where_no_mail_can_go_the_sender_is_told(_name, recipient, _code, enhanced):
    with World(route={"mode": "store"}) as world:
        world.send(recipient, "b@one.test")
        got = expect_report(world.third, SENDER, {recipient: "failed"})
        expect_equal(str(got.by_recipient()[recipient]["Status"]), enhanced, "Status")
        expect_equal(world.first.only().recipients, ["b@one.test"], "the other recipient")
        is_empty(world.relay)


@test
def eager_the_client_hears_of_null_mx_at_rcpt():
    with World(route={"dialog": "eager"}) as world, world.relay.client() as client:
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        client.say("RCPT TO:<a@null.test>", "556 5.1.10")


@cases("through", "store")
def mail_waits_while_the_name_server_fails(mode):
    with World(route={"mode": mode}) as world:
        world.send("a@broken.test")
        row = only_queued(world.relay)
        shown = until(lambda: (s := show(world.relay, row["id"]))["tries"] >= 2 - (mode == "through") and s, "it was tried")
        expect_equal(states(shown), {"a@broken.test": "waiting"}, "states")
        attempt = shown["attempts"][-1]
        expect_equal((attempt["code"], attempt["next_hop"]), (451, ""), "the attempt")
        expect_in("SERVFAIL", attempt["text"], "the attempt")
        expect_equal(world.relay.counter("reports"), 0, "reports")


@test
def a_message_for_two_domains_is_split():
    message = mail.compose(mail.text_of(20_000, "two domains"))
    recipients = ["a@one.test", "b@two.test", "c@one.test", "d@TWO.test"]
    with World() as world:
        world.send(*recipients, message=message)
        for hop, wanted in ((world.first, recipients[::2]), (world.second, recipients[1::2])):
            arrived = hop.only()
            expect_equal(arrived.recipients, wanted, "recipients")
            mail.expect_intact(arrived.content, message)
        is_empty(world.relay)
        expect_equal(world.relay.counter("reports"), 0, "reports")


@test
def a_domain_that_is_down_delays_no_other():
    with World() as world:
        reply = world.send("a@gone.test", "b@two.test")
        expect_equal(world.second.only().recipients, ["b@two.test"], "recipients")
        wanted = {"a@gone.test": "waiting", "b@two.test": "relayed"}
        row = until(lambda: states(row := show(world.relay, queue_id(reply))) == wanted and row, f"states {wanted}")
        expect_equal(row["destinations"], ["default/gone.test"], "destinations")


# ------------------------------------------------------------------------------------ what MX hosts do

STAGES = {
    "greeting_reset": ("connect", reset),
    "greeting_4xx": ("connect", b"421 4.3.2 Busy\r\n"),
    "greeting_554": ("connect", b"554 5.3.2 No mail here\r\n"),
    "greeting_garbage": ("connect", b"SSH-2.0-OpenSSH_9.2\r\n"),
    "ehlo_reset": ("EHLO", reset),
    "mail_reset": ("MAIL", reset),
    "mail_421": ("MAIL", b"421 4.3.2 Busy\r\n"),
    "rcpt_reset": ("RCPT", reset),
    "data_reset": ("DATA", reset),
    "body_reset": ("body", reset),
    "end_reset": ("end", reset),
    "end_half_a_reply": ("end", then(b"250 2.0", close)),
    "end_4xx": ("end", b"451 4.3.0 Later\r\n"),
}
NEVER_GREETED = ("connect", "EHLO")


@cases(*((name, *row) for name, row in STAGES.items()))
def a_failing_mx_host_loses_nothing(_name, stage, behaviour):
    """The best MX host fails each time at a stage.  One that cannot even greet is passed over for the next best; one that has
    got the message's MAIL is asked again, until it takes it."""
    message = mail.compose(mail.text_of(4000, stage))
    with World() as world:
        world.first.on[stage] = behaviour
        world.send("a@order.test", message=message)
        if stage in NEVER_GREETED:
            mail.expect_intact(world.second.only().content, message)
        else:
            expect_in("kept", world.relay.logged("message")["detail"], "the log's word on it")
            until(lambda: world.relay.log("delivery") or world.second.messages, "another try")
            world.first.on.clear()
            until(lambda: sum(world.counts()) == 1, "it has arrived", 12)
            mail.expect_intact((world.first.messages + world.second.messages)[0].content, message)
        is_empty(world.relay)
        expect_equal((sum(world.counts()) <= 1, world.relay.counter("reports")), (True, 0), "more than one, or a report")


@cases("greeting", "MAIL")
def a_silent_mx_host_is_given_up(stage):
    def silent(dialog):
        dialog.over.wait(8)

    with World(route={"reply_s": 1}) as world:
        world.first.on["connect" if stage == "greeting" else stage] = each(silent)
        world.send("a@order.test")
        until(lambda: sum(world.counts()) == 1, "it has arrived", 12)
        is_empty(world.relay)


# ------------------------------------------------------------------------------------ reports

NO_DSN = tuple(offer for offer in OFFERS if offer != "DSN")
ENVELOPE = " RET={ret} ENVID=QQ314159+2B1"


def send_with(world, ret, recipients):
    """RECIPIENTS: (address, parameters)."""
    with world.relay.client() as client:
        return client.submit(mail.compose(b"A secret.\r\n"), recipients=recipients, parameters=ENVELOPE.format(ret=ret))


def refusing(hop):
    hop.on["RCPT"] = lambda dialog: b"550-5.1.1 No such\r\n550 5.1.1 user here\r\n" if "no" in dialog.rcpt else None


@cases(
    ("full", "FULL", "message/rfc822", True),
    ("headers", "HDRS", "text/rfc822-headers", False),
)
def a_failure_is_reported_as_it_was_asked_for(_name, ret, kind, whole):
    with World(offers=NO_DSN) as world:
        refusing(world.first)
        send_with(world, ret, [("no@one.test", " NOTIFY=FAILURE ORCPT=rfc822;Orig+2Binal@old.test"), ("yes@one.test", "")])
        got = expect_report(world.third, SENDER, {"no@one.test": "failed"})
        expect_equal(str(got.about["Original-Envelope-Id"]), "QQ314159+1", "Original-Envelope-Id")
        expect_equal(str(got.about["Reporting-MTA"]), "dns; mail.relay.test", "Reporting-MTA")
        expect(got.about["Arrival-Date"] is not None, "no Arrival-Date")
        one = got.by_recipient()["no@one.test"]
        expect_equal(str(one["Original-Recipient"]), "rfc822; Orig+inal@old.test", "Original-Recipient")
        expect_equal(str(one["Status"]), "5.1.1", "Status")
        expect_equal(str(one["Remote-MTA"]), "dns; first.mx.test", "Remote-MTA")
        for words in ("550", "No such", "user here"):
            expect_in(words, str(one["Diagnostic-Code"]), "Diagnostic-Code")
        expect_equal(got.original.get_content_type(), kind, "what comes back")
        back = got.original.as_bytes()
        expect_in(b"Subject: A test", back, "what comes back")
        expect_equal(b"A secret." in back, whole, "whether the text comes back")
        expect_in("no@one.test", got.words.get_content(), "the words")
        expect(got.taken.parameters == [] or "RET" not in " ".join(got.taken.parameters), "the report asks for reports")
        is_empty(world.relay)
        expect_equal(world.counts(), [1, 0, 1], "messages")


@cases("through", "store")
def success_is_reported_where_the_next_hop_does_not_know_dsn(mode):
    with World(offers=NO_DSN, route={"mode": mode}) as world:
        recipients = [("a@one.test", " NOTIFY=SUCCESS ORCPT=rfc822;x@old.test"), ("b@one.test", " NOTIFY=FAILURE"), ("c@one.test", "")]
        send_with(world, "FULL", recipients)
        got = expect_report(world.third, SENDER, {"a@one.test": "relayed"})
        one = got.by_recipient()["a@one.test"]
        expect_equal(str(one["Status"])[:2], "2.", "Status")
        expect_equal(str(one["Original-Recipient"]), "rfc822; x@old.test", "Original-Recipient")
        # RFC 3461 5.2.1 (and 4.3): RET is about failures.
        expect_not_in(b"A secret.", got.taken.content, "the report")
        is_empty(world.relay)
        expect_equal(world.counts(), [1, 0, 1], "messages")
        expect_equal(world.first.messages[0].recipients, [address for address, _ in recipients], "recipients")


@cases("through", "store")
def what_was_asked_for_is_passed_on_where_the_next_hop_knows_dsn(mode):
    with World(route={"mode": mode}) as world:
        asked = " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@old.test"
        send_with(world, "HDRS", [("a@one.test", asked), ("b@one.test", " NOTIFY=NEVER")])
        arrived = world.first.only()
        for word in ENVELOPE.format(ret="HDRS").split():
            expect_in(word, arrived.parameters, "parameters of MAIL")
        lines = [line.decode().strip() for _, line in world.first.commands if line.startswith(b"RCPT")]
        expect_equal(lines, ["RCPT TO:<a@one.test>" + asked, "RCPT TO:<b@one.test> NOTIFY=NEVER"], "RCPT")
        is_empty(world.relay)
        expect_equal((world.relay.counter("reports"), world.counts()), (0, [0, 0, 0]), "reports")


@cases("NEVER", "SUCCESS", "DELAY")
def a_failure_is_not_reported_to_who_does_not_want_it(notify):
    with World(route={"mode": "store"}) as world:
        refusing(world.first)
        send_with(world, "FULL", [("no@one.test", f" NOTIFY={notify}"), ("yes@one.test", "")])
        world.first.wait(1)
        is_empty(world.relay)
        expect_equal((world.relay.counter("reports"), world.counts()), (0, [1, 0, 0]), "reports")


@test
def recipients_of_one_message_are_reported_together_by_kind():
    with World(route={"mode": "store"}, offers=NO_DSN) as world:
        refusing(world.first)
        send_with(world, "HDRS", [("no1@one.test", ""), ("no2@one.test", ""), ("yes1@one.test", " NOTIFY=SUCCESS"),
                                  ("yes2@one.test", " NOTIFY=SUCCESS,FAILURE")])  # fmt: skip
        until(lambda: len(reports(world.third)) == 2, "two reports")
        is_empty(world.relay)
        got = sorted((one.actions() for one in reports(world.third)), key=str)
        expect_equal(got, [{"no1@one.test": "failed", "no2@one.test": "failed"},
                           {"yes1@one.test": "relayed", "yes2@one.test": "relayed"}], "what is reported")  # fmt: skip


@cases("through", "store")
def a_message_from_nobody_is_never_reported(mode):
    with World(route={"mode": mode}, offers=NO_DSN) as world:
        refusing(world.first)
        with world.relay.client() as client:
            asked = " NOTIFY=SUCCESS,FAILURE"
            client.submit(mail.compose(), sender="", recipients=[("no@one.test", asked), ("yes@one.test", asked)])
        world.first.wait(1)
        is_empty(world.relay)
        expect_equal((world.relay.counter("reports"), world.counts()), (0, [1, 0, 0]), "reports")


@test
def a_report_that_is_refused_ends_in_the_log():
    with World(route={"mode": "store"}) as world:
        refusing(world.first)
        world.third.on["end"] = b"550 5.7.1 No reports, please\r\n"
        world.send("no@one.test")
        world.relay.logged("queue", what="report")
        is_empty(world.relay)
        expect_equal(world.relay.counter("reports"), 1, "reports")
        expect_equal(world.counts(), [0, 0, 0], "messages")
        said = world.relay.logged("delivery", destination="default/example.com")
        expect_in("No reports, please", said["detail"], "the log's word on the report")


@test
def a_report_waits_as_other_mail_does():
    with World(route={"mode": "store"}) as world:
        refusing(world.first)
        world.third.on["MAIL"] = each(b"451 4.3.0 Later\r\n")
        world.send("no@one.test")
        expect_report(world.third, SENDER, {"no@one.test": "failed"})
        is_empty(world.relay)


@test
def a_customers_reports_have_a_limit():
    with World(route={"mode": "store"}, reports={"per_customer_hour": 2}, server={"cores": 1}) as world:
        refusing(world.first)
        for _ in range(5):
            world.send("no@one.test")
        is_empty(world.relay)
        expect_equal((world.relay.counter("reports"), world.relay.counter("reports_withheld")), (2, 3), "reports")
        expect_equal(len(reports(world.third)), 2, "reports that came")
        world.relay.logged("queue", what="report not sent")


if __name__ == "__main__":
    main()
