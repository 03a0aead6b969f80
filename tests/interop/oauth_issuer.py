#!/usr/bin/env python3
"""Access tokens whose issuer changes its keys, is away, or does what an issuer should not; and one that is asked about each
token."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import cases, expect, expect_equal, expect_in, expect_not_in, main, test, until
from lib.issuer import Issuer, key_set, new_key, signed
from lib.mail import SENDER
from lib.oauth import CURVE, FIRST, MECHANISMS, SECOND, Served, introspected, settings
from lib.relay import Relay, authority, checked, toml


@test
def keys_that_are_rotated_are_fetched():
    with Issuer(FIRST) as issuer, Served(settings(issuer)) as served:
        served.login(signed(FIRST, SENDER))
        issuer.shown = (SECOND, CURVE)
        until(lambda: served.attempt(signed(SECOND, SENDER, "ES256", n=os.urandom(4).hex())) == "235", "the new key counts")
        asked = issuer.asked
        served.refused(signed(new_key("third", "EC"), SENDER, "ES256"), "is not among the issuer's keys")
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
        served.login(signed(SECOND, SENDER, "ES256"))
        served.refused(signed(FIRST, SENDER, n=1), 'key "first" is not among')
        os.remove(path)
        served.login(signed(SECOND, SENDER, "ES256", n=1))
        served.unavailable(signed(new_key("third", "EC"), SENDER, "ES256"), "newer ones are not to be had")
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
        until(lambda: served.attempt(signed(SECOND, SENDER, "ES256", n=os.urandom(4).hex())) == "454", "the issuer is asked again")
        for i in range(3):
            served.unavailable(signed(SECOND, SENDER, "ES256", n=i), "newer ones are not to be had")
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
