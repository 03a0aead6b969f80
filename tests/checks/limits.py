#!/usr/bin/env python3
"""Checks the limits that the code keeps, so that they need not be remembered.

  a file      at most 500 lines, or `Long file:` and the reason within its first 10 lines
  a function  at most 70 lines from its opening brace to its closing one (in Python: of its definition)
  a header    begins with a comment that says what it is for
  a source    is named in the meson.build of its folder, or it would never be compiled
  text        no trailing blanks, a newline at the end, no path of the machine it was written on,
              and a note on what is still to be done says what

Usage: limits.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import ast
import os
import re
import subprocess
import sys

from lib import frame

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
REASON_LINES = 10

CODE = (".cc", ".h", ".c")
SIZED = CODE + (".py", ".sh", ".js", ".build", ".ini")
# Written by others, or their bytes are what they are about.
EXEMPT = re.compile(r"^LICENSE$|\.(?:smtp|eml|bin|pem|png|svg)$|^fuzz/(?:corpus|seeds)/")

# Pieces, so that this file keeps its own rules.
LATER = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b(?!: \S.{9,})")
MACHINE_PATH = re.compile(r"(?<![\w.$}~*])/(?:" + "|".join(("work", "ro" + "ot", "home")) + r")/\w")


def list_files(root):
    """Every file of the project, committed or not, as paths from the root."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = set(listed.stdout.decode().split("\0")) - {""}
    else:
        names = {os.path.relpath(os.path.join(top, name), root) for top, _, some in os.walk(root) for name in some}
        names = {name for name in names if not name.startswith((".git/", ".deps/", ".build/"))}
    return sorted(name for name in names if os.path.isfile(os.path.join(root, name)))


# ------------------------------------------------------------------------------------ functions in C++

LITERAL = re.compile(
    r'R"([^\s()\\]{0,16})\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'|^[ \t]*#(?:\\\n|[^\n])*",
    re.DOTALL | re.MULTILINE,
)
GROUP = "\x01"  # what a pair of parentheses and all within it is reduced to
MACRO = re.compile(rf"\[\[.*?\]\]|\balignas\s*{GROUP}|\b[A-Z][A-Z0-9_]+\s*{GROUP}(?=\s+\w)", re.DOTALL)
MEMBER_LIST = re.compile(rf"{GROUP}[^:]*(?<!:):(?!:).*[\w>]$", re.DOTALL)


def blank_literals(text):
    """Comments, strings and preprocessor lines without their content, the line breaks kept."""
    return LITERAL.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def without_template(head):
    """HEAD without the parameters of its templates, which may hold `class` and `=`."""
    for found in re.finditer(r"\btemplate\s*<", head):
        depth, end = 1, found.end()
        while depth and end < len(head):
            depth += {"<": 1, ">": -1}.get(head[end], 0)
            end += 1
        return head[: found.start()] + without_template(head[end:])
    return head


def scope_kind(head):
    """What a brace opens that stands, outside of functions, after HEAD."""
    pairs = 1
    while pairs:
        head, pairs = re.subn(r"\([^()]*\)", GROUP, head)
    head = MACRO.sub(" ", without_template(head)).strip()
    if re.search(r"\bnamespace\b|\bextern$", head):
        return "namespace"
    if "(" in head:
        return "value"  # a default argument
    if "operator" in head and GROUP in head:
        return "function"
    if "=" in re.sub(r"[=<>!]=", "", head):
        return "value"
    if GROUP not in head:
        return "type" if re.search(r"\b(?:class|struct|union|enum)\b", head) else "value"
    # X::X(int a) : a_(a), b_{a} {       the first of these braces belongs to the list
    specifier = re.search(r"\b(?:const|noexcept|override|final)$", head)
    return "value" if MEMBER_LIST.search(head) and not specifier else "function"


def function_sizes(text):
    """Yields (first line, length) of every function that has a body, nested ones as part of theirs."""
    code = blank_literals(text)
    scopes, head, line = [], "", 1
    for char in code:
        if char == "\n":
            line += 1
        if scopes and scopes[-1][0] == "function":
            _, start, depth, _ = scopes[-1]
            depth += {"{": 1, "}": -1}.get(char, 0)
            scopes[-1] = ("function", start, depth, "")
            if depth == 0:
                scopes.pop()
                head = ""
                yield start, line - start + 1
        elif char == "{":
            kind = "value" if scopes and scopes[-1][0] == "value" else scope_kind(head)
            scopes.append((kind, line, 1, head))
            head = ""
        elif char == "}":
            kind, _, _, before = scopes.pop() if scopes else ("", 0, 0, "")
            head = before + "()" if kind == "value" else ""
        elif char == ";":
            head = ""
        else:
            head += char
            if char == ":" and re.search(r"\b(?:public|private|protected):$", head[-10:]):
                head = ""


def python_function_sizes(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


# ------------------------------------------------------------------------------------ the limits


def check_length(path, text):
    lines = text.count("\n")
    reason = any(re.search(r"Long file: \S.{9,}", line) for line in text.split("\n")[:REASON_LINES])
    if path.endswith(SIZED) and lines > FILE_LINES_MAX and not reason:
        yield f"{lines} lines, more than {FILE_LINES_MAX}: split it, or say `Long file:` and why at its top"


def check_functions(path, text):
    sizes = []
    if path.endswith(CODE):
        sizes = function_sizes(text)
    elif path.endswith(".py"):
        sizes = python_function_sizes(text)
    for line, length in sizes:
        if length > FUNCTION_LINES_MAX:
            yield f"line {line}: a function of {length} lines, more than {FUNCTION_LINES_MAX}"


def check_header(path, text):
    if path.endswith(".h") and not re.match(r"//\s*\S|/\*", text):
        yield "a header begins with a comment that says what it is for"


def check_text(path, text):
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield f"line {number}: blanks (or a carriage return) at its end"
        if LATER.search(line):
            yield f"line {number}: a note on what is to be done, without saying what"
        if MACHINE_PATH.search(line):
            yield f"line {number}: a path of one machine"
    if text and not text.endswith("\n"):
        yield "no newline at the end"


def check_name(path, _text):
    if re.search(r"(?:^|[/_])(?:utils?|helpers?|misc|common)\.\w+$", path):
        yield "its name does not say what is in it"


def check_listed(root, path):
    if not path.endswith(".cc"):
        return
    build = os.path.join(root, os.path.dirname(path), "meson.build")
    try:
        with open(build, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    name = os.path.basename(path)
    fuzzer = re.fullmatch(r"fuzz/(\w+)_fuzz\.cc", path)
    if f"'{name}'" not in text and not (fuzzer and f"'{fuzzer[1]}':" in text):
        yield "is not named in its folder's meson.build, so it is never compiled"


CHECKS = {
    "length of files": check_length,
    "length of functions": check_functions,
    "headers begin with a comment": check_header,
    "text": check_text,
    "names of files": check_name,
}


def check(root):
    """Returns {name of the check: list of problems}."""
    results = {name: [] for name in (*CHECKS, "sources are compiled")}
    for path in list_files(root):
        if EXEMPT.search(path):
            continue
        with open(os.path.join(root, path), "rb") as file:
            data = file.read()
        if b"\0" in data:
            continue
        text = data.decode("utf-8", "replace")
        for name, find in CHECKS.items():
            results[name] += [f"{path}: {problem}" for problem in find(path, text)]
        results["sources are compiled"] += [f"{path}: {problem}" for problem in check_listed(root, path)]
    return results


# ------------------------------------------------------------------------------------ proof that it can fail


def body(lines):
    return "{\n" + "  x();\n" * (lines - 2) + "}\n"


LONG = body(FUNCTION_LINES_MAX + 1)
FITS = body(FUNCTION_LINES_MAX)

GOOD = {
    "meson.build": "a = files('a.cc')\n",
    "a.h": "// What a is for.\n#pragma once\n",
    "a.cc": "".join(
        (
            "namespace n {\nint f() " + FITS + "X::X() : a_(1), b_{2} " + FITS + "struct S {\n  int g() const " + FITS,
            "  int h() " + FITS + "};\nconstexpr int table[] = {\n" + "  1,\n" * 100 + "};\n}  // namespace n\n",
            "const char* a = \"{\"; char b = '{'; int c = 1'000;\n",
        )
    ),
    "long.py": "# Long file: one table of " + "words.\n" + "x = 1\n" * 600,
}

BAD = {
    "a long file": ("b.h", "// B.\n" + "int b();\n" * 500, "501 lines"),
    "a long function": ("b.h", "// B.\nint f(int a) " + LONG, "of 71 lines"),
    "a long method": ("b.h", "// B.\nclass alignas(64) B final : public A {\n public:\n  int f() const " + LONG + "};\n", "of 71"),
    "a long constructor": ("b.h", "// B.\nB::B(int a) : a_(a), b_{a} " + LONG, "of 71 lines"),
    "a long operator": ("b.h", "// B.\nbool B::operator==(const B& b) const " + LONG, "of 71 lines"),
    "a long coroutine with a default": ("b.h", "// B.\nTask<int> f(int a = 1, X b = {}) " + LONG, "of 71 lines"),
    "a long template": ("b.h", "// B.\ntemplate <class T>\nauto f(T a) -> std::vector<T> " + LONG, "of 71 lines"),
    "a long template with a default": (
        "b.h",
        "// B.\ntemplate <class T = int, class V = std::vector<T>>\nbool f(T a) noexcept " + LONG,
        "of 71",
    ),
    "a long test": ("b.h", "// B.\nTEST(Name, Other) " + LONG, "of 71 lines"),
    "a long Python function": ("b.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX, "of 71 lines"),
    "a header without a comment": ("b.h", "#pragma once\n", "begins with a comment"),
    "blanks at a line's end": ("b.py", "x = 1 \n", "blanks"),
    "no newline at the end": ("b.py", "x = 1", "no newline"),
    "an empty note": ("b.py", "# TO" + "DO\n", "without saying what"),
    "a path of one machine": ("b.py", "# see /ro" + "ot/notes\n", "a path of one machine"),
    "a name that says nothing": ("string_utils.h", "// Strings.\n", "its name"),
    "a source that is not compiled": ("b.cc", "int b;\n", "never compiled"),
}


def self_test():
    results = {}
    for name, case in {"a good tree": None, **BAD}.items():
        files = dict(GOOD) if case is None else {**GOOD, case[0]: case[1]}
        with frame.tree(files) as root:
            found = [problem for problems in check(root).values() for problem in problems]
        good = not found if case is None else len(found) == 1 and found[0].startswith(case[0]) and case[2] in found[0]
        results[f"self-test: {name}"] = [] if good else [f"this was said: {found}"]
    return results


def main():
    root = frame.root()
    results = {**check(root), **self_test()}
    return frame.finish(results)


if __name__ == "__main__":
    sys.exit(main())
