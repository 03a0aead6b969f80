#!/usr/bin/env python3
"""Checks that every function declared in a header has a caller in the product: what only tests call, or nothing, is dead.

A function is looked for by its name, in the files that see its header through their includes; what stands in its own body
does not count. Constructors, destructors, operators, and functions that override one are called by other names, and are
not looked for. Two functions of one name in files that see both are taken for one: that is the check's blind side.

Usage: callers.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import os
import re
import sys

from lib import frame

# What a comment above a declaration, or above its class, says where only tests have a use for it: a count that proves a
# bound, a state that no other code looks at.
FOR_TESTS_MARK = re.compile(r"//.*\bFor tests\b")

# Where the product is. Callers in tests, benches and fuzzers do not count.
PRODUCT = ("engine", "auth", "policy", "tools/load", "tools/import_postfix")

# Functions that are called by no code of ours, and why.
CALLED_FROM_OUTSIDE = {
    "check_failed": "by CHECK()",
    "main": "the program's start",
    "await_ready": "the compiler's, for coroutines",
    "await_suspend": "likewise",
    "await_resume": "likewise",
    "get_return_object": "likewise",
    "initial_suspend": "likewise",
    "final_suspend": "likewise",
    "return_void": "likewise",
    "return_value": "likewise",
    "unhandled_exception": "likewise",
    "begin": "range-based for",
    "end": "likewise",
    "AbslHashValue": "absl's hash tables",
}

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
COMMENT_OR_LITERAL = re.compile(
    r'R"([^\s()\\]{0,16})\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
# Words in front of a parenthesis that are no function's name.
NO_NAMES = {
    "if", "for", "while", "switch", "return", "sizeof", "alignof", "alignas", "decltype", "noexcept", "requires", "catch",
    "static_assert", "defined", "co_await", "co_return", "co_yield", "new", "delete", "throw", "explicit", "__attribute__",
    "void", "bool", "int", "char", "auto", "const", "operator", "static_cast", "reinterpret_cast", "const_cast",
}  # fmt: skip


def blank(found):
    """As long as what was there, so that places stay."""
    return re.sub(r"[^\n]", " ", found[0])


class Function:
    def __init__(self, name, scope, at, body, skip):
        self.name = name
        self.scope = scope  # the innermost class, or ""
        self.at = at  # of the name
        self.body = body  # its extent, or None
        self.skip = skip  # it cannot have a caller by its name


class Source:
    """One file: the functions that it declares or defines, and all other words in it."""

    def __init__(self, path, text):
        self.path = path
        self.lines = text.split("\n")
        self.includes = INCLUDE.findall(text)
        self.code = DIRECTIVE.sub(blank, COMMENT_OR_LITERAL.sub(blank, text))
        self.functions = []
        self.scan(0, len(self.code), "")
        declared = {function.at for function in self.functions}
        self.words = {}
        for found in IDENTIFIER.finditer(self.code):
            if found.start() not in declared:
                self.words.setdefault(found[0], []).append(found.start())

    def is_for_tests(self, at):
        """Whether the comment right above the declaration at AT, or behind it, says so."""
        line = self.code.count("\n", 0, at)
        if FOR_TESTS_MARK.search(self.lines[line]):
            return True
        while line > 0 and self.lines[line - 1].lstrip().startswith("//"):
            line -= 1
            if FOR_TESTS_MARK.search(self.lines[line]):
                return True
        return False

    def matching(self, at, closing):
        """The place behind the bracket that closes the one at AT."""
        opening, depth = self.code[at], 0
        for place in range(at, len(self.code)):
            if self.code[place] == opening:
                depth += 1
            elif self.code[place] == closing:
                depth -= 1
                if depth == 0:
                    return place + 1
        return len(self.code)

    def scan(self, start, end, scope, for_tests=False):
        """Statements between START and END, which are of a namespace or of the class SCOPE."""
        begin = at = start
        while at < end:
            char = self.code[at]
            if char == ";":
                self.statement(begin, at, scope, None, for_tests)
                begin = at = at + 1
            elif char == "(":
                at = self.matching(at, ")")
            elif char == "{":
                close = self.matching(at, "}")
                head = self.code[begin:at]
                kind = re.match(r"\s*(?:template\s*<[^{]*>\s*)?(?:inline\s+)?(namespace|class|struct|union|extern)\b", head)
                if kind and "(" not in re.sub(r"\b(?:alignas|__attribute__)\s*\(+[^)]*\)+", "", head):
                    names = IDENTIFIER.findall(re.sub(r"\balignas\s*\([^)]*\)|\bfinal\b", "", head.split(":")[0]))
                    inner = scope if kind[1] in ("namespace", "extern") else names[-1]
                    start_of_head = begin + len(head) - len(head.lstrip())
                    self.scan(at + 1, close - 1, inner, for_tests or kind[1] != "namespace" and self.is_for_tests(start_of_head))
                    begin = at = close
                elif self.is_initializer(head):
                    at = close  # of a member in a constructor's list, or of a variable: the statement goes on
                else:
                    self.statement(begin, at, scope, (at, close), for_tests)
                    begin = at = close
            elif char == ":" and re.search(r"\b(?:public|private|protected)\s*$", self.code[begin:at]):
                begin = at = at + 1
            elif char == "}":
                begin = at = at + 1
            else:
                at += 1

    @staticmethod
    def is_initializer(head):
        """Whether a brace behind HEAD opens no function's body."""
        return bool(re.search(r"=\s*$|\benum\b", head)) or "(" not in head or bool(re.search(r"\)\s*:\s*(?:.*,)?\s*[\w:<>]+\s*$", head, re.DOTALL))

    def statement(self, begin, end, scope, body, for_tests):
        head = self.code[begin:end]
        if re.match(r"\s*(?:using|typedef|friend|static_assert|enum|return)\b", head):
            return
        depth, place = 0, None
        for found in re.finditer(r"<|>|\(|=", head):
            if found[0] == "=":
                if depth == 0 and not re.search(r"operator\s*\W*$", head[: found.start()]):
                    return  # a variable
            elif found[0] == "<":
                depth += 1
            elif found[0] == ">":
                depth -= head[found.start() - 1] != "-"
            elif depth <= 0:
                word = re.search(r"([~\w]+)\s*$", head[: found.start()])
                if word and word[1] in ("alignas", "__attribute__", "decltype", "noexcept", "explicit", "requires"):
                    continue
                place = word
                break
        if place is None or re.search(r"\boperator\b", head):
            return
        name = place[1]
        before = head[: place.start()]
        owner = re.search(r"(\w+)(?:<[^<>]*>)?\s*::\s*$", before)
        inside = owner[1] if owner else scope
        if name in NO_NAMES or name.startswith("~") or not IDENTIFIER.fullmatch(name) or name == inside or name[0].isdigit():
            return
        if re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            return  # a macro
        if not re.search(r"[\w>&*]\s*$", re.sub(r"(\w+(?:<[^<>]*>)?\s*::\s*)+$", "", before)):
            return  # no type in front of it
        start_of_head = begin + len(head) - len(head.lstrip())
        skip = for_tests or self.is_for_tests(start_of_head) or bool(re.search(r"\b(?:override|delete|default)\b\s*(?:final\s*)?$", head.rstrip()))
        self.functions.append(Function(name, inside, begin + place.start(1), body, skip))


class Product:
    def __init__(self, root):
        self.sources = {}
        for top in PRODUCT:
            for folder, _, names in os.walk(os.path.join(root, top)):
                for name in names:
                    if name.endswith((".h", ".cc")):
                        path = os.path.relpath(os.path.join(folder, name), root)
                        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
                            self.sources[path] = Source(path, file.read())
        self.seen_by = {}
        for path in self.sources:
            for header in self.reach(path):
                self.seen_by.setdefault(header, []).append(path)
        # Bodies of functions by name, so that a function that calls itself is no caller of its own.
        self.bodies = {}
        for path, source in self.sources.items():
            for function in source.functions:
                if function.body:
                    self.bodies.setdefault((function.scope, function.name), []).append((path, *function.body))

    def reach(self, path):
        seen, todo = set(), [path]
        while todo:
            one = todo.pop()
            if one in seen or one not in self.sources:
                continue
            seen.add(one)
            todo += self.sources[one].includes
        return seen

    def has_caller(self, header, function):
        own = self.bodies.get((function.scope, function.name), [])
        for path in self.seen_by.get(header, []):
            for at in self.sources[path].words.get(function.name, []):
                if not any(path == body_path and begin <= at < end for body_path, begin, end in own):
                    return True
        return False

    def check(self):
        """Returns {folder: list of problems}."""
        results = {}
        for path, source in sorted(self.sources.items()):
            if not path.endswith(".h"):
                continue
            problems = results.setdefault("callers of " + os.path.dirname(path), [])
            for function in source.functions:
                if function.skip or function.name in CALLED_FROM_OUTSIDE or self.has_caller(path, function):
                    continue
                line = source.code.count("\n", 0, function.at) + 1
                name = f"{function.scope}::{function.name}" if function.scope else function.name
                problems.append(f"{path}:{line}: {name}() has no caller outside tests")
        return results


# ------------------------------------------------------------------------------------ proof that it can fail

GOOD = {
    "engine/base/a.h": """// A.
#pragma once
namespace n {
template <typename T> concept Small = sizeof(T) < 9;
int used(int a = kept());
inline int kept() { return 1; }
class Shape {
 public:
  Shape() = default;
  explicit Shape(int a) : a_(a), b_{used(a)} {}
  virtual ~Shape();
  virtual int area() = 0;
  [[nodiscard]] bool wide() const { return a_ > 1; }
  bool operator==(const Shape& other) const;
  template <typename F> void each(F f) { f(a_); }
 private:
  static void on_timer(void* self);
  int a_ = 0;
  int b_{0};
  std::function<int(int)> call_;
};
// For tests: how wide.
int width();
class Log {
 public:
  int lines() const;  // For tests.
};
// For tests and simulation.
class MemoryLog final { public: std::string text(); };
class Square final : public Shape { int area() override { return 1; } };
constexpr int kSize = int(3);
}
""",
    "engine/base/a.cc": """#include "engine/base/a.h"
namespace n {
int used(int a) { return a < 1 ? 0 : used(a - 1); }
void Shape::on_timer(void* self) { static_cast<Shape*>(self)->each([](int) {}); }
int main() { Square s; Timer t(&Shape::on_timer, &s); return used(2) + s.area() + s.wide(); }
}
""",
}

BAD = {
    "a function without a caller": ("int lonely(int a);\n", "", "lonely"),
    "a function that is defined and not called": ("int lonely();\n", "int lonely() { return 1; }\n", "lonely"),
    "a function that only calls itself": ("int lonely(int a);\n", "int lonely(int a) { return lonely(a - 1); }\n", "lonely"),
    "an inline function": ("inline int lonely() { return 1; }\n", "", "lonely"),
    "a template": ("template <typename T> std::vector<T> lonely(const std::vector<T>& of);\n", "", "lonely"),
    "a method": ("class C { public: C(); [[nodiscard]] const char* lonely() const; int a = 0; };\n", "const char* C::lonely() const { return 0; }\n", "C::lonely"),
    "an inline method behind a constructor": ("class C { public: C() : a_{1} {} int lonely() const { return a_; } int a_; };\n", "", "C::lonely"),
    "a virtual function": ("class C { public: virtual void lonely(int a) = 0; };\n", "class D : public C { void lonely(int a) override {} };\n", "C::lonely"),
    "a coroutine": ("Task<std::expected<int, std::string>> lonely(Loop& loop);\n", "", "lonely"),
    "a name that stands in a comment or a text": ("int lonely();\n", '// lonely()\nconst char* text = "lonely()";\n', "lonely"),
    "a function behind one that is for tests": ("// For tests: a bound.\nint bound();\n\nint lonely();\n", "", "lonely"),
    "a function that only a test calls": ("int lonely();\n", "int lonely() { return 1; }\n", "lonely"),
}  # fmt: skip


def self_test():
    results = {}
    for name, case in {"a good tree": None, **BAD}.items():
        files = dict(GOOD)
        if case:
            files["engine/net/b.h"] = "// B.\n#pragma once\nnamespace n {\n" + case[0] + "}\n"
            files["engine/net/b.cc"] = '#include "engine/net/b.h"\nnamespace n {\n' + case[1] + "}\n"
            files["tests/unit/net/b_test.cc"] = '#include "engine/net/b.h"\nint t() { return n::lonely(1); }\n'
        with frame.tree(files) as root:
            found = [problem for problems in Product(root).check().values() for problem in problems]
        good = not found if case is None else len(found) == 1 and f": {case[2]}() has no caller" in found[0]
        results[f"self-test: {name}"] = [] if good else [f"this was said: {found}"]
    return results


def main():
    root = frame.root()
    results = {**Product(root).check(), **self_test()}
    return frame.finish(results)


if __name__ == "__main__":
    sys.exit(main())
