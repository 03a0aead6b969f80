"""A next hop that keeps a ledger: which messages it has taken, and which it got reports about. What it does wrong,
it does at random: 4xx, 5xx, hanging up in the middle, hanging up after the end of the content, before its reply."""

import asyncio
import contextlib
import re

LEDGER = re.compile(rb"^X-Ledger: (\d+)", re.MULTILINE)


async def hang_up(writer):
    """Closes, and waits for it: else a reset that comes only now is printed on standard error when Python ends."""
    writer.close()
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


class Sink:
    def __init__(self, random, failure_share):
        self.random = random
        self.failure_share = failure_share  # share of commands at which something goes wrong
        self.taken = {}  # number of the message: how often it came
        self.reported = set()
        self.server = None

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 22)
        return self.server.sockets[0].getsockname()[1]

    def wrong(self):
        return self.random.random() < self.failure_share

    async def serve(self, reader, writer):
        try:
            await self.talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            await hang_up(writer)

    async def talk(self, reader, writer):
        def say(text):
            writer.write(text.encode() + b"\r\n")

        say("220 sink")
        sender, recipients = b"", 0
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                say("250-sink\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME")
            elif verb == b"MAIL":
                sender, recipients = line, 0
                if self.wrong():
                    return
                say("250 ok")
            elif verb == b"RCPT":
                if b"refused" in line:
                    say("550 5.1.1 nobody here")
                elif self.wrong():
                    say("451 4.3.0 not now")
                else:
                    recipients += 1
                    say("250 ok")
            elif verb == b"BDAT":
                size = int(line.split()[1])
                content = await reader.readexactly(size)
                if not recipients:
                    say("503 5.5.1 no recipients")
                    continue
                if not self.end(say, sender, content):
                    return
            elif verb == b"DATA":
                say("354 go on")
                content = await self.content(reader)
                if not recipients:
                    say("554 5.5.1 no recipients")
                elif not self.end(say, sender, content):
                    return
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")
            await writer.drain()

    @staticmethod
    async def content(reader):
        """What follows a 354.  A client that had no recipient taken sends nothing but the dot (RFC 2920, section 3.1)."""
        content = b""
        while (line := await reader.readline()) and line != b".\r\n":
            content += line
        return content

    def end(self, say, sender, content):
        """False: hangs up instead of replying."""
        if self.wrong():
            say("451 4.3.0 not this one")
            return True
        if b"<>" in sender:
            self.reported.update(int(number) for number in LEDGER.findall(content))
        else:
            for number in LEDGER.findall(content):
                self.taken[int(number)] = self.taken.get(int(number), 0) + 1
        if self.wrong():
            return False  # taken, and the relay does not know
        say("250 2.0.0 taken")
        return True
