#!/usr/bin/env python3
"""What sluicectl lists, as operators want to see it: totals, sorted, put together, again and again; and the second control
socket, on which a support desk may look."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.mail import SENDER
from lib.mailq import BOB, LATER, STORE, by_bob, closed_port, keeps, listed
from lib.relay import BOB_PASSWORD, SLUICECTL, under

BODY_LINE = "x" * 60 + "\r\n"
MARK = "only the recipient should read this"


def support_socket():
    return under("support", "control.sock")


@shared
def relay():
    """With three messages of alice's and one of bob's that wait."""
    name, _ = closed_port()
    server = {"cores": 2, "support_control": support_socket()}
    made = keeps(name, route=STORE, queue=LATER, server=server)
    with made.client() as client:
        for i in range(3):
            client.submit(mail.compose(f"{MARK}\r\n{BODY_LINE * 20 * i}".encode()), recipients=["a@far.test", f"{i}@near.test"])
    with made.client(name=BOB, password=BOB_PASSWORD) as client:
        by_bob(client)
    until(lambda: len(listed(made)) == 4, "all of it waits")
    return made


def ctl(*words, wanted=0):
    return relay().control(*words, wanted=wanted)


def on_support_socket(*words):
    done = subprocess.run([SLUICECTL, "--control", support_socket(), *words], capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    return done


def asked(path, line):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)
        asking.sendall(line.encode() + b"\n")
        return asking.makefile("rb").read().decode()


# ------------------------------------------------------------------------------------ lists


@test
def totals_come_first_and_cores_on_demand():
    cores = relay().status("status")
    expect_equal([row["core"] for row in cores], [0, 1], "cores in JSON")
    head, total = ctl("status").splitlines()
    shown = dict(zip(head.split(), total.split()))
    expect_equal(shown["queued"], str(sum(row["queued"] for row in cores)), "messages in the queue")
    expect_equal(shown["spool"], "accepts", "the spool")
    lines = ctl("status", "--cores").splitlines()
    expect_equal([line.split()[0] for line in lines], ["core", "all", "0", "1"], "rows")
    counters = relay().status("counters")
    rows = json.loads(ctl("counters", "--cores", "--json"))
    expect_equal(sum(row["value"] for row in rows if row["name"] == "spool_stored"), counters["spool_stored"], "of a counter")
    expect_in("spool_stored", ctl("counters"), "the counters")


@test
def the_queue_is_sorted_cut_and_put_together():
    sizes = [row["bytes"] for row in json.loads(ctl("queue", "list", "--sort", "bytes", "--json"))]
    expect_equal(sizes, sorted(sizes, reverse=True), "sizes")
    top = json.loads(ctl("queue", "list", "--sort", "-bytes", "--top", "2", "--json"))
    expect_equal([row["bytes"] for row in top], sorted(sizes)[:2], "the smallest two")
    by = {row["customer"]: row for row in json.loads(ctl("queue", "list", "--by", "customer", "--json"))}
    expect_equal({name: (row["messages"], row["recipients"]) for name, row in by.items()}, {"acme": (3, 6), "other": (1, 1)}, "sums")
    expect_equal(sum(row["bytes"] for row in by.values()), sum(sizes), "bytes")
    expect_equal(by["acme"]["oldest_ms"], min(row["arrived_ms"] for row in listed(relay(), "--customer", "acme")), "the oldest")
    accounts = ctl("queue", "list", "--by", "account").splitlines()
    expect_equal([line.split()[:2] for line in accounts[1:]], [[SENDER, "3"], [BOB, "1"]], "by account")
    expect_in("did you mean customer?; there are: customer, account, destination, reason", ctl("queue", "list", "--by", "custmer", wanted=2), "a mistyped key")
    jobs = [line.split() for line in ctl("queue", "destinations").splitlines()]
    expect_equal(jobs[0][:2], ["destination", "jobs"], "the head")
    expect_equal(int(jobs[1][1]), 4, "jobs for the destination, of all cores")


@test
def sessions_are_counted_by_customer():
    with relay().client(), relay().client(name=BOB, password=BOB_PASSWORD):
        rows = json.loads(ctl("sessions", "--by", "account", "--json"))
        expect_equal({row["account"]: row["sessions"] for row in rows}, {SENDER: 1, BOB: 1}, "sessions")
        expect_equal(ctl("sessions", "--by", "host").splitlines()[1].split()[:2], ["127.0.0.1", "2"], "by host")


@test
def usage_has_its_keys():
    used = [row["used"] for row in json.loads(ctl("usage", "--sort", "used", "--json"))]
    expect_equal(used, sorted(used, reverse=True), "what is used")
    expect(set(json.loads(ctl("usage", "--json"))) == {"windows", "senders", "decisions"}, "its tables")


@test
def moments_are_as_the_option_says():
    row = listed(relay())[0]
    expect_in(f"{row['arrived_ms'] // 1000}.{row['arrived_ms'] % 1000:03}", ctl("queue", "list", "--time", "epoch"), "epoch")
    expect(re.search(r"  20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  ", ctl("queue", "list", "--time", "iso")), "iso")
    os.environ["TZ"] = "Asia/Kolkata"
    try:
        expect(re.search(r"  20\d\d-\d\d-\d\d \d\d:\d\d:\d\d \+0530  ", ctl("queue", "list", "--time", "local")), "local")
    finally:
        del os.environ["TZ"]


@test
def a_watch_goes_on_until_it_is_interrupted():
    watch = subprocess.Popen([SLUICECTL, "--config", relay().config_file, "status", "--watch", "1", "--json"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    for _ in range(2):
        expect_equal(len(json.loads(watch.stdout.readline())["data"]), 2, "cores in a line")
    watch.send_signal(signal.SIGINT)
    _, said = watch.communicate(timeout=20 * TIMEOUT_FACTOR)
    expect_equal((watch.returncode, said), (0, ""), "how it ended")


@test
def a_watch_outlives_a_restart():
    name, _ = closed_port()
    with keeps(name) as own:
        watch = subprocess.Popen([SLUICECTL, "--config", own.config_file, "pools", "--watch", "1", "--json"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        watch.stdout.readline()
        own.stop()
        expect_in("the relay does not answer", watch.stderr.readline(), "what it says")
        own.start()
        expect_in("the relay answers again", watch.stderr.readline(), "what it says")
        expect_in("at_ms", watch.stdout.readline(), "and goes on")
        watch.send_signal(signal.SIGINT)
        expect_equal(watch.wait(20 * TIMEOUT_FACTOR), 0, "exit status")
        watch.communicate()


# ------------------------------------------------------------------------------------ the support desk


@test
def the_support_desk_may_look():
    expect_equal(stat.S_IMODE(os.stat(support_socket()).st_mode), 0o660, "its mode")
    for words in (("status",), ("pools",), ("counters",), ("sessions",), ("queue", "list"), ("queue", "destinations"),
                  ("shield", "list"), ("usage",), ("noticed", SENDER)):  # fmt: skip
        done = on_support_socket(*words)
        expect_equal((done.returncode, done.stderr), (0, ""), f"{words}")
    shown = on_support_socket("queue", "show", listed(relay())[0]["id"])
    expect_equal(shown.returncode, 0, "exit status")
    expect_not_in(MARK, shown.stdout, "what it shows")


@cases(
    "reload", "drain", "sessions end --account x", "queue hold --all", "queue release --all", "queue remove --all",
    "queue reject --all", "queue flush --all", "review", "shield release --all", "noticed release x", "notify test",
)  # fmt: skip
def the_support_desk_may_do_nothing(words):
    done = on_support_socket(*words.split())
    expect_equal(done.returncode, 1, "exit status")
    expect_in(f"for this one use --control {relay().at('control.sock')}", done.stderr, "the refusal")
    expect_equal(len(listed(relay())), 4, "the queue is as it was")


@test
def a_request_is_what_its_line_says():
    queue_id = listed(relay())[0]["id"]
    for line in (f"queue show message json id={queue_id} reason=x", "queue hold json all", "queue review json"):
        expect_in("error: this socket is for requests", asked(support_socket(), line), line)
    # The words have one order, so that none is hidden behind others.
    for line in (f"queue show json message id={queue_id} reason=x", f"queue show json id={queue_id} message reason=x",
                 "queue  hold json all", "queue", "frobnicate", "QUEUE HOLD all"):  # fmt: skip
        answer = asked(support_socket(), line)
        expect(answer.startswith("error: "), f"{line}: {answer}")
        expect_not_in(MARK, answer, line)


@test
def who_reads_a_message_is_in_the_log():
    queue_id = listed(relay(), "--customer", "acme", "--sender", SENDER)[0]["id"]
    expect_in("--message needs --reason", ctl("queue", "show", queue_id, "--message", wanted=2), "without a reason")
    text = ctl("queue", "show", queue_id, "--message", "--reason", "a complaint, 555-0100")
    expect_in(MARK, text, "the message")
    expect_in("From:", text, "the message")
    line = relay().logged("message_shown", id=queue_id)
    expect_equal([line["reason"], line["account"], line["customer"], line["uid"]], ["a complaint, 555-0100", SENDER, "acme", os.getuid()], "what is in the log")
    rows = json.loads(ctl("queue", "show", queue_id, "--message", "--reason", "again", "--json"))
    expect_in(MARK, "".join(row["content"] for row in rows), "the message, as JSON")
    expect_equal(len(relay().log("message_shown")), 2, "each time")
    expect_in("no such message", ctl("queue", "show", "0123456789AB", "--message", "--reason", "x", wanted=1), "of one that is not there")
    expect_equal(len(relay().log("message_shown")), 2, "and not for nothing")


if __name__ == "__main__":
    main()
