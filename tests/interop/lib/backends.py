"""What scripts about back ends for logins share: a relay that asks them, one login, a server that says what a test wants,
and a hash as a table has it."""

import contextlib
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import threading

from lib import mail
from lib.harness import TIMEOUT_FACTOR, expect, expect_equal, expect_in, expect_not_in, until
from lib.mail import SENDER
from lib.relay import PASSWORD, SLUICE, Relay, accounts, free_port

def hash_of_password():
    """Of PASSWORD, as our own store makes it."""
    with sqlite3.connect(accounts()) as store:
        return store.execute("SELECT password_hash FROM account WHERE name = ?", (SENDER,)).fetchone()[0]


def unprivileged(user):
    """What goes in front of a command that must not be root's; nothing where this is not root."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] if os.geteuid() == 0 else []


def give(path, user):
    """Makes a folder and all in it that user's, where this is root."""
    if os.geteuid() == 0:
        for where, _, files in os.walk(path):
            for name in (where, *(os.path.join(where, file) for file in files)):
                shutil.chown(name, user, user)


def ran(*command, said=None):
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=30 * TIMEOUT_FACTOR, check=False)
    expect_equal(done.returncode, 0, f"exit status of {command[0]}, which said {(done.stdout + done.stderr)[-800:]!r}")
    return done.stdout


def reaches(port, address="127.0.0.1"):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


def fixed(name, kind, **keys):
    """A back end for the logins of NAME.test, all of one customer."""
    return {"name": name, "kind": kind, "domains": [name + ".test"], "failures": 1000, "timeout_s": 5,
            "customer_from": "fixed", "customer": "acme", **keys}  # fmt: skip


class AskingRelay(Relay):
    def __init__(self, hop, backends, start=True):
        super().__init__(hop, start=False)
        self.config["backend"] = backends
        self.write_config()
        if start:
            self.start()

    def refuses_to_start(self):
        """What it says then."""
        done = subprocess.run([SLUICE, "serve", "--config", self.config_file], capture_output=True, text=True,
                              timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
        expect(done.returncode != 0, "it starts")
        return done.stdout + done.stderr

    def login(self, name, password=PASSWORD):
        return code_of_login(self, name, password)

    def reason(self, name):
        """What the log says of the last login of that name that found no answer."""
        lines = [line for line in self.log("login") if line.get("account") == name and line["result"] == "unavailable"]
        return lines[-1]["reason"] if lines else ""

    def fails(self, name, *words):
        """No back end can answer: 454, a reason with WORDS for the log, and the secret in none of it."""
        expect_equal(self.login(name), "454", f"reply to a login of {name}")
        reason = until(lambda: self.reason(name), f"a reason for {name} in the log")
        for word in words:
            expect_in(word, reason, f"reason for {name}")
        with open(self.log_file, encoding="utf-8") as file:
            expect_not_in(PASSWORD, file.read(), "the secret, in the log")

    def delivers(self, hop, name=SENDER, sender=SENDER):
        message = mail.compose(sender=sender)
        with self.client(name=name) as client:
            client.submit(message, sender=sender)
            client.quit()
        mail.expect_intact(hop.only().content, message)


def code_of_login(relay, name, password):
    """Of the reply to a login, on a connection of its own."""
    with relay.connect() as client:
        client.greeted()
        return str(client.log_in(name, password, wanted=""))[:3]


def device_of(relay, name, *words):
    """The password of a new device of NAME."""
    said = relay.control("account", "device", "add", name, "--name", "printer", "--customer", "acme", *words)
    return re.search(r"password: (\S+)", said)[1]


def an_hour_later(relay):
    """For its questions whether mailboxes exist."""
    with contextlib.closing(sqlite3.connect(relay.at("state", "accounts.db"), timeout=10)) as store, store:
        store.execute("UPDATE device SET asked_ms = asked_ms - 90000000, gone_ms = max(gone_ms - 7200000, 0)")


def devices_go_with_their_mailboxes(*cases):
    """CASES: (relay, a name that its back end has, one that it has not). Device passwords of both are good until the back
    end was asked twice whether there is such a mailbox."""
    made = [(relay, there, device_of(relay, there), gone, device_of(relay, gone)) for relay, there, gone in cases]
    for relay, there, there_password, gone, gone_password in made:
        until(lambda at=relay: at.counter("mailboxes_asked") >= 2, "the mailboxes are asked for", 15)
        expect_equal(relay.counter("mailboxes_untold"), 0, "questions without an answer")
        expect_equal(code_of_login(relay, there, there_password), "235", "a device of a mailbox")
        expect_equal(code_of_login(relay, gone, gone_password), "235", "a device of a mailbox that was not found once")
        an_hour_later(relay)
    for relay, there, there_password, gone, gone_password in made:
        until(lambda at=relay: at.counter("devices_revoked") == 1, "the device is revoked", 15)
        relay.logged("mailbox_gone", account=gone, devices=1)
        until(lambda at=relay, name=gone, word=gone_password: code_of_login(at, name, word) == "535", "it logs in no more")
        expect_in("mailbox is gone", relay.control("account", "device", "list", gone), "the list of devices")
        expect_equal(code_of_login(relay, there, there_password), "235", "a device of a mailbox that is there")


class ScriptedServer:
    """Accepts and does with each connection what SERVE(connection, self) does; what came is in `received`."""

    def __init__(self, serve):
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.received = b""
        self.open = []
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self._one, args=[connection], daemon=True).start()

    def _one(self, connection):
        try:
            self.serve(connection, self)
        except OSError:
            pass

    def read(self, connection):
        data = connection.recv(65536)
        self.received += data
        return data

    def stop(self):
        self.listener.close()
        for connection in self.open:
            connection.close()


def silent(connection, server):
    while server.read(connection):
        pass


def answering(answer, then_close=False):
    """Says ANSWER to the first thing that comes, and nothing more."""

    def serve(connection, server):
        if server.read(connection):
            connection.sendall(answer)
        if then_close:
            connection.close()
        else:
            silent(connection, server)

    return serve


def greeting(text, then_close=False):
    """Says TEXT first, and nothing more."""

    def serve(connection, server):
        connection.sendall(text)
        if then_close:
            connection.close()
        else:
            silent(connection, server)

    return serve


def flood(connection, server):
    server.read(connection)
    while True:
        connection.sendall(b"\x30\x84\x7f\xff\xff\xff" * 10000)
