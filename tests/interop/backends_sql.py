#!/usr/bin/env python3
"""Logins that a database checks by the operator's query: Debian's PostgreSQL and MariaDB with TLS and without, an SQLite
file, and servers that hang, lie and stop half-way."""

import os
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import databases
from lib.backends import (AskingRelay, ScriptedServer, answering, devices_go_with_their_mailboxes, fixed, flood, give, greeting, hash_of_password, ran, reaches,
                          silent, unprivileged)  # fmt: skip
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import PASSWORD, authority, free_port, under

OUR_PASSWORD = "the relay's own"
DATABASE = "mail"

QUERY = "SELECT password, name AS account, customer, domains, enabled FROM users WHERE name = %{user}"
# The database compares.
DECIDES = "SELECT customer, enabled FROM users WHERE local = %{local} AND secret = md5(%{password})"
# The same rows for the domains of all back ends.
LOCAL = "SELECT password, enabled FROM users WHERE local = %{local}"


def rows():
    """name, local, password, secret, customer, domains, enabled."""
    right = hash_of_password()
    secret = PASSWORD
    return [
        (SENDER, "alice", right, secret, "acme", "example.com, *.example.com", 1),
        ("carol@example.com", "carol", right, secret, "acme", "example.com", 1),
        ("dora@example.com", "dora", right, secret, "acme", "example.com", 1),
        ("sam@example.net", "sam", right, secret, "other", "example.net", 0),
        ("ben@example.net", "ben", right, secret, "other", "example.net", 1),
        ("twin@example.com", "twin", right, secret, "acme", "example.com", 1),
        ("twin@example.com", "twin", right, secret, "acme", "example.com", 1),
        ("none@example.com", "none", None, secret, "acme", "example.com", 1),
    ]


def literal(value):
    return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def inserts(boolean=False):
    for name, local, password, secret, customer, domains, enabled in rows():
        flag = ("true" if enabled else "false") if boolean else str(enabled)
        values = ", ".join(literal(one) for one in (name, local, password))
        yield f"INSERT INTO users VALUES ({values}, md5({literal(secret)}), {literal(customer)}, {literal(domains)}, {flag});\n"


class Postgresql(databases.Postgresql):
    database = DATABASE

    def fill(self):
        super().fill()
        self.run("CREATE TABLE users (name text, local text, password text, secret text, customer text, domains text, enabled bool);\n"
                 + "".join(inserts(boolean=True))
                 + f"CREATE ROLE relay LOGIN PASSWORD {literal(OUR_PASSWORD)}; GRANT SELECT ON users TO relay;\n")  # fmt: skip


class Mariadb(databases.Server):
    kind = "mariadb"

    def __init__(self):
        super().__init__("mysql")

    def make(self):
        self.data = os.path.join(self.path, "data")
        self.socket = os.path.join(self.path, "socket")
        os.mkdir(self.data)
        self.own()
        ran(*unprivileged(self.user), "/usr/bin/mariadb-install-db", "--no-defaults", f"--datadir={self.data}", "--skip-test-db",
            "--auth-root-authentication-method=normal", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
            f"--tmpdir={self.path}")  # fmt: skip

    def command(self):
        return ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}", f"--port={self.port}",
                "--bind-address=0.0.0.0", "--skip-name-resolve", f"--ssl-cert={self.chain}", f"--ssl-key={self.key}",
                f"--pid-file={self.path}/pid", f"--tmpdir={self.path}", "--innodb-buffer-pool-size=16M",
                "--innodb-flush-log-at-trx-commit=0"]  # fmt: skip

    def client(self):
        # Where it is over TLS, the client of Debian 13 wants a certificate of an authority that it knows, on a socket too.
        return ["/usr/bin/mariadb", "--no-defaults", "--skip-ssl", f"--socket={self.socket}", "-u", "root"]

    def ready(self):
        return subprocess.run([*self.client(), "-e", "SELECT 1"], capture_output=True, check=False).returncode == 0

    def fill(self):
        ran(*self.client(), said=f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n"
            f"CREATE USER relay IDENTIFIED BY {literal(OUR_PASSWORD)}; GRANT SELECT ON {DATABASE}.* TO relay;\n")  # fmt: skip
        self.run("CREATE TABLE users (name varchar(320), local varchar(320), password text, secret text, customer text, domains text, "
                 "enabled bool);\n" + "".join(inserts()))  # fmt: skip

    def run(self, sql):
        ran(*self.client(), DATABASE, said=sql)


@shared
def postgresql():
    return Postgresql()


@shared
def mariadb():
    return Mariadb()


@shared
def hop():
    return Hop()


def own_login(password=OUR_PASSWORD):
    path = under("sql-password-" + str(len(password)))
    with open(path, "w", encoding="utf-8") as file:
        file.write(password + "\n")
    return {"user": "relay", "password_file": path, "database": DATABASE}


def keys(at, query=LOCAL, **more):
    return {"server": [f"127.0.0.1:{at.port}"], "tls": "none", "query": query, **own_login(), **more}


def in_tls(at, **more):
    return keys(at, **{"tls": "implicit", "ca_file": authority().ca_file, **more})


class Asked:
    def __init__(self, server):
        kind = server.kind
        full = {"name": "full", "kind": kind, "domains": ["example.com", "example.net"], "failures": 1000, "timeout_s": 5,
                "customer_from": "answer", **keys(server, QUERY)}  # fmt: skip
        self.relay = AskingRelay(hop(), [
            full,
            fixed("clear", kind, **keys(server)),
            fixed("tls", kind, **in_tls(server)),
            fixed("localhost", kind, **in_tls(server, server=[f"localhost:{server.port}"])),
            fixed("socket", kind, **keys(server, server=[server.socket])),
            fixed("decides", kind, **in_tls(server, query=DECIDES)),
            fixed("othername", kind, **in_tls(server, server=[f"127.0.0.2:{server.port}"])),
            fixed("stranger", kind, **keys(server, tls="implicit")),
            fixed("notable", kind, **keys(server, "SELECT password FROM nothing WHERE local = %{local}")),
            fixed("nocolumn", kind, **keys(server, "SELECT customer FROM users WHERE local = %{local}")),
            fixed("notus", kind, **{**keys(server), **own_login("not our password")}),
            fixed("second", kind, **keys(server, server=[f"127.0.0.1:{free_port()}", f"127.0.0.1:{server.port}"])),
            fixed("down", kind, **keys(server, server=[f"127.0.0.1:{free_port()}"])),
        ])  # fmt: skip

    def alive(self):
        return self.relay.alive()

    def stop(self):
        self.relay.stop()


@shared
def asked_postgresql():
    return Asked(postgresql())


@shared
def asked_mariadb():
    return Asked(mariadb())


BOTH = {"postgresql": asked_postgresql, "mariadb": asked_mariadb}


# ------------------------------------------------------------------------------------ the real servers


@cases(**BOTH)
def a_row_says_who_it_is(_, asked):
    relay = asked().relay
    expect_equal(relay.login(SENDER), "235", "the right password")
    expect_equal(relay.login(SENDER, "another"), "535", "a wrong one")
    expect_equal(relay.login("nobody@example.com"), "535", "an unknown name")
    expect_equal(relay.login("none@example.com"), "535", "an account without a password")
    expect_in(relay.login("sam@example.net"), ("525", "535"), "one that is suspended")
    relay.logged("login", account="sam@example.net", result="suspended")
    relay.fails("twin@example.com", "more than one row", "127.0.0.1")
    relay.delivers(hop())
    with relay.client(name="ben@example.net") as client:
        client.say(f"MAIL FROM:<{SENDER}>", "550")


@cases(*((f"{kind}-{domain}", asked, domain) for kind, asked in BOTH.items()
         for domain in ("clear", "tls", "localhost", "socket", "decides", "second")))  # fmt: skip
def by_way_of(_, asked, domain):
    relay = asked().relay
    expect_equal(relay.login(f"alice@{domain}.test"), "235", "the right password")
    expect_equal(relay.login(f"alice@{domain}.test", "another"), "535", "a wrong one")
    expect_equal(relay.login(f"nobody@{domain}.test"), "535", "an unknown name")


INJECTED = ["' OR '1'='1", "alice'--", "alice' #", "' UNION SELECT 1--", "\\", "\\' OR 1=1 -- ", "%", "_lice", "alice%00", "ali*", "(alice)",
            "$1", "?", "''", '"', "`", "'; DROP TABLE users; --", "%{domain}", "alice/*", "äé"]  # fmt: skip


@cases(*((f"{kind}-{domain}", asked, domain) for kind, asked in BOTH.items()
         for domain in ("example.com", "clear.test", "decides.test")))  # fmt: skip
def no_name_becomes_sql(_, asked, domain):
    relay = asked().relay
    for name in INJECTED:
        expect_equal(relay.login(f"{name}@{domain}"), "535", f"reply to {name!r} at {domain}")
        expect_equal(relay.login(f"alice@{domain}", name), "535", f"reply to the password {name!r} at {domain}")
    expect_equal(relay.login("carol@clear.test"), "235", "the table is still there")


@cases(*((f"{kind}-{domain}", asked, domain, word) for kind, asked in BOTH.items() for domain, word in (
    ("othername", "127.0.0.2"), ("stranger", "127.0.0.1"), ("notable", "nothing"), ("nocolumn", "password"),
    ("notus", "127.0.0.1"), ("down", "127.0.0.1"))))  # fmt: skip
def what_keeps_an_answer_from_being_found_is_no_wrong_password(_, asked, domain, word):
    asked().relay.fails(f"alice@{domain}.test", word)


@cases(postgresql=(postgresql, "SELECT 1 WHERE %{local} = 'alice' AND CAST(%{password} AS integer) = 1"),
       mariadb=(mariadb, "SELECT name AS account FROM users WHERE local = %{local} AND UPDATEXML('<a/>', CONCAT('~', %{password}), 'b') = 'b'"))  # fmt: skip
def a_message_of_the_server_does_not_show_the_secret(_, made):
    server, query = made[0](), made[1]
    with AskingRelay(hop(), [fixed("one", server.kind, **keys(server, query))]) as relay:
        relay.fails("alice@one.test", "127.0.0.1")


@cases(postgresql=postgresql, mariadb=mariadb)
def restarted_in_mid_run(_, made):
    server = made()
    with AskingRelay(hop(), [fixed("one", server.kind, **keys(server)), fixed("two", server.kind, **in_tls(server))]) as relay:
        both = ("one", "two")
        expect_equal([relay.login(f"alice@{domain}.test") for domain in both], ["235", "235"], "before")
        server.stop()
        for domain in both:
            relay.fails(f"carol@{domain}.test", f"127.0.0.1:{server.port}")
        server.start()
        expect_equal([relay.login(f"carol@{domain}.test") for domain in both], ["235", "235"], "after")
        server.stop()
        server.start()
        # The connections that were kept are gone.
        expect_equal([relay.login(f"dora@{domain}.test") for domain in both], ["235", "235"], "kept over a restart")


@test
def a_table_that_changes_is_no_reason_to_fail():
    server = postgresql()
    server.run("CREATE TABLE other (local text, password text); GRANT SELECT ON other TO relay;"
               f"INSERT INTO other VALUES ('alice', {literal(hash_of_password())}), ('carol', {literal(hash_of_password())});")  # fmt: skip
    query = "SELECT password FROM other WHERE local = %{local}"
    with AskingRelay(hop(), [fixed("one", "postgresql", **keys(server, query))]) as relay:
        expect_equal(relay.login("alice@one.test"), "235", "before")
        server.run("ALTER TABLE other ALTER password TYPE varchar(300);")  # the prepared statement is no good any more
        expect_equal(relay.login("carol@one.test"), "235", "after")


@test
def devices_go_with_their_mailboxes_in_both():
    devices_go_with_their_mailboxes(*((asked().relay, "alice@clear.test", "nobody@clear.test") for asked in BOTH.values()))


# ------------------------------------------------------------------------------------ a file


@test
def an_sqlite_file_is_asked():
    path = under("users.db")
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE users (local TEXT, password TEXT, enabled INTEGER)")
        for name, enabled in (("alice", 1), ("sam", 0)):
            database.execute("INSERT INTO users VALUES (?, ?, ?)", (name, hash_of_password(), enabled))
    with AskingRelay(hop(), [fixed("one", "sqlite", path=path, query=LOCAL), fixed("gone", "sqlite", path=path + ".no", query=LOCAL)]) as relay:
        expect_equal(relay.login("alice@one.test"), "235", "the right password")
        expect_equal(relay.login("alice@one.test", "another"), "535", "a wrong one")
        expect_equal(relay.login("' OR 1=1--@one.test"), "535", "an unknown name")
        relay.login("sam@one.test")
        relay.logged("login", account="sam@one.test", result="suspended")
        relay.fails("alice@gone.test", path + ".no")


# ------------------------------------------------------------------------------------ servers that do not behave

# A greeting of MariaDB that offers no TLS.
GREETING = b"\x0a5.5.5-10.11.6-MariaDB\0" + bytes(4) + b"12345678\0" + bytes.fromhex("fef72d0200ff8115") + bytes(10)
GREETING += b"123456789012\0mysql_native_password\0"
GREETING = len(GREETING).to_bytes(3, "little") + b"\0" + GREETING

BAD = {
    "hangs": silent,
    "closes": answering(b"", then_close=True),
    "greets_half_way": greeting(GREETING[:20]),
    "greets_and_hangs": greeting(GREETING),
    "talks_something_else": greeting(b"220 mail.test ESMTP\r\n", then_close=True),
    "stops_half_way": answering(b"R\0\0\0"),
    "asks_for_a_password_in_clear": answering(b"R\0\0\0\x08\0\0\0\x03"),
    "has_no_tls": answering(b"N"),
    "floods": flood,
}


@cases(*((f"{kind}-{name}", kind, serve) for kind in BOTH for name, serve in BAD.items()))
def a_server_that(_, kind, serve):
    server = ScriptedServer(serve)
    short = {"timeout_s": 1}
    with AskingRelay(hop(), [fixed("clear", kind, **keys(server)) | short, fixed("tls", kind, **in_tls(server)) | short]) as relay:
        relay.fails("alice@tls.test")
        for secret in (PASSWORD, OUR_PASSWORD):
            expect_not_in(secret.encode(), server.received, "a password, in clear")
        relay.fails("alice@clear.test")
        expect_not_in(PASSWORD.encode(), server.received, "the customer's password")
        expect_equal(relay.login(SENDER), "535", "no back end is asked for this domain")
    server.stop()


@cases(
    ("in_clear_elsewhere", {"server": ["192.0.2.1"], "tls": "none", "query": LOCAL}, "loopback"),
    ("in_clear_by_a_name", {"server": ["db.example.com"], "tls": "none", "query": LOCAL}, "loopback"),
    ("quotes", {"server": ["db.example.com"], "query": "SELECT password FROM users WHERE name = '%{user}'"}, "within quotes"),
    ("nobody", {"server": ["db.example.com"], "query": "SELECT password FROM users"}, "asks for nobody"),
    ("unknown_parameter", {"server": ["db.example.com"], "query": "SELECT %{u}"}, "unknown"),
)
def is_not_started_with(_, more, word):
    for kind in BOTH:
        expect_in(word, AskingRelay(hop(), [fixed("one", kind, **more)], start=False).refuses_to_start(), "what the start says")


if __name__ == "__main__":
    if not shutil.which("setpriv") and os.geteuid() == 0:
        sys.exit("setpriv is missing")
    main()
