#!/usr/bin/env python3
"""Spools that were changed by hand: damaged records are quarantined and the rest is delivered; a directory that is not
our own is refused with what to do, and left as it is."""

import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import disks
from lib.harness import TIMEOUT_FACTOR, Skipped, cases, expect, expect_equal, expect_in, main, test, until
from lib.ledger import (
    MIB,
    MODES,
    Ledger,
    expect_refused,
    expect_warned,
    make_relay,
    on_disk,
    restart,
    until_ready,
)
from lib.relay import SLUICE, SLUICECTL

# A segment's header: two copies in its first block, each with its checksum behind.
HEADS_AT = (0, 2048)
HEAD_BYTES = 32


def flip(path, mark, wanted=1):
    """Changes one bit right behind MARK."""
    with open(path, "r+b") as file:
        data = file.read()
        expect_equal(data.count(mark), wanted, f"how often {mark} is in {path}")
        at = data.index(mark) + len(mark) + 100
        file.seek(at)
        file.write(bytes([data[at] ^ 1]))


@cases(*[(f"{size}, {mode}", size, mode) for size in (1000, 2 * MIB) for mode in MODES])
def a_flipped_bit_in_a_message(_name, size, mode):
    with on_disk(mode) as (disk, relay, hop, ledger):
        ledger.send(3, size)
        relay.stop()
        flip(disks.segments(disk.spool)[0], b"X-Ledger: 2.")
        hop.on.clear()
        restart(relay)
        ledger.expect_delivered(lost=[2])
        expect(2 not in ledger.numbers(), "a damaged message was delivered")
        reasons = {}
        for name in os.listdir(os.path.join(disk.spool, "quarantine")):
            with open(os.path.join(disk.spool, "quarantine", name), "rb") as file:
                reasons[name] = file.read()
        texts = [name for name in reasons if name.endswith(".txt")]
        expect(any(b"does not check" in reasons[name] for name in texts), f"no reason is given in quarantine: {texts}")
        expect(any(b"X-Ledger: 2." in kept for kept in reasons.values()), f"what lay there is not kept: {list(reasons)}")
        expect_warned(relay, "does not check", "quarantine")
        expect_equal(relay.log("spool_opened")[-1]["messages"], 2, "messages that were found")
        expect(relay.log("spool_opened")[-1]["damaged"] > 0, "no damage is counted")


# ------------------------------------------------------------------------------------ what is no spool of ours


def name_of(spool):
    return disks.segments(spool)[0]


def hard_link(spool):
    os.link(name_of(spool), os.path.join(os.path.dirname(spool), "another-name"))


def symbolic_segment(spool):
    place = os.path.join(os.path.dirname(spool), "elsewhere")
    os.rename(name_of(spool), place)
    os.symlink(place, os.path.join(spool, "000000ff.log"))


def symbolic_free_file(spool):
    os.symlink("/etc/passwd", os.path.join(spool, "free-000000ff"))


def linked(name, make):
    def link(spool):
        path, place = os.path.join(spool, name), os.path.join(os.path.dirname(spool), "elsewhere")
        if os.path.exists(path):
            os.rename(path, place)
        else:
            with open(place, "w", encoding="ascii") as file:
                file.write("mail.relay.test\n")
        make(place, path)

    return link


def symbolic_directory(spool):
    os.rename(spool, spool + "-elsewhere")
    os.symlink(spool + "-elsewhere", spool)


def written(name, text):
    def write(spool):
        with open(os.path.join(spool, name), "w", encoding="ascii") as file:
            file.write(text)

    return write


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def spoil_heads(path, places=HEADS_AT, sealed=False):
    """Another version in the copies of a segment's header at PLACES.  SEALED: with a checksum that fits."""
    with open(path, "r+b") as file:
        for at in places:
            file.seek(at)
            head = bytearray(file.read(HEAD_BYTES + 4))
            expect_equal(bytes(head[:8]), b"SLUICE-L", "the mark of a segment")
            expect_equal(int.from_bytes(head[HEAD_BYTES:], "little"), crc32c(head[:HEAD_BYTES]), "its checksum")
            head[8] = 99
            if sealed:
                head[HEAD_BYTES:] = crc32c(head[:HEAD_BYTES]).to_bytes(4, "little")
            file.seek(at)
            file.write(head)


def version_of_segment(spool):
    spoil_heads(name_of(spool), sealed=True)


@cases(("one_copy", HEADS_AT[:1]), ("the_other_copy", HEADS_AT[1:]), ("both", HEADS_AT))
def a_damaged_header_of_a_segment(name, places):
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send(2, 1000)
        relay.stop()
        segment = name_of(disk.spool)
        spoil_heads(segment, places)
        hop.on.clear()
        restart(relay)
        until_ready(relay)
        ledger.send(1, 1000)
        ledger.expect_delivered(lost=[1, 2] if name == "both" else [])
        if name == "both":
            expect_warned(relay, "its header is damaged", "quarantine")
            kept = os.path.join(disk.spool, "quarantine", os.path.basename(segment))
            with open(kept, "rb") as file:
                expect_in(b"X-Ledger: 2.", file.read(), "what is kept")


def check(relay, wanted):
    done = subprocess.run([SLUICE, "check", "--config", relay.config_file], capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, wanted, f"exit status of sluice check, which said {done.stderr!r}")
    return done.stderr


def owner(*names):
    return lambda spool: os.chown(os.path.join(spool, *names), 65534, 65534)


@cases(
    ("hard_link_to_a_segment", hard_link, "under this name alone"),
    ("symbolic_link_as_a_segment", symbolic_segment, "under this name alone"),
    ("symbolic_link_as_format", linked("format", os.symlink), "under this name alone"),
    ("hard_link_to_format", linked("format", os.link), "under this name alone"),
    ("symbolic_link_as_in_use_by", linked("in-use-by", os.symlink), "under this name alone"),
    ("symbolic_link_as_lock", linked("lock", os.symlink), "under this name alone"),
    ("symbolic_link_as_directory", symbolic_directory, "name the directory itself"),
    ("another_version", written("format", "sluice-spool 99\n"), "let the relay that wrote it deliver what is in it"),
    ("no_format_that_is_known", written("format", "nothing"), "another version"),
    ("a_segment_of_another_version", version_of_segment, "run that one until the spool is empty"),
    ("another_host", written("in-use-by", "old.relay.test\n"), "old.relay.test, or was when that one crashed"),
    ("directory_of_another_user", owner(), "chown"),
    ("segment_of_another_user", lambda spool: os.chown(name_of(spool), 65534, 65534), "give it to the user"),
    ("format_of_another_user", owner("format"), "give it to the user that the relay runs as"),
)
def a_spool_that_is_not_ours(_name, spoil, remedy):
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send(1, 1000)
        relay.stop()
        # What was there is untouched by the refusal: put back, it is delivered.
        backup = disk.at("backup")
        disks.run("cp", "-a", disk.spool, backup)
        spoil(disk.spool)
        expect_in(remedy, check(relay, wanted=1), "what check says")
        expect_in(remedy, expect_refused(relay), "what it says")
        disks.run("rm", "-rf", disk.spool)
        os.rename(backup, disk.spool)
        restart(relay)
        hop.on.clear()
        ledger.expect_delivered()


@test
def a_link_as_a_free_file_is_not_used():
    """Nothing is in a free file, so no mail waits for it to be taken away."""
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send(1, 1000)
        relay.stop()
        symbolic_free_file(disk.spool)
        expect_in("it is not used", check(relay, wanted=0), "what check notes")
        hop.on.clear()
        restart(relay)
        expect_warned(relay, "free-000000ff", "it is not used")
        ledger.expect_delivered()


@test
def a_host_that_has_gone_for_good():
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send(1, 1000)
        relay.kill()
        user = os.path.join(disk.spool, "in-use-by")
        written("in-use-by", "old.relay.test\nboot of another machine\n")(disk.spool)
        expect_in("remove " + user, expect_refused(relay), "what it says")
        os.remove(user)
        restart(relay)
        hop.on.clear()
        ledger.expect_delivered()


@test
def a_host_that_was_renamed():
    """Since the machine was started, the lock tells whose the spool is; the disk may be full meanwhile."""
    with on_disk() as (disk, relay, hop, ledger):
        ledger.send(1, 1000)
        relay.kill()
        os.remove(os.path.join(disk.use_up_inodes(), "0"))  # the filler is a file, too
        disk.fill()
        relay.config["server"]["hostname"] = "new.relay.test"
        relay.write_config()
        restart(relay)
        hop.on.clear()
        ledger.expect_delivered()


@test
def spool_check_by_root_of_the_spool_of_another_user():
    """Root reads it as its owner, and follows nothing that the owner has put there."""
    if os.geteuid() != 0:
        raise Skipped("only root can give files away")
    with on_disk() as (disk, relay, _, ledger), tempfile.TemporaryDirectory() as place:
        ledger.send(2, 1000)
        relay.stop()
        os.chmod(place, 0o700)  # closed to the spool's owner, as a backup of root's is
        spool, secret = os.path.join(place, "spool"), os.path.join(place, "secret")
        disks.run("cp", "-a", disk.spool, spool)
        disks.run("cp", disks.segments(spool)[0], secret)
        os.chmod(secret, 0o600)
        disks.run("chown", "-R", "65534:65534", spool)
        check = [SLUICECTL, "spool", "check", "--directory", spool]
        done = subprocess.run(check, capture_output=True, text=True, check=False)
        expect_equal((done.returncode, done.stderr), (0, ""), "what it says")
        expect(re.search(r"pending +2\b", done.stdout), f"not two messages: {done.stdout}")
        os.symlink(secret, os.path.join(spool, "000000ff.log"))
        os.link(secret, os.path.join(spool, "000000fe.log"))
        done = subprocess.run(check, capture_output=True, text=True, check=False)
        expect_equal(done.returncode, 1, "exit status with links in it")
        expect(re.search(r"pending +2\b", done.stdout), f"something was read that is root's: {done.stdout}")
        expect(re.search(r"unreadable +2\b", done.stdout), f"the links are not shown: {done.stdout}")
        written("format", "sluice-spool 99\n")(spool)
        done = subprocess.run(check, capture_output=True, text=True, check=False)
        expect_in(spool + ": is a spool of another version", done.stderr, "what it calls the spool")


@test
def a_second_relay_on_the_same_directory():
    with on_disk() as (disk, _, hop, ledger):
        ledger.send(1, 1000)
        said = expect_refused(make_relay(hop, disk.spool, start=False))
        expect_in("another relay on this machine uses it", said, "what it says")
        ledger.send(1, 1000)
        hop.on.clear()
        ledger.expect_delivered()


if __name__ == "__main__":
    main()
