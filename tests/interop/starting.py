#!/usr/bin/env python3
"""The first moments of the relay: signals that come before it can follow them, and a machine that gives it too little
memory to begin."""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import Skipped, cases, expect, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.relay import SLUICE, Relay, authority, under

ROUTES = 60
ADDRESS_SPACE_KIB = (100_000, 150_000, 200_000, 300_000, 400_000)


@shared
def next_hop():
    return Hop()


def begin(relay, program=()):
    """Starts it and does not wait."""
    relay.errors = open(relay.at("errors"), "w+b")
    relay.process = subprocess.Popen([*program, SLUICE, "serve", "--config", relay.config_file], stdin=subprocess.DEVNULL,
                                     stdout=relay.errors, stderr=relay.errors)  # fmt: skip


def long_to_read():
    """A relay whose configuration names megabytes of files."""
    relay = Relay(next_hop(), start=False)
    path = under("long.pem")
    with open(authority().ca_file, encoding="ascii") as file, open(path, "w", encoding="ascii") as padded:
        padded.write(("#" * 99 + "\n") * 9000 + file.read())
    last = relay.config["route"].pop()
    for number in range(ROUTES):
        relay.config["route"].append({**last, "name": f"r{number}", "recipients": [f"d{number}.test"], "tls": "required",
                                      "ca_file": path})  # fmt: skip
    relay.config["route"].append(last)
    relay.write_config()
    return relay


def bytes_read(process):
    with open(f"/proc/{process.pid}/io", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("rchar:")).split()[1])


# A signal of the first 20 ms ended it by itself: a start that a script followed with a reload.
@cases("SIGHUP", "SIGUSR1", "SIGTERM")
def a_signal_that_comes_while_the_configuration_is_read_is_followed_later(name):
    relay = long_to_read()
    try:
        begin(relay)
        until(lambda: bytes_read(relay.process) > 2_000_000, "it reads its files")
        relay.signal(getattr(signal, name))
        if name == "SIGTERM":
            relay.wait()
            return
        relay.logged("started")
        relay.logged({"SIGHUP": "reload", "SIGUSR1": "log_reopened"}[name])
        relay.stop()
    finally:
        relay.kill()


# It was ended by SIGABRT, without a word.
@test
def too_little_address_space_is_an_error():
    if os.environ.get("SLUICE_BUILD_KIND") in ("asan", "tsan"):
        raise Skipped("a sanitizer needs terabytes of address space")
    failed = 0
    for kib in ADDRESS_SPACE_KIB:
        relay = Relay(next_hop(), start=False, server={"cores": 4})
        try:
            begin(relay, ["sh", "-c", f'ulimit -v {kib}; exec "$@"', "sh"])
            until(lambda: not relay.alive() or relay.log("started"), f"it starts with {kib} KiB or not", 15)
            if relay.alive():
                relay.signal(signal.SIGTERM)
            until(lambda: not relay.alive(), f"it ends with {kib} KiB", 20)
            status = relay.process.returncode
            if status == 0:
                relay.wait()  # with everything accounted for
                continue
            failed += status == 1
            expect_in(f"the address space is limited to {kib // 1024} MiB", relay.said(), f"what it says with {kib} KiB")
            # What was just enough to start is not enough to go on.
            expect_in(status, (1, -signal.SIGABRT), f"exit status with {kib} KiB")
        finally:
            relay.kill()
    expect(failed > 1, "most of these are enough: the test shows nothing")


if __name__ == "__main__":
    main()
