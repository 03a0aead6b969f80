#!/usr/bin/env python3
"""Mail is signed on every way out, and each signature is good to two verifiers (dkimpy, OpenDKIM) as a real next hop
receives it; and what becomes of mail that cannot be signed."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.dkim_verifiers import KeyDirectory, OpenDkim, dkimpy_verdict, make_key, signatures_of, tags_of
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import OFFERS, Hop, each
from lib.mailq import LATER, SOON, STORE, keeps, only_queued, with_routes
from lib.relay import Relay, under
from lib.wire import HOST

DOMAIN, ISP = "example.com", "isp.test"
BOTH = ["rsa-sha256", "ed25519-sha256"]
# 64 KiB are gathered as a small message; 1 MiB may be held in memory.
SMALL, MIDDLE, LONG = 3_000, 300_000, 1_500_000


# --------------------------------------------------------------------------------------------- keys, verifiers


@shared
def keys():
    """RSA and Ed25519 of example.com, one of them in each form of file, and RSA alone of isp.test."""
    return KeyDirectory(under("keys"), ((DOMAIN, "one", "rsa", "PEM"), (DOMAIN, "two", "ed25519", "DER"), (ISP, "isp", "rsa", "PEM")))


@shared
def opendkim():
    return OpenDkim(keys().records)


def bad_ones(text):
    """Which signatures of TEXT are not good, as the two verifiers have them."""
    found, rest = signatures_of(text)
    verdicts = []
    for field in found:
        verdicts += [("dkimpy", dkimpy_verdict(field + rest, keys().records)), ("OpenDKIM", opendkim().verdict(field + rest))]
    return [(who, verdict) for who, verdict in verdicts if verdict != "good"]


def expect_signed(text, signers=((DOMAIN, BOTH),)):
    """TEXT has these signatures, all good, in front of all else; with one byte changed none is."""
    found, rest = signatures_of(text)
    expect(text.startswith(b"".join(found)), f"signatures are not in front: {text[:200]!r}")
    wanted = [(domain, algorithm) for domain, algorithms in signers for algorithm in algorithms]
    expect_equal([(tags_of(field)["d"], tags_of(field)["a"]) for field in found], wanted, "signatures")
    expect_equal(bad_ones(text), [], "signatures that are not good")
    changed = text[:-5] + bytes([text[-5] ^ 1]) + text[-4:]
    expect_equal(len(bad_ones(changed)), 2 * len(found), "bad ones where a byte of the body is changed")
    return rest


def signing(**more):
    return {"enabled": True, "key_directory": keys().path, **more}


def made(relay):
    return relay.counter("signatures_rsa"), relay.counter("signatures_ed25519")


# ----------------------------------------------------------------------------------------------------- ways out

WAYS = {"cut_through": {"fallback": True}, "eager": {"fallback": True, "dialog": "eager"}, "alone": {"fallback": False}, "queue_first": STORE}
CHUNKING = (*OFFERS, "CHUNKING")
CONTENTS = {"small": SMALL, "middle": MIDDLE, "long": LONG}


@cases(*((f"{way}-{size}-{'bdat' if chunks else 'data'}", way, size, chunks) for way in WAYS for size in CONTENTS for chunks in (False, True)
         if (way, size) != ("alone", "long")))  # fmt: skip
def mail_is_signed(_name, way, size, chunks):
    message = mail.compose(mail.text_of(CONTENTS[size], seed=size))
    with Hop(offers=CHUNKING if chunks else OFFERS) as hop, Relay(hop, route=WAYS[way], dkim=signing(), queue=SOON) as relay:
        with relay.client() as client:
            client.submit(message)
        arrived = hop.only()
        expect_equal(arrived.by, "BDAT" if chunks else "DATA", "how it came")
        expect_equal([name for name, _ in mail.added_fields(expect_signed(arrived.content), message)], ["Received"], "other fields")
        expect_equal(made(relay), (1, 1), "signatures made")
        # It was hashed while it came, and what the spool had of it was read once.
        expect_equal(relay.counter("signing_hashed_sending_bytes"), 0, "bytes that were hashed when it was sent")
        expect(relay.counter("signing_hashed_coming_bytes") >= len(message), "bytes that were hashed while it came are missing")
        expect(relay.counter("spool_read_bytes") <= len(message) + 64 * 1024, "the spool was read twice")


@test
def a_message_by_bdat_is_signed_for_a_hop_with_data_alone():
    message = mail.compose(b".leading dot\r\n..two\r\n" + mail.text_of(SMALL, seed=1))
    with Hop() as hop, Relay(hop, dkim=signing()) as relay, relay.client() as client:
        client.submit_chunks([message[:100], message[100:]])
        expect(expect_signed(hop.only().content).endswith(message), "the message is another one")


@test
def small_mail_still_goes_out_in_one_send():
    with Hop(offers=CHUNKING) as hop, Relay(hop, route={"fallback": True}, dkim=signing()) as relay, relay.client() as client:
        client.submit(mail.compose())
        expect_signed(hop.only().content)
        # Nothing was waited for between MAIL and the end: EHLO (twice), MAIL, RCPT, BDAT LAST.
        expect_equal(hop.verbs()[:4], ["EHLO", "MAIL", "RCPT", "BDAT"], "commands")


@test
def date_and_message_id_that_are_added_are_signed():
    with Hop() as hop, Relay(hop, dkim=signing()) as relay, relay.client() as client:
        client.submit(mail.compose(bare=True))
        text = hop.only().content
        expect_signed(text)
        expect_in("date:message-id", tags_of(signatures_of(text)[0][0])["h"].lower().replace("date:date", "date"), "h=")


@test
def a_message_that_waits_is_signed_when_it_goes():
    with Hop() as hop, keeps(hop, dkim=signing()) as relay, relay.client() as client:
        hop.on["end"] = each(b"451 4.3.0 Not now\r\n")
        client.submit(mail.compose())
        expect_signed(hop.only().content)
        expect_signed(hop.seen[0].content)


@test
def after_a_kill_it_is_signed_anew():
    with Hop() as hop, keeps(hop, route=STORE, dkim=signing(), queue=LATER) as relay:
        hop.on["end"] = each(b"451 4.3.0 Not now\r\n")
        with relay.client() as client:
            client.submit(mail.compose(mail.text_of(MIDDLE, seed=2)))
        until(lambda: hop.seen, "a first try")
        relay.logged("delivery")
        relay.kill()
        relay.start()
        relay.control("queue", "flush", only_queued(relay)["id"])
        expect_signed(hop.only().content)
        expect(relay.counter("signing_hashed_sending_bytes") >= MIDDLE, "bytes that were hashed when it was sent are missing")


# ----------------------------------------------------------------------------------------------- forms of content

EIGHT_BIT = "Grüße aus Köln. ".encode() * 20 + b"\r\n"
MIME = ("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")


@cases(("small", {"fallback": True}, 1), ("queued", STORE, 1), ("long", STORE, 1000), ("alone", {"fallback": False}, 1000))
def eight_bit_mail_is_signed_as_each_hop_gets_it(_name, route, times):
    message = mail.compose(EIGHT_BIT * times, header=MIME)
    for offers, as_it_is in ((OFFERS, True), (("PIPELINING", "DSN"), False)):
        with Hop(offers=offers) as hop, Relay(hop, route=route, dkim=signing(), queue=SOON) as relay, relay.client() as client:
            client.submit(message, parameters=" BODY=8BITMIME")
            rest = expect_signed(hop.only().content)
            expect_equal(rest.endswith(message), as_it_is, "the message as it was")
            expect_equal(any(byte > 127 for byte in rest), as_it_is, "bytes over 127")
            expect_equal(made(relay), (1, 1), "signatures made")


@test
def a_header_beyond_ascii_is_signed():
    message = mail.compose(header=(*MIME, "X-Greeting: Grüße", "Keywords: Grüße")).replace(b"A test", "Grüße".encode())
    with Hop() as hop, Relay(hop, dkim=signing()) as relay, relay.client() as client:
        client.submit(message, parameters=" SMTPUTF8 BODY=8BITMIME")
        text = hop.only().content
        found, rest = signatures_of(text)
        expect_equal(len(found), 2, "signatures")
        for field in found:
            expect_equal(dkimpy_verdict(field + rest, keys().records), "good", "dkimpy")


@test
def one_signature_of_each_form_serves_all_destinations():
    recipients = [f"user{i}@{place}.test" for place in ("east", "west", "north", "south", "old") for i in range(10)]
    hops = {place: Hop() for place in ("east", "west", "north", "south")} | {"old": Hop(offers=("PIPELINING",))}
    routes = [{"name": place, "hosts": [hop.name], "recipients": [f"{place}.test"]} for place, hop in hops.items()]
    try:
        with with_routes([*routes, {"hosts": [hops["east"].name]}], dkim=signing(), server={"cores": 1}) as relay, relay.client() as client:
            for hop in hops.values():
                # All of them have it in work before the first has taken it.
                hop.on["DATA"] = lambda _: until(lambda: all("DATA" in each.verbs() for each in hops.values()), "all at DATA") and None
            client.submit(mail.compose(EIGHT_BIT, header=MIME), recipients=recipients, parameters=" BODY=8BITMIME")
            for hop in hops.values():
                arrived = hop.only()
                expect_equal(len(arrived.recipients), 10, "recipients")
                expect_signed(arrived.content)
            expect_equal(made(relay), (2, 2), "signatures made: of the 8-bit form and of the 7-bit one")
    finally:
        for hop in hops.values():
            hop.stop()


# ------------------------------------------------------------------------------------------------ whose signatures


@test
def the_isp_signs_besides():
    with Hop() as hop, Relay(hop, dkim=signing(isp_domain=ISP)) as relay, relay.client() as client:
        client.submit(mail.compose())
        expect_signed(hop.only().content, ((DOMAIN, BOTH), (ISP, BOTH[:1])))


@cases(*((canonical, canonical) for canonical in ("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple")))
def tags_are_as_configured(_name, canonical):
    dkim = signing(canonicalization=canonical, algorithms=BOTH[1:], lifetime_s=86400)
    with Hop() as hop, Relay(hop, dkim=dkim) as relay, relay.client() as client:
        client.submit(mail.compose(b"Two  spaces \r\n\r\n\r\n"))
        text = hop.only().content
        expect_signed(text, ((DOMAIN, BOTH[1:]),))
        tags = tags_of(signatures_of(text)[0][0])
        expect_equal((tags["c"], tags["s"]), (canonical, "two"), "c= and s=")
        expect_equal(int(tags["x"]) - int(tags["t"]), 86400, "seconds that it is good for")
        expect_not_in("l", tags, "tags")


@test
def where_the_next_hop_signs_nothing_is_signed():
    with Hop() as hop, Relay(hop, route={"sign": False}, dkim=signing()) as relay, relay.client() as client:
        message = mail.compose()
        client.submit(message)
        mail.expect_intact(hop.only().content, message)


@test
def strangers_signatures_stay():
    stranger = ("DKIM-Signature: v=1; a=rsa-sha256; d=list.test; s=x; c=simple/simple;", "\th=From; bh=AAAA; b=BBBB")
    message = mail.compose(header=stranger)
    with Hop() as hop, Relay(hop, dkim=signing()) as relay, relay.client() as client:
        client.submit(message)
        text = hop.only().content
        expect(text.endswith(message), "the message was changed")
        found = signatures_of(text)[0]
        expect_equal([tags_of(field)["d"] for field in found], [DOMAIN, DOMAIN, "list.test"], "signatures")
        rest = signatures_of(text)[1]
        for field in found[:2]:
            expect_equal(dkimpy_verdict(field + rest, keys().records), "good", "dkimpy")


@cases(("its body hash is not that of the body", ""), ("the tag s= is there twice", "; s=again"))
def a_customers_own_broken_signature_is_told_of_and_passed_on(reason, rest):
    body = "Fml0IGlzIG5vdCB0aGUgaGFzaCBvZiB0aGUgYm9keSE="
    own = f"DKIM-Signature: v=1; a=rsa-sha256; d={DOMAIN}; s=theirs; c=relaxed/relaxed; h=From; bh={body}; b=BBBB{rest}"
    message = mail.compose(header=(own,))
    with Hop() as hop, Relay(hop, dkim=signing()) as relay, relay.client() as client:
        client.submit(message)
        text = hop.only().content
        expect(text.endswith(message), "the message was changed")
        line = relay.logged("signature_broken", domain=DOMAIN)
        expect_equal((line["selector"], line["reason"]), ("theirs", reason), "the broken one")
        expect_equal(relay.counter("signatures_broken_before"), 1, "broken signatures")


# ------------------------------------------------------------------------------------------------- without a key

BOB = {"sender": "bob@example.net"}


def by_bob(relay, wanted="250"):
    with relay.client(name=BOB["sender"], password="bob:has=a%secret") as client:
        return client.submit(mail.compose(**BOB), **BOB, wanted=wanted)


@cases(("send", "sent", ()), ("isp", "signed by the ISP alone", ((ISP, BOTH[:1]),)))
def mail_of_a_domain_without_key_goes_by_the_rule(rule, effect, signers):
    dkim = signing(unsigned=rule, **({"isp_domain": ISP} if rule == "isp" else {}))
    with Hop() as hop, Relay(hop, dkim=dkim) as relay:
        by_bob(relay)
        expect_signed(hop.only().content, signers)
        line = relay.logged("message_not_signed")
        expect_equal((line["domain"], line["effect"]), ("example.net", effect), "the log")
        expect_equal(relay.counter("messages_without_key"), 1, "messages without key")


@cases(("cut_through", {"fallback": True}), ("eager", {"dialog": "eager", "fallback": True}), ("queue_first", STORE))
def mail_of_a_domain_without_key_is_refused_where_that_is_the_rule(_name, route):
    with Hop() as hop, Relay(hop, route=route, dkim=signing(unsigned="refuse")) as relay:
        expect_in("5.7.1", str(by_bob(relay, wanted="550")), "the reply")
        expect_equal(relay.logged("message_not_signed")["effect"], "refused", "the log's word")
        with relay.client() as client:
            client.submit(mail.compose())
        expect_signed(hop.only().content)


@cases(("send", "sent"), ("refuse", "deferred"))
def a_key_that_others_may_read_is_not_used_and_the_log_says_so(rule, effect):
    place = os.path.join(keys().path, "example.net")
    os.makedirs(place, exist_ok=True)
    path = os.path.join(place, "open.pem")
    make_key(path, "ed25519")
    os.chmod(path, 0o644)
    try:
        with Hop() as hop, keeps(hop, dkim=signing(unsigned=rule)) as relay:
            by_bob(relay)
            line = relay.logged("message_not_signed")
            expect_equal(line["effect"], effect, "the log's word")
            expect_in(f"{path}: others may read it", line["reason"], "the reason")
            if rule == "send":
                expect_signed(hop.only().content, ())
            else:
                expect_in("451 4.7.5", str(only_queued(relay)), "what the queue says")
    finally:
        os.unlink(path)


@test
def a_new_key_counts_at_a_reload_at_once():
    path = under("new-keys")
    os.makedirs(os.path.join(path, "example.net"))
    with Hop() as hop, Relay(hop, dkim=signing(key_directory=path)) as relay:
        by_bob(relay)
        expect_equal(signatures_of(hop.only().content)[0], [], "signatures before")
        record = make_key(os.path.join(path, "example.net", "new.pem"), "rsa")
        relay.control("reload")
        by_bob(relay)
        text = hop.only().content
        expect_equal(dkimpy_verdict(text, {"new._domainkey.example.net": record}), "good", "dkimpy")
        expect_not_in("PRIVATE", relay.said() + str(relay.log()), "what the relay says")


# ------------------------------------------------------------------------------------------------ mail of our own


def dsns(hop):
    return [taken for taken in hop.messages if taken.sender == ""]


@test
def dsns_are_signed_by_the_isp():
    refuses = {"RCPT": lambda dialog: b"550 5.1.1 No\r\n" if "nobody" in dialog.rcpt else None}
    with Hop() as hop, keeps(hop, route=STORE, dkim=signing(isp_domain=ISP), reports={"from": f"postmaster@{ISP}"}) as relay:
        hop.on.update(refuses)
        with relay.client() as client:
            client.submit(mail.compose(), recipients=["nobody@far.test"])
        until(lambda: dsns(hop), "a DSN")
        expect_signed(dsns(hop)[0].content, ((ISP, BOTH[:1]),))


# An Authentication-Results field that claims to be ours is nobody's but a forger's (RFC 8601 5).
@test
def results_that_claim_to_be_ours_go():
    ours = f"Authentication-Results: {HOST}; dkim=pass"
    message = mail.compose(header=(ours, "Authentication-Results: other.test; spf=pass", f"authentication-results : (c) {HOST.upper()} 1; none"))
    with Hop() as hop, Relay(hop, dkim=signing()) as relay, relay.client() as client:
        client.submit(message)
        rest = expect_signed(hop.only().content)
        expect_equal(rest.lower().count(b"authentication-results"), 1, "fields that are left")
        expect_in(b"other.test", rest, "the one of another host")


@test
def a_stop_right_behind_the_start_ends_clean():
    """What looks after domains has only begun its first turn then; it once asked workers that were gone."""
    with Hop() as hop:
        relay = Relay(hop, dkim=signing(), start=False)
        for _ in range(20):
            relay.start()
            relay.stop()


# At the priority of the cores, which may have but one CPU with them, they held up the mail of those who do not sign.
@test
def threads_that_sign_leave_the_cpu_to_the_cores():
    def low_ones(relay):
        tasks = os.listdir(f"/proc/{relay.process.pid}/task")
        return sum(os.getpriority(os.PRIO_PROCESS, int(task)) == 10 for task in tasks)

    def settled(threads):
        """Threads give themselves their priority, some time after the relay is ready."""
        with Hop() as hop, Relay(hop, dkim=signing(threads=threads)) as relay:
            counts = [-1]
            while counts[-1:] * 3 != counts[-3:]:
                counts.append(low_ones(relay))
                time.sleep(0.2 * TIMEOUT_FACTOR)
            return counts[-1]

    expect_equal(settled(7) - settled(2), 5, "threads of low priority that more threads for signatures are")


if __name__ == "__main__":
    main()
