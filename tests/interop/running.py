#!/usr/bin/env python3
"""The relay as an operator runs it: a file that is checked, a reload that a session does not notice, a stop that lets
messages end."""

import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import TIMEOUT_FACTOR, cases, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import stuff
from lib.mailq import LATER, STORE, closed_port, keeps, listed, queue_id, show
from lib.relay import SLUICE, SLUICECTL, Relay, checked, free_port


@shared
def next_hop():
    return Hop()


@test
def no_port_is_given_to_two_listeners_of_a_script():
    ports = [free_port() for _ in range(500)]
    expect_equal(len(set(ports)), len(ports), "different ports")


@test
def sluicectl_has_no_relay_in_it():
    symbols = subprocess.run(["nm", "--demangle", SLUICECTL], capture_output=True, text=True, check=True).stdout
    expect_in("sluice::cli::", symbols, "what nm prints")
    for room in ("relay", "session", "server"):
        expect_not_in(f" sluice::{room}::", symbols, f"symbols of engine/{room} in sluicectl")


@test
def a_good_file_is_fine():
    expect_in("fine", checked(next_hop(), wanted=0), "what check says")


@cases(
    ("unknown_key", "[server]\nhostnam = \"x.test\"\n", ":2:1: server.hostnam"),
    ("no_toml", "[server\n", ":1:8: "),
    ("wrong_type", "[limits]\nmessage_bytes = \"many\"\n", ":2:17: limits.message_bytes"),
)
def a_bad_file_is_shown_with_its_line_and_exits_1(_name, text, wanted):
    expect_in(wanted, checked(next_hop(), text=text), "what check says")


@cases("check", "serve")
def a_file_that_is_not_there_exits_1(verb):
    done = subprocess.run([SLUICE, verb, "--config", "/nowhere/sluice.toml"], capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, 1, f"exit status; it said {done.stderr!r}")
    expect_in("/nowhere/sluice.toml", done.stderr, "what it says")


# It was waited for, by a reload, by the control socket and by the stop.
@test
def a_file_that_is_a_fifo_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sluice.toml")
        os.mkfifo(path)
        done = subprocess.run([SLUICE, "check", "--config", path], capture_output=True, text=True, timeout=20 * TIMEOUT_FACTOR, check=False)
    expect_equal(done.returncode, 1, "exit status")
    expect_in(f"{path}: is no regular file", done.stderr, "what it says")


@cases(
    ("help", [SLUICECTL, "--help"]),
    ("version", [SLUICECTL, "--version"]),
    ("example", [SLUICE, "example"]),
)
def what_cannot_be_written_is_no_success(_name, command):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=20 * TIMEOUT_FACTOR, check=False)
    expect_equal(done.returncode, 1, "exit status")
    expect_in("standard output: cannot write", done.stderr, "what it says")


@test
def an_answer_that_cannot_be_written_is_no_success():
    with Relay(next_hop()) as relay, open("/dev/full", "wb") as full:
        command = [SLUICECTL, "--config", relay.config_file, "queue", "list", "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=20 * TIMEOUT_FACTOR, check=False)
        expect_equal(done.returncode, 1, "exit status")


@test
def control_characters_of_a_path_do_not_reach_the_terminal():
    done = subprocess.run([SLUICECTL, "spool", "check", "--directory", "/nowhere/\x1b[31m\x07"], capture_output=True,
                          text=True, timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, 1, "exit status")
    expect_not_in("\x1b", done.stderr, "what it says")


def turns(relay):
    """How often its cores went to sleep so far."""
    count = 0
    for task in os.listdir(f"/proc/{relay.process.pid}/task"):
        with open(f"/proc/{relay.process.pid}/task/{task}/status", encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        if status["Name"].strip().startswith("core-"):
            count += int(status["voluntary_ctxt_switches"])
    return count


@test
def an_idle_core_sleeps():
    with Relay(next_hop()) as relay, relay.client() as client:
        client.submit(mail.compose())
        next_hop().only()
        client.close()
        settled = Settled(lambda: turns(relay))
        until(settled, "three seconds without a turn of a core", 30)


class Settled:
    """Whether VALUE has been the same for three seconds."""

    def __init__(self, value):
        self.value, self.last, self.since = value, None, 0.0

    def __call__(self):
        now = self.value()
        if now != self.last:
            self.last, self.since = now, time.monotonic()
        return time.monotonic() - self.since > 3


@test
def a_reload_is_not_noticed_by_sessions_and_holds_for_new_ones():
    with Relay(next_hop()) as relay, relay.client() as before:
        before.envelope()
        relay.config["limits"]["message_bytes"] = 70000
        relay.write_config()
        relay.signal(signal.SIGHUP)
        relay.logged("reload")
        with relay.client() as after:
            expect_equal(after.ehlo()["SIZE"], "70000", "SIZE of a new session")
        before.say("DATA", "354")
        before.send(stuff(mail.compose(mail.text_of(100000, "reload"))))
        before.wanted("250", "the message")
        next_hop().only()


@test
def a_bad_reload_changes_nothing_and_says_why():
    with Relay(next_hop()) as relay, relay.client() as client:
        relay.write_config("[server]\nhostnam = \"x.test\"\n")
        relay.signal(signal.SIGHUP)
        # Each error has a line of its own.
        until(lambda: any("hostnam" in line["error"] for line in relay.log("reload")), "the error in the log")
        client.submit(mail.compose())
        with relay.client() as another:
            another.submit(mail.compose())
        next_hop().wait(2).clear()


@test
def a_stop_lets_a_message_end_and_tells_who_is_idle():
    relay = Relay(next_hop())
    try:
        with relay.client() as busy, relay.client() as idle:
            busy.envelope()
            busy.say("DATA", "354")
            relay.signal(signal.SIGTERM)
            idle.wanted("421", "nothing")
            # What holds it up can be asked for until nothing does.
            until(lambda: sum(core["sessions"] for core in relay.status("status")) == 1, "one session is left")
            for core in relay.status("status"):
                expect_equal((core["state"], core["deliveries"]), ("draining", 0), f"of core {core['core']}")
            expect_equal([row["message"] for row in relay.status("sessions")], ["yes"], "who is in a message")
            busy.send(stuff(mail.compose()))
            busy.wanted("250", "the message")
        relay.wait()
        next_hop().only()
    finally:
        relay.kill()


# It was refused: what a stop waited for, and what it left behind, could not be seen.  One core has nothing left long
# before the other one ends.
@test
def the_queue_can_be_seen_and_held_until_a_stop_is_over():
    name, _ = closed_port()
    relay = keeps(name, route=STORE, queue=LATER, server={"cores": 2})
    try:
        ids = []
        while len({row["core"] for row in listed(relay)}) < 2:
            with relay.client() as client:
                ids.append(queue_id(client.submit(mail.compose())))
        with relay.client() as busy:
            busy.envelope()
            busy.say("DATA", "354")
            relay.signal(signal.SIGTERM)
            until(lambda: {core["state"] for core in relay.status("status")} == {"draining"}, "all cores drain")
            until(lambda: sum(core["deliveries"] for core in relay.status("status")) == 0, "no attempt is under way")
            expect_equal({row["id"] for row in listed(relay)}, set(ids), "what is listed")
            for one in ids:
                expect_equal(show(relay, one)["state"], "waiting", "its state")
                relay.control("queue", "hold", one)
            relay.control("queue", "remove", ids[0])
            answer = relay.control("queue", "flush", "--all", wanted=1)
            expect_in("the relay is being stopped: no delivery attempt starts any more", answer, "what flush says")
            busy.send(stuff(mail.compose()))
            kept = queue_id(busy.wanted("250", "the message"))
        relay.wait()
        relay.start()
        now = {row["id"]: row["state"] for row in listed(relay)}
        expect_equal(now, {**{one: "held" for one in ids[1:]}, kept: now.get(kept)}, "the queue after the next start")
    finally:
        relay.kill()


class Hogs:
    """Programs that want all there is of each CPU: two for each beside the relay, and one in a session of its own,
    which a kernel that groups tasks by session weighs as a whole. They end by themselves after a minute."""

    def __enter__(self):
        loop = "import time; end = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
        self.started = [subprocess.Popen([sys.executable, "-c", loop], start_new_session=apart)
                        for apart in (False, False, True) for _ in range(os.cpu_count())]  # fmt: skip
        return self

    def __exit__(self, *_):
        for process in self.started:
            process.kill()
            process.wait()


@test
def a_login_is_answered_while_other_programs_want_all_cpus():
    with Relay(next_hop()) as relay, Hogs():
        # Its password has to be hashed: nothing is cached yet.
        relay.client().close()


if __name__ == "__main__":
    main()
