#!/usr/bin/env python3
"""sluicectl on a store in Debian's PostgreSQL: the first customer, a copy of a file and back, an import; and the unit tests of the
store on it."""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.backends import hash_of_password
from lib.harness import TIMEOUT_FACTOR, cases, expect_equal, expect_in, main, shared, test, until
from lib.mail import SENDER
from lib.relay import PASSWORD, SLUICE, accounts, control, under
from lib.sharing import Postgresql, SharingRelay, copied, keys, next_hop, server

ACCOUNTS = 10_000


@test
def the_first_customer_makes_the_tables():
    server().create("fresh")
    relay = SharingRelay(start=False, **keys("fresh"))
    expect_in("sluicectl customer add", control("customer", "list", config=relay.config_file, wanted=1), "before")
    control("customer", "add", "Acme", config=relay.config_file)
    with relay:
        relay.start()
        expect_equal(relay.login(SENDER), "535", "a name that is not known")
        control("domain", "add", "example.com", "--customer", "ACME", config=relay.config_file)
        control("account", "add", SENDER, "--customer", "acme", "--password-stdin", config=relay.config_file, said=PASSWORD + "\n")
        until(lambda: relay.login(SENDER) == "235", "a login of the account that was added")
        relay.delivers(next_hop())
    expect_in(SENDER, control("account", "list", "--customer", "ACME", config=relay.config_file), "its accounts")


@test
def copied_there_and_back():
    server().create("there")
    file, back = under("copy.db"), under("back.db")
    relay = SharingRelay(start=False, **keys("there"))
    copied("--from", accounts(), "--to", file, config=relay.config_file)
    said = control("account", "device", "add", SENDER, "--name", "printer", store=file)
    device = re.search(r"password: (\S+)", said)[1]
    place = "config:" + relay.config_file
    copied("--from", file, "--to", place, config=relay.config_file)
    expect_in("--force", copied("--from", file, "--to", place, config=relay.config_file, wanted=1), "what is said of one that is not empty")
    copied("--from", file, "--to", place, "--force", config=relay.config_file)
    with relay:
        relay.start()
        expect_equal([relay.login(SENDER), relay.login(SENDER, device)], ["235", "235"], "logins with the copy")
        relay.delivers(next_hop())
    copied("--to", back, config=relay.config_file)
    with SharingRelay(accounts=back) as embedded:
        expect_equal([embedded.login(SENDER), embedded.login(SENDER, device), embedded.login(SENDER, "another")], ["235", "235", "535"], "logins with its copy")
        expect_in(embedded.login("sam@example.com"), ("525", "535"), "one that is suspended")


@test
def ten_thousand_accounts_are_imported():
    server().create("many")
    relay = SharingRelay(start=False, **keys("many"))
    control("customer", "add", "acme", config=relay.config_file)
    control("domain", "add", "example.com", "--customer", "acme", config=relay.config_file)
    path = under("users")
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(f"user{number}@example.com:{hash_of_password()}\n" for number in range(ACCOUNTS)))
    begun = time.monotonic()
    said = control("account", "import", path, "--format", "passwd-file", "--customer", "acme", config=relay.config_file)
    took = time.monotonic() - begun
    expect_in(f"{ACCOUNTS} accounts imported", said, "what is said")
    print(f"# {ACCOUNTS} accounts in {took:.1f} s: {ACCOUNTS / took:.0f} a second")
    with relay:
        relay.start()
        expect_equal(relay.login(f"user{ACCOUNTS - 1}@example.com"), "235", "a login of the last one")


# Those that are for either kind of store.
SUITES = ("AccountAdminTest", "CertificateStoreTest", "ChangesTest", "ClaimTest", "ClassStoreTest", "CramMd5Store", "DeviceTest",
          "DomainStateMigrationTest", "DomainStateTest", "EmbeddedStoreTest", "ImportTest", "PostgresqlStoreTest", "ScramStore",
          "SigningDomainTest", "SigningKeyTest", "StoreCopyTest")  # fmt: skip


@shared
def unit_server():
    made = Postgresql()
    made.create("sluice")
    return made


@cases(*((suite, suite) for suite in SUITES))
def the_unit_tests_of_the_store_pass_on_it(_, suite):
    program = os.path.join(os.path.dirname(SLUICE), "tests/unit/test_auth_backend")
    if not os.path.exists(program):
        print(f"# {program} is not built")
        return
    done = subprocess.run([program, f"--gtest_filter={suite}.*", "--gtest_brief=1"], capture_output=True, text=True, check=False,
                          env={**os.environ, "SLUICE_TEST_POSTGRESQL": unit_server().socket}, timeout=90 * TIMEOUT_FACTOR)  # fmt: skip
    expect_equal(done.returncode, 0, f"exit status of the unit tests, which said {done.stdout[-3000:]}")
    expect_in("PASSED", done.stdout, "what they say")


if __name__ == "__main__":
    main()
