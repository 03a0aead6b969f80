#!/usr/bin/env python3
"""Checks that each file includes, itself or through our own headers, what it uses of the headers in engine/precompiled/:
with those in front of every file, the compiler would not miss them, and a file would come to depend on what is precompiled.

Usage: own_includes.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import collections
import functools
import glob
import os
import re
import sys

from lib import frame

STD = {
    "algorithm": r"(ranges::)?(sort|stable_sort|find|find_if|find_if_not|any_of|all_of|none_of|count|count_if|clamp|copy|copy_if"
    r"|copy_n|fill|fill_n|equal|reverse|transform|replace|replace_if|search|lower_bound|upper_bound|binary_search|unique"
    r"|shuffle|max_element|min_element|minmax|max|min|for_each|generate|rotate|partition|is_sorted|adjacent_find|contains"
    r"|starts_with|ends_with|mismatch|remove_if|push_heap|pop_heap|nth_element|lexicographical_compare|set_difference)\(",
    "array": r"array\b|to_array\b",
    "atomic": r"atomic\w*|memory_order\w*",
    "bit": r"(bit_cast|popcount|countl_zero|countr_zero|has_single_bit|bit_ceil|bit_width|bit_floor|byteswap|endian|rotl|rotr)\b",
    "charconv": r"(from_chars|to_chars)\b",
    "chrono": r"chrono(_literals)?\b",
    "coroutine": r"(coroutine_handle|coroutine_traits|suspend_\w+|noop_coroutine)\b",
    "cstring": r"(mem(cpy|move|set|cmp|chr)|str(len|error|cmp|ncmp|chr))\b",
    "deque": r"deque\b",
    "expected": r"(expected|unexpected)\b",
    "functional": r"(function|move_only_function|hash|less|greater|invoke|ref|cref|bind_front)\b",
    "limits": r"numeric_limits\b",
    "list": r"list\b",
    "map": r"(map|multimap)\b",
    "memory": r"(unique_ptr|shared_ptr|weak_ptr|make_unique|make_shared|enable_shared_from_this|addressof|to_address"
    r"|construct_at|destroy_at)\b",
    "mutex": r"(mutex|lock_guard|unique_lock|scoped_lock|once_flag|call_once)\b",
    "optional": r"(optional|nullopt)\b",
    "set": r"(set|multiset)\b",
    "span": r"(span|as_bytes|as_writable_bytes)\b",
    "string": r"(string|to_string)\b",
    "string_view": r"string_view\b",
    "thread": r"(thread|jthread|this_thread)\b",
    "tuple": r"(tuple|tie|make_tuple|forward_as_tuple)\b",
    "unordered_map": r"unordered_map\b",
    "utility": r"(move|exchange|swap|pair|forward|in_range|cmp_\w+|to_underlying|unreachable|as_const|index_sequence)\b",
    "variant": r"(variant|visit|holds_alternative|get_if|monostate)\b",
    "vector": r"vector\b",
    "filesystem": r"filesystem\b",
    "fstream": r"[io]?fstream\b",
    "random": r"(mt19937\w*|uniform_\w+_distribution|random_device)\b",
    "sstream": r"[io]?stringstream\b",
}
USES = {header: r"(?<![\w:])std::(" + names + ")" for header, names in STD.items()}
USES |= {
    "cerrno": r"(?<![\w.>])errno\b",
    "cstddef": r"(?<![\w:])std::(size_t|ptrdiff_t|byte|max_align_t)\b",
    "cstdint": r"(?<![\w:])std::u?int(8|16|32|64|ptr|max)_t\b",
    "absl/container/flat_hash_map.h": r"absl::flat_hash_map\b",
    "absl/container/flat_hash_set.h": r"absl::flat_hash_set\b",
    "absl/strings/str_cat.h": r"absl::(StrCat|StrAppend)\b",
    "gtest/gtest.h": r"\b(TEST|TEST_F|TEST_P|EXPECT_EQ|EXPECT_TRUE|ASSERT_TRUE|ASSERT_EQ)\(",
    "gmock/gmock.h": r"\b(EXPECT_THAT|ASSERT_THAT|MOCK_METHOD)\(|::testing::(HasSubstr|ElementsAre|StartsWith|Not|IsEmpty)\b",
}
USES = {header: re.compile(pattern) for header, pattern in USES.items()}
# Headers that are sure to bring another one along, by the standard or by what they return.
BRINGS = {
    "cstddef": ("string", "string_view", "vector", "array", "span", "cstring", "memory", "map", "algorithm", "deque"),
    "cstdint": ("chrono", "charconv", "atomic", "random"),
    "chrono": ("thread",),
    "gtest/gtest.h": ("gmock/gmock.h",),
    "string": ("filesystem", "sstream", "gtest/gtest.h", "gmock/gmock.h", "absl/strings/str_cat.h"),
    "utility": ("map", "memory", "vector", "string", "functional", "tuple", "optional", "variant", "expected", "algorithm"),
    "string_view": ("string",),
    "tuple": ("map", "memory", "functional"),
    "memory": ("gtest/gtest.h", "gmock/gmock.h"),
    "vector": ("gtest/gtest.h", "gmock/gmock.h"),
}
FOLDERS = ("engine", "auth", "policy", "tests", "fuzz", "bench")
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
COMMENT_OR_STRING = re.compile(
    r'R"([^\s()\\]{0,16})\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL
)


DEFINED = re.compile(r"^(?:class|struct|enum class) (\w+)(?: final)?(?: :[^:][^{;]*)? \{", re.MULTILINE)
DECLARED = re.compile(r"\b(?:class|struct|using) (\w+)")
WORD = re.compile(r"\b\w+\b")


class Checker:
    def __init__(self, root):
        self.root = root

    @functools.cache
    def text(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    @functools.cache
    def reached(self, path):
        """Every header that a file of ours includes, itself or through others of ours."""
        seen, todo = set(), [path]
        while todo:
            for target in INCLUDE.findall(self.text(todo.pop())):
                if target not in seen and not target.startswith("engine/precompiled/"):
                    seen.add(target)
                    if os.path.isfile(os.path.join(self.root, target)):
                        todo.append(target)
        return seen

    def missing(self, path):
        code = COMMENT_OR_STRING.sub(" ", self.text(path))
        reached = self.reached(path)
        for header, uses in USES.items():
            found = None if reached.intersection((header, *BRINGS.get(header, ()))) else uses.search(code)
            if found:
                yield f"{path}: {found[0]} needs {header}"

    def names_of(self, header):
        """Classes and enumerations that a header of ours defines in its namespace."""
        return DEFINED.findall(COMMENT_OR_STRING.sub(" ", self.text(header)))

    def missing_of_room(self, room):
        """What a file uses of the headers that its room's precompiled.h brings in front of it, and does not include."""
        brought = [h for h in self.reached(os.path.join(room, "precompiled.h")) if os.path.isfile(os.path.join(self.root, h))]
        names = collections.Counter(name for header in brought for name in self.names_of(header))
        for path in sorted(glob.glob(os.path.join(self.root, room, "*.[ch]*"))):
            short = os.path.relpath(path, self.root)
            code = COMMENT_OR_STRING.sub(" ", self.text(short))
            words, reached = set(WORD.findall(code)), self.reached(short) | {short}
            own = set(DECLARED.findall(code))
            for header in sorted(set(brought) - reached):
                used = [n for n in self.names_of(header) if n in words and n not in own and names[n] == 1]
                if used and os.path.basename(short) != "precompiled.h":
                    yield f"{short}: {used[0]} needs {header}"

    def check(self):
        results = {}
        for path in sorted(glob.glob(os.path.join(self.root, "engine/*/precompiled.h"))):
            room = os.path.relpath(os.path.dirname(path), self.root)
            results["what is used is included in spite of precompiled.h in " + room] = list(self.missing_of_room(room))
        for top in FOLDERS:
            for folder, _, names in os.walk(os.path.join(self.root, top)):
                short = os.path.relpath(folder, self.root)
                for name in sorted(names):
                    if name.endswith((".cc", ".h")) and name != "precompiled.h":
                        results.setdefault("what is used is included in " + short, [])
                        results["what is used is included in " + short] += self.missing(os.path.join(short, name))
        precompiled = {t for name in ("engine.h", "tests.h") for t in INCLUDE.findall(self.text("engine/precompiled/" + name))}
        unknown = sorted(precompiled - set(USES) - {"engine/precompiled/engine.h"})
        results["this check has the list of what is precompiled"] = [f"not {unknown}"] if unknown else []
        return results


def main():
    results = Checker(frame.root()).check()
    return frame.finish(results)


if __name__ == "__main__":
    sys.exit(main())
