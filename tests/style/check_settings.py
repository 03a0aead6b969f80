#!/usr/bin/env python3
"""Every setting has a reader: what config.h and config_delivery.h hold is used by something that is not about reading,
comparing or documenting the configuration.

Usage: check_settings.py [ROOT]     prints `ok NAME` or `FAIL NAME: why`, at last `N passed, N failed`.
"""

import os
import re
import sys

HEADERS = ("engine/core/config.h", "engine/core/config_delivery.h")
# By the type, what its values are called where they are used.
OWNERS = {
    "ServerConfig": r"server",
    "StoreConfig": r"store",
    "TlsConfig": r"tls",
    "LimitsConfig": r"limits",
    "ListenerConfig": r"listener",
    "LogConfig": r"log",
    "RouteConfig": r"(?:config|route)",
    "SpoolConfig": r"(?:spool|config)",
    "QueueConfig": r"queue",
    "ReportsConfig": r"reports",
    "DnsConfig": r"dns",
}


def fields(text):
    """(type, field) of each setting that is declared."""
    for struct in re.finditer(r"^struct (\w+Config) \{\n(.*?)^\};", text, re.S | re.M):
        body = re.sub(r"//[^\n]*", "", struct[2])
        for declaration in body.split(";"):
            words = re.match(r"\s*[\w:<>, ]+?[ >]\s*(\w+)\s*(?:=.*|)$", declaration.strip(), re.S)
            if words and struct[1] in OWNERS:
                yield struct[1], words[1]


def readers(root):
    """All text that may read a setting."""
    found = []
    for folder, _, names in os.walk(os.path.join(root, "engine")):
        for name in names:
            if name.endswith((".cc", ".h")) and not re.match(r"config|example_config|help", name):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    found.append(file.read())
    return "\n".join(found)


def unread(declared, text):
    return [f"{owner}::{field}" for owner, field in declared
            if not re.search(rf"\b{OWNERS[owner]}(?:\.|->)(?:\w+\.)?{field}\b", text)]  # fmt: skip


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    declared = []
    for header in HEADERS:
        with open(os.path.join(root, header), encoding="utf-8") as file:
            declared += fields(file.read())
    results = {
        "settings are found": "" if len(declared) > 80 else f"only {len(declared)}",
        "every setting has a reader": ", ".join(unread(declared, readers(root))),
        "self-test: a setting that nothing reads": ""
        if unread([("TlsConfig", "min_version")], "tls.max_version = tls.min_versions;")
        else "not found",
        "self-test: a setting that is read": ", ".join(unread([("TlsConfig", "min_version")], "config.tls.min_version")),
    }
    for name, why in results.items():
        print(f"FAIL {name}: {why}" if why else f"ok {name}")
    failed = sum(1 for why in results.values() if why)
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
