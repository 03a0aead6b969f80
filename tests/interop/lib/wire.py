"""A mail client that says exactly what a test tells it to, on a plain socket or in TLS."""

import base64
import re
import socket
import ssl
import struct

from lib.harness import TIMEOUT_FACTOR, Failed, expect, shown
from lib.mail import RECIPIENT, SENDER, stuff

HOST = "mail.relay.test"
SECONDS = 10 * TIMEOUT_FACTOR
LINE_MAX = 65536


class Closed(Exception):
    """The other side has hung up."""


class Reply:
    def __init__(self, lines):
        self.lines = lines
        self.code = int(lines[0][:3])
        self.texts = [line[4:] for line in lines]

    def __str__(self):
        return "\n".join(self.lines)

    def __repr__(self):
        return repr(str(self))


def tls_context(ca_file, max_version=None):
    context = ssl.create_default_context(cafile=ca_file)
    if max_version:
        context.maximum_version = max_version
    return context


class Client:
    def __init__(self, port, tls=None, name=HOST, address="127.0.0.1", receive_buffer=None, source=None):
        """TLS: a context to begin with at once (implicit TLS). SOURCE: the address to come from."""
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(SECONDS)
        self.socket.connect((address, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.name = name
        self.unread = b""
        if tls:
            self.secure(tls)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -------------------------------------------------------------------------------- bytes

    def secure(self, context):
        self.socket = context.wrap_socket(self.socket, server_hostname=self.name)

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def fill(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError) as error:
            raise Closed(str(error)) from error
        except TimeoutError:
            raise Failed(f"no answer within {SECONDS} s; unread: {shown(self.unread)}") from None
        if not data:
            raise Closed("end of stream")
        self.unread += data

    def line(self):
        while b"\r\n" not in self.unread:
            self.fill()
            expect(len(self.unread) < LINE_MAX, "a line without end")
        line, self.unread = self.unread.split(b"\r\n", 1)
        expect(re.fullmatch(rb"[\t -~\x80-\xff]*", line), f"a line that is not clean: {shown(line)}")
        return line.decode()

    def rest(self):
        """All that comes until the other side hangs up."""
        try:
            while True:
                self.fill()
        except Closed:
            rest, self.unread = self.unread, b""
            return rest

    def quiet(self, seconds):
        """Whether nothing comes and the connection stays open for so long."""
        self.socket.settimeout(seconds)
        try:
            self.unread += self.socket.recv(65536)
            return False
        except TimeoutError:
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(SECONDS)

    def close(self):
        self.socket.close()

    def reset(self):
        """Hangs up as a machine does that has crashed: RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # -------------------------------------------------------------------------------- the dialog

    def reply(self):
        lines = []
        while True:
            line = self.line()
            expect(re.match(r"[2-5]\d\d([ -]|$)", line), f"not a reply: {shown(line)}")
            lines.append(line)
            if line[3:4] != "-":
                break
        expect(len({line[:3] for line in lines}) == 1, f"a reply with two codes: {shown(lines)}")
        return Reply(lines)

    def wanted(self, wanted, what):
        got = self.reply()
        expect(str(got).startswith(wanted), f"answer to {shown(what)}: {got!r}, not {wanted}")
        return got

    def say(self, line, wanted=""):
        """One command and its answer, which begins with WANTED."""
        line = line.encode() if isinstance(line, str) else line
        self.send(line + b"\r\n")
        return self.wanted(wanted, line)

    def greeted(self, ehlo="client.test"):
        """Up to the answer to EHLO.  Returns what the relay offers."""
        self.wanted("220", "nothing")
        return self.ehlo(ehlo)

    def ehlo(self, name="client.test"):
        reply = self.say(f"EHLO {name}", "250")
        offered = {}
        for text in reply.texts[1:]:
            word, _, rest = text.partition(" ")
            offered[word] = rest
        return offered

    def start_tls(self, context):
        self.say("STARTTLS", "220")
        self.secure(context)
        return self.ehlo()

    def log_in(self, name=SENDER, password="alice's secret", mechanism="PLAIN", wanted="235"):
        if mechanism == "PLAIN":
            return self.say("AUTH PLAIN " + b64(f"\0{name}\0{password}"), wanted)
        self.say("AUTH LOGIN", "334")
        self.say(b64(name), "334")
        return self.say(b64(password), wanted)

    def envelope(self, sender=SENDER, recipients=(RECIPIENT,), parameters=""):
        """PARAMETERS are MAIL's; a recipient with some of its own is a pair of its address and these."""
        self.say(f"MAIL FROM:<{sender}>{parameters}", "250")
        for recipient in recipients:
            address, more = recipient if isinstance(recipient, tuple) else (recipient, "")
            self.say(f"RCPT TO:<{address}>{more}", "250")

    def submit(self, message, sender=SENDER, recipients=(RECIPIENT,), wanted="250", parameters=""):
        """A whole transaction by DATA."""
        self.envelope(sender, recipients, parameters)
        self.say("DATA", "354")
        self.send(stuff(message))
        return self.wanted(wanted, "the message")

    def submit_chunks(self, chunks, sender=SENDER, recipients=(RECIPIENT,), wanted="250", parameters=""):
        """A whole transaction by BDAT; the last of CHUNKS is sent as the last one."""
        self.envelope(sender, recipients, parameters)
        for chunk in chunks[:-1]:
            self.chunk(chunk, False, "250")
        return self.chunk(chunks[-1], True, wanted)

    def chunk(self, data, last, wanted):
        self.send(b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") + data)
        return self.wanted(wanted, f"a chunk of {len(data)}")

    def quit(self):
        self.say("QUIT", "221")
        expect(self.rest() == b"", "something came after the answer to QUIT")
        self.close()


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()
