"""A real Dovecot: POP3, IMAP and its auth service, in clear and in TLS, with users in a passwd-file."""

import os
import shutil
import socket
import subprocess
import tempfile

from lib import dovecot_config
from lib.harness import Skipped, until
from lib.relay import folder, free_port
from lib.sinks import end

NAMES = ("pop3", "pop3s", "imap", "imaps", "auth")


class Dovecot:
    """Running from its making until stop().

    USERS: name -> password, or (password, extra fields of the passdb).  FILES: (certificate, key), else without TLS.
    OPTIONS: those of dovecot_config.write_config, such as trusted="127.0.0.0/8".
    """

    def __init__(self, users, files=None, **options):
        if shutil.which(dovecot_config.PROGRAM) is None:
            raise Skipped("there is no Dovecot here: tools/deps test")
        self.path = tempfile.mkdtemp(prefix="dovecot-", dir=folder().path)
        os.chmod(self.path, 0o755)
        self.address = options.get("address", "127.0.0.1")
        names = NAMES if files else [name for name in NAMES if not name.endswith("s")]
        self.ports = {name: free_port() for name in names}
        self.command = dovecot_config.write_config(self.path, self.ports, users, files, **options)
        self.auth_socket = os.path.join(self.path, "run", "auth-client")
        self.userdb_socket = os.path.join(self.path, "run", "auth-userdb")
        self.process = None
        self.start()

    def at(self, name):
        """ "127.0.0.1:PORT" of pop3, pop3s, imap, imaps or auth (the auth service's client protocol by TCP)."""
        return f"{self.address}:{self.ports[name]}"

    def set_users(self, users):
        """For logins from here on."""
        dovecot_config.write_users(self.path, users)

    def start(self):
        with open(os.path.join(self.path, "errors"), "wb") as errors:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        ready = lambda: all(self.answers(name) for name in self.ports)  # noqa: E731
        try:
            until(lambda: self.process.poll() is not None or ready(), "Dovecot answers", 15)
        except Exception:
            self.stop()
            raise
        if self.process.poll() is not None:
            raise RuntimeError(f"Dovecot did not start: {self.said()}")

    def answers(self, name):
        try:
            with socket.create_connection((self.address, self.ports[name]), timeout=5) as probe:
                # One in TLS waits for its client.
                return name.endswith("s") or probe.recv(1) != b""
        except OSError:
            return False

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def said(self):
        """Its log, and what it wrote before it had one."""
        text = ""
        for name in ("errors", "log"):
            try:
                with open(os.path.join(self.path, name), encoding="utf-8", errors="replace") as file:
                    text += file.read()
            except FileNotFoundError:
                pass
        return text

    def stop(self):
        """start() begins again, on the same ports."""
        if self.process is not None:
            process, self.process = self.process, None
            end(process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
