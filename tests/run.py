#!/usr/bin/env python3
"""Builds and runs every suite, and adds up what they say. tools/test calls this; see there for the usage.

A suite is either gtest programs (which programs, the build says) or scripts that print `ok NAME` or
`FAIL NAME: why` for each test. A program that crashes, hangs or reports nothing counts as a failed test.
"""

import glob
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = int(os.environ.get("SLUICE_JOBS") or os.cpu_count() or 1)

UNIT_SECONDS_MAX = 900  # under a sanitizer, on a busy machine
SCRIPT_SECONDS_MAX = 420
FUZZ_SECONDS = 5
SHOWN_LINES = 60

SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:check_initialization_order=1:strict_string_checks=1",
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


def run(command, seconds_max, env=None):
    """Runs COMMAND in its own process group. Returns (exit code or None when it hung, output)."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # whatever it left running
            except ProcessLookupError:
                pass
            process.wait()
        output.seek(0)
        return code, output.read().decode("utf-8", "replace")


def tail(text):
    lines = text.rstrip().split("\n")
    return "\n".join("| " + line for line in lines[-SHOWN_LINES:])


def ending(code, seconds_max):
    if code is None:
        return f"hung (more than {seconds_max} s)"
    return f"died of {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"


# ------------------------------------------------------------------------------------ builds

built = {}


def build(kind):
    """Builds KIND once. Returns None, or what the compiler said when it failed."""
    if kind not in built:
        started = time.monotonic()
        code, output = run([os.path.join(ROOT, "tools/build"), kind], 3600)
        built[kind] = None if code == 0 else output
        print(f"built {kind} in {time.monotonic() - started:.0f} s" if code == 0 else f"could not build {kind}", flush=True)
    return built[kind]


def introspect(kind, what):
    command = ["meson", "introspect", os.path.join(ROOT, ".build", kind), what]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def with_build(kind, tests):
    """What TESTS() finds, once KIND is built; a build that fails is one failed test."""
    said = build(kind)
    if said is not None:
        return Outcome(failures=[f"the {kind} build\n{tail(said)}"])
    return tests()


# ------------------------------------------------------------------------------------ gtest programs


def read_gtest_report(path):
    """Returns an Outcome from gtest's report, or None where the program wrote none."""
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except (OSError, ValueError):
        return None
    outcome = Outcome()
    for suite in report.get("testsuites", []):
        for test in suite.get("testsuite", []):
            name = f"{suite['name']}.{test['name']}"
            if test.get("failures"):
                outcome.failures.append(name + "\n" + "\n".join(one.get("failure", "") for one in test["failures"]))
            elif test.get("result") == "SKIPPED":
                outcome.skipped += 1
            elif test.get("status") == "RUN":
                outcome.passed += 1
    return outcome


def run_gtest(program, text):
    name = os.path.basename(program)
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        command = [program, f"--gtest_output=json:{report}", "--gtest_color=no"]
        if text:
            command.append(f"--gtest_filter=*{text}*")
        code, output = run(command, UNIT_SECONDS_MAX, SANITIZER_ENV)
        outcome = read_gtest_report(report)
    if outcome is None:  # it ended before its end: what had passed, passed
        passed = len(re.findall(r"^\[       OK \]", output, re.MULTILINE))
        return Outcome(passed, [f"{name}: {ending(code, UNIT_SECONDS_MAX)}\n{tail(output)}"])
    if code != 0 and not outcome.failures:  # a leak, say, found when all tests were over
        outcome.failures.append(f"{name}: {ending(code, UNIT_SECONDS_MAX)}\n{tail(output)}")
    return outcome


def unit(kind, text):
    def tests():
        programs = [test["cmd"][0] for test in introspect(kind, "--tests")]
        if kind == "tsan":
            programs = [path for path in programs if os.path.basename(path) not in ONE_THREAD]
        outcome = Outcome()
        with ThreadPoolExecutor(JOBS) as pool:
            for one in pool.map(lambda program: run_gtest(program, text), programs):
                outcome.add(one)
        return outcome

    return with_build(kind, tests)


# ------------------------------------------------------------------------------------ scripts


def run_script(path, env=None):
    name = os.path.relpath(path, ROOT)
    code, output = run(["/usr/bin/python3", path], SCRIPT_SECONDS_MAX, env)
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


def checks(folder, text):
    outcome = Outcome()
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", folder, "*.py"))):
        if text in os.path.relpath(path, ROOT):
            outcome.add(run_script(path))
    return outcome


# Simulated worlds of one thread: there is nothing in them that two threads could do to each other.
ONE_THREAD = ("test_session", "test_relay")

# What these spend is time: they wait for disks, for name servers and for retries. The code behind them runs under the
# sanitizers in the unit tests and in the simulated worlds; under both it would all take longer than a change may wait.
UNSANITIZED = ("disk.py", "expiry.py", "spool_directory.py", "world.py", "queue_control.py", "reports.py")


def interop(kind, text, which="interop/*.py"):
    scripts = sorted(glob.glob(os.path.join(ROOT, "tests", which)))
    if kind != "release":
        scripts = [path for path in scripts if os.path.basename(path) not in UNSANITIZED]
    scripts = [path for path in scripts if text in os.path.relpath(path, ROOT)]
    if not scripts:
        return Outcome()

    def tests():
        programs = os.path.join(ROOT, ".build", kind)
        env = {
            **SANITIZER_ENV,
            "SLUICE": os.path.join(programs, "sluice"),
            "SLUICECTL": os.path.join(programs, "sluicectl"),
            "SLUICE_BUILD_KIND": kind,
            "NODE_PATH": os.path.join(ROOT, ".deps/node/node_modules"),
        }
        outcome = Outcome()
        for path in scripts:
            outcome.add(run_script(path, env))
        return outcome

    return with_build(kind, tests)


# ------------------------------------------------------------------------------------ fuzzers


def run_fuzzer(program, name):
    crashes = os.path.join(ROOT, "fuzz/corpus/")  # as tools/fuzz does
    os.makedirs(crashes, exist_ok=True)
    with tempfile.TemporaryDirectory() as found:
        inputs = [found]
        for place in ("seeds", "corpus"):
            inputs += glob.glob(os.path.join(ROOT, "fuzz", place, name))
        options = [f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048", f"-artifact_prefix={crashes}"]
        dictionary = os.path.join(ROOT, "fuzz", name + ".dict")
        if os.path.isfile(dictionary):
            options.append(f"-dict={dictionary}")
        code, output = run([program, *options, *inputs], UNIT_SECONDS_MAX, SANITIZER_ENV)
    if code == 0:
        return Outcome(passed=1)
    return Outcome(failures=[f"fuzz/{name}: {ending(code, UNIT_SECONDS_MAX)}; tools/fuzz {name}\n{tail(output)}"])


def fuzz(text):
    names = [re.sub(r"_fuzz\.cc$", "", os.path.basename(path)) for path in glob.glob(os.path.join(ROOT, "fuzz/*_fuzz.cc"))]
    if not any(text in "fuzz/" + name for name in names):
        return Outcome()

    def tests():
        outcome = Outcome()
        programs = {t["name"]: t["filename"][0] for t in introspect("fuzz", "--targets") if t["name"].startswith("fuzz_")}
        chosen = [(program, target[len("fuzz_") :]) for target, program in sorted(programs.items())]
        with ThreadPoolExecutor(JOBS) as pool:
            for one in pool.map(lambda pair: run_fuzzer(*pair), [pair for pair in chosen if text in "fuzz/" + pair[1]]):
                outcome.add(one)
        return outcome

    return with_build("fuzz", tests)


# ------------------------------------------------------------------------------------ all of them


def suites(quick, text):
    """Yields (name, function that runs it). The cheap ones and those that find most come first."""
    yield "layers", lambda: checks("layers", text)
    yield "style", lambda: checks("style", text)
    yield "unit", lambda: unit("release", text)
    yield "interop", lambda: interop("release", text)
    yield "crash", lambda: interop("release", text, "crash/crash.py")
    if quick:
        return
    yield "unit with address and undefined-behaviour sanitizers", lambda: unit("asan", text)
    yield "interop with address and undefined-behaviour sanitizers", lambda: interop("asan", text)
    yield "unit with the thread sanitizer", lambda: unit("tsan", text)
    yield "fuzzers", lambda: fuzz(text)


def main():
    words = sys.argv[1:]
    quick = "--quick" in words
    words = [word for word in words if word != "--quick"]
    if len(words) > 1 or any(word.startswith("-") for word in words):
        sys.exit(f"usage: tools/test [--quick] [FILTER], not {shlex.join(sys.argv[1:])}")
    total, lines = Outcome(), []
    for name, suite in suites(quick, words[0] if words else ""):
        started = time.monotonic()
        outcome = suite()
        for failure in outcome.failures:
            print(f"\nFAILED {failure}\n", flush=True)
        line = f"{name}: {outcome.passed} passed, {len(outcome.failures)} failed"
        line += f" ({outcome.skipped} skipped)" if outcome.skipped else ""
        line += f" in {time.monotonic() - started:.0f} s"
        print(line, flush=True)
        lines.append(line)
        total.add(outcome)
    print("\n" + "\n".join(lines))
    print(f"{total.passed} passed, {len(total.failures)} failed")
    sys.exit(1 if total.failures or total.passed == 0 else 0)


if __name__ == "__main__":
    main()
