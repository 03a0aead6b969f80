#!/usr/bin/env python3
"""Accounts of other programs: imported into the store, and served from their own files; the files are made by doveadm, htpasswd,
saslpasswd2 and db_dump, and customers log in with some of them."""

import functools
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.relay import Relay, under

ACCOUNTS = 10_000
SECRET = "correct horse"
SETTLED_S = 2.5  # a file that is written over in place is read once it has been left alone for a second
# Of doveadm pw -s: all that Sluice takes but for the costliest, with a cheap number of rounds where they have one.
DOVECOT = (
    ("ARGON2ID", ()), ("BLF-CRYPT", ("-r", "5")), ("SHA512-CRYPT", ("-r", "1000")), ("SHA256-CRYPT", ("-r", "1000")),
    ("MD5-CRYPT", ()), ("PBKDF2", ("-r", "1000")), ("SSHA", ()), ("SSHA256", ()), ("SSHA512", ()), ("SHA", ()),
    ("SHA256", ()), ("SHA512", ()), ("SSHA512.hex", ()), ("SHA256.hex", ()), ("SSHA.b64", ()), ("PLAIN", ()),
)  # fmt: skip


def made(*command, said=None):
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=20 * TIMEOUT_FACTOR, check=False)
    expect_equal(done.returncode, 0, f"exit status of {command[0]}, which said {done.stderr!r}")
    return done.stdout


def written(name, text):
    path = under(name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@shared
def next_hop():
    return Hop()


@functools.cache
def hashes():
    """{scheme: as doveadm writes it}, without those that this release of it refuses to make."""
    texts = {}
    for scheme, more in DOVECOT:
        done = subprocess.run(["doveadm", "pw", "-s", scheme, *more, "-p", SECRET], capture_output=True, text=True,
                              timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
        if done.returncode == 0:
            texts[scheme] = done.stdout.strip()
    expect(len(texts) > len(DOVECOT) / 2, f"doveadm makes only {list(texts)}; last it said {done.stderr!r}")
    return {**texts, "PLAIN": "{PLAIN}" + SECRET}


def login(relay, name, secret=SECRET, wanted="235"):
    with relay.connect() as client:
        client.greeted()
        client.log_in(name, secret, wanted=wanted)


def stored(relay, name):
    with sqlite3.connect(f"file:{relay.at('state', 'accounts.db')}?mode=ro", uri=True) as store:
        return store.execute("SELECT password_hash FROM account WHERE name = ?", (name,)).fetchone()[0]


def imported(relay, path, form, *words, wanted=0):
    return relay.control("account", "import", path, "--format", form, *words, wanted=wanted)


# ------------------------------------------------------------------------------------ into the store


@test
def ten_thousand_accounts_of_dovecot():
    by_scheme = hashes()
    taken = [text for scheme, text in by_scheme.items() if scheme != "PLAIN"]
    lines = [f"User{n}@example.com:{taken[n % len(taken)]}:1000:1000::/home/{n}:/bin/false:userdb_quota=1G\n" for n in range(ACCOUNTS)]
    path = written("users", "# of dovecot\n" + "".join(lines))
    with Relay(next_hop()) as relay:
        dry = json.loads(imported(relay, path, "passwd-file", "--customer-from", "domain", "--dry-run", "--json"))
        expect_equal(dry, {"imported": ACCOUNTS, "dry_run": True, "refused": []}, "what a dry run says")
        login(relay, "user0@example.com", wanted="535")
        out = imported(relay, path, "passwd-file", "--customer-from", "domain")
        expect_equal(out, f"{ACCOUNTS} accounts imported\n", "what it says")
        for n, text in enumerate(taken):
            expect_equal(stored(relay, f"user{n}@example.com"), text, f"the hash of user{n}, as it was")
        # Each takes a hash for the login and one for the new hash, at idle priority.
        for n in range(0, len(taken), 4):
            name = f"user{n + len(taken)}@example.com"
            login(relay, name)
            expect_in("$argon2id$v=19$m=19456,t=2,p=1$", stored(relay, name), f"the hash of {name} behind a login")
        login(relay, "user2@example.com", "wrong", "535")
        again = imported(relay, path, "passwd-file", "--customer", "acme", wanted=1)
        expect_equal(again.count("already\n"), ACCOUNTS, "refusals the second time")
        expect_in(f'{path}:2: "User0@example.com": there is an account', again, "where it is said to stand")
        with relay.client(name="user9@example.com", password=SECRET) as client:
            client.submit(mail.compose(), sender="user9@example.com")
        next_hop().wait(1).clear()


@cases("-m", "-B", "-s")
def accounts_of_htpasswd(scheme):
    path = under("htpasswd" + scheme)
    more = ("-C", "5") if scheme == "-B" else ()
    for n in range(3):
        made("htpasswd", "-i", *(("-c",) if n == 0 else ()), scheme, *more, path, f"user{n}@example.com", said=SECRET)
    with Relay(next_hop()) as relay:
        expect_equal(imported(relay, path, "htpasswd", "--customer", "acme"), "3 accounts imported\n", "what it says")
        login(relay, "user1@example.com", "wrong", "535")
        login(relay, "user1@example.com")


@cases(("hex",), ("printed", "-p"))
def accounts_of_sasldb(_name, *printed):
    path = under("sasldb" + "".join(printed))
    for n in range(5):
        made("saslpasswd2", "-p", "-c", "-f", path, "-u", "example.com", f"user{n}", said=f"{SECRET} \\{n}")
    dump = written("dump" + "".join(printed), made("db5.3_dump", *printed, path))
    with Relay(next_hop()) as relay:
        expect_equal(imported(relay, dump, "sasldb", "--customer-from", "domain"), "5 accounts imported\n", "what it says")
        login(relay, "user3@example.com", "wrong", "535")
        login(relay, "user3@example.com", f"{SECRET} \\3")


@test
def what_is_refused_is_said_without_its_secret():
    greedy = made("mkpasswd", "-m", "bcrypt", "-R", "5", SECRET).strip().replace("$05$", "$16$")
    path = written("table.csv", 'name,password,hash,customer,status\n'
                   f'a@example.com,"s3cret, ""quoted""",,,\nb@example.com,s3cret,,acme,suspended\nc@example.org,s3cret,,,\n'
                   f'd@example.com,,{greedy},,\ne@example.com,,s3cret,,\nf@example.com,s3cret\n')  # fmt: skip
    with Relay(next_hop()) as relay:
        said = imported(relay, path, "csv", "--customer-from", "domain", wanted=1)
        for line, why in ((4, "no customer has the domain"), (5, "more than about a second"), (6, "no scheme"), (7, "fields")):
            expect(any(one.startswith(f"{path}:{line}: ") and why in one for one in said.split("\n")), f"line {line}: {said}")
        expect("s3cret" not in said and greedy not in said, f"a secret in {said}")
        expect_in("4 refused, see above; the others were imported", said, "how it ends")
        login(relay, "a@example.com", 's3cret, "quoted"')
        login(relay, "b@example.com", "s3cret", "535")


# ------------------------------------------------------------------------------------ from their own file


def with_file(path, **keys):
    relay = Relay(next_hop(), start=False)
    relay.config["backend"] = [{"name": "users", "kind": "file", "path": path, "customer_from": "domain", **keys}]
    relay.write_config()
    return relay


@test
def a_file_of_dovecots_is_a_back_end():
    lines = [f"{scheme}@example.com:{text}\n" for scheme, text in hashes().items()]
    lines.append(f"Named@elsewhere.test:{{PLAIN}}{SECRET}::::::customer=acme domains=example.com\n")
    lines.append(f"sam@example.com:{{PLAIN}}{SECRET}::::::nologin reason=unpaid\n")
    path = written("dovecot-users", "".join(lines))
    relay = with_file(path, plain_passwords=True)
    relay.start()
    with relay:
        for scheme in hashes():
            login(relay, f"{scheme.lower()}@example.com", "wrong", "535")
            login(relay, f"{scheme.lower()}@example.com")
        login(relay, "nobody@example.com", wanted="535")
        login(relay, "sam@example.com", "wrong", "535")
        login(relay, "sam@example.com", wanted="5")
        # Its customer would have to have its domain, whatever the file says.
        login(relay, "named@elsewhere.test", wanted="5")
        with relay.client(name="SSHA@example.com", password=SECRET) as client:
            client.submit(mail.compose(), sender="ssha@example.com")
        next_hop().wait(1).clear()
    relay = with_file(path, customer_from="answer")
    relay.start()
    with relay:
        # Passwords in clear are not taken unless the operator insists: no wrong password, but an error.
        login(relay, "named@elsewhere.test", wanted="454")
        expect_in("in clear", relay.logged("login", result="unavailable").get("reason", ""), "what the log says")
        expect(SECRET not in open(relay.log_file, encoding="utf-8").read(), "the log has a password")


@test
def the_file_says_whose_an_account_is():
    path = written("named-users", f"Named@elsewhere.test:{hashes()['SSHA256']}::::::customer=acme domains=example.com\n")
    relay = with_file(path, customer_from="answer")
    relay.start()
    with relay, relay.client(name="named@ELSEWHERE.test", password=SECRET) as client:
        client.submit(mail.compose(), sender="anyone@example.com")
        next_hop().wait(1).clear()


@test
def a_changed_file_counts_within_seconds_and_half_a_file_does_not():
    path = under("changing")
    change = lambda name, secret, *more: made("htpasswd", "-i", "-m", *more, path, name, said=secret)  # noqa: E731
    change("ann@example.com", SECRET, "-c")
    relay = with_file(path)
    relay.start()

    def warnings():
        """Behind a login that no cache answers."""
        login(relay, f"nobody{next(names)}@example.com", wanted="535")
        return relay.log("backend_warning")

    names = itertools.count()
    with relay:
        login(relay, "ann@example.com")
        login(relay, "bob@example.com", wanted="535")
        change("bob@example.com", "another")
        # Tried before the file is read again, it would be a wrong password in the cache for a while.
        time.sleep(SETTLED_S)
        login(relay, "bob@example.com", "another")
        with open(path, encoding="utf-8") as file:
            whole = file.read()
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(whole[: len(whole) - 5])
        os.rename(path + ".new", path)
        until(warnings, "half a file is told")
        expect_in("its last line has no end", warnings()[0]["reason"], "what is told")
        login(relay, "bob@example.com", "another")
        os.remove(path)
        until(lambda: len(warnings()) > 1, "it is gone")
        login(relay, "ann@example.com")
        with open(path, "w", encoding="utf-8") as file:
            file.write(whole)
        relay.stop()
        relay.start()
        login(relay, "bob@example.com", "another")


if __name__ == "__main__":
    main()
