#!/usr/bin/env python3
"""Logins with access tokens, OAUTHBEARER and XOAUTH2: tokens that jwcrypto signs, and an issuer whose keys the relay
fetches, that is asked about tokens, and that does what an issuer should not."""

import base64
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect, expect_equal, expect_in, expect_not_in, main, test, until
from lib.hop import Hop
from lib.issuer import AUDIENCE, CLIENT, ISSUER, Issuer, key_set, new_key, signed
from lib.mail import SENDER
from lib.relay import PASSWORD, Relay, authority, checked, client_tls, toml
from lib.wire import b64

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
FAILURES = {
    "OAUTHBEARER": {"status": "invalid_token"},
    "XOAUTH2": {"status": "401", "schemes": "bearer"},
}
FIRST, SECOND, CURVE = new_key("first"), new_key("second"), new_key("curve", "EC")


def message(mechanism, user, token):
    if mechanism == "XOAUTH2":
        return b64(f"user={user}\x01auth=Bearer {token}\x01\x01")
    return b64(f"n,a={user},\x01host=relay.test\x01port=587\x01auth=Bearer {token}\x01\x01")


def settings(issuer=None, **keys):
    oauth = {"issuer": ISSUER, "audience": [AUDIENCE], "scope": "smtp", "timeout_s": 4, "jwks_retry_s": 1, "failures": 1000,
             "ca_file": authority().ca_file}  # fmt: skip
    if issuer:
        oauth["jwks_url"] = issuer.url()
    return {**oauth, **keys}


class Served:
    def __init__(self, oauth, store=None, shield=None):
        self.hop = Hop()
        self.relay = Relay(self.hop, start=False)
        self.relay.config["oauth"] = oauth
        self.relay.config["server"]["cores"] = 1  # each remembers by itself
        self.relay.config["store"].update(store or {})
        self.relay.config["shield"].update(shield or {})
        self.relay.write_config()
        self.relay.start()
        self.logins = 0
        self.tokens = set()

    def login(self, token, wanted="235", user=SENDER, mechanism="OAUTHBEARER", initial=True, then=None, source=None):
        """One login, and the reason that is logged for it."""
        self.tokens.add(token)
        with self.relay.connect("implicit", tls=client_tls(), source=source) as client:
            client.greeted()
            first = "334" if wanted.startswith("535") else wanted
            if initial:
                reply = client.say(f"AUTH {mechanism} {message(mechanism, user, token)}", first)
            else:
                expect_equal(client.say(f"AUTH {mechanism}", "334").texts, [""], "the challenge")
                reply = client.say(message(mechanism, user, token), first)
            if first == "334":
                expect_equal(json.loads(base64.b64decode(reply.texts[0])), FAILURES[mechanism], "what failed")
                client.say("AQ==" if mechanism == "OAUTHBEARER" else "", wanted)
            if then:
                then(client)
        self.logins += 1
        return self.relay.logged("login", self.logins).get("reason", "")

    def attempt(self, token):
        """The code that one login gets at first."""
        with self.relay.connect("implicit") as client:
            client.greeted()
            reply = client.say("AUTH XOAUTH2 " + message("XOAUTH2", SENDER, token))
        self.logins += 1
        return str(reply)[:3]

    def refused(self, token, why, **options):
        expect_in(why, self.login(token, "535 5.7.8", **options), "the reason in the log")

    def unavailable(self, token, why, **options):
        expect_in(why, self.login(token, "454 4.7.0", **options), "the reason in the log")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.relay.kill()
            self.hop.stop()
            return
        try:
            self.relay.stop()
            with open(self.relay.log_file, encoding="utf-8") as file:
                log = file.read()
            for token in self.tokens:
                expect_not_in(token[-40:], log, "the log")
        finally:
            self.hop.stop()


@cases(*MECHANISMS)
def a_token_logs_in(mechanism):
    with Issuer(FIRST, CURVE) as issuer, Served(settings(issuer)) as served:
        sent = mail.compose(os.urandom(8).hex().encode() + b"\r\n")
        served.login(signed(FIRST, SENDER), mechanism=mechanism, then=lambda client: client.submit(sent))
        mail.expect_intact(served.hop.only().content, sent)
        served.login(signed(FIRST, SENDER, "PS256"), mechanism=mechanism, initial=False)
        served.login(signed(CURVE, SENDER, "ES256", exp=4102444800), mechanism=mechanism)
        served.login(signed(FIRST, SENDER.upper()), mechanism=mechanism)
        served.refused(signed(FIRST, SENDER, exp=1), "it has expired", mechanism=mechanism)
        served.refused(signed(FIRST, SENDER, exp=2), "it has expired", mechanism=mechanism, initial=False)
        # As long as they get: 12,288 characters in base64 hold it.
        served.login(signed(FIRST, SENDER, groups="g" * 5400), mechanism=mechanism)
        expect_equal(issuer.asked, 1, "how often the issuer was asked for its keys")


@test
def the_log_says_what_is_wrong_and_the_client_does_not_hear_it():
    with Issuer(FIRST) as issuer, Served(settings(issuer)) as served:
        for why, token in {
            'alg is "RS384"': signed(FIRST, SENDER, "RS384"),
            'iss is "https://elsewhere.test/"': signed(FIRST, SENDER, iss="https://elsewhere.test/"),
            'aud is "imap.relay.test"': signed(FIRST, SENDER, aud="imap.relay.test"),
            "aud is missing": signed(FIRST, SENDER, aud=None),
            "exp is missing": signed(FIRST, SENDER, exp=None),
            "it is not valid yet": signed(FIRST, SENDER, nbf=4000000000),
            "its scope does not have": signed(FIRST, SENDER, scope="openid"),
            'email is "bob@example.net"': signed(FIRST, "bob@example.net"),
            "email is not verified": signed(FIRST, SENDER, email_verified=False),
            "its signature is wrong": signed(new_key("first"), SENDER),
            "it is no signed JWT": "ya29.opaque",
            'alg is "none"': ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=")
                                       for part in (b'{"alg":"none"}', b"{}", b"x")),
        }.items():  # fmt: skip
            served.refused(token, "oauth: " + why)
        served.refused(signed(FIRST, "sam@example.com"), "", user="sam@example.com")  # suspended, behind a right token
        # Neither is a token a password, nor a password a token.
        token = signed(FIRST, SENDER)[:1000]
        with served.relay.connect("clear") as client:
            client.greeted()
            client.log_in(SENDER, token, wanted="535")
            client.say("AUTH XOAUTH2 " + message("XOAUTH2", SENDER, PASSWORD), "535")


@test
def offered_where_it_is_configured_and_under_tls():
    with Issuer(FIRST) as issuer, Served(settings(issuer)) as served:
        with served.relay.connect("starttls") as client:
            expect_not_in("AUTH", client.greeted(), "what is offered without TLS")
            expect_equal(client.start_tls(client_tls())["AUTH"], "PLAIN LOGIN OAUTHBEARER XOAUTH2", "what is offered")
    hop = Hop()
    with Relay(hop) as relay, relay.connect("implicit") as client:
        expect_equal(client.greeted()["AUTH"], "PLAIN LOGIN", "what is offered without [oauth]")
        client.say("AUTH XOAUTH2", "504 5.5.4")
    hop.stop()


@test
def lines_of_auth_are_bounded():
    with Issuer(FIRST) as issuer, Served(settings(issuer)) as served:
        with served.relay.connect("implicit") as client:
            client.greeted()
            client.say("AUTH XOAUTH2 " + b64("user=alice\x01auth=Bearer " + "a" * 9000 + "\x01\x01"), "535")
            client.say("AUTH XOAUTH2", "334")
            client.say("A" * 12288, "501")
            client.say("AUTH XOAUTH2", "334")
            client.say("A" * 12300, "500")


@test
def keys_that_are_rotated_are_fetched():
    with Issuer(FIRST) as issuer, Served(settings(issuer)) as served:
        served.login(signed(FIRST, SENDER))
        issuer.shown = (SECOND, CURVE)
        until(lambda: served.attempt(signed(SECOND, SENDER, n=os.urandom(4).hex())) == "235", "the new key counts")
        asked = issuer.asked
        served.refused(signed(new_key("third"), SENDER, "RS256"), "is not among the issuer's keys")
        expect(issuer.asked - asked <= 1, "the issuer was asked more than once about one key")
        served.refused(signed(FIRST, SENDER), 'key "first" is not among the issuer\'s keys')


@test
def a_key_file_that_is_replaced_is_read_again():
    path = os.path.join(authority().folder, "keys.json")

    def write(*keys):
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(key_set(*keys))
        os.replace(path + ".new", path)

    write(FIRST)
    with Served(settings(jwks_file=path)) as served:
        served.login(signed(FIRST, SENDER))
        write(SECOND)
        served.login(signed(SECOND, SENDER))
        served.refused(signed(FIRST, SENDER, n=1), 'key "first" is not among')
        os.remove(path)
        served.login(signed(SECOND, SENDER, n=1))
        served.unavailable(signed(new_key("third"), SENDER), "newer ones are not to be had")
        served.relay.logged("backend_warning")


@cases("hanging", "redirecting", "huge", "failing", "garbage", "down")
def an_issuer_that_does_not_serve_its_keys(mode):
    why = {"hanging": "imed out", "redirecting": "redirects to elsewhere", "huge": "too long", "failing": "answers 503",
           "garbage": "no JSON", "down": "onnect"}[mode]  # fmt: skip
    with Issuer(FIRST) as issuer, Issuer(FIRST) as other:
        issuer.other = other
        with Served(settings(issuer)) as served:
            spoil(issuer, mode)
            served.unavailable(signed(FIRST, SENDER), why)
            served.unavailable(signed(FIRST, SENDER), why)  # the very same again: never remembered
            expect_equal(other.asked, 0, "how often the redirect was followed")
            mend(issuer, mode)
            until(lambda: served.attempt(signed(FIRST, SENDER)) == "235", "the issuer's keys are there")


def spoil(issuer, mode):
    if mode == "down":
        issuer.stop()
    elif mode == "garbage":
        issuer.keys = lambda: "<html>"
    else:
        issuer.mode = mode


def mend(issuer, mode):
    if mode == "down":
        issuer.start()
    elif mode == "garbage":
        issuer.keys = lambda: key_set(FIRST)
    else:
        issuer.mode = "right"


@test
def keys_that_are_known_go_on_while_the_issuer_is_away():
    with Issuer(FIRST) as issuer, Served(settings(issuer, failures=2)) as served:
        served.login(signed(FIRST, SENDER))
        issuer.mode = "hanging"
        until(lambda: served.attempt(signed(SECOND, SENDER, n=os.urandom(4).hex())) == "454", "the issuer is asked again")
        for i in range(3):
            served.unavailable(signed(SECOND, SENDER, n=i), "newer ones are not to be had")
            served.login(signed(FIRST, SENDER, n=i))


@test
def a_server_with_another_certificate_is_not_believed():
    with Issuer(FIRST, names=("elsewhere.test",)) as issuer, Served(settings(issuer)) as served:
        served.unavailable(signed(FIRST, SENDER), "SSL")
    with Issuer(FIRST) as issuer:
        strange = settings(issuer)
        del strange["ca_file"]
        with Served(strange) as served:
            served.unavailable(signed(FIRST, SENDER), "SSL")


@test
def a_token_is_remembered_until_it_ends_at_most():
    with Issuer(FIRST) as issuer, Served(settings(issuer, clock_skew_s=0)) as served:
        token = signed(FIRST, SENDER, exp=int(time.time()) + 3)
        served.login(token)
        served.login(token)
        until(lambda: served.attempt(token) == "334", "the token has ended")


@test
def the_same_stale_token_counts_once_for_the_shield():
    with Issuer(FIRST) as issuer:
        with Served(settings(issuer), store={"refused_ttl_s": 1}, shield={"trusted": [], "address_failures": 3}) as served:
            stale = signed(FIRST, SENDER, exp=1)
            for _ in range(6):
                served.refused(stale, "it has expired")
            for i in range(2):
                served.refused(signed(FIRST, SENDER, exp=1, n=i), "it has expired")
            served.unavailable(signed(FIRST, SENDER), "shield: address")


@test
def whose_it_is_the_token_may_say():
    oauth = {"customer_from": "answer", "customer_claim": "org", "domains_claim": "domains", "user_claim": "sub"}
    with Issuer(FIRST) as issuer, Served(settings(issuer, **oauth)) as served:
        token = signed(FIRST, "", sub="tim", org="acme", domains=["shop.example.com"])

        def sends(client):
            client.say("MAIL FROM:<x@shop.example.com>", "250")
            client.say("RSET", "250")
            client.say(f"MAIL FROM:<{SENDER}>", "550 5.7.1")

        served.login(token, user="tim", then=sends)
        served.login(signed(FIRST, "", sub="tim", org="nobody"), "535", user="tim")


def introspected(issuer, **keys):
    path = os.path.join(authority().folder, "secret")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CLIENT[1] + "\n")
    return {"introspection_url": issuer.url("introspect"), "client_id": CLIENT[0], "client_secret_file": path,
            "ca_file": authority().ca_file, "user_claim": "username", "timeout_s": 4, "failures": 1000, **keys}  # fmt: skip


@cases(*MECHANISMS)
def the_introspection_endpoint_is_asked(mechanism):
    with Issuer() as issuer, Served(introspected(issuer)) as served:
        issuer.tokens = {
            "op/aque+1==": {"active": True, "username": SENDER},
            "opaque-2": {"active": True, "username": "bob@example.net"},
            "opaque-3": {"active": True, "username": SENDER, "exp": 1},
            "opaque-4": {"active": "true", "username": SENDER},
            "opaque-5": ["active"],
        }
        for _ in range(2):
            served.login("op/aque+1==", mechanism=mechanism)
        expect_equal(issuer.asked, 1, "how often the issuer was asked about one token")
        served.refused("opaque-2", 'username is "bob@example.net"', mechanism=mechanism)
        served.refused("opaque-3", "it has expired", mechanism=mechanism)
        served.refused("opaque-0", "it is not active", mechanism=mechanism)
        served.unavailable("opaque-4", "has no \"active\"", mechanism=mechanism)
        served.unavailable("opaque-5", "is no JSON object", mechanism=mechanism)


@cases("hanging", "redirecting", "huge", "failing", "down")
def an_introspection_endpoint_that_does_not_answer(mode):
    with Issuer() as issuer, Issuer() as other, Served(introspected(issuer, timeout_s=2)) as served:
        issuer.other = other
        issuer.tokens = {"opaque": {"active": True, "username": SENDER}}
        spoil(issuer, mode)
        served.unavailable("opaque", "oauth: ")
        mend(issuer, mode)
        served.login("opaque")


@test
def a_check_of_the_configuration_asks_the_issuer():
    with Issuer(FIRST) as issuer:
        said = {}
        for mode in ("right", "failing", "redirecting"):
            issuer.mode = mode
            issuer.other = issuer
            said[mode] = check(settings(issuer), 0)
        expect_not_in("oauth", said["right"], "what is said of an issuer that serves its keys")
        expect_in("oauth: " + issuer.url() + ": answers 503", said["failing"], "what is said of one that fails")
        expect_in("redirects to elsewhere", said["redirecting"], "what is said of one that redirects")
        issuer.mode = "right"
        expect_not_in("oauth", check(introspected(issuer), 0), "what is said of an introspection endpoint")
        wrong = introspected(issuer)
        wrong["client_id"] = "other"
        expect_in("answers 401", check(wrong, 0), "what is said of an endpoint that refuses us")
        expect_in("is http, and not at a loopback address", check(settings(jwks_url="http://192.0.2.1/"), 1), "what is said")
        for algorithm in ("none", "HS256"):
            expect_in("algorithms", check(settings(issuer, algorithms=[algorithm]), 1), "what is said of an algorithm")
        expect_in("is one of several", check(settings(issuer, jwks_file="/x"), 1), "what is said of two places")
        expect_in("oauth.jwks_file", check(settings(jwks_file="/nowhere"), 1), "what is said of a file")


def check(oauth, wanted):
    relay = Relay("127.0.0.1:25", start=False)
    relay.config["oauth"] = oauth
    return checked("127.0.0.1:25", wanted, toml(relay.config))


if __name__ == "__main__":
    main()
