#!/usr/bin/env python3
"""Mail that is not delivered for long: its sender is told of the delay, and in the end that it failed, whatever the
message was waiting for."""

import os
import sys
import time
from contextlib import contextmanager

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import expect, expect_equal, expect_in, main, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.mailq import STORE, ask, closed_port, expect_report, is_empty, keeps, queue_id, refuse, reports, with_routes

EXPIRE_S = 6
BUSY = b"450 4.2.0 Busy\r\n"
SOON_OVER = {"expire_s": EXPIRE_S, "delay_report_s": 0}


@contextmanager
def waiting(parameters="", **queue):
    """A relay with a message for which its next hop has no time: the relay, the hop and the queue id.  PARAMETERS are
    its recipient's."""
    with Hop() as hop, keeps(hop, route=STORE, queue={**SOON_OVER, **queue}) as relay:
        hop.on["RCPT"] = refuse("waits", BUSY)
        with relay.client() as client:
            taken = client.submit(mail.compose(), recipients=[("waits@far.test", parameters)])
        yield relay, hop, queue_id(taken)


@test
def a_delay_is_reported_once_and_then_the_failure():
    with Hop() as hop, keeps(hop, route=STORE, queue={"expire_s": EXPIRE_S, "delay_report_s": 2}) as relay:
        hop.on["RCPT"] = refuse("waits", BUSY)
        with relay.client() as client:
            began = time.time()
            client.submit(mail.compose(), recipients=["waits@far.test", "taken@far.test"])
        delay = expect_report(hop, SENDER, {"waits@far.test": "delayed"})
        status = delay.by_recipient()["waits@far.test"]
        expect_equal(str(status["Status"]), "4.2.0", "its status")
        expect(status["Will-Retry-Until"] is not None, "no word on until when it is tried")
        until(lambda: len(reports(hop)) == 2, "the failure is reported", EXPIRE_S + 6)
        # A tenth of its time before the end, it is tried for the last time.
        expect(time.time() - began >= EXPIRE_S * 9 / 10, "it was given up before its time")
        failure = reports(hop)[1]
        expect_equal(failure.actions(), {"waits@far.test": "failed"}, "what is reported in the end")
        expect_in("450", str(failure.by_recipient()["waits@far.test"]["Diagnostic-Code"]), "the next hop's words")
        is_empty(relay)
        expect_equal([one.recipients for one in hop.messages if one.sender != ""], [["taken@far.test"]], "delivered")


@test
def no_delay_is_reported_where_notify_excludes_it():
    with waiting(" NOTIFY=FAILURE", delay_report_s=1) as (relay, hop, _):
        expect_report(hop, SENDER, {"waits@far.test": "failed"})
        is_empty(relay)


# ------------------------------------------------------------------------------------ whatever it waits for


@test
def a_message_that_is_held_expires():
    with waiting() as (relay, hop, held):
        ask(relay, "hold", held)
        hop.on.clear()
        expect_report(hop, SENDER, {"waits@far.test": "failed"})
        expect_equal(len(hop.messages), 1, "messages at the next hop: the report alone")
        is_empty(relay)


@test
def a_message_for_a_dead_host_expires():
    name, _ = closed_port()
    far = {"name": "far", "recipients": ["dead.test"], "hosts": [name], **STORE}
    with Hop() as hop, with_routes([far, {"hosts": [hop.name]}], queue={**SOON_OVER, "suspend_first_s": 3600, "suspend_max_s": 3600}) as relay:
        with relay.client() as client:
            client.submit(mail.compose(), recipients=["b@dead.test"])
        got = expect_report(hop, SENDER, {"b@dead.test": "failed"})
        expect_equal(str(got.by_recipient()["b@dead.test"]["Status"])[0], "5", "the class of its status")
        is_empty(relay)


@test
def a_message_whose_next_try_is_far_off_expires():
    with waiting(retry_s=[3600]) as (relay, hop, _):
        expect_report(hop, SENDER, {"waits@far.test": "failed"})
        is_empty(relay)


@test
def a_message_that_expired_while_the_relay_was_down_is_reported_at_the_next_start():
    with waiting(retry_s=[3600]) as (relay, hop, _):
        until(lambda: hop.verbs().count("RCPT") > 0, "a first try")
        relay.stop()
        time.sleep(EXPIRE_S + 1)
        hop.on.clear()
        relay.start()
        expect_report(hop, SENDER, {"waits@far.test": "failed"})
        expect_equal(len(hop.messages), 1, "messages at the next hop: the report alone")
        is_empty(relay)


@test
def a_message_of_nobody_expires_in_silence():
    with waiting(" NOTIFY=NEVER") as (relay, hop, _):
        is_empty(relay)
        expect_equal(relay.counter("queue_recipients_expired"), 1, "recipients that expired")
        expect_equal(hop.messages, [], "messages at the next hop")


if __name__ == "__main__":
    main()
