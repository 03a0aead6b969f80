#!/usr/bin/env python3
"""Checks that every C++ file is as tools/format leaves it, and that the check finds one that is not.

Usage: formatted.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import os
import shutil
import subprocess
import sys
import tempfile

from lib import frame


def check(root):
    """What the formatter would change; empty: nothing."""
    done = subprocess.run(["tools/format", "--check"], cwd=root, capture_output=True, text=True, check=False)
    changes = [line for line in done.stderr.splitlines() if "error:" in line]
    return changes[:20] or ([done.stderr.strip() or "it failed, and said nothing"] if done.returncode else [])


def self_test(source):
    """On a tree with one file."""
    with tempfile.TemporaryDirectory() as root:
        for folder in ("tools", "engine", "auth", "policy", "bench", "fuzz", "tests"):
            os.makedirs(os.path.join(root, folder))
        for name in ("tools/format", ".clang-format"):
            shutil.copy(os.path.join(source, name), os.path.join(root, name))
        found = {}
        for name, text in (("good", "int x = 1;\n"), ("bad", "int   x=1 ;\n")):
            with open(os.path.join(root, "engine/x.cc"), "w", encoding="utf-8") as file:
                file.write(text)
            found[name] = check(root)
    return {
        "self-test: a good file": found["good"],
        "self-test: a bad file": [] if found["bad"] and "engine/x.cc" in found["bad"][0] else [f"not found: {found['bad']}"],
    }


def main():
    root = frame.root()
    results = {"every file is formatted": check(root), **self_test(root)}
    return frame.finish(results)


if __name__ == "__main__":
    sys.exit(main())
