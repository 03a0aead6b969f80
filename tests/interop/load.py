#!/usr/bin/env python3
"""The load tools: sluice-load -> sluice -> sluice-sink in all the ways that mail is sent, what is refused, lost and doubled on
the way, and both tools beside smtp-source and smtp-sink."""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import wire
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_between, expect_equal, expect_in, main, test, until
from lib.load import LoadSink, begin_load, end_load, load
from lib.mail import SENDER
from lib.mailq import STORE
from lib.relay import PASSWORD, Relay
from lib.sinks import SmtpSink

LOGIN = ("--user", SENDER, "--password", PASSWORD, "--server-name", wire.HOST)
LOST = ("lost", "doubled", "changed", "denied", "strays")


def expect_good(results, messages, copies=None):
    expect_equal(results["accepted_messages"], messages, "messages that were accepted")
    expect_equal(results["sink"]["received"], copies or messages, "copies at the sink")
    expect_equal({name: results["sink"][name] for name in LOST}, dict.fromkeys(LOST, 0), "what went wrong on the way")
    expect_equal(results["stages"]["whole"]["count"], messages, "messages that were measured")


@cases(
    ("closed", "clear", 200, ("--messages", "200")),
    ("two_threads", "clear", 200, ("--messages", "200", "--threads", "2")),
    ("open", "clear", 100, ("--rate", "200", "--duration", "0.5")),
    ("poisson", "clear", 100, ("--rate", "300", "--arrivals", "poisson", "--messages", "100")),
    ("bdat", "clear", 100, ("--messages", "100", "--bdat", "--size", "1-60K")),
    ("chunks", "clear", 50, ("--messages", "50", "--bdat", "--chunk", "1K", "--no-pipelining")),
    ("one_command_at_a_time", "clear", 50, ("--messages", "50", "--no-pipelining", "--auth", "login")),
    ("recipients", "clear", 50, ("--messages", "50", "--recipients", "4")),
)
def through_the_relay(_name, listener, messages, options):
    with LoadSink() as sink, Relay(sink) as relay:
        results = load(relay.ports[listener], *LOGIN, *options, sink=sink)
        expect_good(results, messages, copies=messages * 4 if "--recipients" in options else None)
        expect_equal(sink.results()["runs"][0]["gaps"], 0, "messages that are missing")


@cases(("full", ()), ("resumed", ("--resume",)))
def tls_through_the_relay(name, options):
    with LoadSink("--tls", "starttls") as sink, Relay(sink, route={"tls": "required", "verify": False}) as relay:
        for listener in ("starttls", "implicit"):
            results = load(relay.ports[listener], *LOGIN, *options, "--tls", listener, "--messages", "40", "--sessions", "4",
                          "--per-connection", "1", sink=sink)  # fmt: skip
            expect_good(results, 40)
            resumed = 36 if name == "resumed" else 0
            expect_equal((results["tls_full"], results["tls_resumed"]), (40 - resumed, resumed), "handshakes in full, and resumed")
            expect_equal(results["stages"]["tls"]["count"], 40, "handshakes that were measured")
        seen = sink.results()
        expect(seen["tls_full"] > 0 and seen["tls_failed"] == 0, f"the relay speaks TLS to the sink: {seen}")


@test
def what_the_sink_refuses_is_refused_and_not_lost():
    with LoadSink("--refuse", "rcpt=554:10") as sink, Relay(sink) as relay:
        results = load(relay.ports["clear"], *LOGIN, "--messages", "100", sink=sink)
        expect_equal((results["copies"]["refused"], results["copies"]["accepted"]), (10, 90), "copies refused, and accepted")
        expect_equal((results["sink"]["received"], results["sink"]["lost"]), (90, 0), "copies received, and lost")
        expect_equal(results["errors"], {"RCPT: 554 5.7.0 Refused on demand": 10}, "what was said")


@test
def what_the_sink_refuses_once_it_was_accepted_is_not_lost():
    with LoadSink("--refuse", "content=554:10") as sink, Relay(sink, route=STORE) as relay:
        results = load(relay.ports["clear"], *LOGIN, "--messages", "100", sink=sink)
        expect_equal((results["copies"]["accepted"], results["sink"]["lost"]), (100, 0), "copies accepted, and lost")
        expect_equal(results["sink"]["received"] + results["sink"]["refused_by_sink"], 100, "copies that are accounted for")
        # The relay's DSNs, one for each copy that the sink refuses, come to the sink too: of up to 110 messages it refuses
        # eleven, and one or two of these may be DSNs.
        expect_between(results["sink"]["refused_by_sink"], 8, 11, "accepted, then refused by the sink")


@test
def what_the_sink_defers_is_with_the_relay():
    with LoadSink("--refuse", "rcpt=451:10") as sink:
        with Relay(sink, route=STORE) as relay:
            results = load(relay.ports["clear"], *LOGIN, "--messages", "100", sink=sink)
            expect_equal(results["copies"]["accepted"], 100, "copies that were accepted")
            expect_equal(results["sink"]["lost"], 0, "copies that were lost")
            expect_equal(results["sink"]["received"] + results["sink"]["deferred_by_sink"], 100, "copies that are accounted for")
            expect_between(results["sink"]["deferred_by_sink"], 8, 10, "copies that wait in the relay")


@test
def what_a_server_takes_and_drops_is_lost():
    with LoadSink() as sink:
        hole = SmtpSink()
        try:
            results = load(hole.port, "--messages", "30", "--settle", "0.3", sink=sink, wanted=1)
        finally:
            hole.stop()
        expect_equal(results["copies"]["accepted"], 30, "copies that were accepted")
        expect_equal(results["sink"]["lost"], 30, "copies that were lost")
        expect_equal(results["lost_messages"], list(range(1, 11)), "the first of them")


@test
def what_comes_twice_is_doubled():
    with LoadSink() as sink:
        load(sink.port, "--run", "abc", "--messages", "30", sink=sink)
        results = load(sink.port, "--run", "abc", "--messages", "20", sink=sink, wanted=1)
        expect_equal((results["sink"]["doubled"], results["sink"]["lost"]), (20, 0), "copies doubled, and lost")
        expect_equal(sink.results()["runs"][0]["doubled"], 20, "what the sink says")


@test
def a_signal_ends_a_run_and_settles_it():
    with LoadSink() as sink:
        process = begin_load(sink.port, "--duration", "100", "--rate", "100", sink=sink)
        until(lambda: process.poll() is not None or _established(sink.port), "the run has begun")
        process.send_signal(signal.SIGINT)
        results = end_load(process, 0)
        expect_equal(results["sink"]["received"], results["accepted_messages"], "copies at the sink")


def _established(port):
    with open("/proc/net/tcp", encoding="ascii") as file:
        return any(f":{port:04X} " in line and line.split()[3] == "01" for line in file)


@test
def without_a_server_it_says_so_and_ends():
    with LoadSink() as sink:
        free = sink.port
    results = load(free, "--messages", "1000", wanted=1)
    expect_in("connect: Connection refused", results["gave_up"], "why it gave up")


# ------------------------------------------------------------------------------------ beside Postfix's


@cases(("each_its_connection", ()), ("kept_connections", ("-d",)))
def smtp_source_and_sluice_load_are_the_same_to_a_sink(_name, kept):
    """Messages, connections and bytes of a message agree."""
    with LoadSink() as sink:
        command = ["/usr/sbin/smtp-source", *kept, "-s", "5", "-m", "100", "-l", "2000", "-f", "a@client.example", "-t",
                   "b@sink.example", sink.name]  # fmt: skip
        subprocess.run(command, check=True, timeout=20 * TIMEOUT_FACTOR)
        theirs = sink.results()
    with LoadSink() as sink:
        per_connection = () if kept else ("--per-connection", "1")
        load(sink.port, "--sessions", "5", "--messages", "100", "--size", "2000", *per_connection, sink=sink)
        ours = sink.results()
    expect_equal(theirs["foreign"], 100, "messages that are of no run")
    expect_equal(ours["messages"], theirs["messages"], "messages")
    # The probes that wait for the sink, and the one for the ledger, are not among them.
    expect_between(ours["connections"], theirs["connections"] - 1, theirs["connections"] + 1, "connections")
    # A header of three fields there, of six here.
    expect_between(ours["bytes"] / 100, theirs["bytes"] / 100, theirs["bytes"] / 100 + 500, "bytes of a message")


@cases(("data", ()), ("no_pipelining", ("--no-pipelining",)), ("asked_for_bdat", ("--bdat",)))
def smtp_sink_has_what_sluice_load_has_sent(_name, options):
    sink = SmtpSink()
    try:
        results = load(sink.port, "--messages", "50", "--sessions", "5", *options)
        expect_equal(results["copies"]["accepted"], 50, "copies that were accepted")
        arrived = sink.wait(50)
        numbers = sorted(int(one.recipients[0].split("-")[2]) for one in arrived)
        expect_equal(numbers, list(range(1, 51)), "the numbers that arrived")
        for one in arrived:
            body = one.content.split(b"\r\n\r\n", 1)[1]
            expect_equal(len(body), 4096, "bytes of a body")
    finally:
        sink.stop()


if __name__ == "__main__":
    main()
