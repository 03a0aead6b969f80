#!/usr/bin/env python3
"""Customers, accounts and device passwords in Debian's PostgreSQL, which two relays share: a change reaches both within a second,
also over a restart of the server."""

import os
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.backends import ScriptedServer, hash_of_password, silent
from lib.harness import TIMEOUT_FACTOR, expect, expect_equal, expect_in, main, shared, test, until
from lib.mail import SENDER
from lib.relay import BOB_PASSWORD, PASSWORD, SLUICE, accounts, control, free_port, under
from lib.sharing import SharingRelay, copied, keys, next_hop, password_file, server


@shared
def pair():
    """Two relays on one database, which has what the scripts' file has."""
    one, other = SharingRelay(start=False), SharingRelay(start=False)
    expect_equal(copied("--from", accounts(), config=one.config_file), "copied: 2 customers, 3 domains, 4 accounts, 0 device passwords\n", "what is said of a copy")  # fmt: skip
    one.start()
    other.start()
    return Pair(one, other)


class Pair:
    def __init__(self, one, other):
        self.one, self.other = one, other

    def __iter__(self):
        return iter((self.one, self.other))

    def alive(self):
        return self.one.alive() and self.other.alive()

    def stop(self):
        self.one.stop()
        self.other.stop()


def set_password(relay, name, password):
    control("account", "password", name, "--password-stdin", config=relay.config_file, said=password + "\n")


def refused_soon(relay, name, password, wanted="535"):
    """How long that took; printed, never asserted."""
    begun = time.monotonic()
    until(lambda: relay.login(name, password) == wanted, f"{wanted} for {name}", 5)
    return time.monotonic() - begun


# ------------------------------------------------------------------------------------ two relays


@test
def both_take_and_refuse_the_same():
    for relay in pair():
        expect_equal([relay.login(SENDER), relay.login(SENDER, "another"), relay.login("nobody@example.com")], ["235", "535", "535"], "replies")
        expect_in(relay.login("sam@example.com"), ("525", "535"), "one that is suspended")
        relay.logged("login", account="sam@example.com", result="suspended")
        relay.delivers(next_hop())


@test
def a_password_changed_through_one_is_refused_on_the_other():
    one, other = pair()
    expect_equal([relay.login("carol@example.com") for relay in (one, other)], ["235", "235"], "before")
    set_password(one, "carol@example.com", "a new one")
    took = refused_soon(other, "carol@example.com", PASSWORD)
    print(f"# the old password was refused after {took * 1000:.0f} ms")
    expect_equal([relay.login("carol@example.com", "a new one") for relay in (one, other)], ["235", "235"], "the new one")
    set_password(one, "carol@example.com", PASSWORD)


@test
def an_open_session_of_a_suspended_customer_ends_on_both():
    clients = [relay.client(name="bob@example.net", password=BOB_PASSWORD) for relay in pair()]
    control("customer", "suspend", "other", config=pair().one.config_file)
    for client in clients:
        line = until(client.line, "the session's end")
        expect(line.startswith("421"), f"what an open session was told: {line}")
        client.close()
    for relay in pair():
        until(lambda relay=relay: relay.login("bob@example.net", BOB_PASSWORD) in ("525", "535"), "the suspension")
    control("customer", "activate", "other", config=pair().one.config_file)
    for relay in pair():
        until(lambda relay=relay: relay.login("bob@example.net", BOB_PASSWORD) == "235", "its end")


@test
def a_revoked_device_logs_in_on_neither():
    one, other = pair()
    said = control("account", "device", "add", SENDER, "--name", "printer", config=one.config_file)
    password = re.search(r"password: (\S+)", said)[1]
    for relay in pair():
        until(lambda relay=relay: relay.login(SENDER, password) == "235", "the device")
    expect_in("127.0.0.1", control("account", "device", "list", SENDER, "--json", config=other.config_file), "where it was used from")
    control("account", "device", "revoke", SENDER, "--name", "printer", config=other.config_file)
    for relay in pair():
        refused_soon(relay, SENDER, password)


@test
def a_back_end_of_another_kind_finds_its_customers_there():
    relay = SharingRelay(start=False)
    users = under("passwd")
    with open(users, "w", encoding="utf-8") as file:
        file.write(f"new@example.net:{hash_of_password()}\n")
    relay.config["backend"] = [{"name": "mailboxes", "kind": "file", "path": users}]
    relay.write_config()
    with relay:
        relay.start()
        expect_equal(relay.login("new@example.net"), "235", "the reply to a mailbox of a customer's domain")


# ------------------------------------------------------------------------------------ the server


@test
def restarted_in_mid_run():
    one, other = pair()
    expect_equal([relay.login("carol@example.com") for relay in pair()], ["235", "235"], "before")
    database = server()
    database.stop()
    for relay in pair():
        # A core that remembers a login goes on; for the others it is no wrong password.
        expect_in(relay.login("carol@example.com"), ("235", "454"), "a login that one core remembers")
        relay.fails("dora@example.com", "postgresql")
    database.start()
    # What happens before a relay is back is caught up with.
    database.run("UPDATE sluice.account SET status = 2 WHERE name = 'carol@example.com'")
    for relay in pair():
        until(lambda relay=relay: relay.login("carol@example.com") in ("525", "535"), "the change while it was away")
        until(lambda relay=relay: relay.login("dora@example.com") == "535", "an answer again")
    control("account", "activate", "carol@example.com", config=one.config_file)
    for relay in pair():
        until(lambda relay=relay: relay.login("carol@example.com") == "235", "the next change")


def without_notices(client, _server):
    """As a pooler in transaction mode: all goes through but what the server says unasked."""
    upstream = socket.create_connection(("127.0.0.1", server().port))

    def ask():
        try:
            while data := client.recv(65536):
                upstream.sendall(data)
        except OSError:
            pass
        upstream.close()

    threading.Thread(target=ask, daemon=True).start()
    answers = upstream.makefile("rb")
    while len(head := answers.read(5)) == 5:
        body = answers.read(int.from_bytes(head[1:], "big") - 4)
        if head[:1] != b"A":  # NotificationResponse
            client.sendall(head + body)


@test
def a_pooler_that_drops_notices_is_found_out_and_changes_still_hold_soon():
    one, _ = pair()
    pooler = ScriptedServer(without_notices)
    clear = {key: value for key, value in keys(port=pooler.port, tls="none").items() if key != "ca_file"}
    with SharingRelay(**clear) as relay:
        line = relay.logged("store_unwatched", level="warning")
        expect_in("session mode", line["error"], "the remedy")
        expect_in("once a second", line["effect"], "what follows")
        set_password(one, "carol@example.com", PASSWORD)
        until(lambda: relay.login("carol@example.com") == "235", "a login")
        set_password(one, "carol@example.com", "another")
        print(f"# refused after {refused_soon(relay, 'carol@example.com', PASSWORD):.2f} s")
        set_password(one, "carol@example.com", PASSWORD)
        expect_equal(len(relay.log("store_unwatched")), 1, "how often it is said")
    expect_equal(one.log("store_unwatched"), [], "what is said where notices come")
    pooler.stop()


@test
def down_at_the_start():
    port = free_port()
    with SharingRelay(**keys(port=port)) as relay:
        relay.fails(SENDER, f"127.0.0.1:{port}")
        relay.logged("store")


@test
def one_that_hangs_holds_up_logins_alone():
    stuck = ScriptedServer(silent)
    with SharingRelay(**keys(port=stuck.port, timeout_s=1, connections=1)) as relay:
        relay.fails(SENDER, "did not answer in time")
        # Name look-ups and the control socket have threads of their own.
        relay.control("status")
    stuck.stop()


@test
def in_tls_to_the_right_one_alone():
    for more, word in (({"server": [f"127.0.0.2:{server().port}"]}, "127.0.0.2"), ({"ca_file": "/etc/ssl/certs/ca-certificates.crt"}, "certificate"),
                       ({"password_file": password_file("not our password")}, "password")):  # fmt: skip
        with SharingRelay(**keys(**more)) as relay:
            relay.fails(SENDER, word)
        expect_in("store.server", said_by_check(relay), "what sluice check says")


def said_by_check(relay):
    done = subprocess.run([SLUICE, "check", "--config", relay.config_file], capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, 1, f"exit status of sluice check, which said {done.stderr!r}")
    return done.stderr


@test
def over_its_socket_or_loopback_in_clear():
    for at in (server().socket, f"127.0.0.1:{server().port}", f"localhost:{server().port}"):
        clear = {key: value for key, value in keys(server=[at], tls="none").items() if key != "ca_file"}
        with SharingRelay(**clear) as relay:
            expect_equal(relay.login(SENDER), "235", f"the reply by way of {at}")


@test
def is_not_started_with():
    for more, word in (({"server": ["192.0.2.1"], "tls": "none"}, "loopback"), ({"server": ["db.example.com"], "tls": "none"}, "loopback"),
                       ({"accounts": "/tmp/accounts.db"}, "accounts"), ({"database": ""}, "database")):  # fmt: skip
        expect_in(word, SharingRelay(start=False, **keys(**more)).refuses_to_start(), "what the start says")
    server().create("empty")
    expect_in("sluicectl customer add", SharingRelay(start=False, **keys("empty")).refuses_to_start(), "what is said of a database without tables")


if __name__ == "__main__":
    main()
