#!/usr/bin/env python3
"""What relays of a cluster tell each other through Redis: failed logins, which count together while owners get in; which accounts are
held or released, which counts at all of them; whatever happens to Redis, and without a name in it."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, wire
from lib.harness import cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.redis import Redis, redis_cluster
from lib.relay import PASSWORD, Relay

KEY = "a secret of the cluster, of more than 32 bytes"
FAILURES = 6
OWNER_AT, THIEF_AT, NEW_AT = "127.20.1.1", "127.30.1.1", "127.40.1.1"
OTHER = "bob@example.net"


@shared
def next_hop():
    return Hop()


class Sharer(Relay):
    """A relay that shares shield and steps.  It notices at once who writes to more than a few."""

    def __init__(self, name, server, key=KEY, **cluster):
        shield = {"trusted": ["192.0.2.1"], "refused_after_ms": 0, "slow_ms": 0, "address_failures": FAILURES,
                  "network_failures": 100, "account_failures": 100}  # fmt: skip
        super().__init__(next_hop(), start=False, server={"cores": 2}, shield=shield,
                         route={"fallback": True}, policy={"default_class": "home"})  # fmt: skip
        self.config["class"] = [{"name": "home", "recipients_per_message": 100, "ordinary_recipients": 5,
                                 "ordinary_first_time_recipients": 5, "ordinary_same_text": 5}]  # fmt: skip
        keys = {"server": server, "tls": "none", "node": name, "timeout_ms": 500, "grace_s": 1, "local_share": 0}
        self.config["cluster"] = keys | {"key_file": self.at("cluster.key")} | cluster
        with open(self.at("cluster.key"), "w", encoding="utf-8") as file:
            file.write(key + "\n")
        self.write_config()
        self.start()

    def tried(self, source, name=SENDER, password="wrong"):
        client = wire.Client(self.ports["clear"], source=source)
        client.greeted()
        code = client.log_in(name, password, wanted="").code
        client.close()
        return code

    def is_refused(self, source):
        return any(row["subject"] == source for row in json.loads(self.control("shield", "list", "--json")))

    def sends(self):
        """What comes of a message, "250" or "550"; what is held is taken, too."""
        with self.client() as client:
            client.say(f"MAIL FROM:<{SENDER}>", "250")
            client.say("RCPT TO:<r@far.test>", "250")
            client.say("DATA", "354")
            client.send(mail.stuff(mail.compose(b"Hello.\r\n", sender=SENDER)))
            return str(client.reply())[:3]

    def held(self):
        return len(json.loads(self.control("review", "--json")))

    def steal(self):
        """A message to so many strangers that the account is held."""
        with self.client() as client:
            client.say(f"MAIL FROM:<{SENDER}>", "250")
            for i in range(99):
                client.say(f"RCPT TO:<r{i}@far.test>", "250")
            client.say("DATA", "354")
            client.send(mail.stuff(mail.compose(b"Buy.\r\n", sender=SENDER)))
            client.reply()
        self.logged("account_noticed", account=SENDER, effect="hold")


def messages_at(redis):
    return int(redis.say("XLEN", "sluice:{share}:log"))


def guess(node, times, source=THIEF_AT, word="guess"):
    """So many wrong passwords: the codes."""
    return [node.tried(source, password=f"{word} {node.config['cluster']['node']} {i}") for i in range(times)]


@test
def wrong_passwords_at_two_relays_are_counted_together_and_the_owner_gets_in():
    with Redis() as redis, Sharer("a", redis.server) as a, Sharer("b", redis.server) as b:
        expect_equal(a.tried(OWNER_AT, password=PASSWORD), 235, "the owner's login")
        expect_equal(guess(a, FAILURES // 2) + guess(b, FAILURES // 2), [535] * FAILURES, "replies to guesses")
        for node in (a, b):
            until(lambda node=node: node.is_refused(THIEF_AT), "the address is refused at both")
            expect_equal(node.tried(THIEF_AT, password=PASSWORD), 454, "a reply to the thief")
            expect_equal(node.tried(NEW_AT, password=PASSWORD), 235, "the owner's login from a new network")
        # Where the owner was at home before, at the other relay, he stays so, whatever others there do.
        guess(b, FAILURES, source=OWNER_AT)
        until(lambda: b.is_refused(OWNER_AT), "the address is refused")
        expect_equal(b.tried(OWNER_AT, password=PASSWORD), 235, "the owner's login where others guess")
        expect_equal(b.tried(OWNER_AT, name=OTHER), 454, "another's")
        # An operator's release is one of all relays.
        b.control("shield", "release", THIEF_AT)
        until(lambda: not a.is_refused(THIEF_AT), "it is released at the other relay, too")
        said = redis.say("XRANGE", "sluice:{share}:log", "-", "+")
        for word in (SENDER, THIEF_AT, "guess"):
            expect_not_in(word, said, "what Redis has")


@test
def old_devices_that_come_to_two_relays_count_once():
    with Redis() as redis, Sharer("a", redis.server) as a, Sharer("b", redis.server) as b:
        old = [f"an old one {i}" for i in range(FAILURES // 2)]
        for password in old:
            expect_equal(a.tried(THIEF_AT, password=password), 535, "a reply to an old device")
        until(lambda: b.tried(THIEF_AT, password="a new one") and messages_at(redis) >= 2, "both have told")
        time.sleep(2.5)
        for password in old * 3:
            expect_equal(b.tried(THIEF_AT, password=password), 535, "a reply to an old device")
        time.sleep(2.5)
        expect(not a.is_refused(THIEF_AT) and not b.is_refused(THIEF_AT), "it is refused")
        guess(b, FAILURES // 2 - 1)
        until(lambda: a.is_refused(THIEF_AT), "as many as the limit are refused")


@test
def who_is_held_at_one_relay_is_held_at_all_and_released_at_all():
    with Redis() as redis, Sharer("a", redis.server) as a, Sharer("b", redis.server) as b:
        expect_equal((b.sends(), b.held()), ("250", 0), "a message before, and what is held")
        a.steal()
        line = b.logged("account_step_shared", account=SENDER, step="hold", node="a")
        expect_in("recipients", line["reasons"], "why")
        expect_equal((b.sends(), b.held()), ("250", 1), "a message after, and what is held")
        expect_in("noticed by a", b.control("noticed", SENDER), "what is known at the other relay")
        with Sharer("c", redis.server) as c:
            c.logged("account_step_shared", account=SENDER, step="hold", node="a")
            expect_equal((c.sends(), c.held()), ("250", 1), "a message at one that started later, and what is held")
            b.control("noticed", "release", SENDER)
            for node in (a, c):
                node.logged("account_step_shared", account=SENDER, step="pass", node="b")
                before = node.held()
                expect_equal((node.sends(), node.held()), ("250", before), "a message after the release, and what is held")
        a.stop()
        a.start()
        before = a.held()
        expect_equal((a.sends(), a.held()), ("250", before), "a message after a start, and what is held")
        expect_equal(b.log("cluster_sharing_fault"), [], "faults")


@cases(True, False)
def redis_that_restarts_has_or_is_told_what_is_held(keeps):
    with Redis(keeps=keeps) as redis, Sharer("a", redis.server) as a, Sharer("b", redis.server) as b:
        a.steal()
        b.logged("account_step_shared", account=SENDER, step="hold")
        redis.kill()
        for node in (a, b):
            node.logged("cluster_sharing_fault")
        # What happens meanwhile is told when it is back.
        guess(a, FAILURES - 2)
        guess(b, 1)
        expect_equal((b.sends(), b.held()), ("250", 1), "a message while it is gone, and what is held")
        redis.start()
        for node in (a, b):
            node.logged("cluster_sharing_back")
            if keeps:
                expect_equal(node.log("cluster_sharing_lost"), [], "losses")
            else:
                node.logged("cluster_sharing_lost")
        expect_equal(guess(b, 1, word="more"), [535], "a reply to a guess")
        until(lambda: a.is_refused(THIEF_AT) and b.is_refused(THIEF_AT), "failures are counted together")
        a.stop()
        with Sharer("c", redis.server) as c:
            c.logged("account_step_shared", account=SENDER, step="hold")
            expect_equal((c.sends(), c.held()), ("250", 1), "a message at one that started later, and what is held")


@test
def a_relay_with_another_key_is_neither_heard_nor_believed():
    with Redis() as redis, Sharer("a", redis.server) as a, Sharer("b", redis.server, key=KEY[::-1]) as b:
        a.steal()
        expect_in("another cluster.key_file", b.logged("cluster_sharing_fault")["reason"], "the reason")
        expect_equal((b.sends(), b.held()), ("250", 0), "a message, and what is held")
        expect_equal(b.log("account_step_shared"), [], "steps")


# ------------------------------------------------------------------------------------ ways to a Redis


def expect_shared(a, b):
    a.steal()
    b.logged("account_step_shared", account=SENDER, step="hold", node="a")
    for node in (a, b):
        expect_equal(node.log("cluster_sharing_fault"), [], "faults")


@test
def the_commands_that_the_configuration_names_are_enough():
    acl = ("--user", "default", "off", "--user", "sluice", "on", ">a word for Redis", "~limits:*", "&limits:*", "-@all",
           *("+fcall +function +script +evalsha +hset +hgetall +hdel +time +pexpire +publish +subscribe +ping "
             "+asking +xadd +xrange").split())  # fmt: skip
    with Redis(*acl) as redis:
        file = os.path.join(redis.path, "word")
        with open(file, "w", encoding="utf-8") as out:
            out.write("a word for Redis\n")
        keys = {"user": "sluice", "prefix": "limits", "password_file": file}
        with Sharer("a", redis.server, **keys) as a, Sharer("b", redis.server, **keys) as b:
            expect_shared(a, b)


@test
def a_redis_without_functions_runs_a_script():
    with Redis("--rename-command", "FUNCTION", "", "--rename-command", "FCALL", "") as redis:
        with Sharer("a", redis.server) as a, Sharer("b", redis.server) as b:
            expect_shared(a, b)


@test
def a_redis_cluster_redirects():
    with redis_cluster() as (first, second):
        expect_in("MOVED", second.say("GET", "sluice:{share}:state"), "what the second says")
        with Sharer("a", second.server) as a, Sharer("b", first.server) as b:
            expect_shared(a, b)


if __name__ == "__main__":
    main()
