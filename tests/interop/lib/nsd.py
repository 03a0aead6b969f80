"""An authoritative name server: Debian's nsd on a port of the loopback, with the zones that a test has written."""

import os
import subprocess
import tempfile

from lib.harness import until
from lib.relay import folder, free_port
from lib.sinks import end

CONFIG = """\
server:
  ip-address: 127.0.0.1@{port}
  do-ip6: no
  username: ""
  chroot: ""
  zonesdir: "{path}"
  database: ""
  pidfile: "{path}/pid"
  zonelistfile: "{path}/zone.list"
  xfrdfile: "{path}/xfrd.state"
  xfrdir: "{path}"
  server-count: 1
  ipv4-edns-size: 1232
  hide-version: yes
remote-control:
  control-enable: no
"""

HEAD = """\
$ORIGIN {zone}.
$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
"""


class Nsd:
    """ZONES: records by zone, "www IN A 192.0.2.1"; of one without any the server says SERVFAIL."""

    def __init__(self, zones):
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.path = tempfile.mkdtemp(prefix="nsd-", dir=folder().path)
        config = CONFIG.format(port=self.port, path=self.path)
        for zone, records in zones.items():
            config += f'zone:\n  name: "{zone}"\n  zonefile: "{zone}.zone"\n'
            if records is not None:
                with open(os.path.join(self.path, zone + ".zone"), "w", encoding="ascii") as file:
                    file.write(HEAD.format(zone=zone) + "\n".join(records) + "\n")
        place = os.path.join(self.path, "nsd.conf")
        with open(place, "w", encoding="utf-8") as file:
            file.write(config)
        self.log = os.path.join(self.path, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["/usr/sbin/nsd", "-d", "-c", place], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.process.poll() is not None or "nsd started" in self.said(), f"nsd starts; it said {self.said()}", 15)

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        end(self.process)
