#!/usr/bin/env python3
"""Checks that words which were exchanged for the field's own do not come back: names in the code, and words of comments and
texts. A reader who knows Postfix, Exim or the RFCs looks for the field's word.

Usage: words.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import functools
import os
import re
import sys

from lib import frame

FOLDERS = ("engine", "auth", "policy", "tools", "fuzz", "bench", "tests")
CODE = (".h", ".cc", ".py")

# Names in the code (the whole of them), and the field's.
NAMES = {
    r"told_?|Told": "on_completion, on_warning, done",
    r"\w*trouble\w*": "last_error, Failure",
    r"\w*forgiv\w*": "reset",
    r"\w*patience\w*": "timeout",
    r"\w*(?:set|put|keep|kept)_?aside\w*": "quarantine",
    r"last_?words": "last_response",
    r"no_?ways?_?": "routing failure",
    r"\w*octets?(?:_\w+)?": "bytes",
    r"\w*exchangers?(?:_\w+|s)?": "MX host",
    r"nobody|somebody|whoever": "caller, owner, waiter",
    r"Gate": "AsyncEvent",
    r"\w+[a-z]Bench": "fixture",
}

# Words anywhere, and the field's.
WORDS = {
    r"whoever|somebody": "caller, owner, waiter, client",
    r"trouble": "error, failure",
    r"forgiv\w+": "reset, tolerate",
    r"patience": "timeout",
    r"last[ _]words": "last response",
    r"(?:put|set|keep|kept)s? aside": "quarantine",
    r"octets?": "bytes",
}

# What stays, as a part of its line, and why.
STAYS = {
    "octet-stream": "a MIME type",
    ".octets": "how the quarantine's files are called, which operators look for",
    "line length is 998 octets": "Exim's reply",
}

# Not looked at: this list of words.
SKIPPED = ("tests/checks/words.py",)

CPP_COMMENT_OR_LITERAL = re.compile(
    r'R"([^\s()\\]{0,16})\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL
)
PYTHON_COMMENT_OR_LITERAL = re.compile(r"#[^\n]*|\"\"\".*?\"\"\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def either(table):
    """One expression for all of TABLE, and which field's word each of its groups stands for."""
    return re.compile("|".join(f"({each})" for each in table), re.IGNORECASE), list(table.values())


NAME, NAME_FIELD = either(NAMES)
WORD, WORD_FIELD = either({rf"\b(?:{each})\b": field for each, field in WORDS.items()})


def blank(found):
    """As many lines as there were."""
    return "\n" * found[0].count("\n")


def files(root):
    for top in FOLDERS:
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), root)
                if path.startswith(SKIPPED) or "__pycache__" in path:
                    continue
                try:
                    with open(os.path.join(root, path), encoding="utf-8") as file:
                        yield path, file.read()
                except UnicodeDecodeError:
                    continue  # no text: a fuzzer's corpus


@functools.cache
def settled_word(name):
    """What the field has for NAME, an identifier; None where it is the field's own, or found by WORD already."""
    found = NAME.fullmatch(name)
    return NAME_FIELD[found.lastindex - 1] if found and not WORD.fullmatch(name) else None


def problems(root):
    for path, text in files(root):
        for number, line in enumerate(text.split("\n"), 1):
            if not any(stays in line for stays in STAYS):
                for found in WORD.finditer(line):
                    yield f"{path}:{number}: \"{found[0]}\", for which the field has: {WORD_FIELD[found.lastindex - 1]}"
        if not path.endswith(CODE):
            continue
        strip = PYTHON_COMMENT_OR_LITERAL if path.endswith(".py") else CPP_COMMENT_OR_LITERAL
        for number, line in enumerate(strip.sub(blank, text).split("\n"), 1):
            for found in IDENTIFIER.finditer(line):
                if settled := settled_word(found[0]):
                    yield f"{path}:{number}: {found[0]}, for which the field has: {settled}"


# ------------------------------------------------------------------------------------ proof that it can fail

GOOD = {
    "engine/io/loop.h": "// Calls back once, \"which\" nobody minds.\nusing OnCompletion = void (*)();\nint told_apart = 1;  // told\n",
    "engine/spool/quarantine.h": "// NAME.octets is what lay there.\n",
    "engine/smtp/reply.h": 'const char* text = "told";\nconst char* line = "Maximum allowed line length is 998 octets";\n',
    "tests/checks/words.py": "told_ = False  # by whoever\n",
    "tests/interop/a.py": '"""Nobody is told."""\nnotes = ["told"]  # told\n',
    "bench/scan_bench.cc": "int bench = 1;\n",
}

BAD = [
    ("a name of a callback", "engine/io/loop.h", "OnCompletion =", "Told =", "engine/io/loop.h:2: Told, for which"),
    ("a part of a name", "engine/io/loop.h", "int told_apart", "int last_trouble", "engine/io/loop.h:3: last_trouble"),
    ("a word of a comment", "engine/io/loop.h", "Calls back", "Tells whoever waits", 'engine/io/loop.h:1: "whoever"'),
    ("a word of a text", "engine/smtp/reply.h", '"told"', '"Trouble here"', 'engine/smtp/reply.h:1: "Trouble"'),
    ("two words", "engine/spool/quarantine.h", "what lay there", "x\n// Kept aside", 'engine/spool/quarantine.h:2: "Kept aside"'),
    ("a name in Python", "tests/interop/a.py", "notes", "line_octets", "tests/interop/a.py:2: line_octets"),
    ("a fixture", "bench/scan_bench.cc", "bench", "ScanBench", "bench/scan_bench.cc:1: ScanBench"),
]  # fmt: skip


def main():
    return frame.finish({"the code is in the field's words": list(problems(frame.root())), **frame.planted(GOOD, BAD, problems)})


if __name__ == "__main__":
    sys.exit(main())
