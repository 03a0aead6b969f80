#!/usr/bin/env python3
"""Customers' own host names: a certificate for each, of the kind that the client takes; greeting and policy page of the
host; renewals that no client notices; and what sluicectl host says of the files."""

import functools
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import wire
from lib.certificates import ECDSA, RSA
from lib.harness import cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.relay import Relay, authority, checked, control, under
from lib.wire import HOST

BOTH = "mail.both.test"
ONE = "mail.one.test"
WILD = "_.wild.test"


def issue(folder, host, **more):
    name = "*" + host[1:] if host.startswith("_.") else host
    chain, key = authority().issue(os.path.join(folder, host), name, through=True, **more)
    os.chmod(key, 0o600)
    return chain, key


@functools.cache
def made_directory():
    path = under("tls-made")
    for host in (HOST, BOTH, WILD):
        issue(path, host)
    issue(path, BOTH, kind=RSA, suffix=".rsa")
    issue(path, ONE, kind=RSA)
    with open(os.path.join(path, BOTH, "policy_url"), "w", encoding="ascii") as file:
        file.write("https://both.test/policy\n")
    return path


def directory(name):
    """The default host, one with an ECDSA and an RSA pair, one with an RSA pair, and a wildcard."""
    return shutil.copytree(made_directory(), under("tls-" + name))


@shared
def next_hop():
    return Hop()


@shared
def relay():
    return Relay(next_hop(), tls={"certificates": directory("shared")}, server={"policy_url": "https://relay.test/policy"})


def leaf(folder, host, suffix=""):
    with open(os.path.join(folder, host, f"fullchain{suffix}.pem"), encoding="ascii") as file:
        pem = file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    return ssl.PEM_cert_to_DER_cert(pem)


def context(version=None, ciphers=None, check=True):
    made = ssl.create_default_context(cafile=authority().ca_file)
    if version:
        made.minimum_version = made.maximum_version = version
    if ciphers:
        made.set_ciphers(ciphers)
    if not check:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def shown(relay, name, tls):
    with wire.Client(relay.ports["implicit"], tls=tls, name=name) as client:
        return client.socket.getpeercert(True)


# ------------------------------------------------------------------------------------ which certificate


@cases(
    ("both.test, ECDSA alone", BOTH, ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256", ""),
    ("both.test, RSA alone", BOTH, ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256", ".rsa"),
    ("both.test, both in TLS 1.2", BOTH, ssl.TLSVersion.TLSv1_2, None, ""),
    ("both.test, both in TLS 1.3", BOTH, ssl.TLSVersion.TLSv1_3, None, ""),
    ("one.test, RSA", ONE, ssl.TLSVersion.TLSv1_3, None, ""),
)
def each_client_gets_the_kind_that_it_takes(_name, host, version, ciphers, suffix):
    # The client checks chain and name as well.
    got = shown(relay(), host, context(version, ciphers))
    expect(got == leaf(under("tls-shared"), host, suffix), f"another certificate than fullchain{suffix}.pem")


def s_client(*words, port=None):
    """What openssl says of a connection by implicit TLS."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port or relay().ports['implicit']}", *words]
    done = subprocess.run(command, input="QUIT\r\n", capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


@cases(
    ("ECDSA", "ECDSA+SHA256", "ecdsa"),
    ("RSA", "RSA-PSS+SHA256", "rsa"),
    ("a curve that the key is not on", "ECDSA+SHA384:RSA-PSS+SHA256", "rsa"),
)
def signature_algorithms_of_tls_1_3_decide(_name, offered, wanted):
    said = s_client("-tls1_3", "-servername", BOTH, "-sigalgs", offered, "-ign_eof", "-showcerts")
    kind = next((line for line in said.split("\n") if line.startswith("Peer signature type")), said)
    expect_in(wanted, kind.lower(), "how the relay signed")
    expect_equal(said.count("BEGIN CERTIFICATE"), 2, "certificates, the intermediate among them")


@test
def unknown_names_and_none_get_the_default():
    default = leaf(under("tls-shared"), HOST)
    lax = context(check=False)
    for name in ("mail.unknown.test", "127.0.0.1", BOTH + ".test"):
        expect(shown(relay(), name, lax) == default, f"another certificate for {name}")
    expect(shown(relay(), "a.wild.test", context()) == leaf(under("tls-shared"), WILD), "not the wildcard's")


@test
def a_host_that_is_added_is_found_without_a_reload():
    name = "mail.added.test"
    expect(shown(relay(), name, context(check=False)) == leaf(under("tls-shared"), HOST), "not the default's")
    issue(under("tls-shared"), name)
    added = leaf(under("tls-shared"), name)
    until(lambda: shown(relay(), name, context(check=False)) == added, "the new host's certificate is shown")


# ------------------------------------------------------------------------------------ what clients read


@test
def greeting_and_ehlo_are_the_hosts():
    for name, wanted in ((BOTH, BOTH), ("a.wild.test", "a.wild.test"), (HOST, HOST), ("mail.unknown.test", HOST)):
        with wire.Client(relay().ports["implicit"], tls=context(check=False), name=name) as client:
            greeting = client.wanted("220", "nothing")
            expect_equal(greeting.texts[0].split(" ")[0], wanted, f"who greets at {name}")
            expect_equal(client.say("EHLO client.test", "250").texts[0], wanted, f"whose EHLO it is at {name}")


@test
def starttls_changes_the_name():
    with wire.Client(relay().ports["starttls"], name=BOTH) as client:
        expect_equal(client.wanted("220", "nothing").texts[0].split(" ")[0], HOST, "who greets in clear")
        expect_equal(client.say("EHLO client.test", "250").texts[0], HOST, "whose EHLO it is in clear")
        client.say("STARTTLS", "220")
        client.secure(context())
        expect_equal(client.say("EHLO client.test", "250").texts[0], BOTH, "whose EHLO it is in TLS")


@cases(
    ("its own", BOTH, "https://both.test/policy"),
    ("the server's", ONE, "https://relay.test/policy"),
)
def the_policy_page_is_the_hosts(_name, host, wanted):
    with wire.Client(relay().ports["implicit"], tls=context(), name=host) as client:
        client.greeted()
        expect_in(wanted, str(client.say("HELP", "214")), "HELP")
        client.log_in()
        client.say("MAIL FROM:<mallory@elsewhere.test>", "550")
        refused = client.say("MAIL FROM:<mallory@elsewhere.test>", "550")
        expect_in(wanted, str(refused), "a refusal")


# ------------------------------------------------------------------------------------ resumption


def session_of(host, version):
    """A context, and a session that it has with HOST."""
    tls = context(version)
    with wire.Client(relay().ports["implicit"], tls=tls, name=host) as client:
        client.greeted()
        return tls, client.socket.session


def resumed(tls, host, session):
    with wire.Client(relay().ports["implicit"], name=host) as client:
        client.socket = tls.wrap_socket(client.socket, server_hostname=host, session=session)
        client.greeted()
        return client.socket.session_reused


@cases(("TLS 1.2", ssl.TLSVersion.TLSv1_2), ("TLS 1.3", ssl.TLSVersion.TLSv1_3))
def a_ticket_of_one_host_is_no_good_at_another(_name, version):
    tls, session = session_of(BOTH, version)
    expect(resumed(tls, BOTH, session), "no session is resumed at the host that gave the ticket")
    tls, session = session_of(BOTH, version)
    expect(not resumed(tls, ONE, session), "another host has taken the ticket")


# ------------------------------------------------------------------------------------ renewal

UNASKED = "mail.unasked.test"


def reviewed(path):
    """A relay that has looked at all pairs, as it does once behind its start: what breaks from now on has one line in the log.

    It tells of all that it has found at once; there is always a pair that no client asks for and that is no good."""
    put(path, UNASKED, "fullchain.pem", "no certificate\n")
    relay = Relay(next_hop(), tls={"certificates": path})
    relay.logged("certificate", host=UNASKED)
    return relay


def faults(relay):
    """The errors that the log has of what broke later."""
    return [line["error"] for line in relay.log("certificate") if line["host"] != UNASKED]


def put(path, host, file, text):
    """Whole at once: the relay may look at any time."""
    place = os.path.join(path, host, file)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place + ".new", "w", encoding="ascii") as new:
        new.write(text)
    os.chmod(new.name, 0o600)
    os.replace(place + ".new", place)


class Visitors:
    """Clients that connect and check what they are shown until stop(), one kind a thread."""

    def __init__(self, relay, host, kinds):
        self.relay, self.host = relay, host
        self.seen, self.failed = set(), []
        self.count = 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=kind) for kind in kinds]
        for thread in self.threads:
            thread.start()

    def run(self, version, ciphers):
        while not self.over.is_set():
            try:
                self.seen.add(shown(self.relay, self.host, context(version, ciphers)))
                self.count += 1
            except Exception as error:
                self.failed.append(repr(error))

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


@test
def renewals_under_load_are_never_half_of_a_pair():
    path = directory("renewed")
    known = {leaf(path, BOTH), leaf(path, BOTH, ".rsa")}
    with reviewed(path) as relay:
        kinds = ((ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256"), (ssl.TLSVersion.TLSv1_3, None))
        visitors = Visitors(relay, BOTH, kinds)
        halves = 0
        try:
            for suffix, kind in (("", ECDSA), (".rsa", RSA)):
                new = under("tls-new")
                issue(new, BOTH, kind=kind, suffix=suffix)
                fresh = leaf(new, BOTH, suffix)
                known.add(fresh)
                # The key first; the certificate when clients have met the half of it.
                for part in ("privkey", "fullchain"):
                    file = f"{part}{suffix}.pem"
                    with open(os.path.join(new, BOTH, file), encoding="ascii") as made:
                        put(path, BOTH, file, made.read())
                    if part == "privkey":
                        halves += 1
                        until(lambda: len(faults(relay)) == halves, "the relay has met the half")
                        before = visitors.count
                        until(lambda: visitors.count > before + 10, "clients have come meanwhile")
                until(lambda: fresh in visitors.seen, "the renewed certificate is shown")
        finally:
            visitors.stop()
        expect_equal(visitors.failed, [], "handshakes that failed")
        expect(visitors.seen <= known, "a certificate that was never whole")
        errors = faults(relay)
        expect_equal(len(errors), 2, f"one line for each half: {errors}")
        for error in errors:
            expect_in("is not the key of the first certificate", error, "what the log says")


@test
def a_pair_that_breaks_leaves_the_other_alone():
    path = directory("broken")
    old = leaf(path, BOTH, ".rsa")
    rsa = context(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256")
    with reviewed(path) as relay:
        expect(shown(relay, BOTH, rsa) == old, "another certificate at first")
        put(path, BOTH, "fullchain.rsa.pem", "half a file")
        until(lambda: shown(relay, BOTH, rsa) == old and faults(relay), "the relay has met the broken file")
        expect(shown(relay, BOTH, context()) == leaf(path, BOTH), "the other pair is not shown")
        expect_in("fullchain.rsa.pem", faults(relay)[0], "what the log says")
        # While it is so, again and again.
        for _ in range(3):
            time.sleep(0.7)
            expect(shown(relay, BOTH, rsa) == old, "another certificate than the old one")
        expect_equal(len(faults(relay)), 1, "lines of the log")
        issue(path, BOTH, kind=RSA, suffix=".rsa")
        until(lambda: shown(relay, BOTH, rsa) == leaf(path, BOTH, ".rsa"), "the repaired pair is shown")


# ------------------------------------------------------------------------------------ sluicectl host


def host(path, *words, wanted=0):
    """Standard output of sluicectl host, whatever the exit status has to be."""
    done = subprocess.run([os.environ.get("SLUICECTL", ".build/release/sluicectl"), "host", *words, "--directory", path],
                          capture_output=True, text=True, timeout=20, check=False)  # fmt: skip
    expect_equal(done.returncode, wanted, f"exit status of host {words} ({done.stdout!r} {done.stderr!r})")
    return done.stdout if wanted < 2 and done.stdout else done.stderr


@test
def list_tells_whose_they_are_and_how_long():
    path = directory("listed")
    rows = json.loads(host(path, "list", "--json"))
    got = {(row["host"], row["key"]) for row in rows}
    wanted = {(HOST, "ECDSA"), (BOTH, "ECDSA"), (BOTH, "RSA"), (ONE, "RSA"), (WILD, "ECDSA")}
    expect_equal(got, wanted, "hosts and keys")
    expect_equal({row["issuer"] for row in rows}, {"Intermediate of the tests"}, "issuers")
    expect({row["days_left"] for row in rows} <= {1, 2}, "days left of two, a moment ago")
    expect_equal({row["problems"] for row in rows}, {0 if row["days_left"] >= 14 else 1 for row in rows}, "problems")
    expect_equal([row["names"] for row in rows if row["host"] == WILD], [["*.wild.test"]], "names")
    ends = host(path, "list", BOTH, "--time", "epoch").splitlines()[1:]
    expect_equal([bool(re.search(r" \d{10}\.000 ", line)) for line in ends], [True] * 2, f"ends in epochs of {ends}")
    text = host(path, "list", BOTH)
    expect_equal(len(text.strip().split("\n")), 3, f"lines of a table with two pairs: {text}")
    for word in ("ECDSA", "RSA", "Intermediate of the tests"):
        expect_in(word, text, "the table")


@test
def check_tells_what_does_not_fit():
    path = directory("checked")
    expect_in("nothing is wrong", host(path, "check", "--days", "1"), "check of what is fine")
    expect_in("expires in ", host(path, "check", BOTH, wanted=1), "check with the days that are the default")
    expect_in("no folder of that name", host(path, "check", "mail.absent.test", wanted=1), "check of an unknown host")

    def problems(name):
        rows = json.loads(host(path, "check", "--days", "1", "--json", name, wanted=1))
        expect_equal({row["host"] for row in rows}, {name}, "whose problems they are")
        return "\n".join(row["problem"] for row in rows)

    # A key of another pair.
    shutil.copy(os.path.join(path, BOTH, "privkey.pem"), os.path.join(path, ONE, "privkey.pem"))
    expect_in("privkey.pem: is not the key of the first certificate", problems(ONE), "a mismatch")
    # Everybody's key.
    os.chmod(os.path.join(path, BOTH, "privkey.rsa.pem"), 0o644)
    expect_in("privkey.rsa.pem: every user of the machine may read this key", problems(BOTH), "a key that is open")
    os.chmod(os.path.join(path, BOTH, "privkey.rsa.pem"), 0o600)
    # Two of a kind.
    issue(path, BOTH, suffix=".rsa")
    expect_in("same kind", problems(BOTH), "two ECDSA pairs")
    # Another name, and no intermediate.
    authority().issue(os.path.join(path, "mail.other.test"), "mail.else.test")
    os.chmod(os.path.join(path, "mail.other.test", "privkey.pem"), 0o600)
    said = problems("mail.other.test")
    expect_in("the certificate is not for mail.other.test", said, "another name")
    expect_in("whether the chain is complete cannot be told", said, "the chain of one certificate")
    expect_in("its issuer, CA of the tests, among", said, "whose certificate would have to be there")
    chain_file = os.path.join(path, "mail.other.test", "fullchain.pem")
    with open(chain_file, "a", encoding="ascii") as chain, open(authority().ca_file, encoding="ascii") as issuer:
        chain.write(issuer.read())
    expect_not_in("chain is complete", problems("mail.other.test"), "what is said once the root is there, too")
    expect_not_in("not for", problems(ONE), "what is said of a host that has its name")
    # Half a pair, a policy page that is none, a folder that is no host.
    os.remove(os.path.join(path, WILD, "privkey.pem"))
    expect_in("privkey.pem", problems(WILD), "a missing key")
    with open(os.path.join(path, HOST, "policy_url"), "w", encoding="ascii") as file:
        file.write("see our page\r\n")
    expect_in("policy_url: its first line", problems(HOST), "a policy_url that is none")
    issue(path, "Mail.Upper.test")
    expect_in("is not a host name in lower case", problems("Mail.Upper.test"), "a folder that is no host")


@test
def odd_names_of_folders_come_out_as_json_and_on_one_line():
    path = under("odd-names")
    odd = os.fsencode(path) + b"/a\x1b[2J\xff\nb"
    shutil.copytree(os.path.join(directory("plain"), ONE), os.fsdecode(odd))
    for words, wanted in ((("list",), 0), (("check",), 1)):
        said = subprocess.run([os.environ.get("SLUICECTL", ".build/release/sluicectl"), "host", *words, "--json",
                               "--directory", path], capture_output=True, timeout=20, check=False)  # fmt: skip
        expect_equal(said.returncode, wanted, "exit status")
        rows = json.loads(said.stdout.decode("utf-8"))
        expect_equal({row["host"] for row in rows}, {"a\x1b[2J\ufffd\nb"}, "the name")
    said = checked(next_hop(), wanted=1, tls={"certificates": path})
    expect_in("a\\u001b[2J\\ufffd\\nb", said, "what sluice check says of it")
    expect_not_in("\x1b", said, "what sluice check says of it")


@test
def check_reads_the_configuration():
    said = control("host", "check", "--days", "0", ONE, config=relay().config_file)
    expect_equal(said, "1 host: nothing is wrong\n", "what check says by the relay's configuration")


if __name__ == "__main__":
    main()
