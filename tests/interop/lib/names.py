"""A name server: Debian's unbound on a port of the loopback, which says what a test has written into its zone."""

import os
import socket
import subprocess
import tempfile
import threading

from lib.harness import until
from lib.relay import folder, free_port
from lib.sinks import end

CONFIG = """\
server:
  interface: 127.0.0.1
  port: {port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  chroot: ""
  username: ""
  pidfile: ""
  directory: "{path}"
  use-syslog: no
  module-config: "iterator"
  num-threads: 1
  do-not-query-localhost: no
  minimal-responses: yes
  local-zone: "test." static
  local-data: "test. 600 IN SOA ns.test. admin.test. 1 2 3 4 45"
{records}
stub-zone:
  name: "{broken}."
  stub-addr: 127.0.0.1@{refusing}
remote-control:
  control-enable: no
"""


def refuse_all(server):
    """Answers each question with REFUSED, until the socket is closed."""
    while True:
        try:
            question, asker = server.recvfrom(4096)
        except OSError:
            return
        server.sendto(question[:2] + b"\x84\x05" + question[4:6] + bytes(6) + question[12:], asker)


class NameServer:
    """RECORDS: "far.test. 300 IN MX 10 mx.far.test.", all below test.  For names below BROKEN it asks a
    server that refuses to answer, and says SERVFAIL."""

    def __init__(self, records, broken="broken.test"):
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.path = tempfile.mkdtemp(prefix="unbound-", dir=folder().path)
        lines = [f'  local-zone: "{broken}." transparent'] + [f'  local-data: "{record}"' for record in records]
        self.refusing = socket.socket(type=socket.SOCK_DGRAM)
        self.refusing.bind(("127.0.0.1", 0))
        threading.Thread(target=refuse_all, args=[self.refusing], daemon=True).start()
        refusing = self.refusing.getsockname()[1]
        config = CONFIG.format(port=self.port, path=self.path, records="\n".join(lines), broken=broken, refusing=refusing)
        place = os.path.join(self.path, "unbound.conf")
        with open(place, "w", encoding="utf-8") as file:
            file.write(config)
        with open(os.path.join(self.path, "log"), "wb") as log:
            self.process = subprocess.Popen(["/usr/sbin/unbound", "-d", "-c", place], stdin=subprocess.DEVNULL, stderr=log)
        until(lambda: self.process.poll() is not None or self.answers(), f"unbound answers; it said {self.said()}", 15)

    def answers(self):
        """It binds UDP before TCP."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return "start of service" in self.said()
        except OSError:
            return False

    def said(self):
        with open(os.path.join(self.path, "log"), encoding="utf-8") as file:
            return file.read()

    def stop(self):
        end(self.process)
        self.refusing.close()
