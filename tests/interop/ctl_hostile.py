#!/usr/bin/env python3
"""sluicectl with names that are none, and its JSON before a strict reader; the control socket with bytes that are no
request."""

import json
import os
import random
import socket
import subprocess
import sys
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_equal, main, shared, test, until
from lib.mail import SENDER
from lib.mailq import STORE, closed_port, keeps, queue_id
from lib.relay import SLUICECTL

ESCAPES = "\x1b[2J\x1b]0;x\x07"
NAMES = (ESCAPES, "two\r\nlines", "\u009b31m", "\u202egro.elpmaxe", "x" * 10_240, "--nosuch", "")
# With what each needs to be understood.
COMMANDS = (
    "status", "pools", "counters", "sessions list", "queue list", "queue show ID", "queue destinations", "review list",
    "destination list", "shield list", "usage", f"noticed {SENDER}", "explain ID", "trace", "trace --by recipient",
    "policy replay LOG", f"policy test --account {SENDER} --recipients 3", "spool check", "spool dump", "host list", "host check",
    "customer list", "customer show acme", "domain list", "domain show example.com", "account list", f"account show {SENDER}",
    f"account device list {SENDER}", "contain --list", "route test a@far.test",
)  # fmt: skip
# Of these JSON is a value on each line.
LINES = ("trace", "spool dump")


class Waiting:
    """A relay with a message that waits, of a header that would act on a terminal."""

    def __init__(self):
        self.relay = keeps(closed_port()[0], start=False, route=STORE)
        self.relay.config["trace"] = {"directory": self.relay.at("trace"), "free_bytes_min": 0}
        self.relay.write_config()
        self.relay.start()
        header = [f"Subject: {ESCAPES}", "Date: Mon, 24 Nov 2025 10:00:00 +0000"]
        with self.relay.client() as client:
            self.id = queue_id(client.submit(mail.compose(bare=True, header=header), recipients=["a@far.test"]))
        until(lambda: self.id in self.run("trace").stdout, "it is in the trace")

    def words(self, command):
        return [{"ID": self.id, "LOG": self.relay.log_file}.get(word, word) for word in command.split()]

    def run(self, *words):
        return subprocess.run([SLUICECTL, "--config", self.relay.config_file, *words], capture_output=True, text=True,
                              timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip

    def stop(self):
        self.relay.stop()


waiting = shared(Waiting)


def strict(text):
    """As RFC 8259 has it: each name once, and no number that is none."""

    def once(pairs):
        expect_equal(len({name for name, _ in pairs}), len(pairs), f"names in {[name for name, _ in pairs]}")
        return dict(pairs)

    def no_number(word):
        raise ValueError(f"{word} is no number of JSON")

    return json.loads(text, object_pairs_hook=once, parse_constant=no_number)


@cases(*COMMANDS)
def what_a_strict_reader_gets_is_json(command):
    done = waiting().run(*waiting().words(command), "--json")
    expect(done.stdout != "", f"nothing is printed: {done.stderr}")
    for text in done.stdout.splitlines() if command in LINES else [done.stdout]:
        strict(text)


def acts(text):
    """What acts on a terminal, or shows something else than what is there."""
    return [c for c in text if c != "\n" and (unicodedata.category(c) == "Cc" or c in "\u202a\u202b\u202d\u202e\u200b")]


@cases(*COMMANDS)
def a_name_that_is_none_acts_on_no_terminal(command):
    words = waiting().words(command)
    # In the place of what it is about, where it is about something.
    for given in (*([*words[:2], name] for name in NAMES), [*words, "--account", NAMES[3]], [*words, "--sort", NAMES[0]]):
        done = waiting().run(*given)
        expect(done.returncode in (0, 1, 2), f"exit status {done.returncode} of {given}")
        expect_equal(acts(done.stdout + done.stderr), [], f"what {given} prints")
        expect(done.returncode == 0 or done.stderr or done.stdout, f"{given} fails without a word")
    expect_equal(acts(waiting().run(*words).stdout), [], f"what {words} prints")


@test
def bytes_that_are_no_request_cost_their_connection_alone():
    path = waiting().relay.at("control.sock")
    chance = random.Random(11)
    lines = [b"", b"\0" * 100, b"queue list " + b"\xff" * 50, b"usage account=%FF%FE", b"queue list limit=99999999999999999999",
             b"status json json", b"x" * 200_000, ESCAPES.encode(), *(chance.randbytes(300) for _ in range(50))]  # fmt: skip
    for line in lines:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(10 * TIMEOUT_FACTOR)
            asking.connect(path)
            try:
                asking.sendall(line + b"\n")
                asking.shutdown(socket.SHUT_WR)
                answer = asking.makefile("rb").read().decode()
            except OSError:
                answer = ""  # it was closed on what is too long
        expect(answer == "" or answer.startswith("error:"), f"the answer to {line[:60]}: {answer[:200]}")
        expect_equal(acts(answer), [], "what is answered")
    expect_equal(waiting().relay.counter("spool_messages"), 1, "messages that wait")


if __name__ == "__main__":
    main()
