#!/usr/bin/env python3
"""Guessing of passwords: from 1,000 addresses at one account, and from one address at 1,000 accounts, while the account's
owner sends from a network where he logged in before, and from new ones. Prints figures. What sluicectl shows of it and
lifts; and the fail2ban filter on the log lines of both formats, with addresses hidden in the names that are tried."""

import contextlib
import ctypes
import ctypes.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, wire
from lib.harness import Skipped, cases, expect, expect_equal, expect_in, main, shared, test
from lib.mail import SENDER
from lib.relay import BOB_PASSWORD, PASSWORD, Relay, now
from lib.sinks import SmtpSink

FILTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "fail2ban", "sluice.conf")
CLEAR = {"clear": {"tls": "none", "auth": "clear"}}
GUESSES = 1000
# Loopback is trusted unless something else is.
SHIELD = {"trusted": ["192.0.2.1"], "refused_after_ms": 100, "slow_ms": 1000, "address_failures": 20}


@shared
def sink():
    return SmtpSink()


def relay(**more):
    # The cache forgets within a second, so that the owner's logins are checked, too.
    at = Relay(sink(), listeners=CLEAR, start=False, shield={**SHIELD, **more}, store={"granted_ttl_s": 1})
    make_hash_cheap(at.at("state", "accounts.db"))
    at.start()
    return at


def make_hash_cheap(store):
    """A thousand hashes at the usual cost take longer than this script may: the owner's gets the least, and keeps it."""
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    made = ctypes.create_string_buffer(128)
    secret = PASSWORD.encode()
    least = sodium.crypto_pwhash_str(made, secret, ctypes.c_ulonglong(len(secret)), ctypes.c_ulonglong(1), ctypes.c_size_t(8192))
    expect_equal(least, 0, "a password hash")
    with contextlib.closing(sqlite3.connect(store)) as db, db:
        db.execute("UPDATE account SET password_hash = ? WHERE name = ?", (made.value.decode(), SENDER))
        db.execute("CREATE TRIGGER keep BEFORE UPDATE OF password_hash ON account BEGIN SELECT RAISE(IGNORE); END")


def log_in(at, source, name=SENDER, password=PASSWORD):
    """A client that has tried to log in, and the code that it got."""
    client = wire.Client(at.ports["clear"], source=source)
    client.greeted()
    return client, client.log_in(name, password, wanted="").code


def tried(at, source, name, password):
    client, code = log_in(at, source, name, password)
    client.close()
    return code


def send(at, source):
    """How long the owner's login takes from there; he then sends a message."""
    since = now()
    client, code = log_in(at, source)
    took = now() - since
    expect_equal(code, 235, f"the owner's login from {source}")
    client.submit(mail.compose())
    client.quit()
    return took


class Guessers:
    """Threads that work off (source, name, password)s; codes has what each got."""

    def __init__(self, at, guesses, threads):
        self.at, self.guesses, self.codes, self.errors = at, iter(guesses), [], []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while True:
            with self.lock:
                guess = next(self.guesses, None)
            if guess is None:
                return
            try:
                code = tried(self.at, *guess)
            except Exception as error:
                self.errors.append(repr(error))
                return
            with self.lock:
                self.codes.append(code)

    def busy(self):
        return any(thread.is_alive() for thread in self.threads)

    def join(self):
        for thread in self.threads:
            thread.join()
        expect_equal(self.errors, [], "what went wrong for those who guess")


def figures(what, times):
    times = sorted(times)
    print(f"  {what}: {len(times)} logins, none refused, median {times[len(times) // 2] * 1000:.0f} ms, "
          f"longest {times[-1] * 1000:.0f} ms", flush=True)  # fmt: skip


@test
def a_thousand_addresses_guess_at_one_account():
    with relay() as at:
        send(at, "127.200.0.1")
        since = now()
        guessers = Guessers(
            at, ((f"127.{10 + i // 250}.{i % 250}.1", SENDER, f"guess {i}") for i in range(GUESSES)), threads=200
        )
        known, new = [], []
        while guessers.busy() and len(new) < 200:
            known.append(send(at, f"127.200.0.{1 + len(known) % 250}"))
            new.append(send(at, f"127.201.{len(new)}.1"))
        guessers.join()
        codes = {code: guessers.codes.count(code) for code in set(guessers.codes)}
        slowed = at.counter("shield_slowed_account")
        print(f"  {GUESSES} addresses at one account: {codes} in {now() - since:.1f} s, {slowed} logins slowed", flush=True)
        figures("the owner, from a network that is known", known)
        figures("the owner, from new networks", new)
        # One failure for each address and network: nobody is refused for what others did.
        expect_equal(codes, {535: GUESSES}, "what those who guess got")
        expect(slowed >= GUESSES - 300, f"too few were slowed: {slowed}")
        rows = json.loads(at.control("shield", "list", "--json"))
        expect_equal([(row["kind"], row["effect"], row["subject"]) for row in rows], [("account", "slowed", SENDER)], "rows")


@test
def one_address_guesses_at_a_thousand_accounts():
    with relay() as at:
        send(at, "127.9.9.9")
        since = now()
        guessers = Guessers(at, (("127.9.9.9", f"user{i}@example.com", "Summer2026") for i in range(GUESSES)), threads=20)
        known, new = [], []
        while guessers.busy() and len(new) < 200:
            known.append(send(at, "127.9.9.9"))
            new.append(send(at, f"127.202.{len(new)}.1"))
        guessers.join()
        codes = {code: guessers.codes.count(code) for code in set(guessers.codes)}
        print(f"  one address at {GUESSES} accounts: {codes} in {now() - since:.1f} s", flush=True)
        figures("the owner, from this address", known)
        figures("the owner, from new networks", new)
        expect_equal(codes, {535: 20, 454: GUESSES - 20}, "what those who guess got, on all cores together")
        expect_equal(at.counter("shield_refused_address"), GUESSES - 20, "refused, as counted")
        line = at.logged("login", result="refused")
        expect_equal((line["client"], line["reason"]), ("127.9.9.9", "shield: address"), "a line of the log")
        expect_equal(at.logged("shield", kind="address")["subject"], "127.9.9.9", "what the log says of the address")
        # The owner's good logins have freed the address for nobody else.
        expect_equal(tried(at, "127.9.9.9", "bob@example.net", BOB_PASSWORD), 454, "another account there")
        expect_equal(tried(at, "127.9.9.8", "bob@example.net", BOB_PASSWORD), 235, "another address")


@test
def an_operator_sees_and_releases():
    with relay(address_failures=3) as at:
        for i in range(3):
            expect_equal(tried(at, "127.9.9.9", SENDER, f"wrong {i}"), 535, "a wrong password")
        expect_equal(tried(at, "127.9.9.9", SENDER, PASSWORD), 454, "the right one, at the limit")
        expect_in("127.9.9.9", at.control("shield", "list"), "the list")
        expect_equal(at.control("shield", "release", "127.9.9.8"), "0 entries released\n", "the answer")
        expect_equal(json.loads(at.control("shield", "release", "127.9.9.9", "--json")), {"released": 1}, "the answer")
        expect_equal(at.logged("shield_released", entries=1)["subject"], "127.9.9.9", "what the log says")
        expect_equal(json.loads(at.control("shield", "list", "--json")), [], "the list")
        expect_equal(tried(at, "127.9.9.9", SENDER, PASSWORD), 235, "the right password")
        expect_in("for the network write", at.control("shield", "release", "127.9.9.9/24", wanted=2), "the error")


@test
def an_old_device_is_not_taken_for_one_who_guesses():
    with relay(address_failures=2) as at:
        for _ in range(6):
            expect_equal(tried(at, "127.9.9.9", SENDER, "the old password"), 535, "an old device")
        expect_equal(tried(at, "127.9.9.9", SENDER, PASSWORD), 235, "the owner beside it")


@test
def a_reload_follows_what_is_trusted():
    with relay(address_failures=1) as at:
        expect_equal(tried(at, "127.9.9.9", SENDER, "wrong"), 535, "a wrong password")
        expect_equal(tried(at, "127.9.9.9", SENDER, PASSWORD), 454, "the right one")
        at.config["shield"]["trusted"] = ["127.9.0.0/16"]
        at.write_config()
        at.control("reload")
        expect_equal(tried(at, "127.9.9.9", SENDER, PASSWORD), 235, "from a trusted network")
        for i in range(4):
            expect_equal(tried(at, "127.9.9.9", SENDER, f"wrong {i}"), 535, "a wrong password from there")


# ------------------------------------------------------------------------------------ fail2ban


def found(log, mode):
    """What the filter finds in a log."""
    done = subprocess.run(["fail2ban-regex", "-o", "<ip>", log, f"{FILTER}[mode={mode}]"], capture_output=True, text=True,
                          check=False)  # fmt: skip
    expect_equal(done.stderr, "", "what fail2ban-regex complains of")
    return done.stdout.split()


# Names that would be another line, or another address, to a filter that is not careful.
HIDDEN = (
    "198.51.100.1",
    'x","client":"198.51.100.2',
    'x","result":"wrong","listener":"y","client":"198.51.100.3"}',
    '"event":"login","result":"wrong","listener":"0.0.0.0:25","client":"198.51.100.4"',
    "x client=198.51.100.5",
    "event=login result=wrong listener=y client=198.51.100.6 ",
    'x" client=198.51.100.7 y="',
    "time=2026-11-28T10:00:00.000Z level=warning event=login result=wrong listener=x client=198.51.100.8",
    '{"time":"2026-11-28T10:00:00.000Z","level":"warning","event":"shield","kind":"address","subject":"198.51.100.9"}',
    "rhost=198.51.100.10",
)


@cases("json", "logfmt")
def the_filter_finds_who_guesses_and_nobody_else(log_format):
    if shutil.which("fail2ban-regex") is None:
        raise Skipped("fail2ban is not installed")
    limit = len(HIDDEN) + 2
    at = Relay(sink(), listeners=CLEAR, start=False, shield={**SHIELD, "address_failures": limit, "refused_after_ms": 0},
               log={"format": log_format})  # fmt: skip
    # log() reads JSON: that it runs is seen by its answering.
    at.errors = open(at.at("errors"), "w+b")
    at.process = subprocess.Popen([os.environ.get("SLUICE", ".build/release/sluice"), "serve", "--config", at.config_file],
                                  stdin=subprocess.DEVNULL, stdout=at.errors, stderr=at.errors)  # fmt: skip
    try:
        reached(at)
        for name in HIDDEN:
            expect_equal(tried(at, "127.77.0.1", name, "wrong"), 535, f"login as {name}")
        for i in range(2):
            expect_equal(tried(at, "127.77.0.1", SENDER, f"wrong {i}"), 535, "a wrong password")
        expect_equal(tried(at, "127.77.0.1", SENDER, "wrong 3"), 454, "one more")
        expect_equal(tried(at, "127.78.0.1", SENDER, PASSWORD), 235, "the owner")
        expect_equal(tried(at, "127.78.0.1", "sam@example.com", PASSWORD), 535, "an account that is suspended")
    finally:
        at.process.terminate()
        at.process.wait()
        at.kill()
    expect_equal(found(at.log_file, "normal"), ["127.77.0.1"] * limit, "who has failed")
    expect_equal(found(at.log_file, "shield"), ["127.77.0.1"], "whom the shield refuses")


def reached(at):
    from lib.harness import until

    def answers():
        try:
            wire.Client(at.ports["clear"]).close()
            return True
        except OSError:
            return False

    until(answers, "the relay takes connections", 15)


if __name__ == "__main__":
    main()
