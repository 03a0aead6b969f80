#!/usr/bin/env python3
"""Checks that the project's version is one: meson.build's, of which packages are named, is what engine/base/version.h has,
which `sluice --version` and the metrics show.

Usage: version.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import os
import re
import sys

from lib import frame

BUILD = "meson.build"
HEADER = "engine/base/version.h"
PLACES = {
    BUILD: re.compile(r"^project\([^)]*?^\s*version: '([^']*)'", re.DOTALL | re.MULTILINE),
    HEADER: re.compile(r'\bkProgramVersion = "([^"]*)";'),
}
WANTED = re.compile(r"\d+\.\d+\.\d+")


def check(root):
    """Yields a problem for each place that has no version, then one where they differ."""
    found = {}
    for place, pattern in PLACES.items():
        with open(os.path.join(root, place), encoding="utf-8") as file:
            version = pattern.search(file.read())
        if version is None or not WANTED.fullmatch(version[1]):
            yield f"{place}: has no version of three numbers"
        else:
            found[place] = version[1]
    if len(set(found.values())) > 1:
        yield "; ".join(f"{place} has {version}" for place, version in found.items())


GOOD = {
    BUILD: "project('a', 'cpp',\n  version: '1.2.3',\n  meson_version: '>= 1.0.0',\n)\n",
    HEADER: '// The version.\ninline constexpr std::string_view kProgramVersion = "1.2.3";\n',
}
BAD = [
    ("another version in the header", HEADER, "1.2.3", "1.2.4", "meson.build has 1.2.3; engine/base/version.h has 1.2.4"),
    ("another version in meson.build", BUILD, "1.2.3", "1.3.0", "meson.build has 1.3.0"),
    ("no version in the header", HEADER, "kProgramVersion", "kVersion", "engine/base/version.h: has no version"),
    ("no version in meson.build", BUILD, "  version: '1.2.3',\n", "", "meson.build: has no version"),
]


def main():
    results = {"the version is one": list(check(frame.root())), **frame.planted(GOOD, BAD, check)}
    return frame.finish(results)


if __name__ == "__main__":
    sys.exit(main())
