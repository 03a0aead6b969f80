#!/usr/bin/env python3
"""Logins that an LDAP server checks: Debian's slapd with TLS and without, and servers that hang, lie and stop half-way."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.backends import AskingRelay, ScriptedServer, answering, devices_go_with_their_mailboxes, fixed, flood, ran, reaches, silent
from lib.harness import cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import PASSWORD, authority, folder, free_port, under
from lib.sinks import end

OURS = "cn=relay,dc=test"
OUR_PASSWORD = "the relay's own"
PEOPLE = "ou=people,dc=test"

CONF = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {path}/pid
allow bind_anon_cred bind_anon_dn
TLSCertificateFile {chain}
TLSCertificateKeyFile {key}
database mdb
suffix "dc=test"
directory {path}/data
maxsize 16777216
rootdn "cn=admin,dc=test"
rootpw none
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{ours}" read by self read by * none
"""


def ldif():
    def entry(dn, **attributes):
        lines = [f"dn: {dn}"]
        for name, values in attributes.items():
            lines += [f"{name}: {value}" for value in (values if isinstance(values, list) else [values])]
        return "\n".join(lines) + "\n\n"

    def person(uid, mail, o="acme", domains=("example.com",), password=PASSWORD):
        return entry(f"uid={uid},{PEOPLE}", objectClass=["inetOrgPerson", "domainRelatedObject"], uid=uid, cn=uid,
                     sn=uid, mail=mail, o=o, associatedDomain=list(domains), userPassword=password)  # fmt: skip

    text = entry("dc=test", objectClass=["organization", "dcObject"], o="test", dc="test")
    text += entry(PEOPLE, objectClass="organizationalUnit", ou="people")
    text += entry(OURS, objectClass=["organizationalRole", "simpleSecurityObject"], cn="relay", userPassword=OUR_PASSWORD)
    text += person("alice", SENDER) + person("carol", "carol@example.com", password="carol's")
    text += person("twin1", "twin@example.com") + person("twin2", "twin@example.com")
    text += person("ben", "ben@example.net", o="other", domains=("example.net",))
    return text


class Slapd:
    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="slapd-", dir=folder().path)
        os.mkdir(os.path.join(self.path, "data"))
        self.port, self.tls_port = free_port(), free_port()
        self.socket = os.path.join(self.path, "ldapi")
        chain, key = authority().issue(os.path.join(self.path, "tls"), "localhost", "127.0.0.1")
        self.conf = os.path.join(self.path, "slapd.conf")
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(CONF.format(path=self.path, chain=chain, key=key, ours=OURS))
        content = os.path.join(self.path, "people.ldif")
        with open(content, "w", encoding="utf-8") as file:
            file.write(ldif())
        ran("/usr/sbin/slapadd", "-q", "-f", self.conf, "-l", content)
        self.start()

    def start(self):
        urls = [f"ldap://127.0.0.1:{self.port}", f"ldaps://127.0.0.1:{self.tls_port}", f"ldaps://127.0.0.2:{self.tls_port}",
                "ldapi://" + self.socket.replace("/", "%2F")]  # fmt: skip
        with open(os.path.join(self.path, "log"), "ab") as log:
            self.process = subprocess.Popen(["/usr/sbin/slapd", "-d", "0", "-f", self.conf, "-h", " ".join(urls)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # fmt: skip
        until(lambda: self.process.poll() is not None or reaches(self.tls_port), "slapd answers", 15)
        expect(self.process.poll() is None, "slapd has ended")

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        end(self.process)


@shared
def slapd():
    return Slapd()


@shared
def hop():
    return Hop()


def own_login():
    path = under("ldap-password")
    with open(path, "w", encoding="utf-8") as file:
        file.write(OUR_PASSWORD + "\n")
    return {"user": OURS, "password_file": path}


def by_search(**keys):
    return {"base": PEOPLE, "query": "(&(objectClass=inetOrgPerson)(mail=%{user}))", "account_field": "mail",
            "customer_field": "o", "domains_field": "associatedDomain", **own_login(), **keys}  # fmt: skip


def by_dn(**keys):
    return {"base": f"uid=%{{local}},{PEOPLE}", **keys}


def clear(server):
    return {"server": [f"127.0.0.1:{server.port}"], "tls": "none"}


def in_tls(at, **keys):
    return {"server": [f"127.0.0.1:{at.tls_port}"], "ca_file": authority().ca_file, **keys}


class Asked:
    """The relay that most tests ask, and its server."""

    def __init__(self):
        server = slapd()
        search = {"name": "search", "kind": "ldap", "domains": ["example.com", "example.net"], "failures": 1000,
                  "timeout_s": 5, "customer_from": "answer", **by_search(), **clear(server)}  # fmt: skip
        starttls = {"server": [f"127.0.0.1:{server.port}"], "tls": "starttls", "ca_file": authority().ca_file}
        self.relay = AskingRelay(hop(), [
            search,
            fixed("template", "ldap", **by_dn(customer_field="o"), **clear(server)),
            fixed("tls", "ldap", **by_dn(), **in_tls(server)),
            fixed("starttls", "ldap", **by_dn(), **starttls),
            fixed("socket", "ldap", **by_dn(), server=[server.socket], tls="none"),
            fixed("othername", "ldap", **by_dn(), **in_tls(server, server=[f"127.0.0.2:{server.tls_port}"])),
            fixed("stranger", "ldap", **by_dn(), server=[f"127.0.0.1:{server.tls_port}"]),
            fixed("nobase", "ldap", base="ou=nowhere,dc=test", query="(uid=%{local})", **own_login(), **clear(server)),
            fixed("anonymous", "ldap", base=PEOPLE, query="(uid=%{local})", **clear(server)),
            fixed("second", "ldap", **by_dn(), server=[f"127.0.0.1:{free_port()}", f"127.0.0.1:{server.port}"], tls="none"),
            fixed("down", "ldap", **by_dn(), server=[f"127.0.0.1:{free_port()}"], tls="none"),
        ])  # fmt: skip

    def alive(self):
        return self.relay.alive()

    def stop(self):
        self.relay.stop()


@shared
def asked():
    return Asked()


# ------------------------------------------------------------------------------------ the real server


@test
def searched_for_and_bound_as():
    relay = asked().relay
    expect_equal(relay.login(SENDER), "235", "the right password")
    expect_equal(relay.login(SENDER, "another"), "535", "a wrong one")
    expect_equal(relay.login("nobody@example.com"), "535", "an unknown name")
    expect_equal(relay.login("carol@example.com"), "535", "another's password")
    relay.fails("twin@example.com", "more than one entry")
    relay.delivers(hop())


@test
def devices_go_with_their_entries():
    devices_go_with_their_mailboxes((asked().relay, "ben@example.net", "nobody@example.net"))


@test
def customer_and_domains_are_the_entry_s():
    relay = asked().relay
    relay.delivers(hop(), "ben@example.net", "ben@example.net")
    with relay.client(name="ben@example.net") as client:
        client.say("MAIL FROM:<alice@example.com>", "550")
    # However the client writes the name, the account is the entry's.
    expect_equal(relay.login("ALICE@example.com"), "235", "the name in capitals")


@cases("template", "tls", "starttls", "socket", "second")
def bound_as_the_name_s_own_entry(domain):
    relay = asked().relay
    expect_equal(relay.login(f"alice@{domain}.test"), "235", "the right password")
    expect_equal(relay.login(f"alice@{domain}.test", "another"), "535", "a wrong one")
    expect_equal(relay.login(f"nobody@{domain}.test"), "535", "an unknown name")


INJECTED = ["*", "a*", "alice*", "alice)(uid=*", "*)(uid=*))(|(uid=*", "alice,ou=people,dc=test", "x,uid=alice", "alice+cn=alice",
            "\\2a", "al\\69ce", "alice\\", "'\"", "(alice)", "alice)", "%{user}", "alice ;", "#alice", "uid=alice", "äé"]  # fmt: skip


@cases(*((f"{number}", name) for number, name in enumerate(INJECTED)))
def no_name_becomes_a_filter_or_a_dn(_, name):
    relay = asked().relay
    for domain in ("example.com", "template.test"):
        expect_equal(relay.login(f"{name}@{domain}"), "535", f"reply to {name!r} at {domain}")


@test
def an_empty_password_binds_nobody():
    for name in (SENDER, "alice@template.test"):
        with asked().relay.connect() as client:
            client.greeted()
            client.log_in(name, "", wanted="5")


@cases(("othername", "127.0.0.2"), ("stranger", "127.0.0.1"), ("nobase", "No such object"), ("anonymous", "No such object"),
       ("down", "127.0.0.1"))  # fmt: skip
def what_keeps_an_answer_from_being_found_is_no_wrong_password(domain, word):
    asked().relay.fails(f"alice@{domain}.test", word)


@test
def restarted_in_mid_run():
    server = Slapd()
    backends = [fixed("one", "ldap", **by_dn(), **clear(server)), fixed("two", "ldap", **by_search(query="(uid=%{local})"), **in_tls(server))]
    with AskingRelay(hop(), backends) as relay:
        expect_equal([relay.login(f"alice@{domain}.test") for domain in ("one", "two")], ["235", "235"], "before")
        server.stop()
        relay.fails("carol@one.test", f"127.0.0.1:{server.port}")
        relay.fails("carol@two.test", f"127.0.0.1:{server.tls_port}")
        server.start()
        expect_equal([relay.login(f"carol@{domain}.test", "carol's") for domain in ("one", "two")], ["235", "235"], "after")
        server.stop()
        server.start()
        # The connections that were kept are gone, and nobody is told so.
        expect_equal([relay.login(f"twin1@{domain}.test") for domain in ("one", "two")], ["235", "235"], "kept over a restart")
    server.stop()


# ------------------------------------------------------------------------------------ servers that do not behave

BIND_GRANTED = bytes.fromhex("300c02010161070a010004000400")


@cases(
    ("hangs", silent),
    ("stops_half_way", answering(BIND_GRANTED[:6])),
    ("stops_half_way_and_closes", answering(BIND_GRANTED[:6], then_close=True)),
    ("closes", answering(b"", then_close=True)),
    ("talks_something_else", answering(b"220 mail.test ESMTP\r\n", then_close=True)),
    ("floods", flood),
    ("answers_another_question", answering(bytes.fromhex("300c02017f61070a010004000400"))),
)
def a_server_that(_, serve):
    server = ScriptedServer(serve)
    backends = [fixed("clear", "ldap", **by_dn(), **clear(server), ) | {"timeout_s": 1}]
    backends += [fixed("tls", "ldap", **by_dn(), server=[server.name], ca_file=authority().ca_file) | {"timeout_s": 1}]
    backends += [fixed("starttls", "ldap", **by_dn(), server=[server.name], ca_file=authority().ca_file, tls="starttls") | {"timeout_s": 1}]
    with AskingRelay(hop(), backends) as relay:
        relay.fails("alice@clear.test")
        expect_in(PASSWORD.encode(), server.received, "what it is there for")
        server.received = b""
        relay.fails("alice@tls.test")
        relay.fails("alice@starttls.test")
        expect_not_in(PASSWORD.encode(), server.received, "the password, in clear")
        expect_equal(relay.login(SENDER), "535", "no back end is asked for this domain")
    server.stop()


@test
def a_server_that_refuses_starttls_is_told_no_password():
    refused = bytes.fromhex("300c02010178070a010204000400")
    server = ScriptedServer(answering(refused))
    keys = by_dn(server=[server.name], ca_file=authority().ca_file, tls="starttls")
    with AskingRelay(hop(), [fixed("one", "ldap", **keys)]) as relay:
        relay.fails("alice@one.test", "STARTTLS")
        expect_not_in(PASSWORD.encode(), server.received, "the password, in clear")
    server.stop()


@cases(
    ("in_clear_elsewhere", {"server": ["192.0.2.1"], "tls": "none", **by_dn()}, "loopback"),
    ("in_clear_by_a_name", {"server": ["ldap.example.com"], "tls": "none", **by_dn()}, "loopback"),
    ("nobody", {"server": ["ldap.example.com"], "base": PEOPLE}, "one DN for everybody"),
    ("nobody_searched", {"server": ["ldap.example.com"], "base": PEOPLE, "query": "(uid=x)"}, "asks for nobody"),
    ("no_base", {"server": ["ldap.example.com"], "query": "(uid=%{user})"}, "base is missing"),
    ("unknown_parameter", {"server": ["ldap.example.com"], "base": "uid=%{n}"}, "unknown"),
    ("no_password", {"server": ["ldap.example.com"], "user": OURS, **by_dn()}, "password_file"),
)
def is_not_started_with(_, keys, word):
    relay = AskingRelay(hop(), [fixed("one", "ldap", **keys)], start=False)
    expect_in(word, relay.refuses_to_start(), "what the start says")


if __name__ == "__main__":
    main()
