"""The help of sluice and sluicectl as data: pages, and the command lines that they show.  What is generated from the help
(manual pages, completion) goes through here, so that there is one text.

A page is what `--help` prints: sections with a heading at the margin and a body that is indented by two blanks.
"""

import functools
import re
import subprocess

# The words of the synopsis that are no words of a command line.
_PLACEHOLDER = re.compile(r"[A-Z.…]")


@functools.cache
def ask(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@functools.cache
def ask_if_any(*command):
    """What COMMAND prints; nothing where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout if done.returncode == 0 else None


class Page:
    """One help text: its sections in their order, each a heading and its lines without the two blanks."""

    def __init__(self, text):
        self.sections = []
        for line in text.splitlines():
            if line and not line[0].isspace():
                self.sections.append((line, []))
            else:
                self.sections[-1][1].append(line[2:])
        self.sections = [(heading, _without_ends(lines)) for heading, lines in self.sections]

    def section(self, heading):
        for name, lines in self.sections:
            if name == heading:
                return lines
        return []

    def synopses(self):
        """Each command line, those that go on in a further line put together."""
        program, found = self.section("SYNOPSIS")[0].split()[0] + " ", []
        for line in self.section("SYNOPSIS"):
            if line.startswith(program):
                found.append(line)
            else:
                found[-1] += " " + line.strip()
        return found


def _without_ends(lines):
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    while lines and not lines[0].strip():
        lines = lines[1:]
    return lines


class Command:
    """A command as completion sees it: the words that lead to it, and the options that it takes."""

    def __init__(self, words):
        self.words = words
        self.options = {}  # "--json": "" or what its value stands for, "FILE"
        self.summary = ""


def _words_of(synopsis):
    """The lists of words that SYNOPSIS stands for: "a b | c ..." is [a, b] and [a, c]; and its options."""
    options = dict(re.findall(r"(--[a-z0-9-]+)(?: ([A-Za-z]+))?", synopsis))
    bare = re.sub(r"\[[^\]]*\]\S*", lambda m: m[0] if re.match(r"\[[a-z]+( \| [a-z]+)*\]$", m[0]) else " ", synopsis)
    # What may be left out, as in "sessions [list] ...", is a command by itself all the same.
    bare = re.sub(r"--.*", "", bare)
    leading, alternatives = [], []
    for word in bare.replace("[", " ").replace("]", " ").split()[1:]:
        if word == "|":
            alternatives.append(None)
        elif _PLACEHOLDER.search(word):
            break
        elif alternatives and alternatives[-1] is None:
            alternatives[-1] = word
        elif alternatives:
            break
        else:
            leading.append(word)
    alternatives = [word for word in alternatives if word]
    if alternatives and leading:
        alternatives.insert(0, leading.pop())
    return [leading + [word] for word in alternatives] or [leading], options


@functools.cache
def commands(program):
    """All commands of PROGRAM, from the synopses of its pages; those of pages that are themselves named there, too."""
    whole = ask(program, "--help")
    top = Page(whole)
    found, asked, waiting = {}, set(), []

    def add(page, own):
        for synopsis in page.synopses():
            lists, options = _words_of(synopsis)
            for words in lists:
                if not words or tuple(words) == tuple(own) and len(lists) > 1:
                    continue
                command = found.setdefault(tuple(words), Command(words))
                command.options.update(options)
                waiting.append(tuple(words))

    add(top, ())
    if program.endswith("sluice"):
        return found
    while waiting:
        words = waiting.pop(0)
        if words in asked:
            continue
        asked.add(words)
        text = ask_if_any(program, *words, "--help")
        if text is None or text == whole:
            continue
        if text.startswith("Usage:"):
            for line in re.findall(r"^  \S+ (.*?)  +\S.*$", text, re.MULTILINE):
                leading = [word for word in line.replace("[", " ").split() if not _PLACEHOLDER.search(word)]
                found.setdefault(tuple(leading), Command(leading))
                waiting.append(tuple(leading))
        else:
            page = Page(text)
            add(page, words)
            here = found.setdefault(words, Command(list(words)))
            here.summary = page.section("NAME")[0].split(" - ", 1)[-1]
            for line in page.section("OPTIONS") + page.section("FILTERS"):
                for name, value in re.findall(r"(?:^|, )(--[a-z0-9-]+)(?: ([A-Z|]+))?", line):
                    if line.startswith("--") or line.startswith("-h, "):
                        here.options.setdefault(name, value)
    return found


def options_of(program):
    """The options that all commands of PROGRAM take."""
    page = Page(ask(program, "--help"))
    found = {}
    for line in page.section("OPTIONS"):
        match = re.match(r"(?:-h, )?(--[a-z]+)(?: ([A-Z]+))?(?:  |$| )", line)
        if match:
            found[match[1]] = match[2] or ""
    return found
