"""The queue of a relay, as a test asks for it: configuration in which mail does not wait long, and `sluicectl queue`."""

import email
import email.policy
import json
import re
import signal
import time

from lib import mail
from lib.harness import expect, expect_equal, expect_in, until
from lib.hop import OFFERS, Hop
from lib.relay import Relay, free_port

# What the next hop does not take is kept, and tried again within a second or two.
KEEP = {"fallback": True}
STORE = {"fallback": True, "mode": "store"}
SOON = {"retry_s": [1], "jitter_percent": 0, "suspend_first_s": 1, "suspend_max_s": 1}
LATER = {"retry_s": [3600], "jitter_percent": 0, "suspend_first_s": 3600, "suspend_max_s": 3600}

BOB = "bob@example.net"
THREE = ["one@far.test", "two@far.test", "three@far.test"]


def closed_port():
    """A next hop's name at which no server listens, and the port to start one on."""
    port = free_port()
    return f"127.0.0.1:{port}", port


def refuse(name, words=b"550 5.1.1 Nobody of that name\r\n"):
    """For "RCPT": WORDS to those whose address has NAME in it."""
    return lambda dialog: words if name in dialog.rcpt else None


def by_bob(client, count=1, recipient="b@far.test"):
    for _ in range(count):
        client.submit(mail.compose(sender=BOB), sender=BOB, recipients=[recipient])


def keeps(hosts, route=None, queue=None, **sections):
    """A relay that keeps what HOSTS do not take."""
    return Relay(hosts, route={**KEEP, **(route or {})}, queue={**SOON, **(queue or {})}, **sections)


def with_routes(routes, queue=None, **sections):
    """A relay with several routes: each a dict of its keys, the last one without conditions."""
    relay = Relay([], start=False, queue={**SOON, **(queue or {})}, **sections)
    relay.config["route"] = [{"tls": "none", "fallback": True, **route} for route in routes]
    relay.write_config()
    relay.start()
    return relay


class ByDns:
    """A server at each of ADDRESSES, all on PORT, and a relay that finds them by NAME_SERVER alone."""

    def __init__(self, addresses, port, name_server, offers=OFFERS, route=None, tls=None, **sections):
        self.port = port
        self.hops = [Hop(tls, offers, address=address, port=port) for address in addresses]
        dns = {"servers": [name_server.name], "unwanted": []}
        self.relay = keeps([], route={"mx": True, "port": port, **(route or {})}, dns=dns, **sections)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.relay.__exit__(kind)
        finally:
            for hop in self.hops:
                hop.__exit__(kind)


def ask(relay, *words):
    """`sluicectl queue WORDS`, as values."""
    return json.loads(relay.control("queue", *words, "--json"))


def listed(relay, *filters):
    return ask(relay, "list", *filters)


def show(relay, queue_id):
    rows = ask(relay, "show", queue_id)
    expect_equal([row["id"] for row in rows], [queue_id], "what show shows")
    return rows[0]


def states(row):
    """RECIPIENT -> what became of it."""
    return {one["recipient"]: one["state"] for one in row["recipients"]}


def only_queued(relay):
    rows = until(lambda: listed(relay), "a message is in the queue")
    expect_equal(len(rows), 1, "messages in the queue")
    return rows[0]


def is_empty(relay):
    """Waits until the relay has nothing left to deliver, in the queue and on the disk."""
    until(lambda: relay.counter("spool_messages") == 0 and not listed(relay), "nothing is left in the queue", 12)


def queue_id(reply):
    """Of a message that was taken with REPLY into the queue."""
    found = re.search(r"Queued as (\S+)$", str(reply))
    expect(found is not None, f"no queue id in {reply!r}")
    return found[1]


def killed(relay):
    """Ends the relay as a crash does."""
    relay.signal(signal.SIGKILL)
    relay.process.wait()
    relay.kill()


def stays(condition, what, seconds=2.5):
    """CONDITION() holds, and goes on to."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        expect(condition(), what)
        time.sleep(0.1)


# ------------------------------------------------------------------------------------ reports


class Report:
    """A delivery status notification that came to a next hop, taken apart by Python's parser."""

    def __init__(self, taken):
        self.taken = taken
        self.message = email.message_from_bytes(taken.content, policy=email.policy.SMTP)
        expect_equal(taken.sender, "", "the sender of a report")
        for part in self.message.walk():
            expect_equal(part.defects, [], f"defects of {part.get_content_type()}")
        expect_equal(self.message.get_content_type(), "multipart/report", "the type of a report")
        expect_equal(self.message.get_param("report-type"), "delivery-status", "the kind of a report")
        self.words, self.status, *rest = self.message.iter_parts()
        expect_equal(self.status.get_content_type(), "message/delivery-status", "the second part of a report")
        self.original = rest[0] if rest else None
        self.about, *self.recipients = self.status.get_payload()

    def by_recipient(self):
        """ADDRESS -> its fields."""
        return {one["Final-Recipient"].split(";")[1].strip(): one for one in self.recipients}

    def actions(self):
        return {address: str(one["Action"]) for address, one in self.by_recipient().items()}


def reports(hop):
    return [Report(taken) for taken in list(hop.messages) if taken.sender == ""]


def report(hop, seconds=10):
    """The one report that came to HOP."""
    found = until(lambda: reports(hop), "a report at the next hop", seconds)
    expect_equal(len(found), 1, "reports at the next hop")
    return found[0]


def expect_report(hop, to, actions):
    got = report(hop)
    expect_equal(got.taken.recipients, [to], "who gets it")
    expect_in(to, str(got.message["To"]), "To")
    expect_equal(got.actions(), actions, "what is reported")
    return got
