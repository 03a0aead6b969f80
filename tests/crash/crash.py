#!/usr/bin/env python3
"""Kills the relay again and again while it works, and counts: every message that got 250 is delivered, or reported
back to its sender; what is still in the spool is waited for. Duplicates are counted.

The ledger is kept here, outside the program under test. The next hop misbehaves at random as well. A third run has the
spool on a small file system that others fill and leave, and that is full while the spool is emptied in the end; it is skipped
where nothing can be mounted.

  crash.py [--seconds N] [--seed N] [--mode through|store|full]     as long as asked for; all of them by default, 30 s each
  crash.py --keep DIRECTORY     leaves there what a failed run had: configuration, log, spool, and what the queue said
"""

import argparse
import asyncio
import contextlib
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.path.insert(1, os.path.join(ROOT, "tests", "interop"))
from lib import disks  # noqa: E402
from lib.harness import Skipped  # noqa: E402
from sink import Sink, hang_up  # noqa: E402

SLUICE = os.environ.get("SLUICE", os.path.join(ROOT, ".build/release/sluice"))
SLUICECTL = os.environ.get("SLUICECTL", os.path.join(ROOT, ".build/release/sluicectl"))
SENDERS = 12
DRAIN_SECONDS = 120
UP_SECONDS = 60

CONFIG = """
[server]
hostname = "relay.crash.example"
cores = 2
user = "{user}"
state_dir = "{folder}/state"
control = "{folder}/control.sock"
[store]
accounts = "{folder}/state/accounts.db"
[spool]
directory = "{spool}"
segment_bytes = 8388608
free_bytes_min = 0
memory_bytes = 65536
[queue]
retry_s = [1]
jitter_percent = 0
suspend_first_s = 1
suspend_max_s = 1
[reports]
per_customer_hour = 1000000
[[listener]]
address = ["127.0.0.1:{port}"]
tls = "none"
auth = "off"
require_auth = false
trusted = ["127.0.0.0/8"]
[[route]]
name = "sink"
hosts = ["127.0.0.1:{sink}"]
tls = "none"
mode = "{mode}"
connections_per_host = 20
[log]
file = "{folder}/log"
"""


class Relay:
    def __init__(self, folder, sink_port, mode, spool):
        self.folder = folder
        self.port = self.free_port()
        self.config = os.path.join(folder, "sluice.toml")
        os.makedirs(os.path.join(folder, "state"), exist_ok=True)
        user = pwd.getpwuid(os.getuid()).pw_name
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(folder=folder, port=self.port, sink=sink_port, mode=mode, user=user, spool=spool))
        subprocess.run([SLUICECTL, "--config", self.config, "customer", "add", "crash"], check=True, stdout=subprocess.DEVNULL)
        self.process = None

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    async def start(self):
        with open(os.path.join(self.folder, "errors"), "ab") as errors:
            self.process = subprocess.Popen([SLUICE, "serve", "--config", self.config], stderr=errors)
        deadline = time.monotonic() + UP_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the relay does not start again: {self.said()}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                await hang_up(writer)
                return
            except OSError:
                await asyncio.sleep(0.02)
        raise RuntimeError(f"the relay does not come up within {UP_SECONDS} s: {self.said()}")

    def said(self):
        with open(os.path.join(self.folder, "errors"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def counter(self, name):
        done = subprocess.run([SLUICECTL, "--config", self.config, "counters", "--json"], capture_output=True, check=False)
        return json.loads(done.stdout)[name] if done.returncode == 0 else None

    def queue(self):
        """What is still in the spool, and why, as sluicectl tells it."""
        listing = []
        for command in (("queue", "list"), ("queue", "destinations"), ("counters",)):
            done = subprocess.run([SLUICECTL, "--config", self.config, *command], capture_output=True, check=False, text=True)
            listing.append(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
        return "\n".join(listing)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


class Load:
    """Clients that send numbered messages and note which got 250."""

    def __init__(self, relay, chance):
        self.relay = relay
        self.chance = chance
        self.offered = 0
        self.accepted = set()
        self.ending = False

    async def run(self):
        await asyncio.gather(*(self.sender() for _ in range(SENDERS)))

    async def sender(self):
        while not self.ending:
            try:
                await self.session()
            except (OSError, asyncio.IncompleteReadError, ConnectionError, ValueError):
                await asyncio.sleep(0.01)

    async def session(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.relay.port)
        try:
            await self.reply(reader, b"220")
            writer.write(b"EHLO client.example\r\n")
            while not (line := await reader.readline()).startswith(b"250 "):
                if not line:
                    return
            for _ in range(self.chance.randrange(1, 8)):
                if self.ending:
                    return
                await self.message(reader, writer)
        finally:
            await hang_up(writer)

    @staticmethod
    async def reply(reader, wanted):
        line = await reader.readline()
        if not line.startswith(wanted):
            raise ValueError(line)

    async def message(self, reader, writer):
        self.offered += 1
        number = self.offered
        size = self.chance.choice((10, 200, 4000, 4000, 70_000, 900_000))
        recipients = [b"one@elsewhere.example"]
        if self.chance.random() < 0.2:
            recipients.append(b"refused@elsewhere.example")
        writer.write(b"MAIL FROM:<sender@here.example>\r\n")
        for recipient in recipients:
            writer.write(b"RCPT TO:<" + recipient + b">\r\n")
        writer.write(b"DATA\r\n")
        await self.reply(reader, b"250")
        for _ in recipients:
            await self.reply(reader, b"250")
        await self.reply(reader, b"354")
        head = b"From: sender@here.example\r\nX-Ledger: %d\r\nDate: Wed, 25 Nov 2026 02:05:13 +0000\r\n\r\n" % number
        body = (b"x" * 76 + b"\r\n") * (size // 78 + 1)
        writer.write(head + body + b".\r\n")
        await writer.drain()
        await self.reply(reader, b"250")
        self.accepted.add(number)


async def until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)


async def drained(relay):
    deadline = time.monotonic() + DRAIN_SECONDS
    left = None
    while time.monotonic() < deadline:
        left = relay.counter("spool_messages")
        if left == 0:
            return 0
        await asyncio.sleep(0.2)
    return left


class Others:
    """What else is on the spool's small file system: sometimes it takes all that is left, and gives it back later.  For as
    long the next hop may be away, so that the spool itself fills it, too."""

    def __init__(self, disk, chance):
        self.disk, self.chance, self.fillers = disk, chance, []

    def come_and_go(self, sink):
        if self.disk is None or self.chance.random() < 0.5:
            return
        sink.failure_share = self.chance.choice((0.02, 1.0))
        if self.fillers and self.chance.random() < 0.6:
            os.remove(self.fillers.pop(self.chance.randrange(len(self.fillers))))
        else:
            self.fillers.append(self.disk.fill(but=self.chance.choice((0, 0, 1 << 20, 9 << 20))))

    def take_all(self):
        if self.disk is not None:
            self.disk.fill()


def keep(directory, folder, spool, listing):
    """What a failed run leaves to read."""
    place = tempfile.mkdtemp(prefix="run-", dir=directory)
    shutil.copytree(folder, place, dirs_exist_ok=True, ignore=lambda *_: ["control.sock", "mounted", "image"])
    shutil.copytree(spool, os.path.join(place, "spool-of-the-run"))
    with open(os.path.join(place, "queue"), "w", encoding="utf-8") as file:
        file.write(listing)
    print(f"# kept in {place}")


async def run(mode, seconds, seed, keep_in=None):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-crash-"))
        os.chmod(folder, 0o755)
        disk = stack.enter_context(disks.small_disk()) if mode == "full" else None
        return await run_in(folder, disk, mode, seconds, seed, keep_in)


async def run_in(folder, disk, mode, seconds, seed, keep_in):
    chance = random.Random(seed)
    sink = Sink(random.Random(seed + 1), failure_share=0.02)
    others = Others(disk, random.Random(seed + 2))
    kills = 0
    spool = disk.spool if disk else os.path.join(folder, "state", "spool")
    relay = Relay(folder, await sink.start(), "store" if disk else mode, spool)
    await relay.start()
    load = Load(relay, chance)
    sending = asyncio.create_task(load.run())
    try:
        # Kills and a disk that is full before the first segment is made show nothing.
        await until(lambda: load.accepted, UP_SECONDS)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(chance.uniform(0.05, 1.0))
            others.come_and_go(sink)
            relay.kill()
            kills += 1
            await relay.start()
        load.ending = True
        await asyncio.wait_for(sending, 60)
        others.take_all()
        sink.failure_share = 0
        left = await drained(relay)
        listing = relay.queue() if left != 0 else ""
        status = relay.stop()
    finally:
        if relay.process.poll() is None:
            relay.kill()
        sending.cancel()
    lost = sorted(load.accepted - set(sink.taken) - sink.reported)
    twice = sum(1 for count in sink.taken.values() if count > 1)
    said = relay.said()
    story = (f"{mode}: seed {seed}, {kills} kills, {load.offered} offered, {len(load.accepted)} answered 250, "
             f"{len(sink.taken)} delivered, {len(sink.reported)} reported, {twice} of them twice or more")  # fmt: skip
    wrong = []
    if not load.accepted or kills < seconds / 4:
        wrong.append("too little happened to show anything")
    if lost:
        wrong.append(f"{len(lost)} messages were answered 250 and are gone, the first: {lost[:5]}")
    if left:
        wrong.append(f"{left} messages are still in the spool after {DRAIN_SECONDS} s: {listing}")
    if status != 0:
        wrong.append(f"it ended with {status}, and said {said!r}")
    if wrong and keep_in:
        keep(keep_in, folder, spool, listing)
    return story, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--mode", choices=("through", "store", "full"))
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep the files of a run that fails in there")
    parser.add_argument("--list", action="store_true", help="print the names of the tests")
    options = parser.parse_args()
    passed = failed = 0
    modes = [options.mode] if options.mode else ["store", "through", "full"]
    if options.list:
        print("\n".join(f"nothing_accepted_is_lost[{mode}]" for mode in modes))
        return 0
    for mode in modes:
        try:
            story, wrong = asyncio.run(run(mode, options.seconds, options.seed, options.keep))
        except Skipped as why:
            print(f"skip nothing_accepted_is_lost[{mode}]: {why}")
            continue
        except (RuntimeError, OSError, asyncio.TimeoutError) as error:
            story, wrong = f"{mode}: seed {options.seed}", [repr(error)]
        print(f"# {story}")
        if wrong:
            failed += 1
            print(f"FAIL nothing_accepted_is_lost[{mode}]: " + "; ".join(wrong) + f" ({story})")
        else:
            passed += 1
            print(f"ok nothing_accepted_is_lost[{mode}]")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
