#!/usr/bin/env python3
"""Logins with access tokens, OAUTHBEARER and XOAUTH2: tokens that jwcrypto signs, and an issuer whose keys the relay
fetches."""

import base64
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import cases, expect_equal, expect_not_in, main, test, until
from lib.hop import Hop
from lib.issuer import Issuer, new_key, signed
from lib.mail import SENDER
from lib.oauth import CURVE, FIRST, MECHANISMS, Served, message, settings
from lib.relay import PASSWORD, Relay, client_tls
from lib.wire import b64


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
            client.say("AUTH XOAUTH2 " + message("XOAUTH2", SENDER, PASSWORD), "334")
            client.say("", "535")


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
            client.say("AUTH XOAUTH2 " + b64("user=alice\x01auth=Bearer " + "a" * 9000 + "\x01\x01"), "334")
            client.say("", "535")
            client.say("AUTH XOAUTH2", "334")
            client.say("A" * 12288, "334")
            client.say("", "535")
            client.say("AUTH XOAUTH2", "334")
            client.say("A" * 12300, "500")


@test
def a_login_without_a_user_is_that_of_the_token():
    with Issuer(FIRST) as issuer, Served(settings(issuer)) as served:
        served.login(signed(FIRST, SENDER), user=None, then=lambda client: client.submit(mail.compose()))
        expect_equal(served.relay.log("login")[-1]["account"], SENDER, "who logged in")
        served.refused(signed(new_key("first"), SENDER), "its signature is wrong", user=None)
        served.refused("ya29.opaque", "neither the client nor its token names a user", user=None, status="invalid_request")
        served.refused("a b", "", status="invalid_token")


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


if __name__ == "__main__":
    main()
