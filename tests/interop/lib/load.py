"""sluice-load and sluice-sink, as the scripts use them."""

import json
import os
import signal
import subprocess

from lib.harness import TIMEOUT_FACTOR, expect, expect_equal, until
from lib.relay import SLUICE, free_port
from lib.sinks import answers

SLUICE_LOAD = os.path.join(os.path.dirname(SLUICE), "sluice-load")
SLUICE_SINK = os.path.join(os.path.dirname(SLUICE), "sluice-sink")


class LoadSink:
    """sluice-sink with OPTIONS, from its making until results() or stop()."""

    def __init__(self, *options):
        self.port, ledger = free_port(), free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.ledger = f"127.0.0.1:{ledger}"
        command = [SLUICE_SINK, "--listen", self.name, "--ledger", self.ledger, "--json", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until(lambda: self.process.poll() is not None or answers(self.port), "sluice-sink answers")
        expect(self.process.poll() is None, "sluice-sink has ended")

    def results(self):
        """Ends it. What it says in the end."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=20 * TIMEOUT_FACTOR)
        expect_equal((self.process.returncode, err), (0, ""), "exit status of sluice-sink, and what it complains about")
        return json.loads(out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def begin_load(port, *options, sink=None):
    """sluice-load under way."""
    words = ["--sink", sink.ledger] if sink else []
    command = [SLUICE_LOAD, "--json", "--quiet", "--timeout", "20", *words, *options, f"127.0.0.1:{port}"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end_load(process, wanted):
    """Its results, once it has ended with the exit status WANTED."""
    try:
        out, err = process.communicate(timeout=30 * TIMEOUT_FACTOR)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    expect_equal((process.returncode, err), (wanted, ""), f"exit status of sluice-load, and what it complains about; it prints {out}")
    return json.loads(out)


def load(port, *options, sink=None, wanted=0):
    return end_load(begin_load(port, *options, sink=sink), wanted)
