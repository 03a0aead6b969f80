#!/usr/bin/env python3
"""tools/try, which is what a newcomer sees first, with programs that are built."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import TIMEOUT_FACTOR, cases, expect_equal, expect_in, main, test
from lib.mail import compose
from lib.relay import SLUICE, SLUICECTL, folder, under

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VERDICT = os.path.join(ROOT, "tests/interop/lib/dkim_verdict.py")
NO_PORT = "1"

SHOWN = (
    # name, options, what is said
    ("with_a_mailbox", ["--pop3"], ["this came through Sluice.", "pop3-login"]),
    (
        "with_a_domain",
        ["--domain"],
        [
            "sl1r._domainkey.customer.example  CNAME  sl1r.customer.example.dkim.isp.example",
            "customer.example: right\n",
            "Gmail          takes mail, from bulk senders, too\n",
            "key sl1e: active from ",
            "this came through Sluice.",
            "RSA signature of customer.example (selector sl1r): good\n",
            "Ed25519 signature of customer.example (selector sl1e): good\n",
            "with one byte of the body changed: 2 of 2 bad, body hash mismatch\n",
        ],
    ),
)


@cases(*SHOWN)
def shows_what_it_says(name, options, said):
    env = {**os.environ, "SLUICE": os.path.abspath(SLUICE), "SLUICECTL": os.path.abspath(SLUICECTL)}
    done = subprocess.run([os.path.join(ROOT, "tools/try"), *options], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, 0, f"exit status; it said {done.stdout[-2000:]}{done.stderr[-2000:]}")
    for each in said:
        expect_in(each, done.stdout, "what it says")


@test
def nobody_says_of_mail_without_signatures_that_they_are_good():
    assert folder()
    path = under("unsigned")
    with open(path, "wb") as file:
        file.write(compose())
    done = subprocess.run(["/usr/bin/python3", VERDICT, path, NO_PORT, "2"], capture_output=True, text=True, timeout=60, check=False)
    expect_equal(done.returncode, 1, f"exit status; it said {done.stdout}{done.stderr}")
    expect_in("that is not what it should be", done.stdout, "what it says")


if __name__ == "__main__":
    main()
