#!/usr/bin/env python3
"""The trace: what happened to a message, found by each thing that is known of it."""

import contextlib
import glob
import json
import os
import resource
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import disks, mail
from lib.harness import Skipped, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
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


def fill(path):
    """Until the disk has no room for another byte."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)


@test
def a_full_disk_costs_the_trace_what_comes_then_and_nothing_else():
    traced = Traced()
    if not disks.mount(traced.directory, "-t", "tmpfs", "-o", "size=1m", "none"):
        raise Skipped("this machine mounts no tmpfs")
    try:
        with traced, traced.relay.client() as client:
            a_message(client, 1)
            traced.wait(1, "--message-id", "1@client.test")
            filler = os.path.join(traced.directory, "filler")
            fill(filler)
            # The last page of the file may have room for some more.
            until(lambda: a_message(client, 2) and traced.relay.log("trace_not_written"), "the operator is told", 15)
            expect_in("less free space", traced.relay.log("trace_not_written")[0]["reason"], "the reason")
            expect_equal(traced.found("--message-id", "1@client.test")[0]["events"][0]["from"], "alice@example.com", "what was there")
            a_message(client, 3)
            os.unlink(filler)
            until(lambda: a_message(client, 4) and traced.relay.log("trace_written"), "the trace goes on", 15)
            expect(traced.relay.log("trace_written")[0]["lost"] > 0, "how much is missing is not said")
            until(lambda: traced.found("--message-id", "4@client.test"), "what came since is found")
            expect_equal(len(traced.relay.log("trace_not_written")), 1, "how often it is said")
    finally:
        disks.unmount(traced.directory, lazy=True)
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
def a_name_that_nobody_has_is_named_and_one_without_mail_is_not():
    with Traced() as traced:
        for words, wanted in (
            (["--account", "alcie@example.com"], "nothing was found: no such account, did you mean alice@example.com?"),
            (["--customer", "acmee"], "nothing was found: no such customer, did you mean acme?"),
            (["--account", "alcie@example.com", "--by", "reason"], "no such account, did you mean alice@example.com?"),
            (["--account", "alice@example.com"], ""),
            (["--customer", "acme"], ""),
            (["--sender", "alcie@example.com"], ""),
        ):
            done = traced.run(*words)
            expect_equal(done.returncode, 0, f"the end of trace {words}")
            (expect_in if wanted else expect_equal)(wanted, done.stderr, f"what is said of {words}")
        traced.relay.stop()
        done = traced.run("--account", "alcie@example.com")
        expect_equal((done.returncode, done.stderr), (0, ""), "what is said where no relay runs")


@test
def what_an_operator_does_with_a_message_is_in_its_trace():
    with Traced(make=keeps, hosts=closed_port()[0], route=STORE) as traced:
        with traced.relay.client() as client:
            one = queue_id(a_message(client, 1))
        traced.relay.control("queue", "hold", one.lower(), "--reason", "asked by its sender")
        traced.relay.control("queue", "release", "--account", "alice@example.com")
        traced.relay.control("queue", "bounce", one, "--reason", "no longer wanted")
        traced.wait(1, one, "--words", "no longer wanted")
        [message] = traced.found(one)
        orders = [(event["order"], event.get("reason")) for event in message["events"] if event["event"] == "queue_order"]
        expect_equal(orders, [("hold", "asked by its sender"), ("reject", "no longer wanted")], "the orders in the trace")
        of_account = [event.get("order") for found in traced.found("--account", "alice@example.com") for event in found["events"]]
        expect_in("release", of_account, "what is found of the account")
        said = traced.relay.control("explain", one)
        expect_in("was given up by an operator", said, "what is said of the end")
        expect_not_in("was not reached", said, "what is said of the end")


def forty_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


@test
def a_trace_of_more_segments_than_files_may_be_open_is_read():
    with Traced() as traced:
        with traced.relay.client() as client:
            a_message(client, 1)
        traced.wait(1, "--message-id", "1@client.test")
        traced.relay.stop()
        [blocks] = glob.glob(os.path.join(traced.directory, "*.blocks"))
        for number in range(1000, 1060):
            shutil.copy(blocks, os.path.join(traced.directory, f"{number:010}.blocks"))
        done = subprocess.run(traced.words("--message-id", "1@client.test"), capture_output=True, text=True, timeout=20, check=False, preexec_fn=forty_files)
        expect_equal((done.returncode, done.stderr), (0, ""), "the end of sluicectl, and what it says")
        expect_in("1@client.test", done.stdout, "what is found")


@test
def a_span_that_ends_before_it_begins_is_refused():
    with Traced() as traced:
        done = traced.run("--since", "1h", "--until", "2h")
        expect_equal(done.returncode, 2, "the end of sluicectl")
        expect_in("--since is after --until", done.stderr, "what is said")


@test
def addresses_that_are_hashed_are_found_by_themselves_and_by_what_the_trace_shows():
    with Traced(log={"recipients": "hash", "client_addresses": "hash"}) as traced:
        with traced.relay.client() as client:
            a_message(client, 1)
            a_message(client, 2, recipient="eve@far.test")
        traced.wait(2, "--sender", "alice@example.com")
        [found] = traced.found("--recipient", "RALPH@far.test", "--client", "127.0.0.1")
        message = next(event for event in found["events"] if event["event"] == "message")
        expect_in("1@client.test", message["message_id"], "the message that is found")
        expect_not_in("ralph", json.dumps(found), "what is shown")
        expect_equal(traced.ids("--recipient", message["to"], "--client", message["client"]), [found["id"]], "by tokens")
        said = traced.run("--recipient", "ralph@far.test").stderr
        expect_in(f"log.recipients says: this looks for {message['to']}", said, "what is said")
        os.rename(traced.relay.at("state", "log_key"), traced.relay.at("state", "log_key.away"))
        done = traced.run("--recipient", "ralph@far.test")
        expect_equal(done.returncode, 1, "the end of sluicectl without the key")
        expect_in("log_key", done.stderr, "what is said without the key")
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
