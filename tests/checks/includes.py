#!/usr/bin/env python3
"""Checks that every #include follows the layers, and that only engine/io calls the kernel.

The layers are the table in the top meson.build: this reads it, so that what links and what may be
included are one thing. Nothing outside engine/io calls the kernel, the clock or a random source.

Usage: includes.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import os
import re
import sys
import tempfile

from lib import frame

FOLDERS = {
    name: f"engine/{name}"
    for name in (
        "base", "smtp", "message", "dkim", "signing", "domain_keys", "zone_update", "domain_upkeep", "schedule", "dsn", "route", "io", "text", "event", "log", "notify", "metrics", "trace", "tls", "net", "mx", "sender_dns", "spool", "hop", "relay",
        "session", "config", "control", "cli", "server", "programs",
    )  # fmt: skip
} | {"auth": "auth", "auth_store": "auth/store", "auth_oauth": "auth/oauth", "auth_backend": "auth/backend", "policy": "policy", "policy_budget": "policy/budget", "policy_cluster": "policy/cluster", "policy_replay": "policy/replay", "noticed": "policy/noticed", "noticing": "policy/noticing", "sim": "tests/sim", "load": "tools/load", "import_postfix": "tools/import_postfix"}

# What the table itself may never say, however useful it looks.
PURE = ("base", "smtp", "message", "dkim", "schedule", "dsn", "route", "auth", "policy", "noticing")
NEVER = [("session", "relay"), ("relay", "session"), ("net", "smtp"), ("config", "relay")]
# sluicectl asks a relay, and has none in it.
NEVER += [(program, relay) for program in ("cli", "control") for relay in ("relay", "session", "server")]
NEVER += [(pure, driver) for pure in PURE for driver in ("io", "net", "spool")]
NEVER += [(name, other) for other in ("sim", "load", "import_postfix") for name in FOLDERS if name != other]  # no part of the product
ROOM_SHARE_MAX = 0.10  # of the lines of the product: what is larger is several things

# Headers of outside libraries, by the name that the table gives the library.
OUTSIDE = {
    "dep_uring": ("liburing.h", "liburing/"),
    "dep_wolfssl": ("wolfssl/",),
    "dep_idn": ("idn2.h",),
    "dep_stringprep": ("stringprep.h",),
    "dep_cares": ("ares.h", "ares_"),
    "dep_argon2": ("argon2.h",),
    "dep_sodium": ("sodium.h", "sodium/"),
    "dep_psl": ("libpsl.h",),
    "dep_ldns": ("ldns/",),
    "dep_sqlite": ("sqlite3.h",),
    "dep_password_hashes": ("apr_md5.h", "crypt.h"),
    "dep_crypto": ("openssl/",),
    "dep_ldap": ("ldap.h", "lber.h"),
    "dep_pq": ("libpq-fe.h",),
    "dep_hiredis": ("hiredis/hiredis.h",),
    "dep_mariadb": ("mysql.h",),
    "dep_cjose": ("cjose/", "jansson.h"),
    "dep_curl": ("curl/",),
    "dep_microhttpd": ("microhttpd.h",),
    "dep_maxminddb": ("maxminddb.h",),
    "dep_zstd": ("zstd.h",),
    "dep_toml": ("toml++/",),
    "dep_absl": ("absl/",),
}

# Standard headers behind which a kernel call, a clock or a random source stands.
PLATFORM_HEADERS = {
    "random", "thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "latch",
    "barrier", "stop_token", "fstream", "filesystem", "csignal",
}  # fmt: skip

# C headers that open nothing. Any other <*.h> counts as the kernel's.
HARMLESS = {
    "errno.h", "limits.h", "stddef.h", "stdint.h", "stdio.h", "string.h",
    "immintrin.h", "emmintrin.h", "smmintrin.h", "nmmintrin.h", "tmmintrin.h", "arm_neon.h", "arm_acle.h",
    "sanitizer/asan_interface.h", "sanitizer/lsan_interface.h", "sanitizer/tsan_interface.h",
}  # fmt: skip

PLATFORM_CALLS = re.compile(
    r"_clock\s*::\s*now\b"
    r"|\brandombytes_\w+"
    r"|\babsl\s*::\s*(?:Now|Sleep\w*|GetCurrentTimeNanos)\b"
    r"|\b(?:clock_gettime|gettimeofday|timespec_get|getrandom|getentropy|arc4random\w*|usleep|nanosleep)\s*\("
    r"|\bstd\s*::\s*(?:time|rand|srand|clock|system|getenv|fopen|random_device|thread|jthread|this_thread"
    r"|async|mutex|[io]?fstream|filesystem)\b"
    r"|(?<![\w>:])::\s*(?:open|openat|close|read|write|pread|pwrite|send|sendmsg|recv|recvmsg|socket|bind"
    r"|listen|accept|accept4|connect|poll|ioctl|fcntl|fsync|fdatasync|unlink|rename|mkdir|mmap|munmap|time"
    r"|getpid|fork|kill|signal|sleep)\s*\("
)

# Files that may call the kernel themselves: what they may include or call, and why.
EXCEPTIONS = {
    # A program's start and end: signals, limits and the descriptors it was given are the process's, not a core's.
    "engine/programs/sluice.cc": {"filesystem", "std::filesystem", "csignal", "signal.h", "unistd.h", "sys/resource.h", "sched.h", "thread", "std::thread"},
    # The process of the relay: it starts a thread for each core, which is then the engine's.
    "engine/server/server.h": {"thread", "mutex", "future", "std::thread", "std::mutex"},
    "engine/server/server.cc": {"future", "std::thread"},
    # The control program is a plain blocking client of the control socket, and runs no engine.
    "engine/programs/sluicectl.cc": {"*"},
    # Its part that asks for a password on the terminal.
    "engine/cli/password.cc": {"termios.h", "unistd.h", "signal.h", "::read", "::write"},
    # The embedded store is SQLite's own file, opened and locked by blocking calls on a worker thread.
    "auth/store/store_file.cc": {"fcntl.h", "sys/stat.h", "unistd.h", "::open", "::close"},
    "auth/store/embedded_store.h": {"mutex", "std::mutex"},
    # What its answers share is one for all connections to a database: a few look-ups under its lock.
    "auth/store/store_memory.h": {"mutex", "std::mutex"},
    # Which connection is free, and whether a server is left alone: a moment under a lock, never over a call of libpq.
    "auth/store/shared_store.h": {"mutex", "std::mutex"},
    "auth/store/signing_keys_in_use.h": {"mutex", "std::mutex"},
    "auth/store/postgresql_store.h": {"mutex", "std::mutex"},
    "auth/backend/threads.cc": {"mutex", "std::mutex"},
    # One shield against guessing for all cores, over which guesses are spread: a few look-ups in tables under its lock.
    "auth/backend/shared_shield.h": {"mutex", "std::mutex"},
    # The file of accounts is looked at on a worker thread, and is one for all cores.
    "auth/backend/file_backend.cc": {"mutex", "std::mutex", "sys/stat.h"},
    # Keys are one cache for all cores, asked on worker threads.
    "engine/signing/key_cache.h": {"mutex", "condition_variable", "std::mutex", "std::condition_variable"},
    # What was noticed of accounts is one set for all cores: a judgement under a shard's lock.
    "policy/noticing/account_watch.h": {"mutex", "std::mutex"},
    "policy/noticing/sending_news.h": {"mutex", "std::mutex"},
    "policy/noticing/sending_news.cc": {"std::mutex"},
    # It is written on a thread of its own.
    "policy/noticed/watch_journal.h": {"mutex", "condition_variable", "thread", "std::mutex", "std::condition_variable", "std::thread"},
    "policy/noticed/watch_journal.cc": {"pthread.h", "std::thread"},
    # The last decisions, put there by the event thread and read on a worker.
    "engine/server/decision_log.h": {"mutex", "std::mutex"},
    # The upkeep of domains has threads of its own, which no core waits for.
    "engine/server/domain_watch.h": {"mutex", "condition_variable", "std::mutex", "std::condition_variable"},
    "engine/domain_upkeep/upkeep.h": {"mutex", "std::mutex"},
    "engine/domain_upkeep/stoppable_dns.h": {"mutex", "std::mutex"},
    "engine/server/sender_activity.h": {"mutex", "std::mutex"},
    # Budgets are one set for all cores, and are written on a thread of their own.
    "policy/budget/shared_budget.h": {"mutex", "std::mutex"},
    # Requests of cores that come before the one that answers them.
    "policy/budget/upper_leases.h": {"mutex", "std::mutex"},
    "policy/budget/journal.h": {"mutex", "condition_variable", "thread", "std::mutex", "std::condition_variable", "std::thread"},
    "policy/budget/journal.cc": {"pthread.h", "std::thread"},
    # The issuer's keys are one set for all threads that check tokens, fetched on a thread of their own.
    "auth/oauth/key_source.h": {"mutex", "condition_variable", "std::mutex"},
    "auth/backend/oauth.cc": {"mutex", "std::mutex"},
    # A value that libldap's functions take.
    "auth/backend/ldap_connection.cc": {"sys/time.h"},
    # The event thread takes events off the cores, and is woken and sleeps by calls of its own.
    "engine/event/dispatcher.h": {"*"},
    "engine/event/dispatcher.cc": {"*"},
    # On it the log writes with blocking calls, so that no core ever waits for a file.
    "engine/log/log.h": {"mutex", "future", "std::mutex"},
    "engine/log/sink.h": {"*"},
    "engine/log/sink.cc": {"*"},
    # Datagrams to syslog and the journal, which never wait.
    "engine/log/datagrams.cc": {"*"},
    # A connection to syslog may block: it has a thread and a queue of its own.
    "engine/log/syslog_stream.h": {"mutex", "condition_variable", "thread", "std::mutex", "std::condition_variable", "std::thread"},
    "engine/log/syslog_stream.cc": {"poll.h", "::poll"},
    # Whatever operators are notified by may block: each has a thread and a queue of its own.
    "engine/notify/outbox.h": {"mutex", "condition_variable", "thread", "std::mutex", "std::condition_variable", "std::thread"},
    "engine/notify/notifier.cc": {"thread", "std::this_thread"},
    "engine/notify/notifier.h": {"mutex", "future", "std::mutex"},
    # Monitoring asks the cores from its own thread, and waits for what they answer under a lock of its own.
    "engine/server/core_probe.h": {"mutex", "condition_variable", "std::mutex", "std::condition_variable"},
    "engine/server/monitoring.h": {"mutex", "std::mutex"},
    # Monitoring is answered on a thread of its own, by libmicrohttpd's blocking calls.
    "engine/metrics/event_metrics.h": {"mutex", "std::mutex"},
    "engine/metrics/http_server.h": {"thread", "std::thread"},
    "engine/metrics/http_server.cc": {"*"},
    # The trace is written on a thread of its own.
    "engine/trace/trace.h": {"mutex", "condition_variable", "thread", "std::mutex", "std::condition_variable", "std::thread"},
    # One store of certificates for all cores, so that they show the same: asked once a handshake, never over a read.
    "engine/tls/certificates.h": {"mutex", "std::mutex"},
    # The processes of the load tools: a thread for each event loop, and one ledger that is made of those of all sinks.
    "tools/load/load_run.cc": {"future", "thread", "std::thread"},
    "tools/load/sink_run.cc": {"future", "thread", "std::thread"},
    "tools/load/sink.h": {"mutex", "std::mutex"},
}

SOURCE = (".cc", ".h")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
COMMENT_OR_STRING = re.compile(
    r'R"([^\s()\\]{0,16})\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL
)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def read_table(root):
    """Returns {layer: (set of layers known directly, set of outside libraries)}."""
    text = read(os.path.join(root, "meson.build"))
    start = text.index("layers = [")
    table = {}
    rows = re.findall(r"\['(\w+)',\s*\w+,\s*\[([^\]]*)\],\s*\[([^\]]*)\]\]", text[start : text.index("\n]", start)])
    for name, known, outside in rows:
        table[name] = (set(re.findall(r"\w+", known)), set(re.findall(r"\w+", outside)))
    return table


def reach(table, name):
    """Every layer that NAME may use, directly or through others, and itself."""
    seen, todo = set(), [name]
    while todo:
        layer = todo.pop()
        if layer not in seen:
            seen.add(layer)
            todo += table[layer][0]
    return seen


def layer_of(path):
    """The layer that a file (relative to the root) belongs to; None where it belongs to none."""
    folder = os.path.dirname(path)
    if folder.startswith("tests/unit/"):
        return folder.split("/")[2]
    matches = [name for name, place in FOLDERS.items() if folder == place]
    return matches[0] if matches else None


def check_table(table):
    problems = []
    if set(table) != set(FOLDERS):
        problems.append(f"meson.build and this check name different layers: {sorted(set(table) ^ set(FOLDERS))}")
        return problems
    for name in table:
        for other in table[name][0]:
            if name in reach(table, other):
                problems.append(f"{name} and {other} know each other")
    problems += [f"{low} must not know {high}" for low, high in NEVER if high in reach(table, low)]
    return problems


def check_shares(root):
    """A room that is too large. Trees of tests have too few lines for that."""
    lines = {}
    for name, place in FOLDERS.items():
        folder = os.path.join(root, place)
        files = os.listdir(folder) if name != "sim" and os.path.isdir(folder) else []
        lines[name] = sum(read(os.path.join(folder, file)).count("\n") for file in files if file.endswith(SOURCE))
    total = sum(lines.values())
    if total < 1000:
        return []
    return [f"{name} has {n} of {total} lines" for name, n in lines.items() if n > ROOM_SHARE_MAX * total]


class Checker:
    def __init__(self, root):
        self.root = root
        self.table = read_table(root)

    def sources(self):
        for top in ("engine", "auth", "policy", "tools/load", "tools/import_postfix", "tests/sim", "tests/unit", "fuzz"):
            for folder, folders, names in os.walk(os.path.join(self.root, top)):
                if os.path.basename(folder) == "engine" and "precompiled" in folders:
                    folders.remove("precompiled")  # no layer: headers of others alone
                for name in sorted(names):
                    if name.endswith(SOURCE):
                        yield os.path.relpath(os.path.join(folder, name), self.root)

    def check_project_include(self, layer, target):
        owner = layer_of(target)
        if target.startswith("engine/precompiled/"):
            return f'"{target}": only precompiled headers include precompiled headers'
        if target.startswith("tests/"):
            return None if layer is None else f'"{target}": only tests include tests'
        if not os.path.isfile(os.path.join(self.root, target)):
            return f'"{target}": no such file from the root of the checkout'
        if owner is None:
            return f'"{target}" is in no layer'
        if layer is not None and owner not in reach(self.table, layer):
            return f'"{target}": {layer} may not know {owner}'
        return None

    def check_outside_include(self, layer, target):
        """None: fine. Otherwise why not. Raises LookupError where TARGET is of no outside library."""
        for dependency, prefixes in OUTSIDE.items():
            if target.startswith(prefixes):
                users = [name for name, row in self.table.items() if dependency in row[1]]
                if layer is None or layer in users:
                    return None
                return f"<{target}>: only for {', '.join(users)}"
        raise LookupError

    def check_includes(self, path, layer, test, text):
        allowed = EXCEPTIONS.get(path, set())
        for quoted, angled in INCLUDE.findall(text):
            target = quoted or angled
            if os.path.basename(path) == "precompiled.h" and target == f"engine/precompiled/{'tests' if test else 'engine'}.h":
                continue
            test_header = target.startswith(("gtest/", "gmock/", "benchmark/"))
            if test_header and (test or path.startswith("fuzz/")):
                continue
            try:
                problem = self.check_outside_include(None if test else layer, target)
            except LookupError:
                if quoted and not test_header:
                    problem = self.check_project_include(None if test and target.startswith("tests/") else layer, target)
                else:
                    problem = self.check_system_include(layer, test, target, allowed)
            if problem:
                yield problem

    @staticmethod
    def check_system_include(layer, test, target, allowed):
        kernel = target in PLATFORM_HEADERS or ("." in target or "/" in target) and target not in HARMLESS
        if not kernel or test or layer in (None, "io") or "*" in allowed or target in allowed:
            return None
        return f"<{target}>: only engine/io calls the kernel"

    def check_file(self, path):
        """Every problem of one file."""
        text = read(os.path.join(self.root, path))
        layer = layer_of(path)
        test = path.startswith("tests/")
        if layer is None and not path.startswith("fuzz/"):
            return ["its folder is not in the table of layers"]
        if layer is not None and layer not in self.table:
            return [f"there is no layer {layer}"]
        code = COMMENT_OR_STRING.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)
        problems = list(self.check_includes(path, layer, test, code))
        allowed = EXCEPTIONS.get(path, set())
        if layer not in (None, "io") and not test and "*" not in allowed:
            bare = COMMENT_OR_STRING.sub(" ", text)
            for found in PLATFORM_CALLS.finditer(bare):
                call = re.sub(r"[\s(]", "", found[0])
                if call not in allowed:
                    problems.append(f"{call}: only engine/io calls the kernel")
        return problems

    def check(self):
        """Returns {name of the check: list of problems}."""
        results = {"the table of layers": check_table(self.table), "the largest room": check_shares(self.root)}
        if results["the table of layers"]:
            return results
        for path in self.sources():
            name = "includes of " + os.path.dirname(path)
            results.setdefault(name, [])
            results[name] += [f"{path}: {problem}" for problem in self.check_file(path)]
        return results


# ------------------------------------------------------------------------------------ proof that it can fail

GOOD = {
    "engine/base/check.h": "#include <cstdint>\n",
    "engine/io/ring.cc": '#include <liburing.h>\n#include <sys/socket.h>\n#include "engine/base/check.h"\n',
    "engine/io/ring.h": "int now();\n",
    "engine/tls/tls.cc": '#include <wolfssl/ssl.h>\n#include "engine/io/ring.h"\n',
    "engine/smtp/reply.h": '// std::thread, "engine/io/ring.h" and ::read( in a comment\n#include "engine/base/check.h"\n',
    "engine/smtp/reply.cc": 'const char* text = "::read(";\nvoid f(X& x) { x.close(); Y::read(1); }\n',
    "engine/session/serve.h": '#include "engine/smtp/reply.h"\n',
    "engine/relay/pool.h": '#include "engine/smtp/reply.h"\n',
    "tests/unit/smtp/reply_test.cc": '#include <gtest/gtest.h>\n#include "engine/smtp/reply.h"\n',
}

BAD = {
    "an arrow that points up": ("engine/base/up.h", '#include "engine/smtp/reply.h"\n', "may not know smtp"),
    "session includes relay": ("engine/session/bad.cc", '#include "engine/relay/pool.h"\n', "may not know relay"),
    "relay includes session": ("engine/relay/bad.cc", '#include "engine/session/serve.h"\n', "may not know session"),
    "a pure layer includes io": ("policy/bad.cc", '#include "engine/io/ring.h"\n', "may not know io"),
    "a test reaches upward": ("tests/unit/smtp/bad_test.cc", '#include "engine/io/ring.h"\n', "may not know io"),
    "liburing outside io": ("engine/net/bad.cc", "#include <liburing.h>\n", "only for io"),
    "sockets outside io": ("engine/net/bad.cc", "#include <sys/socket.h>\n", "calls the kernel"),
    "wolfSSL outside tls": ("engine/relay/bad.cc", "#include <wolfssl/ssl.h>\n", "only for dkim, tls"),
    "a thread outside io": ("engine/smtp/bad.cc", "std::jthread t;\n", "std::jthread"),
    "a clock outside io": ("auth/bad.cc", "auto t = std::chrono::steady_clock::now();\n", "_clock::now"),
    "a random source outside io": ("auth/bad.cc", "#include <random>\n", "calls the kernel"),
    "a kernel call outside io": ("engine/net/bad.cc", "int f() { return ::close(1); }\n", "::close"),
    "an include that is not from the root": ("engine/smtp/bad.cc", '#include "reply.h"\n', "no such file"),
    "a folder in no layer": ("engine/extra/bad.cc", "int x;\n", "not in the table"),
    "production code includes a test": ("engine/smtp/bad.cc", '#include "tests/unit/x.h"\n', "only tests"),
}


def self_test(meson_build):
    """Runs the check on small trees, each wrong in one way. Returns {name: list of problems}."""
    results = {}
    cases = {"a good tree": None, **BAD}
    for name, case in cases.items():
        with tempfile.TemporaryDirectory() as root:
            frame.write_tree(root, {**GOOD, "meson.build": meson_build})
            if case:
                frame.write_tree(root, {case[0]: case[1]})
            found = [problem for problems in Checker(root).check().values() for problem in problems]
        if case is None:
            results[f"self-test: {name}"] = found
        elif len(found) == 1 and found[0].startswith(case[0]) and case[2] in found[0]:
            results[f"self-test: {name}"] = []
        else:
            results[f"self-test: {name}"] = [f"should be refused once, and this was said: {found}"]
    wrong = meson_build.replace("['session', session_sources, [", "['session', session_sources, ['relay', ")
    with tempfile.TemporaryDirectory() as root:
        frame.write_tree(root, {"meson.build": wrong})
        found = check_table(read_table(root))
    results["self-test: a table in which session uses relay"] = [] if found else ["was not refused"]
    return results


def main():
    root = frame.root()
    results = {**Checker(root).check(), **self_test(read(os.path.join(root, "meson.build")))}
    return frame.finish(results)


if __name__ == "__main__":
    sys.exit(main())
