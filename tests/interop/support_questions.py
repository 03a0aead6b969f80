#!/usr/bin/env python3
"""Thirty questions that a support desk is asked, the command that answers each, and whether its answer is true: on a day that
is made up, with faults in it, of which tests/tools/write_trace_day knows what happened.

    SLUICE_DAY_MESSAGES=1000000 support_questions.py    the same on a day of a million messages (20,000 where it is not set)
    support_questions.py --write                        writes the list, support_questions.md, anew
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.harness import expect, expect_equal, expect_in, main, shared, test

SLUICECTL = os.environ["SLUICECTL"]
WRITE_TRACE_DAY = os.path.join(os.path.dirname(SLUICECTL), "tests", "tools", "write_trace_day")
LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "support_questions.md")
MESSAGES = int(os.environ.get("SLUICE_DAY_MESSAGES") or 20_000)
SHOWN_LINES = 12
SHOWN_COLUMNS = 180


class Day:
    """The files of the trace, and what is true of the day."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-day-")
        os.chmod(self.folder.name, 0o755)
        trace = os.path.join(self.folder.name, "trace")
        started = time.monotonic()
        done = subprocess.run([WRITE_TRACE_DAY, str(MESSAGES), trace], capture_output=True, text=True, check=True)
        self.made_s = time.monotonic() - started
        known = json.loads(done.stdout)
        self.notes, self.counts = known["notes"], known["counts"]
        self.config = os.path.join(self.folder.name, "sluice.toml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'[server]\ncontrol = "{self.folder.name}/control"\n[trace]\ndirectory = "{trace}"\n[[route]]\nmx = true\n')

    def words(self, command):
        """The words of COMMAND, in which {name} is what the ledger calls so."""
        for name, value in self.notes.items():
            command = command.replace("{" + name + "}", value)
        expect("{" not in command, f"the ledger has all that is in {command}")
        return shlex.split(command)

    def answer(self, command, *more):
        words = self.words(command)
        expect_equal(words[0], "sluicectl", "the program")
        done = subprocess.run([SLUICECTL, "--config", self.config, *words[1:], *more], capture_output=True, text=True, timeout=600, check=False)
        expect_equal((done.returncode, done.stderr), (0, ""), f"how {command} ends")
        return done.stdout

    def stop(self):
        self.folder.cleanup()


@shared
def day():
    return Day()


# ------------------------------------------------------------------------------------ how answers are held against the ledger


def counted(what, top=None):
    """The table of --by is what the ledger counts."""

    def check(command):
        rows = json.loads(day().answer(command, "--json"))
        name = next(iter(rows[0])) if rows else ""
        got = {row[name]: row["messages"] for row in rows}
        known = {of.lower(): count for of, count in day().counts[what].items()}
        expect(known, f"the ledger counts {what}")
        if top is None or len(known) <= top:
            expect_equal(got, known, f"what {command} counts")
            return
        most = sorted(known.values(), reverse=True)[:top]
        expect_equal(sorted(got.values(), reverse=True), most, f"the largest counts of {command}")
        for of, count in got.items():
            expect_equal(count, known[of], f"what {command} counts of {of}")

    return check


def total(what, of):
    def check(command):
        rows = json.loads(day().answer(command, "--json"))
        expect_equal([row["messages"] for row in rows], [day().counts[what][of]], f"what {command} counts")

    return check


def found(*ids, events=()):
    """The messages that are found are those, and have events with these verdicts or names, in order."""

    def check(command):
        lines = [json.loads(line) for line in day().answer(command, "--json").splitlines()]
        expect_equal(sorted(line["id"] for line in lines if line["id"]), sorted(day().notes[name] for name in ids), f"what {command} finds")
        for line in lines:
            got = [event.get("verdict") or event.get("what") or event["event"] for event in line["events"]]
            for wanted in events:
                expect_in(wanted, got, f"what happened to {line['id']}")

    return check


def says(*parts):
    """The answer has these in it, in order."""

    def check(command):
        rest = day().answer(command)
        for part in parts:
            for name, value in day().notes.items():
                part = part.replace("{" + name + "}", value)
            place = rest.find(part)
            expect(place >= 0, f"{command}: {part!r} is in the answer, behind what comes before it: {rest[:2000]}")
            rest = rest[place + len(part) :]

    return check


def newsletter_fates(command):
    groups = {group["verdict"]: group for group in json.loads(day().answer(command, "--json")) if group["event"] == "recipients"}
    expect_equal(len(groups["relayed"]["recipients"]), int(day().notes["newsletter.relayed"]), "how many it reached")
    expect_equal(set(groups["refused"]["recipients"]), set(day().counts["newsletter_refused"]), "whom it did not reach")
    expect_equal(set(groups["deferred"]["recipients"]), set(day().counts["newsletter_waiting"]), "for whom it waits")


def logins(count):
    def check(command):
        events = [event for line in day().answer(command, "--json").splitlines() for event in json.loads(line)["events"]]
        wrong = [event for event in events if event["event"] == "login" and event["result"] == "wrong"]
        expect_equal(len(wrong), count, f"the logins that {command} finds")

    return check


def guessed(command):
    rows = {row["account"]: row["others"] for row in json.loads(day().answer(command, "--json"))}
    expect_equal(rows, day().counts["guessed_by_account"], "which accounts were tried how often")


QUESTIONS = [
    ("Where is my mail to ralph@grey.example?",
     "sluicectl trace --account {greylisted.account} --recipient {greylisted.to}",
     found("greylisted.id", events=("taken", "deferred", "relayed"))),
    ("It is not there yet. What does it wait for, and when is it tried again?",
     "sluicectl explain {waiting.id}",
     says("wanda@deadhost.example", "waits since 2026-11-28T20:00:01", "was not reached: \"4.4.1 connect: connection timed out\" 5 times",
          "next try at 2026-11-29T00:00:00", "sluicectl queue flush ID tries now")),
    ("Why was I refused? My program showed an id.",
     "sluicectl explain {refused.id}",
     says("refused", "550 5.7.1 The sender's domain is not one of yours", "must be in a domain of the account's customer", "sluicectl domain add", "bob@acme.example")),
    ("Who got the mail that I sent at 9:40?",
     "sluicectl trace --account {at_0940.account} --since '2026-11-28 09:39' --until '2026-11-28 09:42'",
     says("{at_0940.id}", "anna@d1.example, bert@d1.example, cleo@d1.example", "relayed for anna@d1.example")),
    ("Is bigmail slow for all of us, or only for me?",
     "sluicectl trace --recipient @bigmail.example --verdict deferred --by customer --top 10",
     counted("bigmail_put_off_by_customer", top=10)),
    ("Is it one of bigmail's hosts, or all of them?",
     "sluicectl trace --recipient @bigmail.example --verdict deferred --by next-hop",
     counted("bigmail_put_off_by_host")),
    ("Since when, and what does bigmail say?",
     "sluicectl trace --recipient @bigmail.example --verdict deferred --until '2026-11-28 09:30' --limit 1000000",
     says("deferred for", "421 4.7.28 Unusual rate of mail from your network, try later")),
    ("Is it us or them: whom do we not reach today?",
     "sluicectl trace --verdict deferred --words 'timed out' --by destination",
     counted("timed_out_by_destination")),
    ("Which customers send most to dead addresses today?",
     "sluicectl trace --verdict refused --words 'no such user' --by customer --top 5",
     counted("dead_by_customer", top=5)),
    ("Did the newsletter to 2,000 go out, and whom did it not reach?",
     "sluicectl explain {newsletter.id}",
     newsletter_fates),
    ("To which of my addresses does that newsletter wait?",
     "sluicectl trace --account {newsletter.account} --verdict deferred --by recipient --top 100",
     counted("newsletter_waiting")),
    ("Which addresses of it are to be taken off the list?",
     "sluicectl trace --account {newsletter.account} --verdict refused --by recipient --top 100",
     counted("newsletter_refused")),
    ("I got a report that my mail could not be delivered. Why not?",
     "sluicectl explain {bounced.id}",
     says("gone@d7.example", "was refused at 2026-11-28T12:05:01", "mx0.d7.example:25 answered \"550 5.1.1 No such user here\"", "another address", "DSN", "{bounced.report}")),
    ("Which message is this report about? I have only the report's id.",
     "sluicectl trace --words {bounced.report}",
     found("bounced.id", events=("refused", "report"))),
    ("My program logs Message-IDs only: what happened to this one?",
     "sluicectl trace --message-id {password_mail.message_id}",
     found("password_mail.id", events=("taken", "relayed"))),
    ("Did the password mail to user77 go out, and who has it now?",
     "sluicectl explain {password_mail.id}",
     says("user77@d9.example", "was taken at 2026-11-28T14:00:01", "mx0.d9.example:25 answered \"250 2.0.0", "the host has it")),
    ("Mail of this morning came back in the afternoon: what was tried?",
     "sluicectl explain {expired.id}",
     says("ed@deadhost.example", "was given up at 2026-11-28T16:00:00", "after 8 tries since 2026-11-28T06:00:01", "queue.expire_s", "failure: ")),
    ("Which mail did we give up on today, for which domains?",
     "sluicectl trace --verdict expired --by destination",
     counted("expired_by_destination")),
    ("Whose mailboxes are full?",
     "sluicectl trace --verdict deferred --words 'over quota' --by recipient",
     counted("over_quota_by_recipient")),
    ("My mail to full1 does not arrive.",
     "sluicectl explain {over_quota.id}",
     says("full1@boxes.example", "was refused at", "552 5.2.2 Mailbox is over quota", "at try 5; waited since 2026-11-28T13:00:01", "room in the recipient's mailbox")),
    ("What does mx.strict.example refuse, and of whom?",
     "sluicectl trace --next-hop mx.strict.example --verdict refused --by account --top 1000000",
     counted("strict_by_account")),
    ("Why does strict.example refuse my mail?",
     "sluicectl explain {strict.id}",
     says("550 5.7.1 Message refused by policy, see https://strict.example/help", "a policy of its own")),
    ("Who is delayed by greylisting, most of all?",
     "sluicectl trace --words greylisted --by account --top 5",
     counted("greylisted_by_account", top=5)),
    ("Dave cannot log in. What does the relay see?",
     "sluicectl trace --account dave@acme.example",
     logins(4)),
    ("Are passwords guessed from this address, and whose?",
     "sluicectl trace --client 203.0.113.66 --by account --top 100",
     guessed),
    ("Why is my mail on hold?",
     "sluicectl explain {held.id}",
     says("account_noticed", "4 countries within an hour (40)", "sluicectl noticed release", "message_held", "victim0@d5.example", "was removed from the queue by an operator")),
    ("Whose mail was held today?",
     "sluicectl trace --verdict held --by account",
     counted("held_by_account")),
    ("Where from did that account send?",
     "sluicectl trace --account mallory@shop.example --verdict taken --by client",
     counted("stolen_by_client")),
    ("Who has reached a limit, and which one?",
     "sluicectl explain {limited.id}",
     says("452 4.5.3 The limit of recipients is reached", "500 recipients a day of account eve@acme.example: 500 are used", "sluicectl account limit")),
    ("Whose mail was cut off by the restart at three?",
     "sluicectl trace --verdict aborted --since '2026-11-28 02:59' --until '2026-11-28 03:05' --by account --top 100",
     counted("cut_off_by_account")),
    ("How much did Acme send today?",
     "sluicectl trace --customer 'Acme Ltd' --verdict taken --by total",
     total("taken_by_customer", "Acme Ltd")),
]


def beginning(answer):
    lines = [line[:SHOWN_COLUMNS].rstrip() for line in answer.splitlines()]
    return lines[:SHOWN_LINES] + (["..."] if len(lines) > SHOWN_LINES else [])


def the_list():
    text = ["# What a support desk is asked, and the command that answers it", "",
            "The answers are those of a day that is made up, with 20,000 messages (`tests/tools/write_trace_day.cc`);",
            "`support_questions.py` holds them against what happened, and writes this list.", ""]
    for number, (question, command, _) in enumerate(QUESTIONS, 1):
        text += [f"## {number}. {question}", "", "    $ " + shlex.join(day().words(command))]
        text += [("    " + line).rstrip() for line in beginning(day().answer(command))] + [""]
    return "\n".join(text)


def add_question(number, question, command, check):
    def ask():
        started = time.monotonic()
        check(command)
        if MESSAGES > 100_000:
            print(f"   {time.monotonic() - started:.2f} s: {command}", flush=True)

    ask.__name__ = f"question_{number:02}_" + "".join(c if c.isalnum() else "_" for c in question.lower())[:50].rstrip("_")
    test(ask)


for place, row in enumerate(QUESTIONS, 1):
    add_question(place, *row)


@test
def the_list_has_these_questions_and_answers():
    if MESSAGES != 20_000:
        print(f"   {MESSAGES} messages were made up in {day().made_s:.1f} s", flush=True)
        return
    with open(LIST, encoding="utf-8") as file:
        expect_equal(file.read(), the_list(), "support_questions.md; support_questions.py --write writes it anew")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        with open(LIST, "w", encoding="utf-8") as written:
            written.write(the_list())
        day().stop()
    else:
        main()
