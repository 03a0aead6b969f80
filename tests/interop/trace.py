#!/usr/bin/env python3
"""The trace: what happened to a message, found by each thing that is known of it."""

import glob
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mailq import STORE, closed_port, keeps, queue_id, refuse
from lib.relay import SLUICECTL, Relay

ESCAPES = "\x1b[31m"


@shared
def next_hop():
    return Hop()


class Traced:
    """A relay that keeps a trace, and what sluicectl finds in it."""

    def __init__(self, make=Relay, hosts=None, **sections):
        self.relay = make(next_hop() if hosts is None else hosts, start=False, **sections)
        self.directory = self.relay.at("trace")

    def __enter__(self):
        self.relay.config["trace"] = {"directory": self.directory, "free_bytes_min": 0}
        self.relay.write_config()
        self.relay.start()
        return self

    def __exit__(self, kind, *_):
        self.relay.__exit__(kind)

    def words(self, *words):
        return [SLUICECTL, "--config", self.relay.config_file, "trace", *words]

    def run(self, *words):
        return subprocess.run(self.words(*words), capture_output=True, text=True, timeout=20, check=False)

    def found(self, *words):
        """The messages that meet WORDS, each as {"id", "events"}."""
        done = self.run("--json", *words)
        expect_equal(done.returncode, 0, f"the end of trace {words}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ids(self, *words):
        return [message["id"] for message in self.found(*words) if message["id"]]

    def wait(self, count, *words):
        until(lambda: len(self.ids(*words)) >= count, f"{count} messages are in the trace by {words}")


def a_message(client, number, recipient="ralph@far.test", sender="alice@example.com", wanted="250"):
    header = [f"Message-ID: <{number}@client.test>", "Date: Mon, 24 Nov 2025 10:00:00 +0000"]
    text = mail.compose(bare=True, header=header, sender=sender, recipient=recipient)
    return client.submit(text, sender=sender, recipients=[recipient], wanted=wanted)


@test
def a_message_is_found_by_what_is_known_of_it():
    with Traced(make=keeps, hosts=next_hop(), route=STORE) as traced:
        with traced.relay.client() as client:
            one = queue_id(a_message(client, 1))
            two = queue_id(a_message(client, 2, recipient="eve@near.test"))
        traced.wait(2, "--verdict", "relayed")
        for words in (
            ["--id", one],
            [one.lower()],
            ["--message-id", "<1@client.test>"],
            ["--sender", "ALICE@example.com", "--recipient", "ralph@far.test"],
            ["--recipient", "ralph@far.test"],
            ["--recipient", "@far.test"],
            ["--client", "127.0.0.1", "--recipient", "@FAR.test"],
        ):
            expect_equal(traced.ids(*words), [one], f"what is found by {words}")
        for words in (["--client", "127.0.0.1"], ["--sender", "@example.com"], ["--account", "alice@example.com"], ["--since", "1h"]):
            expect_equal(sorted(traced.ids(*words)), sorted([one, two]), f"what is found by {words}")
        expect_equal(traced.ids("--until", "1h"), [], "what happened an hour ago")
        expect_equal(traced.ids("--recipient", "nobody@far.test"), [], "what was sent to nobody")
        for host in (next_hop().name, "127.0.0.1"):
            expect_equal(sorted(traced.ids("--next-hop", host)), sorted([one, two]), f"what is found by {host}")
        events = [event["event"] for event in traced.found(one)[0]["events"]]
        expect_equal(events[0], "message", "the first event")
        expect_in("delivery", events, "the events of the message")
        text = traced.run(one).stdout
        for words in (one, "alice@example.com", "ralph@far.test", "1@client.test", "client 127.0.0.1"):
            expect_in(words, text, "what is shown of the message")
    next_hop().wait(2).clear()


@test
def words_of_a_reply_are_found_and_escape_nothing():
    words = f"550 5.1.1 Nobody {ESCAPES}here\r\n".encode()
    with Hop() as hop, Traced(hosts=hop) as traced:
        hop.on["RCPT"] = refuse("gone", words)
        with traced.relay.client() as client:
            client.say("MAIL FROM:<alice@example.com>", "250")
            client.say("RCPT TO:<gone@far.test>", "550")
        until(lambda: traced.found("--words", "nobody"), "the next hop's words are in the trace")
        shown = traced.run("--words", "NOBODY").stdout
        expect_in("refused", shown, "what is shown")
        expect_not_in("\x1b", shown, "what is shown")
        expect_equal(traced.found("--words", "no such words"), [], "what is found by other words")


@test
def a_kill_costs_the_trace_a_second_at_most_and_damage_itself_alone():
    with Traced(make=keeps, hosts=closed_port()[0], route=STORE) as traced:
        with traced.relay.client() as client:
            first = queue_id(a_message(client, 1))
        traced.wait(1, first)
        traced.relay.process.send_signal(signal.SIGKILL)
        traced.relay.process.wait(10)
        expect_equal(traced.ids(first), [first], "what is in the trace behind a kill")
        [blocks] = glob.glob(os.path.join(traced.directory, "*.blocks"))
        size = os.path.getsize(blocks)
        traced.relay.start()
        with traced.relay.client() as client:
            second = queue_id(a_message(client, 2))
        traced.wait(1, second)
        expect_equal(traced.ids(first), [first], "what is in the trace behind a start")
        with open(blocks, "r+b") as file:
            file.seek(size - 12)
            file.write(b"damaged!")
        done = traced.run("--json", "--all")
        expect_equal(done.returncode, 0, "the end of sluicectl")
        expect_in(second, done.stdout, "what is found behind damage")
        expect_in("damaged", done.stderr, "what is said of the damage")


@test
def mail_goes_on_where_the_trace_cannot_be_written():
    with Traced() as traced:
        traced.relay.stop()
        expect(os.path.isdir(traced.directory), "the directory is made at the start")
        os.rename(traced.directory, traced.directory + ".away")
        with open(traced.directory, "w", encoding="utf-8") as file:
            file.write("no directory\n")
        traced.relay.start()
        with traced.relay.client() as client:
            for number in range(3):
                a_message(client, number)
        next_hop().wait(3).clear()
        until(lambda: traced.relay.log("trace_not_written"), "the operator is told")
        expect_equal(len(traced.relay.log("trace_not_written")), 1, "how often it is said")
        os.unlink(traced.directory)
        with traced.relay.client() as client:
            until(lambda: a_message(client, 4) and traced.relay.log("trace_written"), "the trace goes on", 15)
            a_message(client, 5)
        until(lambda: traced.found("--message-id", "5@client.test"), "what came since is found")
    next_hop().messages.clear()


@test
def follow_shows_what_happens_from_now_on():
    with Traced() as traced:
        with traced.relay.client() as client:
            a_message(client, 1)
            until(lambda: traced.found("--message-id", "1@client.test"), "the first is in the trace")
            command = traced.words("--json", "--follow", "--recipient", "@far.test")
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
                try:
                    expect_in("1@client.test", follower.stdout.readline(), "what was there")
                    a_message(client, 2)
                    # What is still to happen to the first may come between.
                    expect(any("2@client.test" in line for line in follower.stdout), "what came is shown")
                finally:
                    follower.terminate()  # a background job of a shell is started with SIGINT ignored
    next_hop().messages.clear()


@test
def addresses_in_the_trace_are_what_the_log_keeps():
    with Traced(log={"recipients": "shorten", "client_addresses": "shorten"}) as traced:
        with traced.relay.client() as client:
            a_message(client, 1)
        until(lambda: traced.found("--message-id", "1@client.test"), "it is in the trace")
        shown = traced.run("--message-id", "1@client.test").stdout
        expect_in("*@far.test", shown, "what is shown")
        expect_not_in("ralph", shown, "what is shown")
        expect_in("127.0.0.0/24", shown, "what is shown")
    next_hop().messages.clear()


@test
def without_a_trace_the_setting_is_named():
    with Relay(next_hop()) as relay:
        done = subprocess.run([SLUICECTL, "--config", relay.config_file, "trace", "0SB1"], capture_output=True, text=True, timeout=20, check=False)
        expect_equal(done.returncode, 1, "the end of sluicectl")
        expect_in("trace.directory", done.stderr, "what is said")


@test
def a_word_that_is_none_is_named():
    done = subprocess.run([SLUICECTL, "trace", "--verdict", "takn"], capture_output=True, text=True, timeout=20, check=False)
    expect_equal(done.returncode, 2, "the end of sluicectl")
    expect_in("did you mean taken?", done.stderr, "what is said")


if __name__ == "__main__":
    main()
