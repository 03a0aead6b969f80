#!/usr/bin/env python3
"""Checks that the table of events (engine/event/table.def) is what the code creates: each row is created somewhere in the
product, and each of its keys is given a value where it is. That no other key can be logged, the compiler sees to; that no
line of the log comes from elsewhere, this does: only engine/log makes a LogLine.

Usage: events.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import os
import re
import sys

from lib import frame

TABLE = "engine/event/table.def"
PRODUCT = ("engine", "auth", "policy")

COMMENT_OR_LITERAL = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.DOTALL)
ROW = re.compile(r"^EVENT\((\w+), (\w+), \w+,", re.MULTILINE)
KEY = re.compile(r"^ +KEY\(\w+, (\w+),", re.MULTILINE)
CREATED = re.compile(r"\b(?:event::)?(\w+)\{\s*(?=\.)")


def product(root):
    for top in PRODUCT:
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith((".h", ".cc")):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8", errors="replace") as file:
                        yield os.path.relpath(path, root), COMMENT_OR_LITERAL.sub('""', file.read())


def read_table(root):
    """{type: (name, its keys)}"""
    with open(os.path.join(root, TABLE), encoding="utf-8") as file:
        text = file.read()
    rows = list(ROW.finditer(text))
    ends = [row.start() for row in rows[1:]] + [len(text)]
    return {row[1]: (row[2], KEY.findall(text, row.end(), end)) for row, end in zip(rows, ends)}


def members_given(text, begin):
    """The members that a designated initializer gives; `begin` is behind its brace."""
    depth, at, given = 0, begin, set()
    while at < len(text) and depth >= 0:
        if depth == 0 and (member := re.compile(r"\.(\w+)\s*=(?!=)").match(text, at)) and text[at - 1] in "{, \n":
            given.add(member[1])
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(text[at], 0)
        at += 1
    return given


def problems(root):
    table = read_table(root)
    if not table:
        yield f"{TABLE} has no rows"
    given = {}
    for path, text in product(root):
        for found in CREATED.finditer(text):
            if found[1] in table and (path.startswith("engine/event/") or found[0].startswith("event::")):
                given.setdefault(found[1], set()).update(members_given(text, found.end()))
        if re.search(r"\bLogLine\b", text) and not path.startswith("engine/log/"):
            yield f"{path}: makes a line of the log that is no event"
    for kind, (name, keys) in table.items():
        if kind not in given:
            yield f"{name}: nothing emits event::{kind}"
        else:
            yield from (f"{name}: nothing gives event::{kind} its {key}" for key in keys if key not in given[kind])


# ------------------------------------------------------------------------------------ proof that it can fail

GOOD = {
    TABLE: """// EVENT(Type, name, severity, "comment",
EVENT(Login, login, warning, "An attempt, with a comma",
      KEY(text, result, "KEY(text, no, key)")
      KEY(count, tries, "how many"))

EVENT(Stopped, stopped, info, "The end",
      KEY(flag, accounted, "nothing was left"))
""",
    "engine/server/server.cc": """
void f() {
  events.emit(event::Login{.result = of({.tries = 1}), .tries = 2}, event::Severity::error);
  const Other other{.accounted = true};
}
""",
    "engine/event/dispatcher.cc": "void g() { own_.emit(Stopped{.accounted = true}); }\n",
    "engine/log/log.cc": "const LogLine line(format, event);\n",
}

BAD = [
    ("a row that nothing emits", "engine/event/dispatcher.cc", "own_.emit(Stopped{.accounted = true});", "", "nothing emits event::Stopped"),
    ("a row that only a comment emits", "engine/event/dispatcher.cc", "own_", "// own_", "nothing emits event::Stopped"),
    ("a key that nothing gives", "engine/server/server.cc", ", .tries = 2}", "}", "nothing gives event::Login its tries"),
    ("a line that is no event", "engine/server/server.cc", "void f", "log::LogLine line; void f", "makes a line of the log"),
]  # fmt: skip


def main():
    return frame.finish({"every event and key of the table is emitted": list(problems(frame.root())), **frame.planted(GOOD, BAD, problems)})


if __name__ == "__main__":
    sys.exit(main())
