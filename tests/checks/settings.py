#!/usr/bin/env python3
"""Checks that every key of the configuration has a reader: that the field which it fills is used outside of the code that
reads, compares and documents the configuration; and where that use only copies it into another field, that this one is
used, too.

The keys are those that engine/config/*.cc declare: `section.KIND("key", table.field, ...)`. A field is looked for at
variables of its struct's type, and at members of Config of that type.

Usage: settings.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import glob
import os
import re
import sys

from lib import frame

CONFIG = "engine/config"
# The configuration's own code: what stands here is no reader.
OWN = re.compile(r"engine/config/\w+\.(?:h|cc)$")
PRODUCT = ("engine", "auth", "policy")
KINDS = "text|integer|boolean|seconds|milliseconds|seconds_list|choice|list|elements"

COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
STRUCT = re.compile(r"\bstruct\s+(\w+)\s*\{(.*?)\n\};", re.DOTALL)
READER = re.compile(r"\bvoid\s+read_\w+\s*\(([^)]*)\)\s*\{(.*?)\n\}", re.DOTALL)
DECLARED = re.compile(r"\bsection\s*\.\s*(?:%s)\s*\(\s*\"(\w+)\"\s*,\s*([\w.]+)" % KINDS)
KEY = re.compile(r"\bsection\s*\.\s*(?:%s)\s*\(\s*\"(\w+)\"" % KINDS)
SECTION = re.compile(r"\bConfigSection\s+section\s*\(\s*\w+\s*,\s*\"([\w.]+)\"")


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else " ", file.read())


def product(root):
    for top in PRODUCT:
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith((".h", ".cc")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def types_in(parameters):
    """{variable: type} of a list of parameters."""
    return {name: kind for kind, name in re.findall(r"(?:\w+::)*(\w+)(?:<[^<>]*>)?\s*&?\s*(\w+)\s*(?:,|$)", parameters)}


class Settings:
    def __init__(self, root):
        self.files = {path: read(root, path) for path in product(root)}
        self.words = {path: frozenset(re.findall(r"\w+", text)) for path, text in self.files.items()}
        self.declared = {}  # {(path, type): names of variables of that type}
        own = [text for path, text in self.files.items() if path.startswith(CONFIG + "/")]
        self.structs = {name: body for text in own for name, body in STRUCT.findall(text)}
        # Structs of other rooms that the configuration's hold as they are: their fields are read where those rooms do.
        self.foreign = {}  # {(struct, member): type}
        for struct, body in self.structs.items():
            for kind, name in re.findall(r"^\s*(?:std::vector<)?\w+::(\w+)>?\s+(\w+);", body, re.MULTILINE):
                self.foreign[struct, name] = kind
        # Of Config: {type: names of the members that hold one, or several}.
        self.members = {}
        for kind, name in re.findall(r"(?:std::vector<)?(\w+)>?\s+(\w+)\s*(?:=[^;]*|\{[^;]*)?;", self.structs.get("Config", "")):
            self.members.setdefault(kind, set()).add(name)
        self.keys = {}  # "limits.idle_s": (type, field)
        sections = {}
        for path in glob.glob(os.path.join(root, CONFIG, "*.cc")):
            for parameters, body in READER.findall(read(root, os.path.relpath(path, root))):
                aliases = {name: kind for kind, name in re.findall(r"\b(\w+)&\s+(\w+)\s*=\s*\w+(?:\.\w+)+;", body)}
                self.read_keys(types_in(parameters) | aliases, body, sections)
        self.resolve_passed_on(sections)

    def read_keys(self, variables, body, passed_on):
        name = SECTION.search(body)
        for key, value in DECLARED.findall(body):
            if "." not in value:  # read into a variable first
                moved = re.search(rf"([\w.]+)\s*=\s*std::move\(\s*{value}\s*\)", body)
                value = moved[1] if moved else value
            head, *rest = value.split(".")
            if head in variables and rest:
                # Functions that are handed a section have none of their own: known by the type that they fill.
                kind = variables[head]
                section = name[1] if name else passed_on.setdefault(kind, kind)
                if len(rest) == 2 and (kind, rest[0]) in self.foreign:
                    kind, rest = self.foreign[kind, rest[0]], rest[1:]
                self.keys[f"{section}.{key}"] = (kind, ".".join(rest))

    def resolve_passed_on(self, passed_on):
        """A section's name for keys that were found in functions without one."""
        for kind in passed_on:
            known = {key.rsplit(".", 1)[0] for key, (of, _) in self.keys.items() if of == kind and not key.startswith(kind)}
            if len(known) == 1:
                name = known.pop()
                for key in [key for key in self.keys if key.startswith(kind + ".")]:
                    self.keys[f"{name}.{key.rsplit('.', 1)[1]}"] = self.keys.pop(key)

    def variables(self, path, kind):
        if (path, kind) not in self.declared:
            declared = rf"\b{kind}(?:\s+const)?\s*[&*]?\s*(\w+)\s*(?:[,)=:;{{(]|$)"
            self.declared[path, kind] = set(re.findall(declared, self.files[path])) if kind in self.words[path] else set()
        return self.declared[path, kind]

    def uses(self, kind, field):
        """(path, line) of each use of a field of struct KIND outside of the configuration's own code."""
        word = field.split(".")[-1]
        places = "|".join(sorted(self.members.get(kind, set()))) or r"(?!)"
        # A struct of another room is reached through members and functions there: `pool.route().port`, `route_.port`.
        foreign = kind in self.foreign.values()
        before, behind = (r"", r"(?:\(\w*\))?") if foreign else (r"(?<![\w.>])", r"")
        anywhere = {name for path in self.files for name in self.variables(path, kind)} if foreign else set()
        for path, text in self.files.items():
            if word not in self.words[path] or OWN.search(path):
                continue
            names = anywhere or self.variables(path, kind)
            variables = "|".join(sorted(names)) or r"(?!)"
            middle = r"\.".join(re.escape(part) for part in field.split("."))
            pattern = rf"(?:{before}\b(?:{variables}){behind}|(?:\.|->)(?:{places})(?:\[[^\]]*\]|\.front\(\)|\.at\([^)]*\))?)\.{middle}\b|\b{kind}::{word}\b"
            for found in re.finditer(pattern, text):
                begin = text.rfind("\n", 0, found.start()) + 1
                end = text.find("\n", found.end())
                yield path, text[begin : end if end >= 0 else len(text)]

    def copied_to(self, line):
        """The field into which LINE copies, if it does nothing else."""
        plain = re.match(r"\s*\w+(?:\.|->)(?:\w+\.)*(\w+)\s*=\s*[^=;]*;\s*$", line)
        named = re.match(r"\s*[\w({]*\s*\.(\w+)\s*=\s*[^,]*,?\s*$", line)
        return (plain or named)[1] if plain or named else None

    def is_read(self, name):
        """Whether a field of that name is used anywhere but where it is set."""
        for path, text in self.files.items():
            if OWN.search(path) or name not in text:
                continue
            for found in re.finditer(rf"(?:\.|->|\b){name}\b(?!\s*=[^=])(?!\s*\()", text):
                before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
                declares = re.search(r"[\w>&*]\s+$", before) and re.match(r"\s*(?:=|;|\{)", text[found.end() :])
                if not declares:
                    return True
        return False

    def problems(self):
        for key, (kind, field) in sorted(self.keys.items()):
            lines = [line for _, line in self.uses(kind, field)]
            if not lines:
                yield f"{key}: {kind}::{field} has no reader"
                continue
            copies = [self.copied_to(line) for line in lines]
            if all(copies) and not any(self.is_read(name) for name in copies):
                yield f"{key}: {kind}::{field} is only copied into {copies[0]}, which has no reader"


# ------------------------------------------------------------------------------------ proof that it can fail

GOOD = {
    "engine/config/config.h": """#pragma once
struct TlsConfig {
  std::string certificates = "/etc";
  TlsVersion min_version = TlsVersion::tls_1_2;  // a comment about idle
  bool tickets = true;
};
struct LimitsConfig {
  Duration idle = std::chrono::minutes(5);
  std::uint32_t sessions = 3;
};
struct ListenerConfig {
  bool trusted = false;
  bool kept = false;
};
struct RouteConfig {
  route::Route route;
  std::string password_file;
};
struct Config {
  TlsConfig tls;
  LimitsConfig limits;
  std::vector<ListenerConfig> listeners;
  std::vector<RouteConfig> routes;
};
""",
    "engine/route/route.h": "struct Route {\n  std::uint16_t port = 25;\n  bool verify = true;\n};\n",
    "engine/hop/pool.h": "class Pool {\n  const route::Route& route_;\n};\n",
    "engine/hop/pool.cc": "void Pool::open() { dial(route_.port, route_.verify); }\n",
    "engine/config/sections.cc": """
void read_tls(const ConfigNode* table, ConfigDiagnostics& report, TlsConfig& tls) {
  ConfigSection section(table, "tls", "tls", diagnostics);
  section.text("certificates", tls.certificates, kPathRule);
  section.choice("min_version", tls.min_version, {});
  section.boolean("tickets", tls.tickets);
}
void read_limits(const ConfigNode* table, ConfigDiagnostics& report, LimitsConfig& limits) {
  ConfigSection section(table, "limits", "limits", diagnostics);
  section.seconds("idle_s", limits.idle, 1, 2);
  section.integer("sessions", limits.sessions, 1, 2);
}
void read_more(ConfigSection& section, ListenerConfig& listener) {
  section.boolean("kept", listener.kept);
}
void read_route(const ConfigNode* table, ConfigDiagnostics& report, RouteConfig& config) {
  ConfigSection section(table, "route", std::move(path), report);
  section.integer("port", config.route.port, 1, 2);
  route::Route& route = config.route;
  section.boolean("verify", route.verify);
  section.text("password_file", config.password_file, kPathRule);
}
void read_listener(const ConfigNode* table, ConfigDiagnostics& report, ListenerConfig& listener) {
  ConfigSection section(table, "listener", std::move(path), report);
  section.boolean("trusted", listener.trusted);
  read_more(section, listener);
}
""",
    "engine/config/changes.cc": "void f(const Config& a) { compare(a.tls.tickets, a.limits.sessions); }\n",
    "engine/server/plan.cc": """
Plan plan_of(const Config& config) {
  const TlsConfig& tls = config.tls;
  start(tls.certificates, tls.min_version);
  rules.idle_timeout = config.limits.idle;
  for (const ListenerConfig& listener : config.listeners) add(listener.trusted);
  for (const RouteConfig& each : config.routes) add(each.route, read(each.password_file));
  return {.tickets = tls.tickets,
          .sessions_max = config.limits.sessions,
          .kept = std::ranges::any_of(config.listeners, &ListenerConfig::kept)};
}
""",
    "engine/session/session.cc": "void g() { wait(rules_->idle_timeout, options_.sessions_max, options_.tickets); }\n",
}

PLANTED = {
    "a key without a reader": (
        {"engine/config/sections.cc": ("  section.boolean(\"tickets\"", "  section.boolean(\"planted\", tls.planted);\n  section.boolean(\"tickets\"")},
        "tls.planted: TlsConfig::planted has no reader",
    ),
    "a key that is only compared at a reload": (
        {"engine/server/plan.cc": (".tickets = tls.tickets", ".tickets = true")},
        "tls.tickets: TlsConfig::tickets has no reader",
    ),
    "a key of a function that is handed its section": (
        {"engine/server/plan.cc": ("&ListenerConfig::kept", "&ListenerConfig::trusted")},
        "listener.kept: ListenerConfig::kept has no reader",
    ),
    "a key of a struct of another room": (
        {"engine/hop/pool.cc": ("route_.port", "other_.port")},
        "route.port: Route::port has no reader",
    ),
    "a key that is read through a name of its own": (
        {"engine/hop/pool.cc": (", route_.verify", "")},
        "route.verify: Route::verify has no reader",
    ),
    "a key of which another struct's field has the name": (
        {"engine/server/plan.cc": ("config.limits.idle;", "config.limits.sessions;"), "engine/session/session.cc": ("g() {", "g() { wait(queue.idle);")},
        "limits.idle_s: LimitsConfig::idle has no reader",
    ),
    "a key that is copied to where no code looks": (
        {"engine/session/session.cc": ("rules_->idle_timeout, ", "")},
        "limits.idle_s: LimitsConfig::idle is only copied into idle_timeout, which has no reader",
    ),
}  # fmt: skip


def self_test():
    results = {}
    for name, case in {"a good tree": None, **PLANTED}.items():
        files = dict(GOOD)
        for path, (old, new) in (case[0] if case else {}).items():
            assert old in files[path], (name, old)
            files[path] = files[path].replace(old, new)
        with frame.tree(files) as root:
            settings = Settings(root)
            found = list(settings.problems())
        wanted = [case[1]] if case else []
        keys = len(settings.keys)
        results[f"self-test: {name}"] = [] if found == wanted and keys >= 7 else [f"of {keys} keys this was said: {found}"]
    return results


def main():
    root = frame.root()
    settings = Settings(root)
    results = {"every key has a reader": list(settings.problems()), **self_test()}
    # A declaration whose field is not understood is not checked. A host of a route is read into variables, whose a class's limit is, too.
    declared = {key for path in glob.glob(os.path.join(root, CONFIG, "*.cc")) for key in KEY.findall(read(root, os.path.relpath(path, root)))}
    missed = sorted(declared - {key.rsplit(".", 1)[1] for key in settings.keys} - {"host", "weight", "hosts", "limit", "of"})
    results["every key is found"] = [f"declared, and its field is not found: {missed}"] if missed else []
    results["most keys are there"] = [] if len(declared) > 90 else [f"only {len(declared)} are found"]
    return frame.finish(results)


if __name__ == "__main__":
    sys.exit(main())
