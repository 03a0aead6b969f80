"""Database servers of Debian's packages, each in a folder of its own."""

import glob
import os
import subprocess
import tempfile

from lib.backends import give, ran, unprivileged
from lib.harness import TIMEOUT_FACTOR, expect, until
from lib.relay import authority, folder, free_port
from lib.sinks import end


class Server:
    """A process of its own user in a folder of its own, with a certificate for localhost and 127.0.0.1."""

    def __init__(self, user):
        self.user = user
        self.path = tempfile.mkdtemp(prefix=f"{user}-", dir=folder().path)
        self.port = free_port()
        authority().issue(os.path.join(self.path, "tls"), "localhost", "127.0.0.1")
        self.chain, self.key = (os.path.join(self.path, "tls", name) for name in ("fullchain.pem", "privkey.pem"))
        os.chmod(self.key, 0o600)
        self.make()
        self.start()
        self.fill()

    def own(self):
        give(self.path, self.user)

    def start(self):
        with open(os.path.join(self.path, "log"), "ab") as log:
            self.process = subprocess.Popen([*unprivileged(self.user), *self.command()], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.path)  # fmt: skip
        until(lambda: self.process.poll() is not None or self.ready(), f"{self.user}'s server answers", 20)
        expect(self.process.poll() is None, f"{self.user}'s server has ended: {self.said()}")

    def said(self):
        with open(os.path.join(self.path, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-1500:]

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        end(self.process)


class Postgresql(Server):
    kind = "postgresql"
    database = "mail"

    def __init__(self):
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        super().__init__("postgres")

    def make(self):
        self.own()
        self.data = os.path.join(self.path, "data")
        self.socket = os.path.join(self.path, f".s.PGSQL.{self.port}")
        ran(*unprivileged(self.user), os.path.join(self.programs, "initdb"), "-D", self.data, "-U", "admin", "-A", "trust",
            "--no-sync", "--locale=C", "-E", "UTF8")  # fmt: skip
        with open(os.path.join(self.data, "pg_hba.conf"), "w", encoding="ascii") as file:
            file.write("local all admin trust\nlocal all relay scram-sha-256\nhost all relay 127.0.0.0/8 scram-sha-256\n")

    def command(self):
        settings = {"listen_addresses": "127.0.0.1,127.0.0.2", "port": self.port, "unix_socket_directories": self.path, "ssl": "on",
                    "ssl_cert_file": self.chain, "ssl_key_file": self.key, "fsync": "off", "shared_buffers": "16MB"}  # fmt: skip
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [os.path.join(self.programs, "postgres"), "-D", self.data, *words]

    def ready(self):
        return subprocess.run([*self.psql(), "-c", "SELECT 1", "postgres"], capture_output=True, check=False).returncode == 0

    def psql(self):
        return [os.path.join(self.programs, "psql"), "-qX", "-h", self.path, "-p", str(self.port), "-U", "admin"]

    # What it has from the start.
    def fill(self):
        ran(*self.psql(), "postgres", said=f"CREATE DATABASE {self.database};\n")

    def run(self, sql):
        ran(*self.psql(), "-v", "ON_ERROR_STOP=1", self.database, said=sql)

    # Its own stop is a minute's where a client is still there.
    def stop(self):
        self.process.send_signal(2)
        self.process.wait(10 * TIMEOUT_FACTOR)
