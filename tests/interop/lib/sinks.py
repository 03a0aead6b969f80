"""Next hops that others have written: aiosmtpd, npm's smtp-server, Postfix's smtp-sink, and Postfix itself.

Each has a name ("host:port"), only() for the one message that has come, and stop().
"""

import email.parser
import getpass
import json
import logging
import os
import re
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from lib.harness import TIMEOUT_FACTOR, expect, expect_equal, until
from lib.hop import Hop
from lib.relay import folder, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE_MAX = 64 * 1024 * 1024
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@dataclass
class Arrived:
    sender: str
    recipients: list
    content: bytes
    tls: bool = False
    login: str | None = None


class Sink:
    """What they have in common."""

    def __init__(self):
        self.arrived = []
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"

    def messages(self):
        return self.arrived

    def wait(self, count=1, seconds=15):
        return until(lambda: len(self.messages()) >= count and self.messages(), f"{count} messages have come", seconds)

    def only(self):
        """The one message that has come since the last time."""
        self.wait()
        expect_equal(len(self.messages()), 1, "messages at the next hop")
        return self.messages().pop()


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            return probe.recv(3) == b"220"
    except OSError:
        return False


def end(process):
    """Ends a process that was started here."""
    process.terminate()
    try:
        process.wait(10 * TIMEOUT_FACTOR)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        expect(False, f"process {process.pid} had to be killed")


# ------------------------------------------------------------------------------------ aiosmtpd


class _Server(SMTP):
    line_length_limit = 1001


class AioSmtpd(Sink):
    def __init__(self, tls=None, login=None):
        """TLS: a server's context.  LOGIN: (name, password), then no client gets in without."""
        super().__init__()
        outer = self

        class Handler:
            async def handle_DATA(self, _server, session, envelope):
                account = session.auth_data and session.auth_data.login.decode()
                content = envelope.original_content
                outer.arrived.append(
                    Arrived(envelope.mail_from, envelope.rcpt_tos, content, session.ssl is not None, account)
                )
                return "250 2.0.0 Taken"

        class Here(Controller):
            def factory(self):
                return _Server(self.handler, **self.SMTP_kwargs)

        def check(_server, _session, _envelope, _mechanism, given):
            right = isinstance(given, LoginPassword) and (given.login.decode(), given.password.decode()) == login
            return AuthResult(success=right, handled=False, auth_data=given)

        options = {"tls_context": tls, "data_size_limit": SIZE_MAX, "decode_data": False, "enable_SMTPUTF8": True}
        if login:
            options.update(authenticator=check, auth_required=True, auth_exclude_mechanism=[])
        self.controller = Here(Handler(), hostname="127.0.0.1", port=self.port, **options)
        self.controller.start()

    def stop(self):
        self.controller.stop()


# ------------------------------------------------------------------------------------ npm's smtp-server


class SmtpServer(Sink):
    def __init__(self, files=None, login=None):
        """FILES: (certificate, key)."""
        super().__init__()
        options = {"folder": tempfile.mkdtemp(prefix="npm-", dir=folder().path)}
        if files:
            options.update(cert=files[0], key=files[1])
        if login:
            options.update(login=login[0], password=login[1])
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "sink.js"), json.dumps(options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # fmt: skip
        self.port = int(self.process.stdout.readline())
        self.name = f"127.0.0.1:{self.port}"
        self.reading = threading.Thread(target=self.read, daemon=True)
        self.reading.start()

    def read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            with open(said.pop("file"), "rb") as file:
                self.arrived.append(Arrived(content=file.read(), **said))

    def stop(self):
        self.process.terminate()
        self.process.wait(10 * TIMEOUT_FACTOR)
        self.reading.join(5)
        self.process.stdout.close()


# ------------------------------------------------------------------------------------ smtp-sink


class SmtpSink(Sink):
    """Writes what it gets with LF as line ends, and ends it with an empty line of its own."""

    def __init__(self, *options):
        super().__init__()
        self.path = tempfile.mkdtemp(prefix="smtp-sink-", dir=folder().path)
        command = ["/usr/sbin/smtp-sink", *options, "-d", os.path.join(self.path, "m.")]
        command += ["-u", "root"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen([*command, self.name, "20"], stdin=subprocess.DEVNULL)
        self.read = set()
        until(lambda: answers(self.port), "smtp-sink answers")

    def messages(self):
        for name in sorted(set(os.listdir(self.path)) - self.read):
            with open(os.path.join(self.path, name), "rb") as file:
                text = file.read()
            # Its own fields come first, Received the last of them.
            found = re.match(rb"(?:X-[^\n]*\n)*Received: from [^\n]*\n\tby smtp-sink[^\n]*\n\t[^\n]*\n", text)
            if found is None or not text.endswith(b"\n\n"):
                continue
            own = email.parser.BytesParser().parsebytes(found[0])
            content = text[found.end() : -1].replace(b"\n", b"\r\n")
            recipients = [one.strip().strip("<>") for one in own.get_all("X-Rcpt-Args")]
            self.arrived.append(Arrived(own["X-Mail-Args"].split(" ")[0].strip("<>"), recipients, content))
            self.read.add(name)
        return self.arrived

    def stop(self):
        end(self.process)


# ------------------------------------------------------------------------------------ Postfix

# What one needs that runs in a folder of its own.
OWN_CF = """\
compatibility_level = 3.6
queue_directory = {path}/queue
data_directory = {path}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {path}/log
maillog_file_prefixes = {path}
"""
MAIN_CF = OWN_CF + """\
myhostname = hop.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtp_host_lookup = native
alias_maps =
alias_database =
message_size_limit = 0
mailbox_size_limit = 0
smtpd_relay_restrictions = permit_mynetworks, reject
default_transport = smtp
relayhost = [127.0.0.1]:{behind}
smtp_tls_security_level = none
{more}
"""
TLS_CF = """\
smtpd_tls_security_level = may
smtpd_tls_cert_file = {0}
smtpd_tls_key_file = {1}
smtpd_tls_received_header = yes
"""
SERVICES = ["pickup unix n - n 60 1 pickup", "qmgr unix n - n 300 1 qmgr", "cleanup unix n - n - 0 cleanup",
            "postlog unix-dgram n - n - 1 postlogd"]  # fmt: skip
SERVICES += [f"{name} unix - - n - {limit} {program}" for name, limit, program in (
    ("rewrite", "-", "trivial-rewrite"), ("bounce", 0, "bounce"), ("defer", 0, "bounce"),
    ("trace", 0, "bounce"), ("verify", 1, "verify"), ("proxymap", "-", "proxymap"), ("smtp", "-", "smtp"),
    ("error", "-", "error"), ("retry", "-", "error"), ("tlsmgr", 1, "tlsmgr"), ("anvil", 1, "anvil"),
    ("scache", 1, "scache"))]  # fmt: skip


class Postfix(Sink):
    """A Postfix of its own: its queue and configuration in a folder here.  What it takes it passes on to a Hop, which is
    where only() looks."""

    def __init__(self, files=None):
        super().__init__()
        expect_equal(getpass.getuser(), "root", "Postfix can be started by root only; this is")
        self.behind = Hop(offers=("SIZE 60000000", "8BITMIME", "SMTPUTF8"))
        self.make_folder()
        more = TLS_CF.format(*files) if files else ""
        main_cf = MAIN_CF.format(path=self.path, behind=self.behind.port, more=more)
        self.begin(main_cf)

    def make_folder(self):
        self.path = tempfile.mkdtemp(prefix="postfix-", dir=folder().path)
        os.chmod(self.path, 0o755)
        for name in ("etc", "queue", "data"):
            os.mkdir(os.path.join(self.path, name))
        subprocess.run(["chown", "postfix", os.path.join(self.path, "data")], check=True)

    def begin(self, main_cf):
        self.write("main.cf", main_cf)
        self.write("master.cf", "\n".join([f"{self.name} inet n - n - - smtpd", *SERVICES]) + "\n")
        place = ["-c", os.path.join(self.path, "etc")]
        subprocess.run(["postfix", *place, "check"], check=True, capture_output=True, timeout=30 * TIMEOUT_FACTOR)
        self.process = subprocess.Popen(["/usr/lib/postfix/sbin/master", *place], stdin=subprocess.DEVNULL)
        until(lambda: answers(self.port), f"Postfix answers; its log is {self.path}/log", 15)

    def write(self, name, text):
        with open(os.path.join(self.path, "etc", name), "w", encoding="utf-8") as file:
            file.write(text)

    def messages(self):
        return self.behind.messages

    def stop(self):
        try:
            end(self.process)
        finally:
            self.behind.stop()
