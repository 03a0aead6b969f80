"""A Redis of our own, for scripts about relays that share something through it."""

import contextlib
import os
import signal
import subprocess
import tempfile

from lib.harness import Failed, until
from lib.relay import folder, free_port
from lib.sinks import end


class Redis:
    """A server of our own, in a folder of its own."""

    def __init__(self, *words, keeps=True, port=None, program="redis-server"):
        self.path = tempfile.mkdtemp(prefix="redis-", dir=folder().path)
        self.port = port or free_port()
        self.words = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.path, "--save", "",
                      "--appendonly", "yes" if keeps else "no", "--appendfsync", "always", *words]  # fmt: skip
        self.start()

    def start(self):
        with open(os.path.join(self.path, "log"), "ab") as log:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self.answers, "Redis answers")

    def answers(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.path, "log"), encoding="utf-8", errors="replace") as log:
                raise Failed(f"Redis ended: {log.read()[-1000:]}")
        return any(word in self.say("PING") for word in ("PONG", "NOAUTH"))

    def say(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, errors="replace", timeout=10,
                              check=False).stdout  # fmt: skip

    def kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def server(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        end(self.process)


@contextlib.contextmanager
def redis_cluster():
    """A Redis Cluster of two: the first has all slots, so that the second redirects to it.

    The nodes' own port is chosen here: by default it is ten thousand above the other, where the kernel takes ports for outgoing
    connections from."""
    first_bus, second_bus = str(free_port()), str(free_port())
    words = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port")
    with Redis(*words, first_bus) as first, Redis(*words, second_bus) as second:
        first.say("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        second.say("CLUSTER", "MEET", "127.0.0.1", str(first.port), first_bus)
        until(lambda: all("cluster_state:ok" in redis.say("CLUSTER", "INFO") for redis in (first, second)), "a cluster", 15)
        yield first, second
