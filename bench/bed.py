"""What the benchmarks stand on: servers on free loopback ports, ended by the id that they were started with."""
import ctypes
import json
import os
import pathlib
import pwd
import resource
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / '.build' / 'release'
LIBC = ctypes.CDLL(None)

CONFIG = """
[server]
hostname = "relay.bench.example"
cores = {cores}
user = "{user}"
state_dir = "{directory}/state"
control = "{directory}/control.sock"
[store]
accounts = "{directory}/accounts.db"
[limits]
sessions_per_core = 20000
[spool]
free_bytes_min = 0
[[listener]]
address = ["127.0.0.1:{port}"]
tls = "none"
auth = "off"
require_auth = false
trusted = ["127.0.0.0/8"]
{earlier_routes}
[[route]]
name = "sink"
hosts = ["{next_hop}"]
tls = "none"
messages_per_connection = 0
{route}
[log]
{log}
{sections}
"""

LOG_TO_FILE = 'file = "{directory}/sluice.log"'


def user():
    return pwd.getpwuid(os.getuid()).pw_name


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def cpu_ns(pid):
    """CPU that all threads of `pid` have used, with those that have ended."""
    clock = ctypes.c_int()
    error = LIBC.clock_getcpuclockid(pid, ctypes.byref(clock))
    if error != 0:
        raise ProcessLookupError(error, os.strerror(error))
    return time.clock_gettime_ns(clock.value)


def tree_cpu_ns(pid):
    """CPU that `pid` and all processes below it have used, without those that have ended."""
    children = {}
    for stat in pathlib.Path('/proc').glob('[0-9]*/stat'):
        try:
            parent = int(stat.read_text().rsplit(')', 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        todo += children.get(one, [])
        try:
            total += cpu_ns(one)
        except ProcessLookupError:
            continue
    return total


def cores_cpu_ns(pid):
    """CPU of the threads that run a core, of all cpu_ns()."""
    return sum(int((task / 'schedstat').read_text().split()[0])
               for task in pathlib.Path(f'/proc/{pid}/task').iterdir() if (task / 'comm').read_text().startswith('core-'))


def private_bytes(pid):
    """Memory of `pid` that is its own and written to."""
    for line in pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
        if line.startswith('Private_Dirty:'):
            return int(line.split()[1]) * 1024
    raise RuntimeError('no Private_Dirty in smaps_rollup')


def source(port, messages, options=(), size=4096, sessions=20):
    subprocess.run(['smtp-source', *options, '-s', str(sessions), '-m', str(messages), '-l', str(size),
                    '-f', 'alice@example.com', '-t', 'bob@elsewhere.example', f'127.0.0.1:{port}'],
                   check=True, timeout=600, stdout=subprocess.DEVNULL)


# What makes sluice-load and sluice-sink say on the wire what smtp-source and smtp-sink say, so that figures can be compared:
# one command at a time, and no BDAT from the relay.
LIKE_SMTP_SOURCE = ('--no-pipelining',)
LIKE_SMTP_SINK = ('--without', 'chunking')


class Load:
    """What sluice-load has counted, and what it used itself."""

    def __init__(self, results, cpu_us):
        self.results, self.cpu_us = results, cpu_us
        self.per_s = results['per_second']
        # Until the sink had all of it.
        self.end_to_end_per_s = results['accepted_messages'] / (results['seconds'] + results.get('settling_seconds', 0))


def load(port, messages, options=(), size=4096, sessions=20, sink=None, settle=600, sender='alice@example.com', to='bob-%i@elsewhere.example',
         run_by=()):
    """As source(), with sluice-load, which settles its account with `sink`: whatever is lost, doubled or changed on the way
    is an error. `run_by`: words that the command is run by."""
    words = ['--sink', f'127.0.0.1:{sink.ledger}', '--settle', str(settle)] if sink else []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*run_by, BUILD / 'sluice-load', '--json', '--quiet', *words, *options, '--sessions', str(sessions), '--messages',
                           str(messages), '--size', str(size), '--from', sender, '--to', to,
                           f'127.0.0.1:{port}'], check=False, timeout=1200, capture_output=True, text=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f'sluice-load: {done.stderr or done.stdout}')
    return Load(json.loads(done.stdout), 1e6 * (used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime))


class Sink:
    """sluice-sink: its process, and the ports that it takes mail and questions at."""

    def __init__(self, bed, options=()):
        self.port, self.ledger = free_port(), free_port()
        self.process = bed.start([BUILD / 'sluice-sink', '--listen', f'127.0.0.1:{self.port}', '--ledger',
                                  f'127.0.0.1:{self.ledger}', *options], self.port)


class Bed:
    def __init__(self, directory):
        self.directory = str(directory)
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.terminate()
        for process in self.started:
            process.wait(timeout=60)

    def start(self, command, port, seconds=10):
        """Starts `command` and waits, so long at most, until `port` answers."""
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.started.append(process)
        for _ in range(10 * seconds):
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', port)) == 0:
                    return process
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f'{command[0]} does not answer on port {port}')

    def smtp_sink(self):
        """Postfix's: its port."""
        port = free_port()
        self.start(['smtp-sink', '-u', user(), f'127.0.0.1:{port}', '1000'], port)
        return port

    def sluice(self, next_hop, route='', cores=1, earlier_routes='', build=BUILD, place='.', log=LOG_TO_FILE, sections='',
               fill=None):
        """A relay that trusts loopback and sends what is left by `earlier_routes`, which are whole sections, to `next_hop`:
        (process, port). `route`: keys of its route. `build`: where its programs are. `place`: its
        directory below the bed's; two that run side by side have one each. `log`: keys of [log]; `sections`: whole sections.
        In both {directory} is that directory. `fill`: called with the configuration's path once there is a store, before the
        relay starts."""
        port = free_port()
        directory = os.path.normpath(os.path.join(self.directory, place))
        os.makedirs(directory, exist_ok=True)
        config = f'{directory}/sluice.toml'
        pathlib.Path(config).write_text(
            CONFIG.format(directory=directory, port=port, next_hop=next_hop, user=user(), route=route, cores=cores,
                          earlier_routes=earlier_routes, log=log.format(directory=directory),
                          sections=sections.format(directory=directory)))
        subprocess.run([build / 'sluicectl', '--config', config, 'customer', 'add', 'bench'],
                       check=True, stdout=subprocess.DEVNULL)
        if fill is not None:
            fill(config)
        return self.start([build / 'sluice', 'serve', '--config', config], port), port
