#!/usr/bin/env python3
"""SPF as the openspf project's test suite for RFC 7208 says it, each of its cases: result and explanation.

The suite is a file of Debian's package python3-spf."""

import gzip
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import yaml

from lib.harness import expect, expect_equal, main, test
from lib.relay import SLUICE

SUITE = "/usr/share/doc/python3-spf/rfc7208-tests.yml"
TOOL = os.path.join(os.path.dirname(SLUICE), "tests/tools/spf_check")
CASES_MIN = 190


def as_hex(text):
    return text.encode("latin-1").hex() or "-"


def scenarios():
    opened = gzip.open(SUITE + ".gz", "rb") if os.path.exists(SUITE + ".gz") else open(SUITE, "rb")
    with opened as file:
        return [each for each in yaml.safe_load_all(file) if each]


def texts(records):
    """TXT records of a name: those that are called SPF stand for TXT where none is called that."""
    own = [value for kind, value in records if kind == "TXT"]
    return [value for value in own or [value for kind, value in records if kind == "SPF"] if value != "NONE"]


def zone_lines(zone):
    yield "new"
    for name, entries in zone.items():
        name = as_hex(str(name))
        if "TIMEOUT" in entries:
            yield f"fail {name}"
        records = [next(iter(entry.items())) for entry in entries if entry != "TIMEOUT"]
        for value in texts(records):
            text = "".join(value) if isinstance(value, list) else str(value)
            yield f"txt {name} {as_hex(text)}"
        for kind, value in records:
            if kind in ("A", "AAAA"):
                yield f"a {name} {value}"
            elif kind == "MX":
                yield f"mx {name} {value[0]} {as_hex(value[1])}"
            elif kind in ("PTR", "CNAME"):
                yield f"{kind.lower()} {name} {as_hex(value)}"


def check_line(number, case):
    sender = case["mailfrom"] or "postmaster@" + case["helo"]
    domain = sender.rpartition("@")[2]
    return f"check {number} {case['host']} {as_hex(domain)} {as_hex(sender)} {as_hex(case['helo'])}"


def wrong(case, result, explanation):
    allowed = case["result"] if isinstance(case["result"], list) else [case["result"]]
    if result not in allowed:
        return f"{result}, not {' or '.join(allowed)}"
    wanted = case.get("explanation")
    # Of the digits of an address the suite has capitals, and the RFC's own example has none.
    if wanted is not None and explanation.lower() != ("" if wanted == "DEFAULT" else wanted.lower()):
        return f"explained by {explanation!r}, not {wanted!r}"
    return None


@test
def every_case_of_the_suite():
    cases, lines = [], []
    for scenario in scenarios():
        lines += zone_lines(scenario["zonedata"])
        for name, case in scenario["tests"].items():
            lines.append(check_line(len(cases), case))
            cases.append((f"{scenario['description']}: {name}", case))
    done = subprocess.run([TOOL], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60, check=True)
    answers = [line.split(" ") for line in done.stdout.splitlines()]
    expect_equal(len(answers), len(cases), "answers")
    expect(len(cases) >= CASES_MIN, f"the suite has {len(cases)} cases")
    faults = []
    for (name, case), (_, result, explanation) in zip(cases, answers, strict=True):
        said = bytes.fromhex(explanation).decode("latin-1") if explanation != "-" else ""
        if fault := wrong(case, result, said):
            faults.append(f"{name}: {fault}")
    expect_equal(faults, [], f"of {len(cases)} cases, those with another result")


if __name__ == "__main__":
    main()
