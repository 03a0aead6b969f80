#!/usr/bin/env python3
"""One limit that several relays share through Redis: exactly as much as it allows, whatever happens to Redis and to
relays; and the ways in which a Redis can be reached."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import SLOW, TIMEOUT_FACTOR, expect, expect_between, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.redis import Redis, redis_cluster
from lib.relay import SLUICE, SLUICECTL, Relay, authority, folder, free_port
from lib.sinks import end
from lib.wire import HOST

LIMIT = 200
SHARE = 10  # percent
SESSIONS = 500 if SLOW else 1000
PASSWORD = "a word for Redis"


@shared
def next_hop():
    return Hop()


class Node(Relay):
    """A relay whose only class has one limit, which it shares."""

    def __init__(self, name, server, limit=LIMIT, start=True, action="refuse", **cluster):
        super().__init__(next_hop(), start=False, server={"cores": 2}, limits={"sessions_per_address": 5000},
                         route={"fallback": action == "hold"})  # fmt: skip
        del self.config["policy"]
        keys = {"server": server, "tls": "none", "node": name, "timeout_ms": 500, "grace_s": 1, "local_share": 0}
        self.config["cluster"] = keys | cluster
        self.config["class"] = [{"name": "limited"}]
        self.write_config()
        with open(self.config_file, encoding="utf-8") as file:
            text = file.read()
        limits = f'limit = [{{of = "account", quantity = "recipients", window = "day", amount = {limit}, action = "{action}"}}]\n'
        self.write_config(text.replace('name = "limited"\n', 'name = "limited"\n' + limits))
        if start:
            self.start()

    def remainder(self):
        return sum(line["recipients"] for line in self.log("cluster_remainder"))


def send(client):
    """One message to one recipient: what came of it, "250", "550" or "451"."""
    client.say(f"MAIL FROM:<{SENDER}>", "250")
    code = str(client.say("RCPT TO:<r@far.test>"))[:3]
    if code != "250":
        client.say("RSET", "250")
        return code
    client.say("DATA", "354")
    client.send(mail.stuff(mail.compose(b"Hello.\r\n", sender=SENDER)))
    return str(client.reply())[:3]


class Senders:
    """So many sessions at each node, each of which goes on until it is refused for good; those of a node that is killed
    end with it."""

    def __init__(self, *nodes, sessions=8, pause=0.03, seconds=15):
        self.taken, self.failed, self.deferred = 0, [], 0
        self.lock = threading.Lock()
        self.pause = pause
        self.end = time.monotonic() + seconds * TIMEOUT_FACTOR
        self.threads = [threading.Thread(target=self.run, args=(node,)) for node in nodes for _ in range(sessions)]
        for thread in self.threads:
            thread.start()

    def run(self, node):
        try:
            with node.client() as client:
                while time.monotonic() < self.end:
                    code = send(client)
                    if code == "550":
                        return
                    with self.lock:
                        self.taken += code == "250"
                        self.deferred += code == "451"
                    time.sleep(0.05 if code == "451" else self.pause)
        except Exception as error:
            self.failed.append(error)

    def wait(self):
        for thread in self.threads:
            thread.join()
        return self.taken


@test
def a_thousand_sessions_on_two_nodes_get_exactly_what_the_limit_allows():
    with Redis() as redis, Node("a", redis.server) as a, Node("b", redis.server) as b:
        sessions = [node.client() for _ in range(SESSIONS // 2) for node in (a, b)]
        codes, lock = [], threading.Lock()

        def run(part):
            for client in part:
                code = send(client)
                with lock:
                    codes.append(code)

        threads = [threading.Thread(target=run, args=(sessions[i::40],)) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in sessions:
            client.close()
        expect_equal((len(codes), codes.count("250"), codes.count("550")), (SESSIONS, LIMIT, SESSIONS - LIMIT), "replies")
        for node in (a, b):
            expect_equal(node.log("cluster_unreachable"), [], "outages")


@test
def a_limit_that_holds_is_one_of_all_nodes_and_refuses_nothing():
    keys = {"limit": 20, "action": "hold", "local_share": 50}
    with Redis() as redis, Node("a", redis.server, **keys) as a, Node("b", redis.server, **keys) as b:
        with a.client() as at_a, b.client() as at_b:
            expect_equal([send(at_a) for _ in range(10)], ["250"] * 10, "messages at the first node")
            expect_equal([send(at_b) for _ in range(20)], ["250"] * 20, "messages at the second node")
            until(lambda: len(a.log("message") + b.log("message")) == 30, "all of them in the logs")
            expect_equal(a.log("message_held"), [], "held where the limit was not reached")
            expect_between(len(b.log("message_held")), 10, 19, "held where the use of both reached it")
            expect_in("over 20 recipients a day of account", b.log("message_held")[0]["reason"], "the reason")
            held = len(b.log("message_held"))
            expect_equal(send(at_a), "250", "one more at the first node")
            a.logged("message_held")
            # Without Redis each has its share of the limit for itself: the first is beyond it by what it has sent.
            redis.kill()
            expect_equal([send(at_b) for _ in range(3)], ["250"] * 3, "messages without Redis")
            b.logged("cluster_unreachable")
            b.logged("message_held", count=held + 3)


@test
def what_a_killed_node_held_is_printed_and_no_more_is_missing():
    with Redis() as redis, Node("a", redis.server) as a, Node("b", redis.server) as b:
        senders = Senders(a, b)
        until(lambda: senders.taken > LIMIT // 4, "nodes at work")
        a.kill()
        a.start()
        expect(len(senders.failed) <= 8, f"sessions that failed: {senders.failed}")
        again = Senders(a)
        total = senders.wait() + again.wait()
        printed = until(lambda: a.remainder() + b.remainder(), "the remainder is printed")
        expect_between(total, LIMIT - printed, LIMIT, f"taken, with a remainder of {printed}")
        expect(total > LIMIT // 2, f"only {total} were taken")


@test
def a_redis_that_restarts_with_its_data_changes_nothing():
    with Redis() as redis, Node("a", redis.server) as a, Node("b", redis.server) as b:
        senders = Senders(a, b)
        until(lambda: senders.taken > LIMIT // 4, "nodes at work")
        redis.kill()
        for node in (a, b):
            node.logged("cluster_unreachable")
        redis.start()
        expect_equal((senders.wait(), senders.failed), (LIMIT, []), "taken, and sessions that failed")
        for node in (a, b):
            line = node.logged("cluster_unreachable")
            expect_in(redis.server, line["reason"], "the reason")
            expect_in("up to 0 percent", line["effect"], "the effect")
            node.logged("cluster_back")
            expect_equal(node.log("cluster_data_lost"), [], "losses")


@test
def a_redis_that_loses_its_data_is_told_what_nodes_used_and_hold():
    with Redis(keeps=False) as redis, Node("a", redis.server) as a, Node("b", redis.server) as b:
        senders = Senders(a, b)
        until(lambda: senders.taken > LIMIT // 4, "nodes at work")
        redis.kill()
        redis.start()
        expect_equal((senders.wait(), senders.failed), (LIMIT, []), "taken, and sessions that failed")
        for node in (a, b):
            node.logged("cluster_data_lost")


@test
def a_node_that_reports_too_late_costs_at_most_what_it_had_used_and_held():
    with Redis(keeps=False) as redis, Node("a", redis.server) as a, Node("b", redis.server) as b:
        senders = Senders(a, b)
        until(lambda: senders.taken > LIMIT // 4, "nodes at work")
        b.signal(signal.SIGSTOP)
        redis.kill()
        redis.start()
        a.logged("cluster_data_lost")
        time.sleep(1.5)
        b.signal(signal.SIGCONT)
        total = senders.wait()
        late = b.logged("cluster_data_lost")
        held, used = late["recipients"], sum(line["time"] <= late["time"] for line in b.log("message"))
        expect_between(total, LIMIT, LIMIT + held + used, "taken")


@test
def a_redis_that_stalls_costs_at_most_the_local_shares():
    with Redis() as redis:
        keys = {"local_share": SHARE}
        with Node("a", redis.server, **keys) as a, Node("b", redis.server, **keys) as b:
            senders = Senders(a, b)
            until(lambda: senders.taken > LIMIT // 20, "nodes at work")
            redis.process.send_signal(signal.SIGSTOP)
            for node in (a, b):
                expect_in("did not answer in time", node.logged("cluster_unreachable")["reason"], "the reason")
            until(lambda: senders.deferred, "the local share is used up")
            redis.process.send_signal(signal.SIGCONT)
            expect_between(senders.wait(), LIMIT, LIMIT + 2 * LIMIT * SHARE // 100, "taken")


@test
def without_any_redis_there_is_the_local_share():
    with Node("a", f"127.0.0.1:{free_port()}", limit=50, local_share=SHARE) as node, node.client() as client:
        expect_equal([send(client) for _ in range(6)], ["250"] * 5 + ["451"], "replies")
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        said = str(client.say("RCPT TO:<r@far.test>", "451 4.7.1"))
        expect_in("The limit of this account is 50 recipients a day, and what is left of it cannot be asked", said, "the reply")


def use(node, *words):
    """Of the limit of a day: what is used, the limit, what is left, what this relay used, and whose use it is."""
    rows = json.loads(node.control("usage", *words, "--json"))["windows"]
    return [tuple(row[key] for key in ("used", "limit", "left", "used_here", "scope")) for row in rows if row["window"] == "day"]


@test
def usage_is_what_all_relays_have_used_and_what_this_one_has():
    with Redis() as redis, Node("a", redis.server) as a, Node("b", redis.server) as b, Node("c", redis.server) as c:
        with a.client() as at_a, b.client() as at_b:
            expect_equal([send(at_a) for _ in range(3)] + [send(at_b) for _ in range(5)], ["250"] * 8, "replies")
            [(used, limit, left, here, scope)] = use(a)
            # What the other relay has leased ahead of need counts until it has given that back.
            expect_between(used, 8, LIMIT, "used, at once")
            expect_equal((limit, left, here, scope), (LIMIT, LIMIT - used, 3, "cluster"), "the rest")
            until(lambda: use(a) == [(8, LIMIT, LIMIT - 8, 3, "cluster")], "the other relay has given back")
            at_a.say(f"MAIL FROM:<{SENDER}>", "250")
            at_a.say("RCPT TO:<r@far.test>", "250")
            expect_equal(use(a), [(9, LIMIT, LIMIT - 9, 4, "cluster")], "with a message under way")
            until(lambda: use(b, "--account", SENDER)[0][3:] == (5, "cluster"), "the use at the second relay")
            at_a.say("RSET", "250")
            expect_equal(use(a), [(8, LIMIT, LIMIT - 8, 3, "cluster")], "without it")
            # One by which nothing was sent knows of the limit after a login there.
            until(lambda: use(c, "--account", SENDER) == [(8, "", "", 0, "cluster")], "the use at the third")
            expect_equal(use(c), [], "of all that are known there")
        b.stop()
        b.start()
        until(lambda: use(b) == [(8, "", "", 5, "cluster")], "the use after a restart")
        expect_equal([node.log("cluster_unreachable") for node in (a, b, c)], [[]] * 3, "outages")


@test
def usage_without_redis_is_this_relays_and_says_so():
    with Redis() as redis, Node("a", redis.server) as a:
        with a.client() as client:
            expect_equal([send(client) for _ in range(3)], ["250"] * 3, "replies")
        redis.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        for known in (False, True):
            if known:
                a.logged("cluster_unreachable")
            shown = subprocess.run([SLUICECTL, "--config", a.config_file, "usage"], capture_output=True, text=True, timeout=20, check=True)
            expect_in("what is used of scope relay is as of this relay alone: Redis does not tell: ", shown.stderr, "the note")
            expect_equal(use(a), [(3, LIMIT, "", 3, "relay")], "what is shown")
        expect_between(time.monotonic() - began, 0, 10 * TIMEOUT_FACTOR, "seconds")
        redis.process.send_signal(signal.SIGCONT)
        until(lambda: use(a) == [(3, LIMIT, LIMIT - 3, 3, "cluster")], "Redis answers")


# ------------------------------------------------------------------------------------ ways to a Redis


def expect_limited(*nodes, limit=5):
    """One after the other they get what the limit allows."""
    with nodes[0].client() as client:
        got = [send(client) for _ in range(limit - 1)]
    with nodes[-1].client() as client:
        got += [send(client) for _ in range(2)]
    expect_equal(got, ["250"] * limit + ["550"], "replies")


@test
def a_user_and_a_password_are_sent_and_never_shown():
    acl = ("--user", "default", "off", "--user", "sluice", "on", ">" + PASSWORD, "~limits:*", "&limits:*", "-@all",
           *"+fcall +function +script +evalsha +hset +hgetall +hdel +time +pexpire +publish +subscribe +ping".split())  # fmt: skip
    with Redis(*acl) as redis:
        file, wrong = (os.path.join(redis.path, name) for name in ("right", "wrong"))
        for path, word in ((file, PASSWORD), (wrong, "something else")):
            with open(path, "w", encoding="utf-8") as out:
                out.write(word + "\n")
        keys = {"user": "sluice", "prefix": "limits"}
        with Node("a", redis.server, limit=5, password_file=file, **keys) as node:
            expect_limited(node)
            expect_equal(node.log("cluster_unreachable"), [], "outages")
        with Node("b", redis.server, limit=5, password_file=wrong, **keys) as node:
            expect_in("WRONGPASS", node.logged("cluster_unreachable")["reason"], "the reason")
            with open(node.log_file, encoding="utf-8") as log:
                expect_not_in("something else", log.read(), "the log")


@test
def tls_checks_the_name_and_a_unix_socket_needs_none():
    path = tempfile.mkdtemp(prefix="redis-tls-", dir=folder().path)
    authority().issue(path, HOST)
    port = free_port()
    words = ("--tls-port", str(port), "--tls-cert-file", path + "/fullchain.pem", "--tls-key-file", path + "/privkey.pem",
             "--tls-ca-cert-file", authority().ca_file, "--tls-auth-clients", "no", "--unixsocket", path + "/socket")  # fmt: skip
    with Redis(*words) as redis:
        tls = {"tls": "implicit", "ca_file": authority().ca_file}
        with Node("a", f"127.0.0.1:{port}", limit=5, server_name=HOST, **tls) as a:
            with Node("b", path + "/socket", limit=5, tls="implicit") as b:
                expect_limited(a, b)
                for node in (a, b):
                    expect_equal(node.log("cluster_unreachable"), [], "outages")
        said = checked(Node("c", f"127.0.0.1:{port}", server_name="other.test", start=False, **tls))
        expect_in(f"cluster: 127.0.0.1:{port}: TLS: ", said, "what `sluice check` says")
        expect_not_in("cluster", checked(Node("d", redis.server, start=False)), "what `sluice check` says")


def checked(node):
    done = subprocess.run([SLUICE, "check", "--config", node.config_file], capture_output=True, text=True, timeout=20,
                          check=False)  # fmt: skip
    expect_equal(done.returncode, 0, f"exit status of sluice check, which said {done.stderr!r}")
    return done.stdout + done.stderr


@test
def a_redis_without_functions_runs_a_script():
    with Redis("--rename-command", "FUNCTION", "", "--rename-command", "FCALL", "") as redis:
        with Node("a", redis.server, limit=5) as node:
            expect_limited(node)


@test
def sentinels_name_the_master_and_the_next_one():
    with Redis() as first, Redis("--replicaof", "127.0.0.1", str(first.port)) as second:
        path = tempfile.mkdtemp(prefix="sentinel-", dir=folder().path)
        with open(path + "/conf", "w", encoding="utf-8") as file:
            file.write(f"sentinel monitor limits 127.0.0.1 {first.port} 1\n"
                       "sentinel down-after-milliseconds limits 500\nsentinel failover-timeout limits 2000\n")  # fmt: skip
        port = free_port()
        sentinel = subprocess.Popen(["redis-sentinel", path + "/conf", "--port", str(port)], stdout=subprocess.DEVNULL)

        def asked(*words):
            return subprocess.run(["redis-cli", "-p", str(port), "sentinel", *words], capture_output=True, text=True,
                                  check=False).stdout  # fmt: skip

        try:
            until(lambda: str(second.port) in asked("replicas", "limits"), "the Sentinel knows the replica", 15)
            with Node("a", f"127.0.0.1:{port}", limit=20, sentinel="limits") as node:
                with node.client() as client:
                    expect_equal([send(client) for _ in range(10)], ["250"] * 10, "replies")
                time.sleep(2.5)  # so that what was spent is told, and the master's word has reached the replica
                first.kill()
                until(lambda: str(second.port) in asked("get-master-addr-by-name", "limits"), "the replica is master", 15)
                with node.client() as client:
                    until(lambda: send(client) == "250", "the node has found it")
                    expect_equal([send(client) for _ in range(10)], ["250"] * 9 + ["550"], "replies")
        finally:
            end(sentinel)


@test
def a_redis_cluster_redirects_to_the_node_that_has_a_meter():
    with redis_cluster() as (_, second):
        expect_in("MOVED", second.say("GET", "sluice:{g1}:state"), "what the second says")
        # It begins at the one that has nothing.
        with Node("a", second.server, limit=5) as node:
            expect_limited(node)
            expect_equal(node.log("cluster_unreachable"), [], "outages")


if __name__ == "__main__":
    main()
