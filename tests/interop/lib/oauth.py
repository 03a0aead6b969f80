"""A relay that takes access tokens, and logins with them by both mechanisms."""

import base64
import json
import os

from lib.harness import expect_equal, expect_in, expect_not_in
from lib.hop import Hop
from lib.issuer import AUDIENCE, CLIENT, ISSUER, new_key
from lib.mail import SENDER
from lib.relay import Relay, authority, client_tls
from lib.wire import b64

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
FAILURES = {
    "OAUTHBEARER": {"status": "invalid_token"},
    "XOAUTH2": {"status": "401", "schemes": "bearer"},
}
FIRST, SECOND, CURVE = new_key("first"), new_key("second", "EC"), new_key("curve", "EC")


def message(mechanism, user, token):
    if mechanism == "XOAUTH2":
        return b64(f"user={user}\x01auth=Bearer {token}\x01\x01")
    user = f"a={user}" if user else ""
    return b64(f"n,{user},\x01host=relay.test\x01port=587\x01auth=Bearer {token}\x01\x01")


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

    def login(self, token, wanted="235", user=SENDER, mechanism="OAUTHBEARER", initial=True, then=None, source=None, status=None):
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
                failure = {"status": status} if status else FAILURES[mechanism]
                expect_equal(json.loads(base64.b64decode(reply.texts[0])), failure, "what failed")
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


def introspected(issuer, **keys):
    path = os.path.join(authority().folder, "secret")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CLIENT[1] + "\n")
    return {"introspection_url": issuer.url("introspect"), "client_id": CLIENT[0], "client_secret_file": path,
            "ca_file": authority().ca_file, "user_claim": "username", "timeout_s": 4, "failures": 1000, **keys}  # fmt: skip
