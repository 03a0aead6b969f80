#!/usr/bin/env python3
"""Builds and runs every suite, and adds up what they say. tools/test calls this; see there for the usage.

A suite is either gtest programs (which programs, the build says) or scripts that print `ok NAME` or
`FAIL NAME: why` for each test. A program that crashes, hangs or reports nothing counts as a failed test.
What can run side by side does: the tests of a program in shards, and scripts in networks of their own.
"""

import functools
import glob
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = int(os.environ.get("SLUICE_JOBS") or os.cpu_count() or 1)

BUILD_SECONDS_MAX = 3600
UNIT_SECONDS_MAX = 900  # under a sanitizer, on a busy machine
SCRIPT_SECONDS_MAX = 420
# The short form starts with the same number and takes as many steps, so that a failure is one of the change under test:
# new inputs are looked for by tools/fuzz.
FUZZ_RUNS = 10_000
FUZZ_SECONDS = 5  # and no more than that
SHOWN_LINES = 60
SHARDS = 4  # of the tests of a program
SCRIPTS_AT_ONCE = 2 * JOBS  # they wait more than they work


def asan_options():
    # Twelve frames say where memory came from; to keep all thirty for each allocation took a twentieth of the time.
    options = "malloc_context_size=12:detect_stack_use_after_return=1:check_initialization_order=1:strict_string_checks=1:handle_sigill=1"
    # Newer packages of abseil than Debian 12's poison slots in their headers and free them in their library, which is built
    # without a sanitizer and leaves them poisoned.
    with open("/etc/os-release", encoding="utf-8") as file:
        return options if "VERSION_CODENAME=bookworm" in file.read() else options + ":allow_user_poisoning=0"


SANITIZER_ENV = {
    "ASAN_OPTIONS": asan_options(),
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/leaks.supp:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    "ASAN_SYMBOLIZER_PATH": "/usr/lib/llvm-19/bin/llvm-symbolizer",
    "TSAN_SYMBOLIZER_PATH": "/usr/lib/llvm-19/bin/llvm-symbolizer",
}


class Outcome:
    """How many passed, and why each of the others did not."""

    def __init__(self, passed=0, failures=None, skipped=0):
        self.passed = passed
        self.failures = list(failures or [])
        self.skipped = skipped

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.skipped += other.skipped

    def __str__(self):
        text = f"{self.passed} passed, {len(self.failures)} failed"
        return text + (f" ({self.skipped} skipped)" if self.skipped else "")


spent = threading.local()  # CPU seconds of the processes that a thread has waited for, with those that they waited for


def wait(process, seconds_max):
    """As Popen.wait(), but None where the time is over; adds up what the process took."""
    end = time.monotonic() + seconds_max
    while time.monotonic() < end:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            spent.seconds = getattr(spent, "seconds", 0) + usage.ru_utime + usage.ru_stime
            return process.returncode
        time.sleep(0.02)
    return None


def run(command, seconds_max, env=None):
    """Runs COMMAND in its own process group. Returns (exit code or None when it hung, output).

    It gets a folder for its temporary files that goes with it, however it ends: a script that was killed left up to
    2.6 GB.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-", ignore_cleanup_errors=True) as folder, tempfile.TemporaryFile() as output:
        os.chmod(folder, 0o755)  # relays that run as another user read there
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(env or {}), "TMPDIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = wait(process, seconds_max)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # whatever it left running
            except ProcessLookupError:
                pass
            if process.returncode is None:
                process.wait()
        output.seek(0)
        return code, output.read().decode("utf-8", "replace")


def side_by_side(jobs, at_once):
    """Runs JOBS, pairs of a name and a function that returns an Outcome, so many at once, and says how each went."""

    def one(job):
        started, spent.seconds = time.monotonic(), 0
        outcome = job[1]()
        print(f"  {job[0]}: {outcome} in {time.monotonic() - started:.0f} s ({spent.seconds:.0f} of CPU)", flush=True)
        return outcome

    total = Outcome()
    with ThreadPoolExecutor(at_once) as pool:
        for outcome in pool.map(one, jobs):
            total.add(outcome)
    return total


def tail(text):
    lines = text.rstrip().split("\n")
    return "\n".join("| " + line for line in lines[-SHOWN_LINES:])


def ending(code, seconds_max):
    if code is None:
        return f"hung (more than {seconds_max} s)"
    return f"died of {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"


# ------------------------------------------------------------------------------------ builds

# One build at a time, while tests run that wait more than they work: those that no test needs yet, with what time is left.
builder = ThreadPoolExecutor(1)
built = {}
# A build has a session of its own, and so, where the kernel groups tasks by session, a niceness that counts beside others'.
def nice(value):
    return ("sh", "-c", f'[ ! -w /proc/self/autogroup ] || echo {value} >/proc/self/autogroup; exec nice -n {value} "$@"', "sh")


NICE_BUILD = nice(19)
NICE_TESTS = nice(5)  # a third of what another gets: with less a test may wait for its own threads in vain


def run_build(what, before=()):
    started = time.monotonic()
    code, output = run([*before, os.path.join(ROOT, "tools/build"), *what], BUILD_SECONDS_MAX)
    print(f"built {what[0]} in {time.monotonic() - started:.0f} s" if code == 0 else f"could not build {what[0]}", flush=True)
    return None if code == 0 else output


def build_ahead(kind, targets=()):
    """Begins to build TARGETS of KIND, all where none is named, while something else runs."""
    what = (kind, *targets)
    if what not in built:
        built[what] = builder.submit(run_build, what, NICE_BUILD)


def build(kind, targets=()):
    """Builds TARGETS of KIND once; all, where none is named. Returns None, or what the compiler said when it failed."""
    what = (kind, *targets)
    if what not in built:
        built[what] = builder.submit(run_build, what)
    return built[what].result()


def introspect(kind, what):
    command = ["meson", "introspect", os.path.join(ROOT, ".build", kind), what]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def with_build(kind, tests, targets=()):
    """What TESTS() finds, once KIND is built; a build that fails is one failed test."""
    said = build(kind, targets)
    if said is not None:
        return Outcome(failures=[f"the {kind} build\n{tail(said)}"])
    return tests()


# ------------------------------------------------------------------------------------ gtest programs

# By program: which of its tests start threads, as the release build's tests say (tests/support/thread_count.cc). A
# program that did not come to its end is not in it.
threaded = {}


def read_gtest_report(path):
    """Returns an Outcome and the names of the tests that started threads, or None where the program wrote no report."""
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except (OSError, ValueError):
        return None
    outcome, with_threads = Outcome(), set()
    for suite in report.get("testsuites", []):
        for test in suite.get("testsuite", []):
            name = f"{suite['name']}.{test['name']}"
            if "threads" in test:
                with_threads.add(name)
            if test.get("failures"):
                outcome.failures.append(name + "\n" + "\n".join(one.get("failure", "") for one in test["failures"]))
            elif test.get("result") == "SKIPPED":
                outcome.skipped += 1
            elif test.get("status") == "RUN":
                outcome.passed += 1
    return outcome, with_threads


def run_gtest(program, chosen, shard, before):
    """Runs one of SHARDS of those tests of a program that fit CHOSEN, a gtest filter. Returns an Outcome and the names
    of the tests that started threads, or None for these."""
    name = os.path.basename(program)
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        command = [*before, program, f"--gtest_output=json:{report}", "--gtest_color=no"]
        env = {"GTEST_TOTAL_SHARDS": str(SHARDS), "GTEST_SHARD_INDEX": str(shard), "GTEST_FILTER": chosen}
        code, output = run(command, UNIT_SECONDS_MAX, {**SANITIZER_ENV, **env})
        read = read_gtest_report(report)
    if read is None:  # it ended before its end: what had passed, passed
        passed = len(re.findall(r"^\[       OK \]", output, re.MULTILINE))
        return Outcome(passed, [f"{name}: {ending(code, UNIT_SECONDS_MAX)}\n{tail(output)}"]), None
    outcome, with_threads = read
    if code != 0 and not outcome.failures:  # a leak, say, found when all tests were over
        outcome.failures.append(f"{name}: {ending(code, UNIT_SECONDS_MAX)}\n{tail(output)}")
    return outcome, with_threads


def unit_programs(kind, text):
    """Pairs of a program and the gtest filter of what is to be run of it."""
    for test in introspect("release" if kind == "tsan" else kind, "--tests"):
        name = os.path.basename(test["cmd"][0])
        program = os.path.join(ROOT, ".build", kind, "tests/unit", name)
        if kind == "tsan" and name in threaded:
            if threaded[name]:
                yield program, ":".join(sorted(threaded[name]))
        else:
            yield program, f"*{text}*" if text else "*"


def unit(kind, text, before=()):
    by_name = {}

    def run_shard(program, chosen, shard):
        outcome, with_threads = run_gtest(program, chosen, shard, before)
        by_name.setdefault(os.path.basename(program), []).append(with_threads)
        return outcome

    def tests():
        jobs = []
        for program, chosen in unit_programs(kind, text):
            for shard in range(SHARDS):
                name = f"{os.path.basename(program)} {shard + 1}/{SHARDS}"
                jobs.append((name, functools.partial(run_shard, program, chosen, shard)))
        outcome = side_by_side(jobs, JOBS)
        if kind == "release":
            threaded.update({name: set().union(*sets) for name, sets in by_name.items() if None not in sets})
            threaded["test_cli"] = set()  # it has one thread: those that its tests start play its user and a name server
        return outcome

    if kind != "tsan":
        return with_build(kind, tests)
    targets = tsan_targets(text)
    return with_build(kind, tests, targets) if targets else Outcome()


def tsan_targets(text):
    """What has no threads is neither run nor built."""
    folder = os.path.join(ROOT, ".build/tsan")
    return [os.path.relpath(program, folder) for program, _ in unit_programs("tsan", text)]


# ------------------------------------------------------------------------------------ scripts


def run_script(path, words=(), env=None, before=()):
    name = os.path.relpath(path, ROOT)
    code, output = run([*before, "/usr/bin/python3", path, *words], SCRIPT_SECONDS_MAX, env)
    outcome = Outcome(
        passed=len(re.findall(r"^ok \S", output, re.MULTILINE)),
        failures=[f"{name}: {said}" for said in re.findall(r"^FAIL (.*(?:\n .*)*)", output, re.MULTILINE)],
        skipped=len(re.findall(r"^skip \S", output, re.MULTILINE)),
    )
    closing = re.search(r"^(\d+) passed, (\d+) failed\s*\Z", output, re.MULTILINE)
    counted = (str(outcome.passed), str(len(outcome.failures)))
    wrong = closing is None or closing.groups() != counted or (code != 0) != bool(outcome.failures)
    if wrong:
        outcome.failures.append(f"{name}: {ending(code, SCRIPT_SECONDS_MAX)}, and its last line does not fit\n{tail(output)}")
    elif outcome.failures and "tests/interop/" in name:
        outcome.failures[-1] += f"\n--- {name} said:\n{tail(output)}"
    return outcome


def scripts(pattern, text):
    paths = sorted(glob.glob(os.path.join(ROOT, "tests", pattern)))
    return [path for path in paths if text in os.path.relpath(path, ROOT)]


def checks(text):
    jobs = [(os.path.relpath(path, ROOT), functools.partial(run_script, path)) for path in scripts("checks/*.py", text)]
    return side_by_side(jobs, JOBS)


# What these spend is time: they wait for disks, for name servers, for retries and for verifiers of signatures. The code behind
# them runs under the sanitizers in the unit tests, the simulated worlds and the fuzzers; under both it would all take longer
# than a change may wait.
UNSANITIZED = ("disk.py", "expiry.py", "spool_directory.py", "world.py", "queue_control.py", "reports.py", "crash.py",
               "guessing.py", "import_accounts.py", "oauth_issuer.py", "shared_store_ctl.py", "signatures.py", "signed_ways.py", "spf_suite.py",
               "domain_keys.py", "domain_check.py", "domain_proof.py", "domain_upkeep.py", "trying.py")  # fmt: skip
CRASH_MODES = (["--mode", "store"], ["--mode", "through"], ["--mode", "full"])
# These take longest, the longest first: what is begun last should be short.
LONG = ("crash.py", "backends_sql.py", "disk.py", "queued.py", "world.py", "next_hops.py", "shared_store_ctl.py", "oauth_issuer.py")
OWN_NETWORK = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


def interop_scripts(kind, text):
    """Pairs of a script and words for it, in the order in which they are to begin."""
    paths = scripts("interop/*.py", text) + scripts("crash/crash.py", text)
    if kind != "release":
        paths = [path for path in paths if os.path.basename(path) not in UNSANITIZED]
    rank = {name: place for place, name in enumerate(LONG)}
    for path in sorted(paths, key=lambda path: rank.get(os.path.basename(path), len(LONG))):
        for words in CRASH_MODES if path.endswith("crash.py") else ([],):
            yield path, words


def script_env(kind):
    programs = os.path.join(ROOT, ".build", kind)
    return {
        **SANITIZER_ENV,
        "SLUICE": os.path.join(programs, "sluice"),
        "SLUICECTL": os.path.join(programs, "sluicectl"),
        "SLUICE_BUILD_KIND": kind,
        "NODE_PATH": os.path.join(ROOT, ".deps/node/node_modules"),
    }


def interop(kind, text):
    def tests():
        # Each has a loopback of its own, so that their ports are theirs; where that is refused, one runs at a time.
        apart = subprocess.run([*OWN_NETWORK, "true"], capture_output=True, check=False).returncode == 0
        if not apart:
            print("  no network namespaces here: one script at a time", flush=True)
        jobs = []
        for path, words in chosen:
            name = " ".join([os.path.relpath(path, ROOT), *words])
            jobs.append((name, functools.partial(run_script, path, words, script_env(kind), OWN_NETWORK if apart else ())))
        return side_by_side(jobs, SCRIPTS_AT_ONCE if apart else 1)

    chosen = list(interop_scripts(kind, text))
    return with_build(kind, tests) if chosen else Outcome()


# ------------------------------------------------------------------------------------ fuzzers


def run_fuzzer(program, name, before):
    crashes = os.path.join(ROOT, "fuzz/corpus/")  # as tools/fuzz does
    os.makedirs(crashes, exist_ok=True)
    with tempfile.TemporaryDirectory() as found:
        inputs = [found]
        for place in ("seeds", "corpus"):
            inputs += glob.glob(os.path.join(ROOT, "fuzz", place, name))
        options = ["-seed=1", f"-runs={FUZZ_RUNS}", f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048", f"-artifact_prefix={crashes}"]
        dictionary = os.path.join(ROOT, "fuzz", name + ".dict")
        if os.path.isfile(dictionary):
            options.append(f"-dict={dictionary}")
        code, output = run([*before, program, *options, *inputs], UNIT_SECONDS_MAX, SANITIZER_ENV)
    if code == 0:
        return Outcome(passed=1)
    return Outcome(failures=[f"fuzz/{name}: {ending(code, UNIT_SECONDS_MAX)}; tools/fuzz {name}\n{tail(output)}"])


def fuzzers(text):
    names = [re.sub(r"_fuzz\.cc$", "", os.path.basename(path)) for path in glob.glob(os.path.join(ROOT, "fuzz/*_fuzz.cc"))]
    return sorted(name for name in names if text in "fuzz/" + name)


def fuzz(text, before=()):
    def tests():
        folder = os.path.join(ROOT, ".build/asan/fuzz/fuzz_")
        jobs = [(f"fuzz/{name}", functools.partial(run_fuzzer, folder + name, name, before)) for name in names]
        return side_by_side(jobs, JOBS)

    names = fuzzers(text)
    return with_build("asan", tests) if names else Outcome()


# ------------------------------------------------------------------------------------ all of them


def suites(quick, text):
    """Yields lists of (name, function that runs it). The cheap ones and those that find most come first. Behind the first of a
    list are those that run beside it, on what it leaves of the CPUs: scripts wait more than they work."""
    yield [("checks", lambda: checks(text))]
    yield [("unit", lambda: unit("release", text))]
    if not quick and build("release") is None:
        build_ahead("asan")
        if targets := tsan_targets(text):
            build_ahead("tsan", targets)
    yield [("interop and crash", lambda: interop("release", text))]
    if quick:
        return
    yield [("unit with address and undefined-behaviour sanitizers", lambda: unit("asan", text))]
    yield [
        ("interop with address and undefined-behaviour sanitizers", lambda: interop("asan", text)),
        ("fuzzers", lambda: fuzz(text, NICE_TESTS)),
        ("unit with the thread sanitizer", lambda: unit("tsan", text, NICE_TESTS)),
    ]


def run_suite(name, suite):
    """Returns its Outcome, and a line that says it."""
    started = time.monotonic()
    outcome = suite()
    for failure in outcome.failures:
        print(f"\nFAILED {failure}\n", flush=True)
    line = f"{name}: {outcome} in {time.monotonic() - started:.0f} s"
    print(line, flush=True)
    return outcome, line


def gtest_names(program):
    """The names of a program's tests, as its --gtest_list_tests groups them."""
    listed = subprocess.run([program, "--gtest_list_tests"], check=True, capture_output=True, text=True).stdout
    suite = ""
    for line in listed.splitlines()[1:]:  # after the line that gtest's main() says
        word = line.split("#")[0].strip()
        if line.startswith("  "):
            yield suite + word
        else:
            suite = word


def script_names(path, words):
    command, env = ["/usr/bin/python3", path, "--list", *words], {**os.environ, **script_env("debug")}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout.splitlines()


def list_tests(text):
    """Prints `SUITE: NAME` for each test that there is, with those of the unit programs of the debug build."""
    if (said := build("debug")) is not None:
        sys.exit(said)
    names = [name for program, _ in unit_programs("debug", "") for name in gtest_names(program)]
    rows = {f"unit: {name}" for name in names if text in name}
    for kind in ("release", "asan"):
        for path, words in interop_scripts(kind, text):
            short = os.path.relpath(path, ROOT)
            rows |= {f"scripts with {kind}: {short}: {name}" for name in script_names(path, words)}
    for path in scripts("checks/*.py", text):
        done = subprocess.run(["/usr/bin/python3", path], capture_output=True, text=True, check=False)
        rows |= {f"{os.path.relpath(path, ROOT)}: {name}" for name in re.findall(r"^(?:ok|FAIL) (.*)", done.stdout, re.M)}
    rows |= {f"fuzz: {name}" for name in fuzzers(text)}
    print("\n".join(sorted(rows)))


def main():
    words = sys.argv[1:]
    flags = {word for word in words if word in ("--quick", "--list")}
    words = [word for word in words if word not in flags]
    if len(words) > 1 or any(word.startswith("-") for word in words):
        sys.exit(f"usage: tools/test [--quick | --list] [FILTER], not {shlex.join(sys.argv[1:])}")
    text = words[0] if words else ""
    # dpkg works on one CPU at most: what only tests need is installed while the first build runs.
    build_ahead("debug" if "--list" in flags else "release")
    if subprocess.run([os.path.join(ROOT, "tools/deps"), "test"], check=False).returncode != 0:
        sys.exit("could not install what the tests need")
    if "--list" in flags:
        list_tests(text)
        return
    total, lines, begun = Outcome(), [], time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        for first, *others in suites("--quick" in flags, text):
            after = [beside.submit(run_suite, *suite) for suite in others]
            for outcome, line in [run_suite(*first), *(each.result() for each in after)]:
                lines.append(line)
                total.add(outcome)
    print("\n" + "\n".join(lines) + f"\nall in {time.monotonic() - begun:.0f} s")
    print(f"{total.passed} passed, {len(total.failures)} failed")
    sys.exit(1 if total.failures or total.passed == 0 else 0)


if __name__ == "__main__":
    main()
