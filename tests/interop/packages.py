#!/usr/bin/env python3
"""What goes into the packages: manual pages, completion, unit, profile, log rotation and the configuration to begin with; and
that two runs of tools/package give the same bytes. tools/package-life has the whole life of a package, in a bare Debian."""

import functools
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import TIMEOUT_FACTOR, Skipped, cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.network import own_network
from lib.relay import SLUICE, SLUICECTL, Relay
from lib.wire import Client

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGING = os.path.join(ROOT, "tools/packaging")
KIND = os.path.basename(os.path.dirname(os.path.abspath(SLUICE)))
MANUAL = ("sluice.1", "sluicectl.1", "sluice.toml.5")
PROGRAMS = ("sluice", "sluicectl")

sys.path.insert(0, PACKAGING)
import help_pages


def run(*command, wanted=0, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * TIMEOUT_FACTOR, check=False, **more)
    expect_equal(done.returncode, wanted, f"exit status of {' '.join(command)}, which said {done.stderr[-2000:]!r}")
    return done.stdout + done.stderr


def need(program):
    if shutil.which(program) is None:
        raise Skipped(f"there is no {program}")


def packaging(name):
    with open(os.path.join(PACKAGING, name), encoding="utf-8") as file:
        return file.read()


class Generated:
    """What is made of the programs' help, once a script."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-generated-")
        run(os.path.join(PACKAGING, "generate.py"), os.path.abspath(SLUICE), os.path.abspath(SLUICECTL), self.folder.name, "2026-01-02")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def text(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def stop(self):
        self.folder.cleanup()


@shared
def generated():
    return Generated()


@shared
def next_hop():
    return Hop()


@functools.cache
def commands():
    return [" ".join(words) for words in help_pages.commands(os.path.abspath(SLUICECTL))]


# ------------------------------------------------------------------------------------ from the help


@cases(*MANUAL)
def a_manual_page_renders_without_a_warning(page):
    need("mandoc")
    need("man")
    expect_equal(run("mandoc", "-T", "lint", "-W", "warning", generated().path(page)), "", "what mandoc says of it")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}
    done = subprocess.run(["man", "--warnings", "-l", generated().path(page)], capture_output=True, text=True, env=environment, check=False)
    expect_equal(done.stderr, "", "what man says of it")
    expect(len(done.stdout.splitlines()) > 60, "it has a page and more")


@test
def the_manual_of_the_configuration_has_every_key():
    page = generated().text("sluice.toml.5").replace("\\-", "-")
    tables = json.loads(run(SLUICE, "keys", "--json"))
    expect(len(tables) > 15, f"tables: {len(tables)}")
    for table in tables:
        for key in table["keys"]:
            expect_in(f"\\fB{key['key']}\\fR", page, f"the page, about {table['table']}")


@test
def the_manual_of_sluicectl_has_every_command():
    page = generated().text("sluicectl.1").replace("\\-", "-")
    for command in ("queue list", "account device add", "host check", "shield release", "customer limit"):
        expect_in(f"sluicectl {command}", page, "the page")


@cases("bash -n {}.bash", "zsh -n _{}", "fish --no-execute {}.fish")
def completion_parses(command):
    shell, *words = command.split()
    need(shell)
    for program in PROGRAMS:
        run(shell, *words[:-1], generated().path(words[-1].format(program)))


@cases(
    ("the_first_word", ["sluicectl", "que"], ["queue"]),
    ("a_command_s_words", ["sluicectl", "account", "device", ""], ["add", "list", "revoke"]),
    ("behind_options", ["sluicectl", "--config", "queue", "shield", "r"], ["release"]),
    ("options", ["sluicectl", "queue", "list", "--se"], ["--sender"]),
    ("the_relay_s", ["sluice", "e"], ["events", "example"]),
)
def bash_completes(_name, words, wanted):
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    said = run("bash", "-c", script, "bash", generated().path(words[0] + ".bash"), *words)
    expect_equal(sorted(said.split()), wanted, "what is offered")


@test
def fish_completes():
    need("fish")
    script = f"source {generated().path('sluicectl.fish')}; complete -C 'sluicectl account device '; complete -C 'sluicectl queue list --se'"
    said = run("fish", "-c", script).split()
    # Behind what begins so, fish 4 offers what has these letters in this order.
    expect_equal(said[:4], ["add", "list", "revoke", "--sender"], "what is offered first")
    expect_not_in("--id", said, "what is offered")


@test
def zsh_completes():
    need("zsh")
    script = f"""
    compadd() {{ shift; print -l -- "$@" }}
    words=(sluicectl account device ''); CURRENT=4
    source {generated().path('_sluicectl')}
    """
    expect_equal(run("zsh", "-f", "-c", script).split(), ["add", "list", "revoke"], "what is offered")


@test
def every_command_that_is_completed_is_one():
    expect(len(commands()) > 60, f"commands: {len(commands())}")
    for command in commands():
        run(SLUICECTL, *command.split(), "--help")


# ------------------------------------------------------------------------------------ what the system reads


@test
def the_unit_is_one_and_is_hardened():
    need("systemd-analyze")
    with tempfile.TemporaryDirectory(prefix="sluice-unit-") as folder:
        unit = os.path.join(folder, "sluice.service")
        with open(unit, "w", encoding="utf-8") as file:
            file.write(re.sub(r"/usr/bin/sluice(ctl)?\b", "/usr/bin/true", packaging("sluice.service")))
        expect_equal(run("systemd-analyze", "verify", "--man=no", unit), "", "what systemd-analyze says of it")
        run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit)


@test
def the_profile_is_one():
    need("apparmor_parser")
    run("apparmor_parser", "--skip-kernel-load", "--skip-cache", os.path.join(PACKAGING, "usr.bin.sluice"))


@test
def the_configuration_to_begin_with_relays_nothing_for_strangers():
    if not own_network():
        raise Skipped("needs a network of its own for port 587")
    with Relay(next_hop(), start=False) as relay:
        own = f'[server]\nhostname = "relay.test"\nuser = "root"\nstate_dir = "{relay.at("state")}"\ncontrol = "{relay.at("control.sock")}"\n'
        text = packaging("sluice.toml")
        expect_in("/var/log/sluice/sluice.log", text, "the configuration")
        relay.write_config(text.replace("/var/log/sluice/sluice.log", relay.log_file) + own + "[spool]\nfree_bytes_min = 0\n")
        relay.start()
        with Client(587) as client:
            client.greeted()
            client.say("MAIL FROM:<a@stranger.example>", "530")
        expect_equal({line["address"] for line in relay.log("listening")}, {"127.0.0.1:587"}, "where it listens")


@test
def logrotate_takes_the_log_and_the_relay_makes_a_new_one():
    need("logrotate")
    if os.geteuid() != 0:
        raise Skipped("needs root")
    with Relay(next_hop()) as relay:
        rules = relay.at("logrotate")
        with open(rules, "w", encoding="utf-8") as file:
            file.write(packaging("sluice.logrotate").replace("/var/log/sluice/sluice.log", relay.log_file).replace("su sluice sluice", "su root root"))
        before = os.stat(relay.log_file).st_ino
        run("logrotate", "--force", "--state", relay.at("logrotate.state"), rules)
        expect_equal(os.stat(relay.log_file + ".1").st_ino, before, "what the old log is called")

        # It looks for that once a second, when it writes.
        def written():
            relay.client().close()
            return os.path.exists(relay.log_file) and relay.log()

        until(written, "lines in a new log")
        relay.signal(signal.SIGTERM)
        relay.logged("stopped")


# ------------------------------------------------------------------------------------ the package


def members(path, name):
    """Those of the archive NAME within a .deb."""
    part = subprocess.run(["dpkg-deb", f"--{name}", path], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(part)) as archive:
        return {member.name.removeprefix("."): (member, archive.extractfile(member).read() if member.isfile() else b"") for member in archive}


class Package:
    """What one run of tools/package has made."""

    def __init__(self):
        need("dpkg-shlibdeps")
        if KIND != "release":
            raise Skipped("packages are made of what is optimized")
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-packages-")
        environment = {**os.environ, "SLUICE_BUILD_KIND": KIND, "SOURCE_DATE_EPOCH": "1767312000"}
        run("tools/package", "--without-symbols", "--uncompressed", "--out", self.folder.name, cwd=ROOT, env=environment)
        (name,) = os.listdir(self.folder.name)
        self.path = os.path.join(self.folder.name, name)

    def sum(self):
        with open(self.path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def stop(self):
        self.folder.cleanup()


@shared
def package():
    return Package()


@test
def the_package_has_all_that_belongs_in_it():
    files, control = members(package().path, "fsys-tarfile"), members(package().path, "ctrl-tarfile")
    names = sorted(files)
    for name in ("/usr/bin/sluice", "/usr/bin/sluicectl", "/usr/share/man/man5/sluice.toml.5.gz", "/usr/lib/sysusers.d/sluice.conf",
                 "/usr/lib/tmpfiles.d/sluice.conf", "/usr/share/sluice/sluice.toml", "/usr/share/fish/vendor_completions.d/sluice.fish",
                 "/usr/share/zsh/vendor-completions/_sluicectl", "/usr/share/bash-completion/completions/sluice"):  # fmt: skip
        expect_in(name, names, "the files")
    expect(any(name.endswith("/systemd/system/sluice.service") for name in files), "the unit is among the files")
    conffiles = control["/conffiles"][1].decode().split()
    expect_equal(conffiles, ["/etc/apparmor.d/usr.bin.sluice", "/etc/fail2ban/filter.d/sluice.conf", "/etc/logrotate.d/sluice"], "conffiles")
    expect_equal({member.mtime for member, _ in files.values()}, {1767312000}, "the files' times")
    expect_equal({(member.uname, member.gname) for member, _ in files.values()}, {("root", "root")}, "whose the files are")
    # The programs of the build "package" do not name it either.
    others = b"".join(content for name, (_, content) in files.items() if not name.startswith("/usr/bin/"))
    for folder in ("engine", "tools", ".build"):  # the checkout itself may be /sluice
        place = os.path.join(ROOT, folder).encode()
        expect(place not in others, f"the files beside the programs name {place}")
        expect_not_in(place, gzip.decompress(files["/usr/share/man/man1/sluice.1.gz"][1]), "a manual page")
    inside = {each["name"]: each["versionInfo"] for each in json.loads(files["/usr/share/doc/sluice/sluice.spdx.json"][1])["packages"]}
    version = re.search(r"with wolfSSL (\S+) and liburing ([0-9.]+)", run(SLUICE, "--version"))
    expect_equal((inside["wolfSSL"], inside["liburing"]), version.groups(), "the versions of what is linked statically")


@test
def two_runs_make_the_same_package():
    first = package()
    second = Package()
    expect_equal((os.path.basename(second.path), second.sum()), (os.path.basename(first.path), first.sum()), "name and bytes")
    second.stop()


if __name__ == "__main__":
    own_network()
    main()
