"""The relay under test: its folder, configuration, accounts and certificates; starting it, and ending it with a look at
what it says about itself."""

import functools
import getpass
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from lib import wire
from lib.certificates import Authority
from lib.harness import TIMEOUT_FACTOR, expect, expect_equal, until
from lib.mail import SENDER

SLUICE = os.environ.get("SLUICE", ".build/release/sluice")
SLUICECTL = os.environ.get("SLUICECTL", ".build/release/sluicectl")
# Not shown on purpose: whether these turn up in a log or a command line is a test.
PASSWORD = "alice's secret"
BOB_PASSWORD = "bob:has=a%secret"


# ------------------------------------------------------------------------------------ made once a script


class Folder:
    """A folder for all that a script needs, gone when the script ends."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="sluice-interop-")
        os.chmod(self.path, 0o755)

    def __del__(self, rmtree=shutil.rmtree):
        rmtree(self.path, ignore_errors=True)


@functools.cache
def folder():
    return Folder()


def under(*names):
    return os.path.join(folder().path, *names)


@functools.cache
def authority():
    return Authority(under("ca"))


@functools.cache
def client_tls():
    return wire.tls_context(authority().ca_file)


@functools.cache
def certificates():
    """DIR/HOST/fullchain.pem and privkey.pem, as the relay's configuration has them."""
    path = under("tls")
    for name in (wire.HOST, "mail.acme.test"):
        authority().issue(os.path.join(path, name), name)
    return path


def control(*words, store=None, config=None, said=None, wanted=0):
    """Runs sluicectl and returns what it prints."""
    place = ["--config", config] if config else ["--store", store]
    done = subprocess.run([SLUICECTL, *place, *words], input=said, capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, wanted, f"exit status of sluicectl {' '.join(words)} ({done.stderr.strip()})")
    return done.stdout if wanted == 0 else done.stderr


@functools.cache
def accounts():
    """A store with acme (alice; carol, who may use shop.example.com only; sam, who is suspended) and other (bob)."""
    path = under("accounts", "accounts.db")
    os.makedirs(os.path.dirname(path))
    run = functools.partial(control, store=path)
    run("customer", "add", "acme")
    run("customer", "add", "other")
    for domain, customer in (("example.com", "acme"), ("*.example.com", "acme"), ("example.net", "other")):
        run("domain", "add", domain, "--customer", customer)
    for name in (SENDER, "carol@example.com", "sam@example.com"):
        run("account", "add", name, "--customer", "acme", "--password-stdin", said=PASSWORD + "\n")
    run("account", "narrow", "carol@example.com", "--only", "shop.example.com")
    run("account", "suspend", "sam@example.com", "--reason", "unpaid since May, call 555-0100")
    run("account", "add", "bob@example.net", "--customer", "other", "--password-stdin", said=BOB_PASSWORD + "\n")
    return path


_given = set()  # a port that was found free may not be bound yet when the next one is looked for


def free_port():
    """Under the range that the kernel takes ports for outgoing connections from. Never the same twice in a script."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


# ------------------------------------------------------------------------------------ configuration


def toml(config):
    def value(of):
        if isinstance(of, bool):
            return "true" if of else "false"
        if isinstance(of, list):
            return "[" + ", ".join(value(one) for one in of) + "]"
        return str(of) if isinstance(of, int) else json.dumps(of)

    lines = []
    for section, tables in config.items():
        for table in tables if isinstance(tables, list) else [tables]:
            lines.append(f"[[{section}]]" if isinstance(tables, list) else f"[{section}]")
            lines += [f"{key} = {value(of)}" for key, of in table.items()]
    return "\n".join(lines) + "\n"


LISTENERS = {
    "starttls": {"tls": "starttls", "auth": "tls"},
    "implicit": {"tls": "implicit", "auth": "tls"},
    "clear": {"tls": "none", "auth": "clear"},
}


class Relay:
    """Running from its making until stop().

    HOSTS: the next hop's, "127.0.0.1:2525", or something that has such a name.  LISTENERS: by name, the keys of a
    [[listener]] but for its address.  Further keyword arguments are keys of the section of that name.
    """

    def __init__(self, hosts, listeners=None, start=True, program=(), **sections):
        self.path = tempfile.mkdtemp(prefix="relay-", dir=folder().path)
        os.chmod(self.path, 0o755)
        self.program = program
        self.log_file = self.at("log")
        self.config_file = self.at("sluice.toml")
        self.process = None
        os.mkdir(self.at("state"))
        shutil.copy(accounts(), self.at("state", "accounts.db"))
        hosts = hosts if isinstance(hosts, list) else [hosts]
        wanted = listeners or LISTENERS
        self.ports = {name: free_port() for name in wanted}
        self.config = {
            "server": {
                "hostname": wire.HOST,
                "control": self.at("control.sock"),
                "state_dir": self.at("state"),
                "user": getpass.getuser(),
                "drain_s": 10,
            },
            "store": {"accounts": self.at("state", "accounts.db")},
            "tls": {"certificates": certificates(), "default_host": wire.HOST},
            "spool": {"segment_bytes": 8388608, "free_bytes_min": 0},
            "queue": {},
            "reports": {},
            "dns": {},
            "limits": {},
            "metrics": {},
            "dkim": {},
            # Many send more than the default class allows.
            "policy": {"default_class": "unlimited"},
            # Tests log in wrongly often.
            "shield": {"refused_after_ms": 50},
            "listener": [{"address": [f"127.0.0.1:{self.ports[n]}"], **keys} for n, keys in wanted.items()],
            # What the next hop says is the client's at once, unless a test is about what happens otherwise.
            "route": [{"hosts": [getattr(host, "name", host) for host in hosts], "tls": "none", "fallback": False}],
            "trace": {},
            "log": {"file": self.log_file, "format": "json", "level": "debug"},
        }
        for section, keys in sections.items():
            place = self.config[section]
            (place[0] if isinstance(place, list) else place).update(keys)
        self.write_config()
        if start:
            self.start()

    def at(self, *names):
        return os.path.join(self.path, *names)

    def write_config(self, text=None):
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.write(toml(self.config) if text is None else text)

    # -------------------------------------------------------------------------------- the process

    def start(self):
        command = [*self.program, SLUICE, "serve", "--config", self.config_file]
        self.errors = open(self.at("errors"), "w+b")
        before = len(self.log("started"))
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors)
        try:
            until(lambda: not self.alive() or len(self.log("started")) > before, "the relay has started", 15)
            expect(self.process.poll() is None, f"the relay did not start: {self.said()}")
        except Exception:
            self.kill()
            raise

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def said(self):
        """What it wrote to its standard output and error."""
        with open(self.at("errors"), encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=20):
        """SIGTERM.  It must end by itself, with everything accounted for."""
        if self.process is None:
            return
        try:
            if self.process.poll() is None:
                self.signal(signal.SIGTERM)
            self.wait(seconds)
        finally:
            self.kill()

    def wait(self, seconds=20):
        try:
            code = self.process.wait(seconds * TIMEOUT_FACTOR)
        except subprocess.TimeoutExpired:
            expect(False, f"the relay is still there after {seconds * TIMEOUT_FACTOR} s; it waits for: {self.waits()}")
        said = self.said()
        expect_equal(code, 0, f"exit status of the relay, which said {said!r}, and logged {self.log()[-4:]}")
        expect_equal(said, "", "what the relay wrote to standard error")
        ended = self.log("core_ended")
        expect(ended and all(line["accounted"] is True for line in ended), f"not everything is accounted for: {ended}")
        expect_equal([line["accounted"] for line in self.log("stopped")][-1:], [True], "its last word")

    def waits(self):
        try:
            return self.status("sessions")
        except Exception as error:
            return str(error)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()

    # -------------------------------------------------------------------------------- what it tells

    def log(self, event=None):
        """The lines of its log, or those of one event."""
        try:
            with open(self.log_file, encoding="utf-8") as file:
                lines = file.read().split("\n")
        except FileNotFoundError:
            return []
        lines = [json.loads(line) for line in lines[:-1]]
        return [line for line in lines if event in (None, line["event"])]

    def logged(self, event, count=1, **fields):
        """The last line of an event with the given fields, once there are COUNT."""

        def enough():
            lines = self.log(event)
            return [one for one in lines if all(one.get(key) == value for key, value in fields.items())][count - 1 :]

        return until(enough, f"{count} lines {event} with {fields} in the log: {self.log(event)[-4:]}")[-1]

    def control(self, *words, **more):
        return control(*words, config=self.config_file, **more)

    def status(self, view):
        return json.loads(self.control(view, "--json"))

    def counter(self, name):
        return self.status("counters")[name]

    def resident(self):
        """The memory that it has, in bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))

    # -------------------------------------------------------------------------------- clients

    def connect(self, listener="clear", **options):
        """A client that has not been greeted yet."""
        if listener == "implicit":
            options.setdefault("tls", client_tls())
        return wire.Client(self.ports[listener], **options)

    def client(self, listener="clear", name=SENDER, password=PASSWORD, **options):
        """A client that is logged in."""
        client = self.connect(listener, **options)
        client.greeted()
        if listener == "starttls":
            client.start_tls(client_tls())
        if name:
            client.log_in(name, password)
        return client


def checked(hosts, wanted=1, text=None, **sections):
    """What `sluice check` says of such a configuration, or of TEXT."""
    relay = Relay(hosts, start=False, **sections)
    if text is not None:
        relay.write_config(text)
    done = subprocess.run([SLUICE, "check", "--config", relay.config_file], capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, wanted, f"exit status of sluice check, which said {done.stderr!r}")
    return done.stdout + done.stderr


def settle(relay, seconds=8):
    """Waits until no session is left."""
    until(lambda: relay.counter("sessions_live") == 0, "all sessions have ended", seconds)


def now():
    return time.monotonic()


class BesideNames:
    """A relay, `relay`, which is started when the tests begin, and the name server that it asks, `names`."""

    def __enter__(self):
        self.relay.start()
        return self

    def __exit__(self, kind, *_):
        try:
            self.relay.__exit__(kind)
        finally:
            self.names.stop()
