"""An authoritative name server: Debian's nsd on a port of the loopback, with zone files of a test; and questions to it."""

import os
import signal
import socket
import struct
import subprocess
import tempfile

from lib.harness import expect_equal, until
from lib.nsd_config import write_config
from lib.relay import folder, free_port
from lib.sinks import end

HEAD = """\
$ORIGIN {zone}.
$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
"""
TYPES = {"CNAME": 5, "SOA": 6, "TXT": 16}


def zone_files(zones):
    """Files of these zones, by name. ZONES: records by zone, "www IN A 192.0.2.1"; none: there is no such file."""
    path = tempfile.mkdtemp(prefix="zones-", dir=folder().path)
    files = {zone: os.path.join(path, zone + ".zone") for zone in zones}
    for zone, records in zones.items():
        if records is not None:
            with open(files[zone], "w", encoding="ascii") as file:
                file.write(HEAD.format(zone=zone) + "\n".join(records) + "\n")
    return files


def checked_zone(name, path):
    """The zone file as nsd and bind see it."""
    for program in (["nsd-checkzone"], ["named-checkzone", "-k", "fail", "-n", "fail"]):
        done = subprocess.run([*program, name, path], capture_output=True, text=True, timeout=60, check=False)
        expect_equal(done.returncode, 0, f"exit status of {program[0]}, which said {done.stdout}{done.stderr}")


class Nsd:
    """FILES: zone files by zone; of a zone whose file is not there the server says SERVFAIL."""

    def __init__(self, files):
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.path = tempfile.mkdtemp(prefix="nsd-", dir=folder().path)
        self.log = os.path.join(self.path, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(write_config(self.path, self.port, files), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.process.poll() is not None or "nsd started" in self.said(), f"nsd starts; it said {self.said()}", 15)

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        end(self.process)

    def serial(self, zone):
        try:
            answer = self.ask(zone, "SOA")
        except (OSError, struct.error):  # while it loads zones it may end connections, with a reset or without a word
            return None
        return struct.unpack("!I", answer[-1][1][-20:-16])[0] if answer else None

    def load(self, zone, serial):
        """Zone files that have changed."""
        self.process.send_signal(signal.SIGHUP)
        until(lambda: self.serial(zone) == serial, f"nsd has serial {serial} of {zone}; it said {self.said()}", 15)

    def ask(self, name, kind):
        """The answer, [(type, data), ...]; over TCP, so that all of it is there."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
        question = struct.pack("!6H", 4711, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", TYPES[kind], 1)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as server, server.makefile("rb") as replies:
            server.sendall(struct.pack("!H", len(question)) + question)
            reply = replies.read(struct.unpack("!H", replies.read(2))[0])
        count, at = struct.unpack("!H", reply[6:8])[0], len(question)
        answer = []
        for _ in range(count):
            while reply[at] and reply[at] < 0xC0:
                at += reply[at] + 1
            at += 2 if reply[at] else 1
            of, _, _, size = struct.unpack("!2HIH", reply[at : at + 10])
            answer.append((of, reply[at + 10 : at + 10 + size]))
            at += 10 + size
        return answer

    def text(self, name):
        """The TXT record, at the end of CNAMEs; nothing where there is none."""
        for of, data in self.ask(name, "TXT"):
            if of == TYPES["TXT"]:
                strings, rest = b"", data
                while rest:
                    strings, rest = strings + rest[1 : rest[0] + 1], rest[rest[0] + 1 :]
                return strings
        return None
