#!/usr/bin/env python3
"""sluicectl domain check against a real name server, whose zones have each thing right, and each thing wrong."""

import base64
import functools
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import TIMEOUT_FACTOR, cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test
from lib.nsd import Nsd, zone_files
from lib.relay import SLUICECTL, Relay, control, under

ADDRESS = "192.0.2.25"
SPF = f"v=spf1 ip4:{ADDRESS} -all"
DMARC = "v=DMARC1; p=reject"


def make_key(name, *algorithm):
    """The file of its public key in PEM."""
    private, public = under(name + ".key"), under(name + ".pem")
    subprocess.run(["openssl", "genpkey", "-quiet", *algorithm, "-out", private], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return public


def bytes_of(public):
    done = subprocess.run(["openssl", "pkey", "-pubin", "-in", public, "-outform", "DER"], check=True, capture_output=True)
    return done.stdout


RSA = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")


@functools.cache
def key_file(name):
    """The one that mail is signed with, "rsa", and others."""
    return make_key(name, *(RSA if name != "ed25519" else ("-algorithm", "ED25519")))


def key_record(public):
    der = bytes_of(public)
    rsa = len(der) > 100
    return f"v=DKIM1; k={'rsa' if rsa else 'ed25519'}; p={base64.b64encode(der if rsa else der[-32:]).decode()}"


def txt(name, text):
    strings = " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255)) or '""'
    return f"{name} IN TXT {strings}"


def well(name, rsa, spf=SPF, dmarc=DMARC):
    """The records of a domain of which all is right, without those that are None."""
    records = [f"{name} IN MX 10 mx", txt(f"s1._domainkey.{name}", rsa)]
    records += [txt(name, each) for each in ([spf] if isinstance(spf, str) else spf)]
    return records + ([txt(f"_dmarc.{name}", dmarc)] if dmarc is not None else [])


def without(records, beginning):
    return [record for record in records if not record.startswith(beginning)]


def zone():
    rsa, other = key_record(key_file("rsa")), key_record(key_file("other"))
    eleven = " ".join(f"include:s{number}.test" for number in range(11))
    records = ["mx IN A 198.51.100.1", f"out IN A {ADDRESS}"]
    records += [txt(f"s{number}", "v=spf1 ip4:198.51.100.0/24") for number in range(11)]
    records += well("right", rsa) + [txt("s2._domainkey.right", key_record(key_file("ed25519")))]
    records += well("eleven", rsa, spf=f"v=spf1 {eleven} ip4:{ADDRESS} -all")
    records += well("twice", rsa, spf=[SPF, "v=spf1 mx -all"])
    records += well("refuses", rsa, spf="v=spf1 mx -all")
    records += well("serverfails", rsa, spf="v=spf1 include:broken.test -all")
    # Keys.
    for name, records_of_key in {
        "nokey": [],
        "cut": [f's1._domainkey.cut IN TXT "{rsa[:255]}"'],
        "split": [f's1._domainkey.split IN TXT "{rsa[:255]}"', f's1._domainkey.split IN TXT "{rsa[255:]}"'],
        "wrongkey": [txt("s1._domainkey.wrongkey", other)],
        "revoked": [txt("s1._domainkey.revoked", "v=DKIM1; k=rsa; p=")],
        "alias": ["s1._domainkey.alias IN CNAME alias.dkim.isp.test."],
        "dangling": ["s1._domainkey.dangling IN CNAME gone.dkim.isp.test."],
        "loop": ["s1._domainkey.loop IN CNAME loop2", "loop2 IN CNAME s1._domainkey.loop"],
    }.items():
        records += without(well(name, rsa), "s1.") + records_of_key
    records += well("nodmarc", rsa, dmarc=None)
    records += well("twodmarc", rsa) + [txt("_dmarc.twodmarc", "v=DMARC1; p=none")]
    records += well("baddmarc", rsa, dmarc="v=DMARC1; p=rejct")
    records += well("nullmx", rsa)
    records = without(records, "nullmx IN MX") + ["nullmx IN MX 0 ."]
    records += well("deadmx", rsa)
    records = without(records, "deadmx IN MX") + ["deadmx IN MX 10 gone"]
    # More than a datagram takes: asked for again by TCP.
    records += well("long", rsa) + [txt("long", f"padding {number} " + "x" * 200) for number in range(12)]
    return records


@shared
def name_server():
    isp = [txt("alias.dkim", key_record(key_file("rsa"))), txt("@", SPF), txt("s1._domainkey", key_record(key_file("rsa")))]
    return Nsd(zone_files({"test": zone(), "isp.test": isp, "broken.test": None, "2.0.192.in-addr.arpa": ["25 IN PTR out.test."]}))


@functools.cache
def relay():
    """Never started: its configuration is."""
    return Relay("127.0.0.1:1", start=False, dns={"servers": [name_server().name], "timeout_ms": 1000, "tries": 1})


def check(*words, status):
    done = subprocess.run([SLUICECTL, "--config", relay().config_file, "domain", "check", *words], capture_output=True,
                          text=True, timeout=60 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, status, f"exit status of domain check {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout if status != 2 else done.stderr


def report(domain, status, *words):
    known = ["--address", ADDRESS, "--selector", "s1", "--public-key-file", key_file("rsa"), "--json"]
    return json.loads(check(f"{domain}.test", *known, *words, status=status))[0]


def finding(of, record):
    return next(each for each in of["records"] if each["record"] == record)


@test
def says_that_all_is_right():
    of = report("right", 0, "--selector", "s2", "--public-key-file", key_file("ed25519"))
    expect_equal([(each["record"], each["verdict"]) for each in of["records"]],
                 [(each, "right") for each in ("SPF", "DKIM s1", "DKIM s2", "DMARC", "MX")], "verdicts")  # fmt: skip
    expect_equal([each["takes_bulk"] for each in of["receivers"]], ["yes"] * 3, "what receivers make of it")
    text = check("right.test", "--address", ADDRESS, "--selector", "s1", "--public-key-file", key_file("rsa"), status=0)
    expect_in("right.test: right", text, "text")
    expect_in("Gmail", text, "text")


WRONG = (
    # domain, record, verdict, what is said of it
    ("eleven", "SPF", "wrong", "needs 11 look-ups"),
    ("twice", "SPF", "wrong", "2 SPF records"),
    ("refuses", "SPF", "wrong", 'by "-all" of refuses.test'),
    ("serverfails", "SPF", "could not be asked", "broken.test"),
    ("nokey", "DKIM s1", "missing", "neither TXT nor CNAME"),
    ("cut", "DKIM s1", "wrong", "cut off"),
    ("split", "DKIM s1", "wrong", "2 TXT records"),
    ("wrongkey", "DKIM s1", "wrong", "another key"),
    ("revoked", "DKIM s1", "wrong", "revoked"),
    ("dangling", "DKIM s1", "missing", "gone.dkim.isp.test"),
    ("loop", "DKIM s1", "could not be asked", "lead on and on"),
    ("nodmarc", "DMARC", "missing", "no DMARC record"),
    ("twodmarc", "DMARC", "wrong", "2 records"),
    ("baddmarc", "DMARC", "wrong", "p="),
    ("nullmx", "MX", "wrong", "null MX"),
    ("deadmx", "MX", "wrong", "gone.test"),
)


@cases(*((f"{domain}-{record.split()[0]}", domain, record, verdict, what) for domain, record, verdict, what in WRONG))
def says_what_is_wrong(name, domain, record, verdict, what):
    of = report(domain, 1)
    expect_equal([each["record"] for each in of["records"] if each["verdict"] != "right"], [record], "what is not right")
    found = finding(of, record)
    expect_equal(found["verdict"], verdict, f"verdict: {found}")
    expect_in(what, found["what"], "what is said")
    expect("remedy" in found or verdict == "could not be asked", f"a remedy: {found}")


@test
def follows_a_cname_into_another_zone():
    of = report("alias", 0)
    expect_equal(finding(of, "DKIM s1")["aliases"], ["alias.dkim.isp.test"], "where the CNAME leads")


@test
def asks_by_tcp_what_is_too_long_for_a_datagram():
    report("long", 0)


@test
def says_what_is_not_aligned():
    of = report("right", 1, "--mail-from", "isp.test", "--signing-domain", "isp.test")
    dmarc = finding(of, "DMARC")
    expect_equal(dmarc["verdict"], "wrong", f"DMARC: {dmarc}")
    expect_in("DKIM (d=isp.test) is not aligned", dmarc["what"], "what is said")
    expect_equal([each["takes"] for each in of["receivers"]], ["no"] * 3, "receivers, by the domain's own policy")


@test
def says_that_an_address_has_no_name():
    of = report("right", 1, "--address", "192.0.2.26")
    gmail = of["receivers"][0]
    expect_equal(gmail["takes"], "no", "whether Gmail takes it")
    expect_in("192.0.2.26 has no name", gmail["what"], "what is said")


@test
def checks_all_domains_of_the_store():
    store = relay().at("state", "accounts.db")
    for domain in ("right", "eleven", "nullmx", "serverfails"):
        control("domain", "add", domain + ".test", "--customer", "acme", store=store)
    known = ["--all", "--address", ADDRESS, "--selector", "s1", "--public-key-file", key_file("rsa")]
    text = check(*known, status=1)
    # example.com and example.net are not in any zone here, and the server refuses them.
    expect_equal(text.splitlines()[0], "6 domains: 1 right, 2 wrong, 3 could not be asked, 1 with * not looked at", "totals")
    expect_in("null MX", text, "the list")
    expect_not_in("right.test", text, "the list")
    of = json.loads(check(*known, "--json", status=1))
    expect_equal((of["right"], of["wrong"], of["not_asked"], of["skipped"]), (1, 2, 3, 1), "totals")
    expect_equal(len(of["domains"]), 5, "domains that are not right")


@cases(("nothing", []), ("both", ["a.test", "--all"]), ("no_domain", ["localhost"]), ("wildcard", ["*.a.test"]),
       ("no_address", ["a.test", "--address", "300.1.1.1"]), ("file_first", ["a.test", "--public-key-file", "x"]))  # fmt: skip
def refuses_what_it_does_not_understand(name, words):
    expect_in("domain check", check(*words, status=2), "what it says")


if __name__ == "__main__":
    main()
