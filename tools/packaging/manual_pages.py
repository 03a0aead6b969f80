"""Writes the manual pages (generate.py).

sluice.1 and sluicectl.1 are the help of the programs, that of all commands included; sluice.toml.5 is what the configuration
is declared with (`sluice keys`), so that it has every key.  DATE is that of the pages, 2026-11-29.
"""

import json
import os
import re

import help_pages

_ESCAPES = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
SET_AS_THEY_ARE = ("SYNOPSIS", "EXAMPLES", "EXAMPLE")


def roff(text):
    """TEXT as a line of roff that shows it."""
    escaped = "".join(_ESCAPES.get(character, character) for character in text)
    return "\\&" + escaped if escaped.startswith(".") else escaped


def as_they_are(lines):
    return [".nf", *(roff(line) if line.strip() else ".sp" for line in lines), ".fi"]


def blocks(lines):
    block = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def filled(lines):
    """Paragraphs, and lists of a term and what it means, as the help lays them out by blanks."""
    out = []
    for block in blocks(lines):
        listed = any(line[0] == " " for line in block) or all("  " in line for line in block)
        if not listed or block[0][0] == " ":
            out += [".PP", *(roff(line.strip()) for line in block)]
            continue
        for at, line in enumerate(block):
            if line[0] == " ":
                out.append(roff(line.strip()))
                continue
            term, _, text = (part.strip() for part in line.partition("  "))
            goes_on = at + 1 < len(block) and block[at + 1][0] == " "
            if text or goes_on:
                out += [".TP", f"\\fB{roff(term)}\\fR", *([roff(text)] if text else [])]
            else:
                out += [".PP", roff(term)]
    return out


def sections(page, macro, without=()):
    out = []
    for heading, lines in page.sections:
        if heading in without or not lines:
            continue
        out.append(f'{macro} "{roff(heading)}"')
        out += as_they_are(lines) if heading in SET_AS_THEY_ARE else filled(lines)
    return out


def head(name, section, date):
    return [
        f'.TH {name.upper()} {section} "{date}" "Sluice" "Sluice"',
        ".\\\" Generated from the programs' own help.",
        # What an entry says stands below it in monospaced examples, which are not to be broken or stretched.
        ".nh",
        ".ad l",
    ]


def sluicectl_page(program, page, date):
    out = head("sluicectl", 1, date) + sections(page, ".SH", ("EXIT STATUS", "SEE ALSO"))
    shown = {help_pages.ask(program, "--help")}
    for words in sorted({key[:length] for key in help_pages.commands(program) for length in range(1, len(key) + 1)}):
        text = help_pages.ask_if_any(program, *words, "--help")
        if text is None or text in shown or text.startswith("Usage:"):
            continue
        shown.add(text)
        of_command = help_pages.Page(text)
        name, _, summary = of_command.section("NAME")[0].partition(" - ")
        out += [f'.SH "{roff(name.upper())}"', roff(summary[:1].upper() + summary[1:]) + "."]
        out += sections(of_command, ".SS", ("NAME", "EXIT STATUS", "SEE ALSO"))
    out += sections(page, ".SH", [heading for heading, _ in page.sections if heading != "EXIT STATUS"])
    return out + ['.SH "SEE ALSO"', "\\fBsluice\\fR(1), \\fBsluice.toml\\fR(5)"]


KEYS_HEAD = """The configuration of sluice(1) is one file in TOML 1.0, by default /etc/sluice/sluice.toml. Only one thing has to be \
said in it: where mail goes on to, in [[route]]. A key that is not set has its default; a table or a key that does not exist \
is an error, as is a value that is out of its range.

`sluice example` prints a file with every key in it, `sluice check` says what is wrong with one, and `sluicectl reload` \
brings it into force; where a key needs a restart, that is said of it. Sessions that are open go on under the rules that they \
began with.

A table [NAME] stands once in the file, one [[NAME]] as often as there are such. One with a dot in its name, such as \
route.hosts, is written as a value of the list of that name: hosts = [{ host = "192.0.2.1" }]. Behind each key stands its default, or an \
example where the default says nothing, and of a number what it may be. What is said of a key holds for the keys right below \
it, too, until something else is said.

A file with a secret may be named as "credential:NAME" instead of by its path: what systemd gives the relay's unit with \
LoadCredential=NAME:PATH or LoadCredentialEncrypted=."""


def paragraphs(text):
    """TEXT in lines; those of a list, which begin with a blank, and those of TOML as they are."""
    out = []
    for block in blocks(text.splitlines()):
        laid_out = any(line.startswith((" ", "[")) or re.match(r"[a-z_]+ = ", line) for line in block)
        out += [".PP", *(as_they_are(block) if laid_out else [roff(line) for line in block])]
    return out


def toml_page(program, date):
    out = head("sluice.toml", 5, date)
    out += [".SH NAME", "sluice.toml \\- configuration of the relay for outgoing mail", ".SH DESCRIPTION"]
    out += paragraphs(KEYS_HEAD)
    for table in json.loads(help_pages.ask(program, "keys", "--json")):
        name = f"[[{table['table']}]]" if table["listed"] else f"[{table['table']}]"
        if "." in table["table"]:
            name = f"{table['table']} = [{{ ... }}]"
        out += [f'.SH "{roff(name)}"', *paragraphs(table["about"])]
        for key in table["keys"]:
            shown = key.get("example") or key["default"]
            range_ = f"  ({key['min']} to {key['max']})" if "min" in key else ""
            out += [".TP", f"\\fB{roff(key['key'])}\\fR" + (f" = {roff(shown)}" if shown else "") + roff(range_)]
            notes = (" It has to be set." if key.get("needed") else "") + (" Needs a restart." if key["restart"] else "")
            about = (key.get("about", "") + notes).strip()
            out += [roff(about)] if about else ["\\&"]
    out += [".SH FILES", "/etc/sluice/sluice.toml", '.SH "SEE ALSO"', "\\fBsluice\\fR(1), \\fBsluicectl\\fR(1)"]
    return out


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        # A heading begins a paragraph by itself.
        text = re.sub(r"^(\.S[HS] .*)\n\.PP$", r"\1", "\n".join(line.rstrip() for line in lines), flags=re.MULTILINE)
        file.write(text + "\n")


def main(sluice, sluicectl, directory, date):
    page = help_pages.Page(help_pages.ask(sluice, "--help"))
    see_also = ['.SH "SEE ALSO"', "\\fBsluicectl\\fR(1), \\fBsluice.toml\\fR(5)"]
    write(os.path.join(directory, "sluice.1"), head("sluice", 1, date) + sections(page, ".SH", ("SEE ALSO",)) + see_also)
    page = help_pages.Page(help_pages.ask(sluicectl, "--help"))
    write(os.path.join(directory, "sluicectl.1"), sluicectl_page(sluicectl, page, date))
    write(os.path.join(directory, "sluice.toml.5"), toml_page(sluice, date))

