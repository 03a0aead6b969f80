#!/usr/bin/env python3
"""Checks that the file of all refusals (tests/unit/server/refusals.txt) has each reply of the relay's own that refuses
something, and each reason that a refusal gets by its name; that no such reply is made anywhere else without a row in
engine/smtp/reply.h; and that what `sluicectl explain` advises to set is a setting.

Usage: refusals.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import glob
import os
import re
import sys

from lib import frame

REPLIES = "engine/smtp/reply.h"
GOLDEN = "tests/unit/server/refusals.txt"
RULES = "engine/control/explain_request.cc"
ROW = re.compile(r'SLUICE_REPLY\((k\w+),\s*([45]\d\d),\s*(\d+),\s*(\d+),\s*((?:"(?:\\.|[^"\\])*"\s*)+)\)')
NAMED = re.compile(r'\bset_name\("(\w+)"\)')
# A refusal with a text that stands in the code: its place is the table.
LOOSE = re.compile(r'\bStandardReply\s+\w+\s*\{\s*[45]\d\d\b|\bReply(?:\s+\w+)?[({]\s*[45]\d\d\s*,\s*\{[^}]*\},\s*"(?:\\.|[^"\\])*"\s*[)}]')
SETTING = re.compile(r"\b(listener|limits|class|spool|dkim|route|policy|store)\.([a-z_]+)\b")
KEY = re.compile(r'\bsection\s*\.\s*\w+\s*\(\s*"(\w+)"')
# Not refused: what a client sent behind STARTTLS was dropped, and the session goes on.
NO_REFUSAL = {"bytes_behind_starttls"}


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def sources(root):
    for top in ("engine", "auth", "policy"):
        yield from sorted(glob.glob(os.path.join(root, top, "**", "*.[ch]*"), recursive=True))


def reason_of(constant):
    return re.sub(r"(?<!^)([A-Z])", r"_\1", constant.removeprefix("k")).lower()


def find(root):
    golden = read(root, GOLDEN)
    sections = set(re.findall(r"^== (\S+)$", golden, re.MULTILINE))
    for name, code, subject, detail, text in ROW.findall(read(root, REPLIES)):
        words = "".join(re.findall(r'"((?:\\.|[^"\\])*)"', text)).replace('\\"', '"')
        line = f"== {reason_of(name)}\n{code} {code[0]}.{subject}.{detail} {words}\n"
        if line not in golden:
            yield f"{REPLIES}: {name} is not in {GOLDEN}"
    for path in sources(root):
        text = read(root, path)
        short = os.path.relpath(path, root)
        for name in NAMED.findall(text):
            if name not in sections | NO_REFUSAL:
                yield f"{short}: {name} is not in {GOLDEN}"
        if short != REPLIES and (loose := LOOSE.search(text)):
            yield f"{short}: a refusal whose place is {REPLIES}: {loose[0]}"
    keys = set()
    for path in glob.glob(os.path.join(root, "engine/config/*.cc")):
        keys |= set(KEY.findall(read(root, path)))
    for section, key in SETTING.findall(read(root, RULES)):
        if key not in keys:
            yield f"{RULES}: there is no setting {section}.{key}"


GOOD = {
    REPLIES: 'SLUICE_REPLY(kOk, 250, 0, 0, "Ok");\nSLUICE_REPLY(kTooBig, 552, 3, 4,\n             "Too " "big");\n',
    GOLDEN: "== too_big\n552 5.3.4 Too big\n\n== limit\n550 5.7.1 The limit is 5\n",
    RULES: '{"too_big", "A message has at most limits.message_bytes.", "a smaller one"}\n',
    "engine/config/sections.cc": 'section.integer("message_bytes", limits.message_bytes, 1, 2);\n',
    "engine/session/limit.cc": 'smtp::Reply reply(550, {5, 7, 1}, "The limit is " + text);\nreply.set_name("limit");\n',
}
BAD = [
    ("a reply that is not in the file", GOLDEN, "Too big", "Too small", "kTooBig is not in"),
    ("a reason that is not in the file", "engine/session/limit.cc", '"limit"', '"limits"', "limits is not in"),
    ("a reply outside of the table", "engine/session/limit.cc", '"The limit is " + text', '"The limit is 5"', "whose place is"),
    ("a constant outside of the table", "engine/session/limit.cc", "smtp::Reply reply(", "constexpr smtp::StandardReply kX{552, {5, 3, 4}};\nsmtp::Reply reply(", "whose place is"),
    ("a setting that is none", RULES, "limits.message_bytes", "limits.message_byte", "no setting limits.message_byte"),
]  # fmt: skip


def main():
    results = frame.planted(GOOD, BAD, find)
    results["refusals"] = list(find(frame.root()))
    return frame.finish(results)


if __name__ == "__main__":
    sys.exit(main())
