#!/usr/bin/env python3
"""Limits that change while accounts send, by a reload, an override or another class; and classes that are only tried."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import expect_equal, main, test, until
from lib.limited import LimitedRelay, limit, send, table
from lib.mail import SENDER


@test
def a_class_in_shadow_is_not_free_of_the_whole_relays_limits():
    with LimitedRelay(limit(1), shadow=True) as relay:
        relay.stop()
        with open(relay.config_file, "a", encoding="utf-8") as file:
            file.write('[[policy.limit]]\nquantity = "recipients"\nwindow = "day"\namount = 3\n')
        relay.start()
        with relay.client() as client:
            expect_equal(send(client, 4), (["250"] * 3 + ["550"], "250"), "recipients")
        for subject, shadow in (("account", True), ("relay", False)):
            relay.logged("submission_limit_reached", subject=subject, shadow=shadow)


@test
def a_device_password_is_not_let_past_its_class_by_what_its_owners_class_had_leased():
    with LimitedRelay(limit(1000), cores=1) as relay:
        relay.config["policy"] = {"default_class": "limited"}
        relay.write_config()
        with open(relay.config_file, "a", encoding="utf-8") as file:
            file.write(f'[[class]]\nname = "narrow"\nlimit = [{table(limit(3))}]\n')
        relay.control("reload")
        said = relay.control("account", "device", "add", SENDER, "--name", "printer", "--class", "narrow")
        with relay.client() as owner, relay.client(password=re.search(r"password: (\S+)", said)[1]) as printer:
            expect_equal(send(owner, 2), (["250"] * 2, "250"), "what its owner sends")
            expect_equal(send(printer, 3), (["250", "550", "550"], "250"), "what the printer sends")
            expect_equal(send(owner, 3), (["250"] * 3, "250"), "what its owner sends then")


@test
def a_reload_changes_the_limit_and_keeps_what_is_used():
    with LimitedRelay(limit(3)) as relay:
        with relay.client() as client:
            expect_equal(send(client, 4)[0], ["250"] * 3 + ["550"], "recipients before")
        relay.limits = [limit(5)]
        relay.write_config()
        relay.control("reload")
        with relay.client() as client:
            expect_equal(send(client, 4)[0], ["250"] * 2 + ["550"] * 2, "recipients after")


@test
def a_reload_that_allows_less_counts_for_open_sessions_too():
    """Who was sending just then went on by the old limits for as long as the session was open."""
    with LimitedRelay(limit(100)) as relay, relay.client() as client:
        expect_equal(send(client, 2), (["250"] * 2, "250"), "before")
        relay.limits = [limit(3)]
        relay.write_config()
        relay.control("reload")
        expect_equal(send(client, 3), (["250", "550", "550"], "250"), "after")
        relay.limits = [limit(9), limit(1, quantity="sessions")]
        relay.write_config()
        for _ in range(2):
            relay.control("reload")
            expect_equal(send(client, 1), (["250"], "250"), "of one session, which counts once")


@test
def a_class_in_shadow_only_tells():
    with LimitedRelay(limit(1), shadow=True) as relay, relay.client() as client:
        expect_equal(send(client, 3)[0], ["250"] * 3, "recipients")
        expect_equal(send(client, 3)[0], ["250"] * 3, "recipients")
        reached = relay.logged("submission_limit_reached", effect="told")
        expect_equal(reached["shadow"], True, "shadow")


@test
def an_override_of_the_account_counts_within_a_second():
    with LimitedRelay(limit(1)) as relay:
        relay.control("account", "limit", SENDER, "recipients/day=4")

        def recipients_taken():
            with relay.client() as client:
                if str(client.say(f"MAIL FROM:<{SENDER}>"))[:3] == "421":  # it logged in just before the change was seen
                    return False
                return [str(client.say(f"RCPT TO:<r{number}@far.test>"))[:3] for number in range(6)].count("250") == 4

        until(recipients_taken, "four recipients are taken", 2)


@test
def an_override_that_allows_less_is_not_passed_by_what_was_leased_before():
    with LimitedRelay(limit(1000), cores=1) as relay:
        with relay.client() as client:
            expect_equal(send(client, 2), (["250"] * 2, "250"), "before")
            relay.control("account", "limit", SENDER, "recipients/day=3")
            until(lambda: client.line().startswith("421"), "the session's end")
        with relay.client() as client:
            expect_equal(send(client, 3), (["250", "550", "550"], "250"), "after")


if __name__ == "__main__":
    main()
