#!/usr/bin/env python3
"""What operators do beside a running relay: a second relay, a rotated log, renewed certificates, a restored accounts' file,
a reload of a file that is wrong. What worked goes on, and what fails is said."""

import errno
import grp
import os
import pwd
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, wire
from lib.harness import TIMEOUT_FACTOR, Skipped, cases, expect, expect_equal, expect_in, main, shared, test, until
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import PASSWORD, SLUICE, SLUICECTL, Relay, authority, control, under

ROOT = os.geteuid() == 0
SHOWN = 12  # connections, so that all cores are asked


@shared
def next_hop():
    return Hop()


def as_root():
    if not ROOT:
        raise Skipped("only root gives files to others")


# ------------------------------------------------------------------------------------ addresses


@test
def a_second_relay_on_the_same_address_does_not_start():
    with Relay(next_hop()) as relay:
        second = Relay(next_hop(), start=False)
        second.ports = relay.ports
        second.config["listener"] = relay.config["listener"]
        second.write_config()
        done = subprocess.run([SLUICE, "serve", "--config", second.config_file], capture_output=True, text=True,
                              timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
        expect_equal(done.returncode, 1, f"exit status of the second, which said {done.stderr!r}")
        for port in relay.ports.values():
            expect_in(f"cannot listen on 127.0.0.1:{port}: Address already in use", done.stderr, "what it says")
        expect_in(f"(process {relay.process.pid})", done.stderr, "what it says of who listens there")
        with relay.client() as client:
            client.submit(mail.compose())
        next_hop().wait(1).clear()


@test
def a_server_that_comes_later_does_not_get_in_beside_it():
    with Relay(next_hop()) as relay:
        for port in relay.ports.values():
            for address in ("127.0.0.1", "0.0.0.0"):
                with socket.socket() as later:
                    later.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    later.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                    try:
                        later.bind((address, port))
                        later.listen()
                        expect(False, f"it shares {address}:{port}")
                    except OSError as error:
                        expect_equal(error.errno, errno.EADDRINUSE, f"why it may not have {address}:{port}")
        with relay.client() as client:
            client.submit(mail.compose())
        next_hop().wait(1).clear()


@test
def a_relay_that_was_killed_is_followed_at_once():
    relay = Relay(next_hop())
    relay.kill()
    relay.start()
    relay.stop()


# ------------------------------------------------------------------------------------ log


@cases(("SIGUSR1", signal.SIGUSR1), ("SIGHUP", signal.SIGHUP))
def a_rotated_log_is_opened_anew(_name, number):
    with Relay(next_hop()) as relay:
        os.rename(relay.log_file, relay.at("log.1"))
        relay.signal(number)
        until(lambda: os.path.exists(relay.log_file), "the log is opened anew")
        with relay.client() as client:
            client.submit(mail.compose())
        relay.logged("message")
        next_hop().wait(1).clear()


@test
def a_rotated_log_is_opened_anew_though_the_configuration_is_wrong():
    with Relay(next_hop()) as relay:
        relay.write_config("[server]\nhostnam = \"x.test\"\n")
        os.rename(relay.log_file, relay.at("log.1"))
        relay.signal(signal.SIGHUP)
        expect_in("hostnam", relay.logged("reload")["error"], "the error, in the new file")
        with relay.client() as client:
            client.submit(mail.compose())
        next_hop().wait(1).clear()


@test
def a_reload_says_that_the_log_cannot_be_opened():
    with Relay(next_hop()) as relay:
        relay.config["limits"]["message_bytes"] = 70000
        relay.config["log"]["file"] = relay.at("absent", "log")
        relay.write_config()
        said = relay.control("reload", wanted=1)
        expect_in(relay.at("absent", "log"), said, "what reload says")
        with relay.client() as client:
            expect_equal(client.ehlo()["SIZE"], "70000", "SIZE, of the new configuration")
        line = relay.logged("reload")
        expect_in("absent/log", line["error"], "the error, in the old file")
        expect_equal(line["then"], "the rest of the configuration is in force", "what came of it")


# ------------------------------------------------------------------------------------ certificates


def own_certificates(name):
    """A directory of certificates for this test alone."""
    path = under("tls-" + name)
    for host in (wire.HOST, "mail.acme.test"):
        authority().issue(os.path.join(path, host), host)
    return path


def serials(relay, name):
    """The serial numbers that clients who ask for NAME are shown, over all cores."""
    context = ssl.create_default_context(cafile=authority().ca_file)
    context.check_hostname = False
    found = set()
    for _ in range(SHOWN):
        with wire.Client(relay.ports["implicit"], tls=context, name=name) as client:
            found.add(client.socket.getpeercert()["serialNumber"])
            found.add(client.socket.getpeercert()["subjectAltName"][0][1])
    return found


def renew(path, host):
    """New files for HOST, not yet in their place."""
    fresh = under("renewed")
    authority().issue(fresh, host)

    def put(file):
        # Whole at once: the relay may look at any time.
        place = os.path.join(path, host, file)
        shutil.copy(os.path.join(fresh, file), place + ".new")
        os.replace(place + ".new", place)

    return put


@cases(wire.HOST, "mail.acme.test")
def a_key_that_is_renewed_before_its_certificate(host):
    path = own_certificates("key-first")
    with Relay(next_hop(), tls={"certificates": path}) as relay:
        before = serials(relay, host)
        put = renew(path, host)
        put("privkey.pem")
        expect_in(host, relay.control("reload"), "what reload warns of")

        def tried():
            expect_equal(serials(relay, host), before, "what is shown between the two")
            return relay.log("certificate")

        until(tried, "the relay has tried the new key")
        put("fullchain.pem")
        until(lambda: not serials(relay, host) & before - {host}, "the new certificate is shown")
        expect_equal(len(serials(relay, host)), 2, "serial and name on all cores")
        expect_equal({line["host"] for line in relay.log("certificate")}, {host}, "whom the log tells of")


@test
def a_start_names_every_pair_that_is_no_good():
    path = own_certificates("at-start")
    with open(os.path.join(path, "mail.acme.test", "privkey.pem"), "w", encoding="ascii") as key:
        key.write("no key\n")
    with Relay(next_hop(), tls={"certificates": path}) as relay:
        # No client has asked for it.
        expect_equal(relay.logged("certificate")["host"], "mail.acme.test", "whom the log tells of")


@test
def a_key_that_is_unreadable_is_tried_again():
    as_root()
    path, host = own_certificates("owner"), "mail.acme.test"
    for folder, _, files in os.walk(path):
        for file in files:
            os.chmod(os.path.join(folder, file), 0o644)
    relay = Relay(next_hop(), start=False, tls={"certificates": path}, server={"user": "nobody"})
    relay.config["store"]["accounts"] = relay.at("state", "accounts.db")
    for file in ("state", "state/accounts.db"):
        shutil.chown(relay.at(file), "nobody")
    shutil.chown(relay.path, "nobody")
    relay.write_config()
    relay.start()
    try:
        before = serials(relay, host)
        put = renew(path, host)
        put("fullchain.pem")
        put("privkey.pem")
        os.chmod(os.path.join(path, host, "privkey.pem"), 0o600)
        until(lambda: serials(relay, host) == before and relay.log("certificate"), "the relay has tried the new key")
        shutil.chown(os.path.join(path, host, "privkey.pem"), "nobody")
        until(lambda: not serials(relay, host) & before - {host}, "the new certificate is shown")
        expect_equal(len(serials(relay, host)), 2, "serial and name on all cores")
        relay.stop()
    finally:
        relay.kill()


@test
def no_other_process_of_its_user_reads_its_memory():
    as_root()
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    path = own_certificates("nobodys")
    relay = Relay(next_hop(), start=False, tls={"certificates": path})
    relay.config["store"]["accounts"] = relay.at("state", "accounts.db")
    for file in (relay.path, relay.at("state"), relay.at("state", "accounts.db")):
        shutil.chown(file, "nobody")
    for folder, _, files in os.walk(path):
        for file in files:
            shutil.chown(os.path.join(folder, file), "nobody")
    relay.write_config()
    # As a service manager starts it that makes it its user: a change of users by itself would hide the memory, too.
    relay.program = as_nobody
    relay.start()
    try:
        done = subprocess.run([*as_nobody, "cat", f"/proc/{relay.process.pid}/maps"], capture_output=True, text=True, check=False)
        expect_equal(done.stdout, "", "what another process of its user sees")
        expect_in("Permission denied", done.stderr, "what that is told")
        relay.stop()
    finally:
        relay.kill()


@test
def without_a_default_host_there_is_one_to_show():
    with Relay(next_hop(), tls={"certificates": under("tls-none"), "default_host": ""}) as relay:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        shown = set()
        for name in (None, "unknown.test"):
            for _ in range(SHOWN):
                with wire.Client(relay.ports["implicit"], tls=context, name=name) as client:
                    client.greeted()
                    shown.add(client.socket.getpeercert(binary_form=True))
        expect_equal(len(shown), 1, "how many certificates are shown")
        expect_in("self-signed", relay.logged("certificate")["error"], "what the log says")


# ------------------------------------------------------------------------------------ accounts


@cases(("renamed over it", os.replace), ("written over it", shutil.copyfile))
def a_restored_accounts_file_is_noticed(_name, put):
    with Relay(next_hop()) as relay:
        accounts = relay.at("state", "accounts.db")
        backup = relay.at("backup.db")
        with relay.client():
            pass
        shutil.copy(accounts, backup)
        relay.control("account", "password", SENDER, "--password-stdin", said="another\n")
        until(lambda: logs_in(relay, "another"), "the new password works")
        put(backup, accounts)
        until(lambda: logs_in(relay, PASSWORD), "the restored password works")
        until(lambda: not logs_in(relay, "another"), "the password that was set since works no more", 1)
        expect_in(SENDER, relay.control("account", "list"), "the accounts, as sluicectl sees them")


@test
def a_reload_says_that_the_accounts_cannot_be_read():
    with Relay(next_hop()) as relay:
        accounts = relay.at("state", "accounts.db")
        backup = relay.at("backup.db")
        shutil.copy(accounts, backup)
        relay.control("reload")
        with open(relay.at("half.db"), "wb") as half:
            half.write(b"no database")
        os.chmod(half.name, 0o600)
        os.rename(half.name, accounts)
        expect_in(accounts, relay.control("reload", wanted=1), "what reload says")
        os.rename(backup, accounts)
        relay.control("reload")
        expect(logs_in(relay, PASSWORD), "who was there before logs in")


def users_of(process):
    """The user that a process is, might become again, and opens files as."""
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        return {int(user) for line in file if line.startswith("Uid:") for user in line.split()[1:]}


def logs_in(relay, password):
    with relay.connect() as client:
        client.greeted()
        try:
            client.log_in(SENDER, password)
            return True
        except Exception:
            return False


@test
def root_edits_accounts_as_their_owner():
    """Whatever the relay's user puts in the place of the file, or beside it: it makes root do no more than that user may."""
    as_root()
    place = under("owned")
    os.mkdir(place, 0o755)
    store = os.path.join(place, "accounts.db")
    shutil.chown(place, "nobody")
    control("customer", "add", "acme", store=store)
    expect_equal(os.stat(store).st_uid, os.stat(place).st_uid, "the owner of a new file")
    expect_in("acme", control("customer", "list", store=store), "the customers")
    add = [SLUICECTL, "--store", store, "account", "add", "a@example.com", "--customer", "acme", "--password-stdin"]
    with subprocess.Popen(add, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as adding:
        # The file is open before the password is read.
        until(lambda: users_of(adding.pid) == {os.stat(store).st_uid}, "sluicectl is the file's owner, for good", 2)
        adding.communicate(b"secret of a\n")
        expect_equal(adding.returncode, 0, "exit status")
    # A backup that its owner cannot reach is root's alone to read.
    os.chmod(place, 0o700)
    os.chown(place, 0, 0)
    expect_in("acme", control("customer", "list", store=store), "the customers of a backup")


# ------------------------------------------------------------------------------------ control socket, check


@test
def the_control_socket_is_its_groups():
    as_root()
    group = next(one.gr_name for one in grp.getgrall() if one.gr_gid not in (0, os.getgid()))
    relay = Relay(next_hop(), start=False, server={"group": group})
    relay.config["server"]["control"] = relay.at("run", "control.sock")
    relay.write_config()
    relay.start()
    try:
        for path, mode in ((relay.at("run", "control.sock"), 0o660), (relay.at("run"), 0o750)):
            found = os.stat(path)
            expect_equal(grp.getgrgid(found.st_gid).gr_name, group, f"the group of {path}")
            expect_equal(stat.S_IMODE(found.st_mode), mode, f"the mode of {path}")
        relay.stop()
    finally:
        relay.kill()


@test
def a_group_that_is_set_later_gets_to_the_control_socket():
    as_root()
    group = next(one.gr_name for one in grp.getgrall() if one.gr_gid not in (0, os.getgid()))
    relay = Relay(next_hop(), start=False)
    relay.config["server"]["control"] = relay.at("run", "control.sock")
    relay.write_config()
    relay.start()
    try:
        relay.stop()
        relay.config["server"]["group"] = group
        relay.write_config()
        relay.start()
        for path in (relay.at("run", "control.sock"), relay.at("run")):
            expect_equal(grp.getgrgid(os.stat(path).st_gid).gr_name, group, f"the group of {path}")
        relay.stop()
        # A directory of the operator's own stays as it is.
        os.chmod(relay.at("run"), 0o755)
        os.chown(relay.at("run"), -1, 0)
        relay.start()
        expect_equal(os.stat(relay.at("run")).st_gid, 0, "the group of a directory with another mode")
        relay.stop()
    finally:
        relay.kill()


@test
def who_may_not_use_the_control_socket_is_told_who_may():
    as_root()
    with Relay(next_hop()) as relay:
        done = subprocess.run([SLUICECTL, "--control", relay.at("control.sock"), "status"], capture_output=True, text=True,
                              user="nobody", group=pwd.getpwnam("nobody").pw_gid, extra_groups=[],
                              timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
        expect_equal(done.returncode, 1, "exit status")
        expect_in("members of server.group may use it", done.stderr, "what it says")


@test
def check_names_a_port_that_another_server_holds():
    with Relay(next_hop()) as relay, socket.create_server(("127.0.0.1", 0)) as another:
        check = [SLUICE, "check", "--config", relay.config_file]
        done = subprocess.run(check, capture_output=True, text=True, timeout=20 * TIMEOUT_FACTOR, check=False)
        expect_equal((done.returncode, done.stderr), (0, ""), "of the relay's own ports")
        port = another.getsockname()[1]
        relay.config["listener"][0]["address"].append(f"127.0.0.1:{port}")
        relay.write_config()
        done = subprocess.run(check, capture_output=True, text=True, timeout=20 * TIMEOUT_FACTOR, check=False)
        expect_equal((done.returncode, len(done.stderr.splitlines())), (1, 1), f"exit status, errors: {done.stderr!r}")
        expect_in(f"cannot listen on 127.0.0.1:{port}: Address already in use, by python3 (process {os.getpid()})",
                  done.stderr, "what it says")  # fmt: skip


@test
def check_names_what_serve_would_fail_for():
    relay = Relay(next_hop(), start=False, log={"file": under("no-such-folder", "log")})
    relay.config["route"].insert(0, {**relay.config["route"][0], "name": "theirs", "customers": ["nobody-of-ours"]})
    relay.write_config()
    os.remove(relay.at("state", "accounts.db"))
    done = subprocess.run([SLUICE, "check", "--config", relay.config_file], capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, 1, f"exit status; it said {done.stderr!r}")
    expect_in(under("no-such-folder"), done.stderr, "what it says of the log")
    expect_in("store.accounts", done.stderr, "what it says of the accounts")
    control("customer", "add", "acme", config=relay.config_file)
    os.mkdir(under("no-such-folder"))
    done = subprocess.run([SLUICE, "check", "--config", relay.config_file], capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, 1, f"exit status; it said {done.stderr!r}")
    expect_in('route theirs: there is no customer "nobody-of-ours"', done.stderr, "what it says of the route")


if __name__ == "__main__":
    main()
