#!/usr/bin/env python3
"""README's installation, followed to the letter as written and with nothing else, up to a message that has arrived. In
folders and a network of the test's own: nothing of it is left on the machine."""

import os
import pty
import re
import select
import shutil
import ssl
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, wire
from lib.harness import TIMEOUT_FACTOR, Skipped, expect, expect_equal, expect_in, main, test, until
from lib.hop import Hop
from lib.network import own_network
from lib.relay import SLUICE

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OWN = ("/etc", "/usr/local", "/var/lib", "/run")
PASSWORD = "a newcomer's secret"


def steps():
    """The lines of README's section, but for those that build and those that list what else there is."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        section = re.search(r"^## Install and run\n(.*?)^## ", file.read(), re.MULTILINE | re.DOTALL)[1]
    lines = re.findall(r"^    (\S.*)$", section, re.MULTILINE)
    expect(any("tools/build" in line for line in lines), "README says how to build")
    return [line for line in lines if "tools/build" not in line and " | " not in line]


class Machine:
    """Where the steps are done: what they write lies over the machine's own, for them alone."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="sluice-install-")
        os.chmod(self.path, 0o755)
        mounts = []
        for place in OWN:
            own = self.path + place
            if place == "/etc":
                subprocess.run(["cp", "-a", "/etc", own], check=True, timeout=60)
            else:
                os.makedirs(own)
            mounts.append(f"mount --bind {own} {place}")
        self.inside = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join([*mounts, 'exec "$@"']), "sh"]
        self.environment = {
            **os.environ,
            "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SLUICE_BUILD_KIND": os.path.basename(os.path.dirname(os.path.abspath(SLUICE))),
        }

    def command(self, line):
        return [*self.inside, "sh", "-c", line]

    def run(self, line, said=None):
        """Runs LINE on a terminal on which SAID is typed, and returns what it shows."""
        master, terminal = pty.openpty()
        try:
            process = subprocess.Popen(self.command(line), cwd=ROOT, env=self.environment, stdin=terminal,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
            for one in said or ():
                # What is typed before it is asked for is thrown away.
                asked = b""
                while not asked.endswith(b": "):
                    expect(select.select([master], [], [], 10 * TIMEOUT_FACTOR)[0], f"`{line}` asks for nothing: {asked}")
                    asked += os.read(master, 1)
                os.write(master, one.encode() + b"\n")
            shown, _ = process.communicate(timeout=30 * TIMEOUT_FACTOR)
        finally:
            os.close(master)
            os.close(terminal)
        expect_equal(process.returncode, 0, f"exit status of `{line}`, which said {shown!r}")
        return shown

    def stop(self):
        shutil.rmtree(self.path, ignore_errors=True)


def edit(machine, hop):
    """What README leaves to the reader: where mail goes on to."""
    path = machine.path + "/etc/sluice/sluice.toml"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    edited = re.sub(r"^hosts = .*$", f'hosts = ["{hop.name}"]', text, flags=re.MULTILINE)
    expect(edited != text, "the example has hosts to be edited")
    with open(path, "w", encoding="utf-8") as file:
        file.write(edited)


@test
def readme_followed_to_the_letter_relays_a_message():
    if os.geteuid() != 0 or not own_network():
        raise Skipped("needs root, and a network of its own for the ports of mail")
    machine, hop = Machine(), Hop()
    try:
        for line in steps():
            if line == "sluice serve":
                break
            shown = machine.run(line, [PASSWORD, PASSWORD] if "account add" in line else None)
            if line == "tools/install":
                edit(machine, hop)
        expect_in("fine", shown, "what the last step before the start, `sluice check`, says")
        serve(machine, hop)
    finally:
        hop.stop()
        machine.stop()


def serve(machine, hop):
    log = tempfile.TemporaryFile()
    process = subprocess.Popen(machine.command("exec sluice serve"), cwd=ROOT, env=machine.environment,
                               stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # fmt: skip

    def said():
        log.seek(0)
        return log.read().decode()

    try:
        until(lambda: '"event":"started"' in said() or process.poll() is not None, "the relay has started", 15)
        expect(process.poll() is None, f"the relay did not start: {said()}")
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            expect(re.search(r"^Uid:\t[1-9]", file.read(), re.MULTILINE), "it is root no longer")
        # A client that names no host, and one that does not look at who signed.
        for name in (None, "unknown.example"):
            send(name)
        hop.wait(2)
        expect_in('"core": 0', machine.run("sluicectl status --json"), "what sluicectl says of it")
    finally:
        process.terminate()
        process.wait(20 * TIMEOUT_FACTOR)
        log.close()


def send(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with wire.Client(587, name=name) as client:
        client.greeted()
        client.start_tls(context)
        client.log_in("alice@acme.example", PASSWORD)
        client.submit(mail.compose(sender="alice@acme.example"), sender="alice@acme.example")


if __name__ == "__main__":
    own_network()
    main()
