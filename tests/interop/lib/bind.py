"""A name server that takes updates: Debian's BIND on a port of the loopback, in a folder of its own."""

import base64
import os
import shutil
import subprocess
import tempfile

from lib.harness import until
from lib.nsd import Nsd
from lib.relay import folder, free_port

PROGRAM = "/usr/sbin/named"
CONFIG = """\
options {{
  directory "{path}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  notify no;
  allow-transfer {{ none; }};
}};
controls {{ }};
"""
ZONE = 'zone "{zone}" {{ type primary; file "{file}"; {more} }};\n'


def bind_key(name, secret, algorithm="hmac-sha256"):
    """As tsig-keygen writes it."""
    text = base64.b64encode(secret.encode()).decode()
    return f'key "{name}" {{\n\talgorithm {algorithm};\n\tsecret "{text}";\n}};\n'


def knot_key(name, secret, algorithm="hmac-sha256"):
    """As keymgr -t writes it."""
    text = base64.b64encode(secret.encode()).decode()
    return f"# {algorithm}:{name}:{text}\nkey:\n  - id: {name}\n    algorithm: {algorithm}\n    secret: {text}\n"


class Bind(Nsd):
    """FILES: zone files by zone.  KEYS: texts of keys.  UPDATED: what is said of zones that take updates, by zone."""

    def __init__(self, files, keys, updated):
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.path = tempfile.mkdtemp(prefix="bind-", dir=folder().path)
        self.log = os.path.join(self.path, "log")
        self.config = os.path.join(self.path, "named.conf")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(CONFIG.format(path=self.path, port=self.port) + "".join(keys))
            for zone, name in files.items():
                file.write(ZONE.format(zone=zone, file=name, more=updated.get(zone, "")))
        # A copy: for the program in its place AppArmor's profile allows Debian's own directories alone.
        self.program = shutil.copy(PROGRAM, self.path)
        self.zones = list(files)
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, "-g", "-c", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.process.poll() is not None or all(self.serial(zone) for zone in self.zones), f"named starts; it said {self.said()}", 15)
