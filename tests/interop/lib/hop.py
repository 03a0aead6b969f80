"""A next hop that a test can make do anything.  Left alone it is a correct and very strict server.

`hop.on[STAGE]` replaces what it does at a stage: bytes are sent instead of its answer; a function is called with the
dialog, and what it returns is sent (None: the usual answer).  The stages are "connect", each verb, "challenge" (a line of AUTH LOGIN), "body" (354 was sent),
"chunk" (each BDAT, once its bytes are there) and "end" (the message is there).
"""

import base64
import re
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field

from lib.harness import expect, expect_equal, until
from lib.mail import unstuff

IPV6_FREEBIND = 78  # linux/in6.h; Python has no name for it
OFFERS = ("PIPELINING", "SIZE 60000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
STALL_SECONDS_MAX = 60
END = b"\r\n.\r\n"
# What each parameter of MAIL and RCPT needs to be offered.
NEEDS = {"SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8", "RET": "DSN", "ENVID": "DSN", "NOTIFY": "DSN",
         "ORCPT": "DSN", "AUTH": "AUTH"}  # fmt: skip


@dataclass
class Taken:
    sender: str
    recipients: list
    content: bytes
    wire: bytes  # as it came: dots still stuffed, or the chunks one after another
    by: str
    helo: str
    tls: bool
    login: tuple
    connection: int
    parameters: list = field(default_factory=list)
    chunks: list = field(default_factory=list)
    xclient: dict = field(default_factory=dict)  # by XCLIENT


class Gone(Exception):
    """The relay has hung up, or the dialog is over."""


# ------------------------------------------------------------------------------------ behaviours


def silent(dialog):
    """Says nothing more, and reads nothing more, until the relay or the test ends it."""
    dialog.over.wait(STALL_SECONDS_MAX)
    raise Gone


def close(_dialog):
    raise Gone


def reset(dialog):
    dialog.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Gone


def then(content, behaviour):
    """Sends CONTENT first."""

    def both(dialog):
        dialog.send(content)
        return behaviour(dialog)

    return both


def each(*behaviours):
    """The first behaviour once, then the second once, ...; after the last one, the usual answer."""
    left = list(behaviours)

    def turn(dialog):
        if not left:
            return None
        now = left.pop(0)
        return now(dialog) if callable(now) else now

    return turn


# ------------------------------------------------------------------------------------ the server


class Dialog(threading.Thread):
    def __init__(self, hop, accepted, number):
        super().__init__(daemon=True)
        self.hop, self.socket, self.number = hop, accepted, number
        self.over = threading.Event()
        self.unread = b""
        self.helo, self.login, self.tls, self.xclient = "", None, False, {}
        self.forget()

    def forget(self):
        self.sender, self.recipients, self.parameters, self.chunks = None, [], [], []

    def run(self):
        try:
            if self.hop.implicit_tls:
                self.secure()
            self.answer("connect", b"220 hop.test ESMTP\r\n")
            while True:
                self.command(self.line())
        except (Gone, OSError):
            pass
        except Exception as error:
            self.hop.wrong.append(f"connection {self.number}: {error!r}")
        finally:
            self.socket.close()

    def finish(self):
        self.over.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    # -------------------------------------------------------------------------------- bytes

    def send(self, content):
        self.socket.sendall(content)

    def fill(self, size=65536):
        content = self.socket.recv(size)
        if not content:
            raise Gone
        self.hop.bytes_in += len(content)
        self.unread += content

    def line(self):
        while b"\n" not in self.unread:
            self.fill()
        line, self.unread = self.unread.split(b"\n", 1)
        self.hop.commands.append((self.number, line))
        if not line.endswith(b"\r") or b"\r" in line[:-1] or re.search(rb"[\0-\x08\x0a-\x1f\x7f]", line[:-1]):
            self.blame(f"a command line that is not clean: {line!r}")
        return line[:-1].decode("utf-8", "surrogateescape")

    def blame(self, what):
        self.hop.wrong.append(f"connection {self.number}: {what}")

    def answer(self, stage, usual):
        """Says what is to be said at STAGE.  True if that was a 2xx or 3xx."""
        behaviour = self.hop.on.get(stage)
        content = behaviour(self) if callable(behaviour) else behaviour
        content = usual if content is None else content
        self.send(content)
        return content[:1] in (b"2", b"3")

    # -------------------------------------------------------------------------------- commands

    def command(self, line):
        words = line.split(" ")
        verb = words[0]
        handler = getattr(self, "on_" + verb.lower(), None)
        if handler is None:
            self.blame(f"unknown command {line!r}")
            self.send(b"500 5.5.1 What?\r\n")
            return
        pipelined = verb in ("MAIL", "RCPT", "RSET") and "PIPELINING" in self.hop.offers
        if self.unread and not pipelined and verb != "BDAT":
            self.blame(f"bytes behind {line!r}: {self.unread[:80]!r}")
        handler(words)

    def on_ehlo(self, words):
        self.helo = words[1]
        self.forget()
        lines = ["hop.test", *self.hop.offers]
        if self.hop.tls and not self.tls:
            lines.append("STARTTLS")
        if self.hop.login and (self.tls or self.hop.clear_login):
            lines.append("AUTH " + self.hop.mechanisms)
        text = "".join(f"250{'-' if line != lines[-1] else ' '}{line}\r\n" for line in lines)
        self.answer("EHLO", text.encode())

    def on_helo(self, words):
        self.helo = words[1]
        self.answer("HELO", b"250 hop.test\r\n")

    def on_starttls(self, _words):
        if self.answer("STARTTLS", b"220 2.0.0 Go on\r\n"):
            self.secure()

    def secure(self):
        try:
            self.socket = self.hop.tls.wrap_socket(self.socket, server_side=True)
        except ssl.SSLError as error:
            self.hop.tls_failures.append(str(error))
            raise Gone from error
        self.unread, self.tls = b"", True
        self.forget()

    def on_auth(self, words):
        if words[1] == "PLAIN":
            _, name, password = base64.b64decode(words[2]).split(b"\0")
        else:
            name, password = self.challenge("Username:"), self.challenge("Password:")
        given = (name.decode(), password.decode())
        right = given == self.hop.login
        usual = b"235 2.7.0 Welcome\r\n" if right else b"535 5.7.8 No\r\n"
        if self.answer("AUTH", usual) and right:
            self.login = given

    def challenge(self, text):
        self.answer("challenge", b"334 " + base64.b64encode(text.encode()) + b"\r\n")
        return base64.b64decode(self.line())

    def on_mail(self, words):
        self.path(" ".join(words[:2]), "MAIL FROM:")
        self.check_parameters(words[2:])
        if self.sender is not None:
            self.blame("MAIL inside a transaction")
        sender = " ".join(words[:2])[len("MAIL FROM:<") : -1]
        if self.answer("MAIL", b"250 2.1.0 Ok\r\n"):
            self.sender, self.parameters = sender, words[2:]

    def on_rcpt(self, words):
        line = " ".join(words)
        path = line[: line.rindex(">") + 1]
        self.path(path, "RCPT TO:")
        self.check_parameters(line[len(path) + 1 :].split())
        self.rcpt = path[len("RCPT TO:<") : -1]
        if self.sender is None:
            self.send(b"503 5.5.1 MAIL first\r\n")
        elif self.answer("RCPT", b"250 2.1.5 Ok\r\n"):
            self.recipients.append(self.rcpt)

    def path(self, text, start):
        if not (text.startswith(start + "<") and text.endswith(">")):
            self.blame(f"not a path: {text!r}")

    def check_parameters(self, words):
        offered = {offer.split(" ")[0] for offer in self.hop.offers} | ({"AUTH"} if self.hop.login else set())
        for word in words:
            if NEEDS.get(word.split("=")[0]) not in offered:
                self.blame(f"parameter {word!r}, which was not offered")

    def on_data(self, _words):
        if not self.recipients:
            self.send(b"503 5.5.1 RCPT first\r\n")
            return
        if not self.answer("DATA", b"354 Go on\r\n"):
            return
        self.hop.run_behaviour("body", self)
        wire = self.read_to_end()
        self.message(unstuff(wire), wire, "DATA")

    def read_to_end(self):
        """Content up to CRLF.CRLF, and nothing else."""
        got, self.unread = bytearray(b"\r\n" + self.unread), b""
        at = 0
        while (end := got.find(END, at)) < 0:
            at = max(0, len(got) - len(END))
            self.fill()
            got += self.unread
            self.unread = b""
        self.unread = bytes(got[end + len(END) :])
        return bytes(got[2 : end + 2])

    def on_bdat(self, words):
        size, last = int(words[1]), words[2:] == ["LAST"]
        if "CHUNKING" not in self.hop.offers or not (self.recipients or "PIPELINING" in self.hop.offers):
            self.blame("BDAT out of place")
        while len(self.unread) < size:
            parts = [self.unread]
            missing = size - len(self.unread)
            while missing > 0:
                self.unread = b""
                self.fill(min(missing, 1 << 20))
                parts.append(self.unread)
                missing -= len(self.unread)
            self.unread = b"".join(parts)
        chunk, self.unread = self.unread[:size], self.unread[size:]
        if not self.recipients:
            # RFC 3030 2: its bytes are read and forgotten.
            self.send(b"503 5.5.1 RCPT first\r\n")
            return
        self.chunks.append(chunk)
        if last:
            content = b"".join(self.chunks)
            self.message(content, content, "BDAT")
        elif not self.answer("chunk", b"250 2.0.0 Ok\r\n"):
            self.forget()

    def message(self, content, wire, by):
        if re.search(rb"\r(?!\n)|(?<!\r)\n|\0", content):
            self.blame("a bare CR, a bare LF or a NUL in a message")
        taken = Taken(self.sender, self.recipients, content, wire, by, self.helo, self.tls, self.login, self.number,
                      self.parameters, [len(chunk) for chunk in self.chunks], self.xclient)  # fmt: skip
        self.hop.seen.append(taken)
        behaviour = self.hop.on.get("end")
        content = behaviour(self) if callable(behaviour) else behaviour
        content = b"250 2.0.0 Taken\r\n" if content is None else content
        if content.startswith(b"2"):
            self.hop.messages.append(taken)
        self.forget()
        self.send(content)

    def on_rset(self, _words):
        self.forget()
        self.answer("RSET", b"250 2.0.0 Ok\r\n")

    def on_xclient(self, words):
        """Postfix, XCLIENT_README: what follows is another session, and begins with a greeting."""
        offered = next((offer.split(" ")[1:] for offer in self.hop.offers if offer.startswith("XCLIENT ")), [])
        pairs = dict(word.split("=", 1) for word in words[1:])
        if not set(pairs) <= set(offered):
            self.blame(f"XCLIENT {sorted(pairs)}, of which {offered} was offered")
        if self.answer("XCLIENT", b"220 hop.test ESMTP\r\n"):
            self.xclient = {**self.xclient, **pairs}
            self.forget()

    def on_noop(self, _words):
        self.answer("NOOP", b"250 2.0.0 Ok\r\n")

    def on_quit(self, _words):
        self.answer("QUIT", b"221 2.0.0 Bye\r\n")
        raise Gone


class Hop:
    def __init__(self, tls=None, offers=OFFERS, login=None, receive_buffer=None, implicit_tls=False,
                 address="127.0.0.1", port=0):  # fmt: skip
        self.tls, self.offers, self.login, self.implicit_tls = tls, offers, login, implicit_tls
        self.mechanisms, self.clear_login = "PLAIN LOGIN", False
        self.on = {}
        self.messages, self.seen, self.commands, self.dialogs, self.wrong, self.tls_failures = [], [], [], [], [], []
        self.bytes_in = 0
        six = ":" in address
        self.listener = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if six:
            # An address that is ours by its route alone (lib/network.py).
            self.listener.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind((address, port))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        self.name = f"[{address}]:{self.port}" if six else f"{address}:{self.port}"
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            dialog = Dialog(self, accepted, len(self.dialogs) + 1)
            self.dialogs.append(dialog)
            dialog.start()

    def run_behaviour(self, stage, dialog):
        behaviour = self.on.get(stage)
        if behaviour is not None:
            behaviour(dialog)

    def wait(self, count=1, seconds=8):
        """The messages, once there are COUNT."""
        until(lambda: len(self.messages) >= count, f"{count} messages at the next hop", seconds)
        return self.messages

    def only(self):
        """The one message that has come; from here on there are none."""
        messages, self.messages = self.wait(), []
        expect_equal(len(messages), 1, "messages at the next hop")
        return messages[0]

    def verbs(self):
        return [line.split(b" ")[0].strip().decode() for _, line in self.commands]

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.accepting.join(5)
        for dialog in self.dialogs:
            dialog.finish()
        deadline = time.monotonic() + 5
        for dialog in self.dialogs:
            dialog.join(max(0.1, deadline - time.monotonic()))
        expect(not self.wrong, f"the relay did wrong to the next hop: {self.wrong[:5]}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop()
        except Exception:
            if kind is None:
                raise
