"""Tests, and how a script runs them: each says `ok NAME`, `FAIL NAME: why` or `skip NAME: why`, and the last line counts
those that were run.

A test is a function marked @test, or one marked @cases(...), which is run once for each case.  What tests share (a relay,
a next hop) they take from shared(), which makes it when it is first asked for; whatever came to be is ended when all
tests are over, and how that goes is a test as well.

    script.py            runs all tests
    script.py WORD ...   runs those whose name contains one of the words
    script.py --list     prints the names
"""

import os
import signal
import sys
import time
import traceback

# Under a sanitizer everything takes longer.
SLOW = os.environ.get("SLUICE_BUILD_KIND", "release") != "release"
TIMEOUT_FACTOR = 4 if SLOW else 1
TEST_SECONDS_MAX = 40 * TIMEOUT_FACTOR
TRACE_FRAMES_MAX = 6

_tests = []
_made = {}


class Failed(Exception):
    """An expectation was not met."""


class Skipped(Exception):
    """This machine does not have what the test needs."""


class TookTooLong(Exception):
    """A test was still running after TEST_SECONDS_MAX."""


# ------------------------------------------------------------------------------------ expectations


def expect(holds, why):
    if not holds:
        raise Failed(why)


def shown(value):
    # What is meant for a failure is made for every success, too: not of 25 MB.
    if isinstance(value, (bytes, str)) and len(value) > 4000:
        return repr(value[:300]) + f"... ({len(value)} in all) ..." + repr(value[-60:])
    text = repr(value)
    return text if len(text) <= 400 else text[:300] + f"... ({len(text)} characters) ..." + text[-60:]


def expect_equal(got, wanted, what):
    expect(got == wanted, f"{what}: {shown(got)}, not {shown(wanted)}")


def expect_in(part, whole, what):
    expect(part in whole, f"{what}: {shown(part)} is not in {shown(whole)}")


def expect_not_in(part, whole, what):
    expect(part not in whole, f"{what}: {shown(part)} is in {shown(whole)}")


def expect_between(got, least, most, what):
    expect(least <= got <= most, f"{what}: {got}, not within {least} and {most}")


def until(condition, what, seconds=8):
    """Waits until CONDITION() gives something true, and returns that."""
    deadline = time.monotonic() + seconds * TIMEOUT_FACTOR
    while True:
        got = condition()
        if got:
            return got
        expect(time.monotonic() < deadline, f"not within {seconds * TIMEOUT_FACTOR} s: {what}")
        time.sleep(0.01)


# ------------------------------------------------------------------------------------ tests


def test(function):
    _tests.append((function.__name__, function))
    return function


def cases(*rows, **named):
    """One test for each of ROWS, a tuple of arguments of which the first is in its name; or for each of NAMED."""
    rows = [row if isinstance(row, tuple) else (row,) for row in rows]
    rows += [(name, value) for name, value in named.items()]

    def mark(function):
        for row in rows:
            name = str(row[0]) if len(str(row[0])) <= 60 else str(row[0])[:57] + "..."
            _tests.append((f"{function.__name__}[{name}]", lambda row=row: function(*row)))
        return function

    return mark


def shared(make):
    """The one thing that MAKE() gives, made when it is first asked for.  It has stop(), and may have alive()."""

    def get():
        thing = _made.get(make)
        if thing is not None and hasattr(thing, "alive") and not thing.alive():
            _made.pop(make)
            try:
                thing.stop()
            except Failed as error:
                raise Failed(f"{make.__name__} had died before this test: {error}") from None
        if make not in _made:
            _made[make] = make()
        return _made[make]

    get.__name__ = make.__name__
    return get


# ------------------------------------------------------------------------------------ running


def _on_alarm(_signal, _frame):
    raise TookTooLong(f"still running after {TEST_SECONDS_MAX} s")


def _why(error):
    """What went wrong and where, in lines that begin with a blank but for the first."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    kind = "" if isinstance(error, Failed) else type(error).__name__ + ": "
    lines = (kind + str(error)).split("\n")
    lines += [f"{os.path.basename(f.filename)}:{f.lineno}: {f.line}" for f in frames[-TRACE_FRAMES_MAX:]]
    return "\n | ".join(line.rstrip() for line in lines)


def _run_one(name, function):
    signal.setitimer(signal.ITIMER_REAL, TEST_SECONDS_MAX)
    try:
        function()
    except Skipped as why:
        print(f"skip {name}: {why}", flush=True)
        return None
    except Exception as error:  # whatever it is: the other tests go on
        print(f"FAIL {name}: {_why(error)}", flush=True)
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    print(f"ok {name}", flush=True)
    return True


def main():
    signal.signal(signal.SIGALRM, _on_alarm)
    words = sys.argv[1:]
    if words == ["--list"]:
        print("\n".join(name for name, _ in _tests))
        return
    chosen = [one for one in _tests if not words or any(word in one[0] for word in words)]
    results = [_run_one(name, function) for name, function in chosen]
    while _made:
        make, thing = _made.popitem()
        results.append(_run_one(f"{make.__name__}_ends_clean", thing.stop))
    failed = results.count(False)
    if not results:
        print("FAIL no_test: none has such a name")
        failed = 1
    print(f"{results.count(True)} passed, {failed} failed")
    sys.exit(1 if failed else 0)
