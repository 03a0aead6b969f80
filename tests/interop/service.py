#!/usr/bin/env python3
"""The relay under a service manager: what it sends to NOTIFY_SOCKET (sd_notify(3)), with a real socket in the manager's
place, at its start, around reloads, while a core stands still, and at its stop."""

import ctypes
import os
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import TIMEOUT_FACTOR, Failed, expect, expect_equal, expect_in, expect_not_in, main, shared, test
from lib.hop import Hop
from lib.relay import Relay

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207


@shared
def next_hop():
    return Hop()


class Manager:
    """A socket in the place of systemd's, and the relay that it has started."""

    def __init__(self, watchdog_s=0, **sections):
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-service-")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(self.folder.name, "notify")
        self.socket.bind(path)
        environment = [f"NOTIFY_SOCKET={path}"]
        if watchdog_s:
            environment.append(f"WATCHDOG_USEC={watchdog_s * 1_000_000}")
        self.relay = Relay(next_hop(), program=["env", *environment], **sections)

    def next(self, seconds=10):
        """The lines of the next message, by their names."""
        self.socket.settimeout(seconds * TIMEOUT_FACTOR)
        try:
            return dict(line.split("=", 1) for line in self.socket.recv(65536).decode().split("\n"))
        except TimeoutError:
            raise Failed("the manager is told nothing") from None

    def until(self, name):
        """The next message with a line of that NAME; those before it are passed over."""
        while True:
            message = self.next()
            if name in message:
                return message

    def started(self):
        return self.until("READY")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.relay.stop()
        finally:
            self.socket.close()
            self.folder.cleanup()


@test
def ready_comes_once_and_with_what_the_relay_does():
    with Manager() as manager:
        expect_equal(manager.next(), {"STATUS": "Reading the spool"}, "the first message")
        ready = manager.next()
        expect_equal(ready["READY"], "1", "the second message")
        expect_in("messages queued at the start: 0", ready["STATUS"], "its status")
        manager.relay.client().close()
        manager.relay.stop()
        expect_equal(set(manager.next()), {"STOPPING", "EXTEND_TIMEOUT_USEC", "STATUS"}, "the next one")


@test
def what_listens_is_open_when_ready_is_said():
    with Manager() as manager:
        manager.started()
        for port in manager.relay.ports.values():
            socket.create_connection(("127.0.0.1", port), timeout=5 * TIMEOUT_FACTOR).close()


@test
def a_reload_is_framed_and_says_what_came_of_it():
    with Manager() as manager:
        manager.started()
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        manager.relay.signal(signal.SIGHUP)
        message = manager.next()
        expect_equal(message["RELOADING"], "1", "the first message")
        expect(int(message["MONOTONIC_USEC"]) >= before, f"its time is one after {before}: {message}")
        message = manager.next()
        expect_equal(message["READY"], "1", "the second message")
        expect_in("the configuration was read again", message["STATUS"], "its status")
        manager.relay.write_config("[server]\nhostnam = \"x\"\n")
        manager.relay.signal(signal.SIGHUP)
        manager.until("RELOADING")
        expect_in("route: is missing", manager.until("READY")["STATUS"], "the status after a reload that failed")


@test
def the_stop_asks_for_the_time_that_it_may_take():
    with Manager(server={"drain_s": 7}) as manager:
        manager.started()
        manager.relay.signal(signal.SIGTERM)
        message = manager.until("STOPPING")
        expect_equal(message["EXTEND_TIMEOUT_USEC"], "37000000", "drain_s and half a minute, in microseconds")
        expect_in("7 s", message["STATUS"], "its status")


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    expect_equal(libc.ptrace(request, thread, None, None), 0, f"ptrace({request:#x}): {os.strerror(ctypes.get_errno())}")


def thread_of(relay, name):
    for task in os.listdir(f"/proc/{relay.process.pid}/task"):
        with open(f"/proc/{relay.process.pid}/task/{task}/comm", encoding="ascii") as file:
            if file.read().strip() == name:
                return int(task)
    raise Failed(f"the relay has no thread {name}")


# That alone is why a watchdog is worth anything: the main thread goes on all the same.
@test
def a_core_that_stands_still_is_no_sign_of_life():
    with Manager(watchdog_s=2, server={"cores": 2}) as manager:
        manager.started()
        for _ in range(3):
            manager.until("WATCHDOG")
        core = thread_of(manager.relay, "core-1")
        ptrace(PTRACE_SEIZE, core)
        ptrace(PTRACE_INTERRUPT, core)
        os.waitpid(core, 0x40000000)  # __WALL
        try:
            # On a busy machine the other one may have been told of, too.
            while manager.until("STATUS")["STATUS"] != "Core 1 makes no turns":
                pass
            manager.socket.settimeout(3)
            try:
                expect_not_in("WATCHDOG", manager.socket.recv(65536).decode(), "what is sent while a core stands still")
            except TimeoutError:
                pass
        finally:
            ptrace(PTRACE_DETACH, core)
        manager.until("WATCHDOG")
        manager.until("WATCHDOG")


@test
def without_a_watchdog_nothing_is_sent_between_start_and_stop():
    with Manager() as manager:
        manager.started()
        manager.relay.client().close()
        manager.relay.stop()
        expect_in("STOPPING", manager.next(), "what comes next")


if __name__ == "__main__":
    main()
